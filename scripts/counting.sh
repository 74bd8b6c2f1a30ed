# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # for those who source this
#
# Counting instructions: the guest that it takes, and the benchmark in it. To be
# sourced first of all.

export REPOLL_KERNEL=count REPOLL_ICOUNT=1
# The largest set has a million files.
: "${REPOLL_MEM:=3G}" "${REPOLL_KOPT:=mitigations=off nokaslr}" "${REPOLL_QUIET:=1}"
. scripts/lib.sh
. scripts/guest.sh
. scripts/build.sh

# Everything that a counted run needs.
counting_ensure() {
	guest_ensure
	build_module
	build_bench
}

# count OPTIONS...: runs the benchmark in a guest; its figures come on stdout.
count() {
	guest_run "build/bench/bench ${*@Q}"
}
