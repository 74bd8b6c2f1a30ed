#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# misbehave.sh HOW: a test program that does what the runner has to notice.

# holder COMMAND...: leaves a process behind, where the runner does not look.
holder() {
	(
		echo 0 >/sys/fs/cgroup/cgroup.procs
		exec setsid "$@" >/dev/null 2>&1
	) &
	sleep 0.5
}

case $1 in
pass | after) ;;
fail)
	echo "not ok 1 $1"
	exit 1
	;;
lose)
	# Each time but the third.
	echo >>/tmp/races
	if [ "$(wc -l </tmp/races)" != 3 ]; then
		echo "not ok 1 $1"
		exit 1
	fi
	;;
lose-always)
	echo "not ok 1 $1"
	exit 1
	;;
lose-and-warn)
	echo "<4>WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg
	echo "not ok 1 $1"
	exit 1
	;;
skip)
	echo "ok 1 $1 # SKIP not today"
	exit 4
	;;
silent) exit 0 ;;
status)
	echo "ok 1 $1"
	exit 1
	;;
warning) echo "<4>WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg ;;
message) echo "<3>repoll: something is wrong" >/dev/kmsg ;;
orphan)
	sleep 1000 &
	sleep 0.5
	;;
leak) holder bash -c 'exec 9<>/dev/repoll; sleep 1000' ;;
hang) sleep 1000 ;;
panic) echo c >/proc/sysrq-trigger ;;
esac
echo "ok 1 $1"
