#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-check.sh: measures repoll's counted rows, all but the largest sets, and compares
# them with the baseline: over 3 % more is a failure. The last line is "N passed, N
# failed, N skipped". UPDATE=1 makes what was measured the baseline.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/toolroot.sh

BASELINE=tools/testing/bench/baseline.json
# What a larger set takes longer to build than it is worth on every occasion.
LARGEST=10000

mkdir -p "$BUILD/bench"
scripts/bench-counted.sh --subject repoll --max "$LARGEST" >"$BUILD/bench/check.lines"
toolroot_ensure
toolroot_run python3 -B scripts/bench/check.py "$BASELINE" ${UPDATE:+--update} \
	<"$BUILD/bench/check.lines"
