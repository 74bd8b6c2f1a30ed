#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [PLAN]: builds, boots and runs all tests, or those of a plan. The last
# line is "N passed, N failed, N skipped"; exits non-zero on any failure.
#
# REPOLL_KERNEL=debug: on the kernel with KASAN, lockdep and others. With kcsan, on
# the one with the data race detector, those tests where things happen at once. In
# both cases only on repoll: what in-tree epoll answers does not depend on them.

. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

[ "$KERNEL_KIND" = stock ] || export REPOLL_BACKENDS=repoll

PLAN=${1:-}
TEST=$BUILD/test/$KERNEL_NAME
RESULTS=$TEST/results
# The suites in which threads meet.
CONCURRENT=(batch_atomic batch_race close cycles edge exclusive fd_races fd_tables io_uring
	handover many_waiters mixed notify notify_race oneshot pollfree regressions ring ring_race
	signals stats_race sync
	timer_mixed timer_race token wait_many waiters wake_policy wake_threads)
# How many guests may die before we give up.
DEATHS=10

# Objects of the module's caches are poisoned when freed, fenced and counted one
# by one; those of all others on no kernel, since emulated that takes too long.
# Without merging, each cache has its own count.
export REPOLL_KOPT="${REPOLL_KOPT:-} slab_nomerge slab_debug=-;FZPU,repoll_*"
# Of a cache that checks anything, CPUs keep no free objects at hand, in arrays in which
# kmemleak would find pointers to objects long after they were taken.
[ "$KERNEL_KIND" != debug ] || REPOLL_KOPT+=";Z,kmalloc-*"

# Tests of epoll_wakeup_test in which two threads are to find an event each, of two writes, one
# after the other: they fail if both threads have looked before the second write, or have
# closed what it goes to, by SIGPIPE. In-tree epoll fails them too.
RACY=epoll11,epoll12,epoll15,epoll16,epoll53,epoll54,epoll55,epoll56,epoll57,epoll58

# line WORD...: one line, as SUITE KIND ENVIRONMENT COMMAND, a program of the plan.
line() {
	local IFS=$'\t'

	echo "$*"
}

# selftests NAME...: the lines of these programs.
selftests() {
	local name

	for name; do
		line "$name" harness "" "build/selftests/$name"
	done
}

make_plan() {
	local name all

	if [ "$KERNEL_KIND" = stock ]; then
		line stress scenarios "" "build/stress/stress --seconds 1"
	else
		line stress scenarios "" "build/stress/stress --seconds 4 --bound 60 --backend repoll"
	fi
	if [ "$KERNEL_KIND" = kcsan ]; then
		selftests "${CONCURRENT[@]}"
		return
	fi
	all=$(toolroot_run make -s -C tools/testing/selftests/repoll KSRC="$KDIR" list)
	mapfile -t all <<<"$all"
	selftests "${all[@]}"
	line sample-stale_fd sample "" build/samples/stale_fd
	line preload tap "" "tools/lib/repoll/tests/preload_test.sh build/lib"
	# What is left is about user space, and calls nothing that was not called before.
	[ "$KERNEL_KIND" = stock ] || return 0
	line preload-32 tap "" "tools/lib/repoll/tests/preload_test.sh build/lib32"
	line preload-32-time64 tap "" \
		"tools/lib/repoll/tests/preload_test.sh build/lib32 probe_time64"
	line samples tap "" scripts/guest/samples.sh
	line repollstat tap "" \
		"python3 -B tools/testing/repollstat/test_screen.py build/lib/librepoll-preload.so"
	line man tap "" "python3 -B tools/testing/documents/man.py run build/installed build/documents"
	line tutorial tap "" "python3 -B tools/testing/documents/typed.py build/installed Documentation/tutorial.rst"
	line install tap "" "python3 -B tools/testing/documents/installed.py"
	while read -r name; do
		line "crate-$(basename "${name%-*}")" libtest "" "$name"
	done <"$BUILD/crate/tests"
	line epoll_wakeup_test harness "REPOLL_RACY=$RACY" build/wakeup/epoll_wakeup_test
	line epoll_wakeup_test-preload preloaded \
		"LD_PRELOAD=build/lib/librepoll-preload.so REPOLL_PRELOAD_STATS=1 REPOLL_RACY=$RACY" \
		build/wakeup/epoll_wakeup_test
}

