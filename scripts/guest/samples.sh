#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# samples.sh: in the guest, runs the samples and checks what they say. Prints TAP.
set -euo pipefail

. scripts/guest/tap.sh

# shares NAME LIMIT CONNECTIONS [OPTION...]: all are accepted, and Jain's index is at least
# so much.
shares() {
	local text status=0

	text=$(build/samples/fair_accept --connections "$3" "${@:4}" "$1" 2>&1) || status=1
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

# handover BACKEND CALLS: each answer is right, and takes so many calls of epoll_ctl().
handover() {
	local text status=0

	text=$(timeout 120 build/samples/handover --backend "$1" --requests 20 2>&1) || status=1
	grep -q "^ctl_calls_per_request $2\$" <<<"$text" || status=1
	result "$status" "handover: $1" "$text"
}

# sync_delete BACKEND USES: so often a worker has used what had been freed.
sync_delete() {
	local text status=0

	text=$(timeout 120 build/samples/sync_delete --backend "$1" --deletions 500 2>&1) || status=1
	grep -q "^used_after_free $2\$" <<<"$text" || status=1
	result "$status" "sync_delete: $1" "$text"
}

# notify BACKEND: the callback sees all events; the sample checks it.
notify() {
	local text status=0

	text=$(timeout 60 build/samples/notify --backend "$1" --bursts 100 2>&1) || status=1
	result "$status" "notify: $1" "$text"
}

# timers BACKEND FDS: the idle connections time out, nobody else; it took so many fds.
timers() {
	local text status=0

	text=$(timeout 60 build/samples/timers --backend "$1" 2>&1) || status=1
	grep -qx "fds $2" <<<"$text" || status=1
	result "$status" "timers: $1" "$text"
}

# ready_ring BACKEND CALLS: each event is taken once; it took so many system calls.
ready_ring() {
	local text status=0

	text=$(timeout 60 build/samples/ready_ring --backend "$1" --bursts 100 2>&1) || status=1
	grep -qx "calls_per_event $2" <<<"$text" || status=1
	result "$status" "ready_ring: $1" "$text"
}

# hot_fd BACKEND WORDS: it knows which fd is hot, or not.
hot_fd() {
	local text status=0

	text=$(build/samples/hot_fd --backend "$1" 2>&1) || status=1
	grep -q "^hot_fd $2\$" <<<"$text" || status=1
	result "$status" "hot_fd: $1" "$text"
}

# repollstat: finds the hot fd of another process.
repollstat() {
	local text status=0 hot pid out

	out=$(mktemp)
	build/samples/hot_fd --run-for 120 >"$out" &
	pid=$!
	until grep -q written_to "$out"; do sleep 0.1; done
	hot=$(awk '$1 == "written_to" { print $2 }' "$out")
	text=$(tools/repollstat/repollstat --pid "$pid" --once --json --interval 2 2>&1) || status=1
	python3 -c '
import json, sys
hot, pid = map(int, sys.argv[1:])
[instance] = json.loads(sys.stdin.read())["instances"]
first, *others = instance["rows"]
assert instance["pid"] == pid and instance["registrations"] == len(others) + 1 == 10000
assert first["fd"] == hot and first["wakes_per_s"] > 9 * sum(r["wakes_per_s"] for r in others)
assert first["waker"]["pid"] == pid and first["waker"]["comm"] == "chatterbox"
assert first["file"] == "anon_inode:[eventfd]"
assert instance["waits"] > 0 and sum(instance["latencies_ns"].values()) > 0
' "$hot" "$pid" <<<"$text" || status=1
	result "$status" "repollstat: --json finds the hot fd" "${text:0:2000}"
	kill "$pid"
	wait "$pid" || true
	rm "$out"
}

shares epoll 0 400
shares repoll 0 400
shares lifo 0 400
# Where clients do not pause, the shares are the machine's as well as the policy's.
shares fifo 0.99 1000 --pause 2
shares round-robin 0.99 1000 --pause 2
batch epoll
batch repoll
wait_many epoll 2
wait_many repoll 0.2
handover epoll 1.00
handover repoll 0.00
sync_delete epoll '[1-9][0-9]*'
sync_delete repoll 0
notify epoll
notify repoll
timers epoll 10000
timers repoll 0
ready_ring epoll 0.078
ready_ring repoll 0.000
hot_fd epoll unknown
hot_fd repoll '[0-9]*'
repollstat
echo "1..$number"
((failed == 0))
