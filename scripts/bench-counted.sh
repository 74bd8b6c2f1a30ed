#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-counted.sh [OPTION...] [PATTERN...]: the counted rows, a line of JSON each.
# Options are those of the benchmark, build/bench/bench --help.

cd "$(dirname "$0")/.."
. scripts/counting.sh

counting_ensure
count "$@"
