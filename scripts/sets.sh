#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# sets.sh COMMAND...: runs sets of tests, whatever fails. Each is a shell command
# whose last line is "N passed, N failed, N skipped", else the command counts as one
# test, by its exit code. The last line adds them up.
set -euo pipefail
cd "$(dirname "$0")/.."

total=(0 0 0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for set; do
	printf '== %s\n' "$set"
	start=$SECONDS
	status=0
	bash -c "$set" | tee "$log" || status=$?
	if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		for i in 0 1 2; do
			total[i]=$((total[i] + BASH_REMATCH[i + 1]))
		done
	elif ((!status)); then
		total[0]=$((total[0] + 1))
	fi
	# It failed, and counted no failure.
	if ((status && !${BASH_REMATCH[2]:-0})); then
		total[1]=$((total[1] + 1))
	fi
	printf '== %s: %d s\n' "$set" $((SECONDS - start))
done
echo "${total[0]} passed, ${total[1]} failed, ${total[2]} skipped"
((total[1] == 0))
