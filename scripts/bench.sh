#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh: measures in-tree epoll and repoll side by side, and prints tables. METHOD
# is counted or timed (default: both, one after the other), BENCH a list of patterns
# of rows (default: all). Leaves the figures in build/bench/results.json, and charts
# beside it; UPDATE=1 puts tables and charts into the documentation.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/toolroot.sh

RESULTS=$BUILD/bench/results.json

read -ra patterns <<<"${BENCH:-}"
case ${METHOD:=counted timed} in
counted | timed | 'counted timed') ;;
*) die "METHOD is counted or timed, not $METHOD" ;;
esac

mkdir -p "$BUILD/bench"
for method in $METHOD; do
	"scripts/bench-$method.sh" "${patterns[@]}" >"$BUILD/bench/$method.lines"
done
toolroot_ensure
for method in $METHOD; do
	cat "$BUILD/bench/$method.lines"
done | toolroot_run python3 -B scripts/bench/collect.py "$RESULTS"
toolroot_run python3 -B scripts/bench/table.py "$RESULTS" | tee "$BUILD/bench/tables.txt"
toolroot_run python3 -B scripts/bench/charts.py "$RESULTS" "$BUILD/bench"
[ -z "${UPDATE:-}" ] || cp "$BUILD/bench/tables.txt" "$BUILD"/bench/*.svg Documentation/performance
