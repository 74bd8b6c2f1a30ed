#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# stress.sh: the stress test, $ROUNDS times in one guest, each time from another seed,
# $SEED and up, the module unloaded and loaded in between. Arguments are more options
# of it, build/stress/stress --help. The last line is "N passed, N failed, N skipped";
# exits non-zero on any failure.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

STRESS=$BUILD/test/$KERNEL_NAME/stress
rounds=${ROUNDS:-2}

# round N OPTIONS...: the guest's part. The runner leaves the module unloaded.
round() {
	local n=$1
	shift

	printf 'stress\tscenarios\t\tbuild/stress/stress --seed %s %s\n' \
		$((${SEED:-1} + n)) "$*" >"$STRESS/plan.$n"
	# shellcheck disable=SC2016 # the guest's variable
	echo '[ -e /dev/repoll ] || insmod "$REPOLL_MODULE" || exit'
	printf 'python3 -B scripts/guest/runner.py %q %q || exit\n' "$STRESS/plan.$n" "$STRESS/results.$n"
}

report() {
	awk -F '\t' '
		$1 == "start" { last = $2 " " $3; next }
		{ n[$1]++; last = "" }
		$1 == "fail" { print "failed:  " $2 " " $3 ": " $4 }
		END {
			if (last) { n["fail"]++; print "failed:  " last ": the guest died" }
			printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"]
			exit n["fail"] || !n["pass"]
		}' "$STRESS"/results.*
}

guest_ensure
build_module
build_stress
rm -rf "$STRESS"
mkdir -p "$STRESS"
status=0
guest_run "$(for ((n = 0; n < rounds; n++)); do round "$n" "$@"; done)" || status=$?
report && exit "$status"
