# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Debian packages of the checkout, made in a small root of their own.

. scripts/toolroot.sh

DEBROOT_PACKAGES=(build-essential debhelper dh-dkms dh-python lintian)

# What is made of debian/control.
DEBS=$BUILD/deb

# packages_build: $DEBS/*.deb, of a copy of the checkout, since debhelper works beside the
# sources.
packages_build() {
	toolroot_find debroot \
		"tool root of the packages: Debian $TOOLROOT_SUITE with debhelper (0.2 GB to download)" \
		true "${DEBROOT_PACKAGES[@]}"
	packages_version
	rm -rf "$DEBS"
	mkdir -p "$DEBS/source"
	git -c safe.directory="$TOP" ls-files -coz --exclude-standard --deduplicate |
		tar -c --null --ignore-failed-read -T - 2>/dev/null | tar -x -C "$DEBS/source"
	step deb "packages: build/deb" \
		toolroot_run env -C "$DEBS/source" dpkg-buildpackage -us -uc -b
	rm -rf "$DEBS/source"
	step deb-lintian "lintian, errors and warnings" toolroot_run \
		lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$DEBS"/*.changes
}

# debian/changelog has the version; cargo wants the crate's own literally.
packages_version() {
	local ours crate

	ours=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
	crate=$(sed -n 's/^version = "\(.*\)"/\1/p' tools/rust/repoll/Cargo.toml)
	[ "$ours" = "$crate" ] ||
		die "debian/changelog says $ours, tools/rust/repoll/Cargo.toml $crate"
}
