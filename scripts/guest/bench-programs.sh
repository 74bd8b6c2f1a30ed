#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# bench-programs.sh ROUNDS [PATTERN...]: in the guest, times unmodified programs on
# in-tree epoll and, through the interposer, on repoll, in turns; a sample is a line of
# JSON. Fails if the interposer's counters do not show that repoll did the work.
set -euo pipefail

rounds=$1
# Of a program that answers clients of its own a round tells less than of a loop.
more_rounds=$((3 * rounds))
shift
patterns=("$@")
out=$(mktemp -d)
PRELOAD=$PWD/build/lib/librepoll-preload.so

die() {
	echo "bench-programs: $*" >&2
	exit 1
}

# wanted BENCH...: is one of them asked for?
wanted() {
	local bench pattern

	((${#patterns[@]})) || return 0
	for bench; do
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # it is a pattern
			[[ $bench != $pattern ]] || return 0
		done
	done
	return 1
}

# sample BENCH BACKEND VALUE [UNIT]: of the round; the first one warms up.
sample() {
	((round)) || return 0
	[[ $3 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$1 on $2: '$3' is no figure"
	printf '{"bench": "%s", "method": "timed", "backend": "%s", "param": %d, ' "$1" "$2" 0
	printf '"value": %s, "unit": "%s", "spread": 0, "times": 1}\n' "$3" "${4:-per second}"
}

# in_turns: sets backends to both, the other one first in every other round.
in_turns() {
	backends=(epoll repoll)
	((round % 2)) || backends=(repoll epoll)
}

# on BACKEND COMMAND...: becomes the command, which runs there; what it says on stderr is
# kept. For a subshell or in the background.
on() {
	local backend=$1
	shift

	if [ "$backend" = repoll ]; then
		set -- env REPOLL_PRELOAD_STATS=1 LD_PRELOAD="$PRELOAD" "$@"
	fi
	exec "$@" 2>>"$out/stderr.$backend"
}

# fairness BENCH BACKEND RATE SHARE...: a sample of how much is done, and one of how equally
# it is shared: Jain's index, 1 when all have the same and 1/n when one has all.
fairness() {
	sample "$1" "$2" "$3"
	sample "$1_jain" "$2" "$(printf '%s\n' "${@:4}" |
		awk '{ s += $1; q += $1 * $1 } END { printf "%.4f", s * s / (NR * q) }')" "Jain's index"
}

# check_counters WHAT COUNTER...: repoll, and nothing else, has served what was run on it.
check_counters() {
	awk -v counters="${*:2}" '/^repoll-preload:/ {
		for (i = 2; i < NF; i++)
			n[$i] += $(i + 1)
	}
	END {
		for (i = split(counters, names, " "); i; i--)
			if (!n[names[i]])
				exit 1
		exit !!n["fallback"]
	}' "$out/stderr.repoll" || {
		cat "$out/stderr.repoll" >&2
		die "$1 was not served by repoll"
	}
	rm -f "$out"/stderr.*
}

# answers PORT: waits until somebody listens there.
answers() {
	local i

	for ((i = 0; i < 300; i++)); do
		! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || return 0
		sleep 0.1
	done
	cat "$out"/stderr.* >&2
	die "nobody listens on port $1"
}

# A server of each kind at the same time, and a client that turns to one after the
# other: port of the one on BACKEND.
declare -A port=([epoll]=7001 [repoll]=7002)
declare -A server

stop_servers() {
	local backend

	for backend in epoll repoll; do
		kill -s "$1" "${server[$backend]}"
		wait "${server[$backend]}" || true
	done
}

# perf_bench wait|ctl
perf_bench() {
	local round backend backends

	for ((round = 0; round <= rounds; round++)); do
		in_turns
		for backend in "${backends[@]}"; do
			(on "$backend" perf bench epoll "$1" --runtime 1 --threads 1 --nfds 64) \
				>"$out/perf"
			# Of ctl's three lines, which are equal: it does them in turns.
			sample "perf_bench_$1" "$backend" \
				"$(sed -n 's/^Averaged \([0-9]*\) .*/\1/p' "$out/perf" | head -n 1)"
		done
	done
	check_counters "perf bench epoll $1" create ctl
}

redis() {
	local round backend backends

	for backend in epoll repoll; do
		on "$backend" redis-server --port "${port[$backend]}" --bind 127.0.0.1 --save '' \
			--appendonly no --dir "$out" >/dev/null &
		server[$backend]=$!
		answers "${port[$backend]}"
	done
	for ((round = 0; round <= more_rounds; round++)); do
		in_turns
		for backend in "${backends[@]}"; do
			redis-benchmark -p "${port[$backend]}" -n 4000 -t set,get --csv |
				awk -F '"' 'NR > 1 { print tolower($2), $4 }' >"$out/redis"
			while read -r test value; do
				sample "redis_$test" "$backend" "$value"
			done <"$out/redis"
		done
	done
	for backend in epoll repoll; do
		redis-cli -p "${port[$backend]}" shutdown nosave || true
		wait "${server[$backend]}" || true
	done
	check_counters redis-server create ctl wait
}

nginx_config() {
	cat <<-EOF
		daemon off;
		worker_processes 1;
		pid $out/nginx.$1.pid;
		error_log stderr;
		user root;
		events { use epoll; worker_connections 256; }
		http {
			access_log off;
			client_body_temp_path $out;
			proxy_temp_path $out;
			fastcgi_temp_path $out;
			uwsgi_temp_path $out;
			scgi_temp_path $out;
			server {
				listen 127.0.0.1:${port[$1]};
				location / { return 200 "ok"; }
			}
		}
	EOF
}

nginx_and_wrk() {
	local round backend backends

	for backend in epoll repoll; do
		nginx_config "$backend" >"$out/nginx.$backend"
		on "$backend" nginx -c "$out/nginx.$backend" -p "$out" &
		server[$backend]=$!
		answers "${port[$backend]}"
	done
	for ((round = 0; round <= more_rounds; round++)); do
		in_turns
		for backend in "${backends[@]}"; do
			sample nginx "$backend" "$(wrk -t 1 -c 32 -d 2 "http://127.0.0.1:${port[$backend]}/" |
				sed -n 's/^Requests\/sec: *//p')"
		done
	done
	stop_servers QUIT
	check_counters nginx create ctl wait
}

memcached_and_memcslap() {
	local round backend backends

	for backend in epoll repoll; do
		on "$backend" memcached -u root -l 127.0.0.1 -p "${port[$backend]}" -t 1 -m 64 &
		server[$backend]=$!
		answers "${port[$backend]}"
	done
	for ((round = 0; round <= more_rounds; round++)); do
		in_turns
		for backend in "${backends[@]}"; do
			# Eight threads, each asks for all of the keys.
			memcslap --servers="127.0.0.1:${port[$backend]}" --concurrency=8 \
				--execute-number=200 --test=get >"$out/memcached"
			sample memcached "$backend" "$(
				awk '/^Time to get/ { printf "%.1f", $4 / $(NF - 1) }' "$out/memcached")"
		done
	done
	stop_servers INT
	check_counters memcached create ctl wait
}

