# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # much is for those who source this
#
# Steps: what every script of this folder prints, times and logs.
#
# A step is one line on stderr: what is done, how long it has been going on, and
# how long it took. The output of its command goes to a log. stdout is left to
# the results of the script, so that they can be piped.

set -euo pipefail

# A make that called us must not steer the makes that we call.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/repoll
BUILD=$TOP/build
LOGS=$BUILD/log
JOBS=$(nproc)
cd "$TOP"

# REPOLL_QUIET=1: no word about steps that are done at once.
QUIET=${REPOLL_QUIET:-0}
QUIET_SECONDS=5

job=		# process group of the running step

say() { printf '%s\n' "$*" >&2; }

die() {
	printf 'repoll: %s\n' "$*" >&2
	exit 1
}

# Seconds since $1, a value of EPOCHREALTIME, with one decimal.
elapsed() {
	local now=${EPOCHREALTIME/[.,]/} then=${1/[.,]/}
	local tenths=$(((now - then) / 100000))

	printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Ends what the running step started, however this script ends.
stop_job() {
	local i

	[ -n "$job" ] || return 0
	kill -TERM -- "-$job" 2>/dev/null || true
	for ((i = 0; i < 20; i++)); do
		kill -0 -- "-$job" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$job" 2>/dev/null || true
	job=
}
trap stop_job EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# progress WHAT START: waits for $job; on a terminal it keeps one line current,
# elsewhere it adds the elapsed time every 10 s. Sets told: whether it said so.
progress() {
	local what=$1 start=$2 marks='-\|/' i=0 next=10 seconds

	told=0
	while kill -0 "$job" 2>/dev/null; do
		seconds=$(elapsed "$start")
		if ((QUIET && ${seconds%.*} < QUIET_SECONDS)); then
			:
		elif [ -t 2 ]; then
			printf '\r%s %s (%s s)' "${marks:i++ % 4:1}" "$what" "$seconds" >&2
			told=1
		elif ((!told)); then
			printf '  %s ..' "$what" >&2
			told=1
		elif ((${seconds%.*} >= next)); then
			printf ' %s s ..' "$next" >&2
			next=$((next + 10))
		fi
		sleep 0.1
	done
}

# step LOG WHAT COMMAND...: runs COMMAND, a function or a program, as one step.
step() {
	local log=$LOGS/$1.log what=$2 start=$EPOCHREALTIME status=0 told line
	shift 2

	mkdir -p "$LOGS"
	# Job control gives the step a process group of its own, to end it by.
	set -m
	(
		set +m
		trap - EXIT INT TERM HUP
		"$@"
	) </dev/null >"$log" 2>&1 &
	job=$!
	set +m
	progress "$what" "$start"
	wait "$job" || status=$?
	job=

	line="  $what .."
	if [ -t 2 ]; then
		line=$'\r\033[K'"$line"
	elif ((told)); then
		line=
	fi
	if ((status == 0)); then
		((QUIET && !told)) || printf '%s done (%s s)\n' "$line" "$(elapsed "$start")" >&2
		return
	fi
	printf '%s FAILED (%s s)\n' "$line" "$(elapsed "$start")" >&2
	tail -n 25 "$log" >&2
	say "  (exit code $status; the whole log is $log)"
	return "$status"
}

# A step that had nothing to do.
uptodate() {
	((QUIET)) || say "  $1 up to date"
}

# with_lock FILE WHAT COMMAND...: one at a time on this machine. The lock goes
# away with the process, whatever ends it.
with_lock() {
	local file=$1 what=$2 fd
	shift 2

	mkdir -p "$(dirname "$file")"
	exec {fd}>"$file"
	if ! flock -n "$fd"; then
		say "  waiting for another repoll command: $what"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}
