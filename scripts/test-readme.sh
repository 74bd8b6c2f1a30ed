#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-readme.sh: runs each sh block of README.md, as a reader would paste it. The
# last line is "N passed, N failed, N skipped"; exits non-zero on any failure.

. "$(dirname "$0")/lib.sh"

BLOCKS=$BUILD/readme/blocks
passed=0
failed=0

rm -rf "$BLOCKS"
mkdir -p "$BLOCKS"
awk -v dir="$BLOCKS" '
	/^```sh$/ { block = sprintf("%s/%02d.sh", dir, ++n); next }
	/^```$/ { if (block) close(block); block = ""; next }
	block { print >block }' README.md

for block in "$BLOCKS"/*.sh; do
	[ -e "$block" ] || die "README.md has no sh block"
	status=0
	bash -e "$block" </dev/null >"$block.out" 2>&1 || status=$?
	if ((status == 0)); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED (exit code %d): %s\n' "$status" "$(tail -n 1 "$block")"
		tail -n 20 "$block.out"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
