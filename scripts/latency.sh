#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# latency.sh [SITUATION...]: in the worst that an unprivileged user can do, how long
# spinlocks and mutexes are held, and how deep the stack is, on in-tree epoll and on
# repoll. Counted in instructions of the guest. MAX: the largest number of files or
# instances (default 10000).

export REPOLL_ICOUNT=1
: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

guest_ensure
build_module
build latency "latencies: build/latency" \
	make -j"$JOBS" -C tools/testing/latency KSRC="$KDIR" O="$BUILD/latency"
# c++filt also knows the names of Rust.
guest_run "set -o pipefail; build/latency/latency $(
	printf '%q ' --max "${MAX:-10000}" "$@") | c++filt"
