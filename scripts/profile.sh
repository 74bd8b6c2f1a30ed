#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# profile.sh: where the instructions of the operation $BENCH go, function by function, on
# in-tree epoll and on repoll, and on what else does the same. $PARAM: only the row with
# this parameter (default: each has its table). $FUNCTION: the instructions of the module's
# functions that have this in their name, too.

cd "$(dirname "$0")/.."
. scripts/counting.sh

[ -n "${BENCH:-}" ] || die 'profile of what? make profile BENCH=... (build/bench/bench --list)'
PROFILE=build/profile

# The guest's part. What is where: in its kernel and the module, and in the benchmark.
profile_in_guest() {
	echo "cat /proc/kallsyms >$PROFILE/symbols || exit"
	echo "nm build/bench/bench | sed 's/\$/ [bench]/' >>$PROFILE/symbols || exit"
	printf '%q ' build/bench/bench --profile "$BENCH" ${PARAM:+--param "$PARAM"} "$BENCH"
}

counting_ensure
build profile "plugin of QEMU: $PROFILE/profile.so" \
	make -C tools/testing/profile O="$TOP/$PROFILE"
export REPOLL_PLUGIN="$TOP/$PROFILE/profile.so,out=$TOP/$PROFILE/counts"
guest_run "$(profile_in_guest)" >"$PROFILE/figures"
RUN=	# that guest's folder is gone
toolroot_run python3 -B scripts/bench/profile.py "$PROFILE" "$BENCH" | toolroot_run c++filt
if [ -n "${FUNCTION:-}" ]; then
	toolroot_run objdump -d --no-show-raw-insn "$REPOLL_MODULE" |
		toolroot_run python3 -B scripts/bench/annotate.py "$PROFILE" "$BENCH" "$FUNCTION" |
		toolroot_run c++filt
fi