# The guest died: whatever was running failed.
blame() {
	local suite test reason=$1

	IFS=$'\t' read -r _ suite test _ < <(tail -n 1 "$RESULTS" | grep '^start') ||
		{ suite=guest; test=boot; }
	printf 'fail\t%s\t%s\t%s\n' "$suite" "$test" "$reason" >>"$RESULTS"
	say "FAILED $suite $test: $reason"
}

# What the kernel's configuration says of preemption.
preemption() {
	local config=$KERNEL/source/.config model

	for model in PREEMPT_RT PREEMPT PREEMPT_LAZY PREEMPT_VOLUNTARY PREEMPT_NONE; do
		! grep -q "^CONFIG_$model=y" "$config" || break
	done
	! grep -q '^CONFIG_PREEMPT_DYNAMIC=y' "$config" || model+=", dynamic"
	echo "$model"
}

# Which one is checked out; * if that is not all.
commit() {
	git -c safe.directory="$TOP" describe --always --dirty='*' --exclude='*' --abbrev=12
}

# Guests, until all tests of the plan have run: one, if none dies.
run_plan() {
	local plan=$1 status deaths

	for ((deaths = 0; deaths < DEATHS; deaths++)); do
		status=0
		guest_run "PYTHONDONTWRITEBYTECODE=1 python3 scripts/guest/runner.py '$plan' '$RESULTS'" ||
			status=$?
		((status)) || return 0
		case $status in
		3) blame "a process cannot be killed" ;;
		124) blame "the guest had to be ended" ;;
		255) blame "the guest died" ;;
		*) blame "the runner failed, exit code $status" ;;
		esac
		((status == 3 || status >= 124)) || return 0
		RUN=$(mktemp -d "$BUILD/run/XXXXXX")
	done
	say "too many guests died; the rest was not run"
	printf 'fail\tguest\tthe rest\tnot run\n' >>"$RESULTS"
}

report() {
	local outcome suite test reason
	declare -A count=([pass]=0 [fail]=0 [skip]=0)

	while IFS=$'\t' read -r outcome suite test reason; do
		[ "$outcome" != start ] || continue
		count[$outcome]=$((${count[$outcome]} + 1))
		case $outcome in
		skip) echo "skipped: $suite $test: $reason" ;;
		fail) echo "failed:  $suite $test: $reason" ;;
		esac
	done <"$RESULTS"
	# For test-kernels.sh.
	[ -n "$PLAN" ] || [ "$KERNEL_KIND" != stock ] ||
		line "$(cat "$KERNEL/release")" "$(preemption)" "${count[pass]}" "${count[fail]}" \
			"${count[skip]}" "$(commit)" >"$TEST/summary"
	echo "${count[pass]} passed, ${count[fail]} failed, ${count[skip]} skipped"
	((count[fail] == 0 && count[pass] > 0))
}

guest_ensure
build_module
mkdir -p "$TEST"
rm -f "$RESULTS"
if [ -z "$PLAN" ]; then
	build_tests
	make_plan >"$TEST/plan"
	if [ "$KERNEL_KIND" = stock ]; then
		run_plan "$TEST/plan"
	else
		# One guest would take more time than a guest has.
		split -n l/3 "$TEST/plan" "$TEST/plan."
		for part in "$TEST"/plan.a?; do
			[ -d "$RUN" ] || RUN=$(mktemp -d "$BUILD/run/XXXXXX")
			run_plan "$part"
		done
	fi
else
	run_plan "$PLAN"
fi
report
