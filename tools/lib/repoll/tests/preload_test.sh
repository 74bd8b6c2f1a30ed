#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-only OR MIT
#
# preload_test.sh DIR [PROBE]: tests librepoll-preload.so with a build of the
# probe, both in DIR. Prints TAP. What needs /dev/repoll is skipped, and says so, where
# there is none.

set -euo pipefail

dir=$(cd "${1:?usage: preload_test.sh DIR [PROBE]}" && pwd)
probe=$dir/${2:-probe}
preload=$dir/librepoll-preload.so
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

number=0
failed=0

# result STATUS NAME: one line of TAP, and on failure what the program said.
result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
		sed 's/^/# /' "$out/stdout" "$out/stderr"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# run [NAME=VALUE...] COMMAND...: keeps the output; the status is the command's.
run() {
	env "$@" >"$out/stdout" 2>"$out/stderr"
}

# checks NAME COMMAND...: the command succeeds.
checks() {
	local name=$1 status=0

	shift
	run "$@" || status=$?
	result "$status" "$name"
}

# says NAME WHERE TEXT COMMAND...: the command prints TEXT on stdout or stderr.
# An asterisk in TEXT stands for anything.
says() {
	local name=$1 where=$2 text=$3 status=1

	shift 3
	run "$@" || true
	# shellcheck disable=SC2053 # the text is a pattern
	[[ $(cat "$out/$where") == $text ]] && status=0
	result "$status" "$name"
}

# without_device COMMAND...: /dev is empty for the command.
without_device() {
	if [ -e /dev/repoll ]; then
		unshare --mount sh -c 'mount -t tmpfs tmpfs /dev && exec "$@"' sh "$@"
	else
		"$@"
	fi
}

# all_checks WHERE [NAME=VALUE...]: everything that holds on epoll of any kind.
all_checks() {
	local where=$1

	shift
	checks "$where: the functions" "$@" "$probe" calls libc
	checks "$where: the calls by number" "$@" "$probe" calls number
	checks "$where: errors of the functions" "$@" "$probe" errors libc
	checks "$where: errors of the calls by number" "$@" "$probe" errors number
	checks "$where: size of the signal set" "$@" "$probe" sigsetsize
	checks "$where: other system calls" "$@" "$probe" other-syscalls
	checks "$where: a system call before there is an allocator" "$@" "$probe" first-syscall
	checks "$where: cancellation" "$@" "$probe" cancel
	checks "$where: cancellation of the only thread" "$@" "$probe" cancel-alone
}

stats_line() {
	echo "repoll-preload: create $1 ctl $2 wait $3 fallback $4 syscall $5 policy ${6:-0} pid *"
}

# What the probe expects is what in-tree epoll does.
all_checks "in-tree epoll"

# The environment of a program under the interposer, counters on.
with=(LD_PRELOAD="$preload" REPOLL_PRELOAD_STATS=1)

export -f without_device
hidden=(bash -c 'without_device "$@"' bash env)
if [ -e /dev/repoll ] && [ "$(id -u)" -ne 0 ]; then
	skip "without the device" "needs root to hide /dev/repoll"
else
	says "without the device: the errno is that of open" stdout "ENOENT" \
		"${hidden[@]}" "${with[@]}" "$probe" create
	says "without the device: says so on stderr" stderr \
		"repoll-preload: cannot open /dev/repoll: No such file or directory;*" \
		"${hidden[@]}" LD_PRELOAD="$preload" "$probe" create
	says "without the device: by number too" stderr "*cannot open /dev/repoll*" \
		"${hidden[@]}" LD_PRELOAD="$preload" "$probe" calls number
	all_checks "fallback" "${hidden[@]}" "${with[@]}" REPOLL_FALLBACK=1
	says "fallback: functions are counted" stderr "$(stats_line 0 0 0 14 0)" \
		"${hidden[@]}" "${with[@]}" REPOLL_FALLBACK=1 "$probe" calls libc
	says "fallback: calls by number are counted" stderr "$(stats_line 0 0 0 14 14)" \
		"${hidden[@]}" "${with[@]}" REPOLL_FALLBACK=1 "$probe" calls number
fi

checks "an in-tree instance from before exec" "$probe" exec "$preload"
says "an in-tree instance is counted as fallback" stderr "$(stats_line 0 0 0 14 7)" \
	REPOLL_PRELOAD_STATS=1 "$probe" exec "$preload"
says "io_uring_setup is not there" stdout "ENOSYS" LD_PRELOAD="$preload" "$probe" io_uring
native=$("$probe" io_uring)
says "io_uring_setup is let through when asked for" stdout "$native" \
	LD_PRELOAD="$preload" REPOLL_IO_URING=1 "$probe" io_uring
says "silent unless asked" stderr "" LD_PRELOAD="$preload" REPOLL_FALLBACK=1 \
	"$probe" leave exit

# With the device these are created there, without it they fall back.
if [ -e /dev/repoll ]; then
	one=$(stats_line 1 0 0 0 0)
else
	one=$(stats_line 0 0 0 1 0)
fi
for way in exit _exit _Exit quick_exit exit_group vfork; do
	says "counters at $way" stderr "$one" "${with[@]}" REPOLL_FALLBACK=1 "$probe" leave "$way"
done
says "counters at fork: each process its own" stderr "$one"$'\n'"$one" \
	"${with[@]}" REPOLL_FALLBACK=1 "$probe" leave fork

if [ -e /dev/repoll ]; then
	all_checks "device" "${with[@]}"
	says "device: functions are counted" stderr "$(stats_line 1 3 10 0 0)" \
		"${with[@]}" "$probe" calls libc
	says "device: calls by number are counted" stderr "$(stats_line 1 3 10 0 14)" \
		"${with[@]}" "$probe" calls number
	for way in libc number; do
		says "wake policy, $way: none unless asked for" stdout 000000 \
			"${with[@]}" "$probe" wake "$way"
		says "wake policy, $way: lifo" stdout 000000 \
			"${with[@]}" REPOLL_PRELOAD_WAKE=lifo "$probe" wake "$way"
		for policy in fifo round-robin; do
			says "wake policy, $way: $policy" stdout 010101 \
				"${with[@]}" REPOLL_PRELOAD_WAKE="$policy" "$probe" wake "$way"
			says "wake policy, $way: what got $policy is counted" stderr \
				"repoll-preload: create 2 * policy 2 pid *" \
				"${with[@]}" REPOLL_PRELOAD_WAKE="$policy" "$probe" wake "$way"
			checks "wake policy, $way: calls with $policy" \
				"${with[@]}" REPOLL_PRELOAD_WAKE="$policy" "$probe" calls "$way"
			checks "wake policy, $way: errors with $policy" \
				"${with[@]}" REPOLL_PRELOAD_WAKE="$policy" "$probe" errors "$way"
		done
	done
else
	skip "device" "no /dev/repoll"
fi
says "wake policy: another name is told of" stderr \
	"repoll-preload: REPOLL_PRELOAD_WAKE is lifo, fifo or round-robin, not random" \
	LD_PRELOAD="$preload" REPOLL_FALLBACK=1 REPOLL_PRELOAD_WAKE=random "$probe" sigsetsize

echo "1..$number"
[ "$failed" -eq 0 ]
