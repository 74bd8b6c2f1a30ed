#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# compare.sh: in the guest, the event loop of samples/ and an unmodified Redis
# server, each on in-tree epoll and on repoll; prints one table.
#
# Fails if a program fails on either, or if the interposer's counters do not show
# that repoll did the work.
set -euo pipefail

PORT=6399
REQUESTS=${REPOLL_REQUESTS:-10000}
out=$(mktemp -d)
failed=0

fail() {
	echo "compare: $*" >&2
	failed=1
}

# event_loop BACKEND: leaves its `key value` lines in $out/loop.BACKEND.
event_loop() {
	echo "    event loop on $1" >&2
	build/samples/event_loop --backend "$1" >"$out/loop.$1" ||
		fail "event_loop on $1 exited with $?"
}

# redis BACKEND [NAME=VALUE...]: leaves `key value` lines in $out/redis.BACKEND,
# and what the server said on stderr in $out/stderr.BACKEND.
redis() {
	local backend=$1 server
	shift

	echo "    redis-server on $backend" >&2
	env "$@" redis-server --port "$PORT" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$out" >"$out/log.$backend" 2>"$out/stderr.$backend" &
	server=$!
	for ((i = 0; i < 100; i++)); do
		[ "$(redis-cli -p "$PORT" ping 2>/dev/null)" != PONG ] || break
		sleep 0.1
	done
	redis-benchmark -p "$PORT" -n "$REQUESTS" -t set,get --csv |
		awk -F '"' 'NR > 1 { printf "%s_per_second %.0f\n", tolower($2), $4 }' \
			>"$out/redis.$backend" || fail "redis-benchmark on $backend"
	redis-cli -p "$PORT" shutdown nosave || true
	wait "$server" || fail "redis-server on $backend exited with $?"
	[ "$(wc -l <"$out/redis.$backend")" = 2 ] || {
		fail "redis-server on $backend was not measured:"
		tail -n 20 "$out/log.$backend" "$out/stderr.$backend" >&2
	}
}

# counters FILE: the interposer's counters, summed over the server's processes.
counters() {
	local name

	for name in create ctl wait fallback; do
		awk -v name="$name" '/^repoll-preload:/ {
			for (i = 2; i < NF; i++)
				if ($i == name)
					sum += $(i + 1)
		}
		END { printf "repoll_%s %d\n", name, sum }' "$1"
	done
}

# value KEY FILE
value() {
	awk -v key="$1" '$1 == key { print $2 }' "$2"
}

# table TITLE NAME: the keys of $out/NAME.epoll, with both values.
table() {
	local key

	echo "$1"
	cut -d ' ' -f 1 "$out/$2.epoll" | while read -r key; do
		[ "$key" = backend ] || printf '  %-28s %14s %14s\n' "${key//_/ }" \
			"$(value "$key" "$out/$2.epoll")" "$(value "$key" "$out/$2.repoll")"
	done
}

event_loop epoll
event_loop repoll
redis epoll
redis repoll LD_PRELOAD=build/lib/librepoll-preload.so REPOLL_PRELOAD_STATS=1
for backend in epoll repoll; do
	counters "$out/stderr.$backend" >>"$out/redis.$backend"
done
for name in create ctl wait; do
	(($(value "repoll_$name" "$out/redis.repoll") > 0)) || fail "no $name by repoll"
done
(($(value repoll_fallback "$out/redis.repoll") == 0)) || fail "the interposer fell back"

printf '\n  %-28s %14s %14s\n' "kernel $(uname -r)" 'in-tree epoll' '/dev/repoll'
table 'samples/event_loop' loop
table "redis-server, unmodified; redis-benchmark -n $REQUESTS" redis
exit "$failed"
