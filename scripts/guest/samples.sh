#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# samples.sh: in the guest, runs the samples and checks what they say. Prints TAP.
set -euo pipefail

number=0
failed=0

# result STATUS NAME TEXT
result() {
	number=$((number + 1))
	if (($1 == 0)); then
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
		echo "# ${3//$'\n'/$'\n'# }"
	fi
}

# shares NAME LIMIT CONNECTIONS: all are accepted, and Jain's index is at least so much.
shares() {
	local text status=0

	text=$(build/samples/fair_accept --connections "$3" "$1" 2>&1) || status=1
	awk -v limit="$2" '{ for (i = 1; i < NF; i++) if ($i == "jain" && $(i + 1) >= limit) ok = 1 }
		END { exit !ok }' <<<"$text" || status=1
	result "$status" "fair_accept: $1" "$text"
}

# batch BACKEND: each connection gets its own bytes back; the sample checks it.
batch() {
	local text status=0

	text=$(build/samples/batch --backend "$1" --rounds 100 2>&1) || status=1
	result "$status" "batch: $1" "$text"
}

# wait_many BACKEND MOST: all events arrive, and to wait for them takes at most so many
# context switches each.
wait_many() {
	local text status=0

	text=$(build/samples/wait_many --backend "$1" --events 500 2>&1) || status=1
	awk -v most="$2" '$1 == "switches_per_event" && $2 <= most { ok = 1 } END { exit !ok }' \
		<<<"$text" || status=1
	result "$status" "wait_many: $1" "$text"
}

# notify BACKEND: the callback sees all events; the sample checks it.
notify() {
	local text status=0

	text=$(timeout 60 build/samples/notify --backend "$1" --bursts 100 2>&1) || status=1
	result "$status" "notify: $1" "$text"
}

shares epoll 0 400
shares repoll 0 400
shares lifo 0 400
shares fifo 0.99 1000
shares round-robin 0.99 1000
batch epoll
batch repoll
wait_many epoll 2
wait_many repoll 0.2
notify epoll
notify repoll
echo "1..$number"
((failed == 0))
