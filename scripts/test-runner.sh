#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-runner.sh: the test of the tests. Runs programs that misbehave, each in
# its own way, and checks that make test would have said so.

. "$(dirname "$0")/lib.sh"

PLAN=$BUILD/test/runner.plan
RESULTS=$BUILD/test/stock/results
OUTPUT=$BUILD/test/runner.output

# How a program misbehaves, what has to come of it, and with what reason.
EXPECTED='
pass	pass
fail	fail
lose	pass
lose-always	fail
lose-and-warn	fail	kernel log: WARNING: CPU: 0 PID: 1 at nowhere
skip	skip	not today
silent	fail	no test result in its output
status	fail	exit code 1
warning	fail	kernel log: WARNING: CPU: 0 PID: 1 at nowhere
message	fail	kernel log: repoll: something is wrong
orphan	fail	processes left behind: sleep
leak	fail	leak: /sys/module/repoll/refcnt: 1, was 0
hang	fail	killed by SIGKILL; not finished after 10 s
panic	fail	the guest died
after	pass
'

passed=0
failed=0

# compare WHAT EXPECTED SEEN
compare() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED %s: expected "%s", got "%s"\n' "$1" "$2" "$3"
	fi
}

mkdir -p "$BUILD/test"
while IFS=$'\t' read -r how _; do
	[ -z "$how" ] || printf '%s\ttap\tREPOLL_RACY=%s\tscripts/selftest/misbehave.sh %s\n' \
		"$how" "$([[ $how != lose* ]] || echo "$how")" "$how"
done <<<"$EXPECTED" >"$PLAN"

status=0
REPOLL_TEST_DEADLINE=10 scripts/test.sh "$PLAN" >"$OUTPUT" 2>&1 || status=$?
compare "exit code" 1 "$status"

while IFS=$'\t' read -r how outcome reason; do
	[ -n "$how" ] || continue
	seen=$(grep -v '^start' "$RESULTS" | awk -F '\t' -v how="$how" '$2 == how { print $1 "\t" $4 }')
	compare "$how" "$outcome"$'\t'"$reason" "$seen"
done <<<"$EXPECTED"

counts=$(grep -v '^start' "$RESULTS" | cut -f 1 | sort | uniq -c | awk '{ n[$2] = $1 }
	END { printf "%d passed, %d failed, %d skipped", n["pass"], n["fail"], n["skip"] }')
compare "last line" "$counts" "$(tail -n 1 "$OUTPUT")"
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
