#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# htmldocs.sh: Documentation and the man pages as HTML, in build/html. A warning of
# Sphinx is an error, and so is a link within the result that leads nowhere. What was
# there before stays until all of it is made.

. "$(dirname "$0")/lib.sh"
. scripts/toolroot.sh

HTML=$BUILD/html
NEW=$BUILD/html.new

# Each name of each page, in a folder: by them mandoc knows which pages are ours.
man_pages() {
	local installed=$NEW.man page

	make -s -C man install DESTDIR="$installed" mandir=/
	mkdir -p "$NEW/man"
	cp -P "$installed"/man*/* "$NEW/man"
	rm -r "$installed"
	cd "$NEW/man"
	for page in *.[1-9]; do
		mandoc -T html \
			-O "man=%N.%S.html;https://man7.org/linux/man-pages/man%S/%N.%S.html" \
			"$page" >"$page.html"
	done
	rm -- *.[1-9]
}

html() {
	rm -rf "$NEW"
	toolroot_run sphinx-build -b html -j auto -q -W --keep-going -d "$NEW/.doctrees" \
		Documentation "$NEW"
	rm -r "$NEW/.doctrees" "$NEW/.buildinfo"
	toolroot_run bash -euc "$(declare -p NEW); $(declare -f man_pages); man_pages"
	toolroot_run python3 -B tools/testing/documents/pages.py "$NEW"
	rm -rf "$HTML"
	mv -T "$NEW" "$HTML"
}

docroot_ensure
with_lock "$BUILD/html.lock" "documents" step htmldocs "documents: build/html" html
say "  begin with $HTML/index.html"
