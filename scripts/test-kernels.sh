#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-kernels.sh [KERNEL...]: all tests on each of these kernels of Debian's, by default its
# flavours and the version before, and the table in README.md of what was found there, and
# on others by this checkout before. The last line is "N passed, N failed, N skipped".

. "$(dirname "$0")/lib.sh"

[ $# != 0 ] || set -- stock amd64 rt-amd64 7.2.12+deb13-cloud-amd64
runs=()
for name; do
	rm -f "$BUILD/test/$name/summary"
	runs+=("REPOLL_KERNEL=$name scripts/test.sh")
done
status=0
scripts/sets.sh "${runs[@]}" || status=$?

{
	sed '/^<!-- tested -->$/q' README.md
	echo "| kernel | preemption | passed | failed | skipped | commit |"
	echo "| --- | --- | --- | --- | --- | --- |"
	for summary in "$BUILD"/test/*/summary; do
		[ -e "$summary" ] || die "no run has come to its end"
		IFS=$'\t' read -r -a cells <"$summary"
		printf '| %s | %s | %s | %s | %s | %s |\n' "${cells[@]}"
	done
	sed -n '/^<!-- end -->$/,$p' README.md
} >"$BUILD/README.md"
cat "$BUILD/README.md" >README.md
exit $status