# Workers that share a listener, each with an instance: in-tree, and with a policy.
WORKERS=8
CLIENTS=2

fair_accept() {
	local round policy name rate
	local -a shares epoll

	for ((round = 0; round <= rounds; round++)); do
		for name in epoll fifo round-robin; do
			build/samples/fair_accept --workers "$WORKERS" --clients "$CLIENTS" "$name" \
				>"$out/accept"
			read -ra shares <"$out/accept"
			# name, shares, "jain", index, rate
			rate=${shares[WORKERS + 3]}
			shares=("${shares[@]:1:WORKERS}")
			if [ "$name" = epoll ]; then
				epoll=("$rate" "${shares[@]}")
				continue
			fi
			policy=${name//-/_}
			fairness "accept_$policy" epoll "${epoll[@]}"
			fairness "accept_$policy" repoll "$rate" "${shares[@]}"
		done
	done
}

# The shares of nginx's four workers, by the pids in their access log. Each request is a
# connection of its own.
nginx_workers() {
	local round policy backend backends rate log=$out/nginx.workers.log config=$out/nginx.workers
	local -a shares

	for policy in fifo round-robin; do
		for ((round = 0; round <= rounds; round++)); do
			in_turns
			for backend in "${backends[@]}"; do
				nginx_config "$backend" | sed "s|^worker_processes 1|worker_processes 4|
					s|access_log off;|log_format pid '\$pid'; access_log $log pid;|" >"$config"
				: >"$log"
				REPOLL_PRELOAD_WAKE=$policy on "$backend" nginx -c "$config" -p "$out" &
				server[$backend]=$!
				answers "${port[$backend]}"
				rate=$(wrk -t 1 -c 8 -d 2 -H 'Connection: close' \
					"http://127.0.0.1:${port[$backend]}/" |
					sed -n 's/^Requests\/sec: *//p')
				kill -s QUIT "${server[$backend]}"
				wait "${server[$backend]}" || true
				mapfile -t shares < <(sort "$log" | uniq -c | awk '{ print $1 }')
				# A worker without a request has no line.
				while ((${#shares[@]} < 4)); do
					shares+=(0)
				done
				fairness "nginx_4_${policy//-/_}" "$backend" "$rate" "${shares[@]}"
			done
		done
		check_counters nginx create ctl wait policy
	done
}

! wanted perf_bench_wait || perf_bench wait
! wanted perf_bench_ctl || perf_bench ctl
! wanted redis_set redis_get || redis
! wanted nginx || nginx_and_wrk
! wanted memcached || memcached_and_memcslap
! wanted accept_{fifo,round_robin}{,_jain} || fair_accept
! wanted nginx_4_{fifo,round_robin}{,_jain} || nginx_workers
