#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-timed.sh [PATTERN...]: the timed rows, on Debian's kernel and several CPUs
# ($REPOLL_CPUS), in-tree epoll, repoll and others in turns, $ROUNDS times. Each sample is
# a line of JSON.

: "${REPOLL_QUIET:=1}"
: "${REPOLL_CPUS:=$(nproc)}" "${REPOLL_MEM:=2G}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

((REPOLL_CPUS > 1)) || die "what is timed needs several CPUs: REPOLL_CPUS"
rounds=${ROUNDS:-5}

guest_ensure
build_module
build_lib
build_samples
build_bench
guest_run "build/bench/bench --timed $rounds ${*@Q} || exit
scripts/guest/bench-programs.sh $rounds ${*@Q}"
