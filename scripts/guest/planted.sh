#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# planted.sh PLAN RESULTS: in the guest, loads modules with a planted bug each and runs
# what has to catch it. A line of PLAN: a bug, whose module is beside PLAN; `last` if this
# guest is of no use afterwards; a command. One of RESULTS: the bug, what came of it
# (caught, missed, error, or `start` while it is tried), seconds, and what the command
# said of it. What has a result is not tried again.

plan=$1
results=$2
# Seconds that a command may take.
limit=240

# The first complaint of a test, or the difference that the fuzzer found.
complaint() {
	sed -n -E '\,^# [a-z_./]+[.][ch]:[0-9]+: , { s/^# //p; q }
		/^seed / { N; N; s/: the last one of the test below//; s/\n */, /gp; q }'
}

try() {
	local bug=$1 output=${plan%/*}/$1.output start=$SECONDS status=0 outcome words=
	shift

	export REPOLL_MODULE=${plan%/*}/$bug.ko
	printf '%s\tstart\n' "$bug" >>"$results"
	insmod "$REPOLL_MODULE" || exit
	timeout -k 5 "$limit" "$@" >"$output" 2>&1 || status=$?
	case $status in
	0) outcome=missed ;;
	1) outcome=caught words=$(complaint <"$output") ;;
	*) outcome=error words="exit code $status" ;;
	esac
	printf '%s\t%s\t%s\t%s\n' "$bug" "$outcome" $((SECONDS - start)) "$words" >>"$results"
}

while IFS=$'\t' read -r bug last command <&3; do
	! grep -q -P "^$bug\t(?!start)" "$results" || continue
	# shellcheck disable=SC2086 # several words
	try "$bug" $command
	[ "$last" != last ] || exit
	rmmod repoll || exit
done 3<"$plan"
