# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A guest: the kernel under QEMU, with the tool root as its root over virtiofs,
# the checkout in it, one command to run, and an end that is certain.

. scripts/kernel.sh
. scripts/accel.sh

GUEST_CPUS=${REPOLL_CPUS:-2}
# REPOLL_ICOUNT=1: time that is counted in instructions, 1 ns each, on any host. For
# figures; what takes them checks that it is so, tools/testing/include/counted.h.
if [ "${REPOLL_ICOUNT:-0}" = 1 ]; then
	GUEST_CPUS=1
	REPOLL_ACCEL=tcg
fi
GUEST_MEM=${REPOLL_MEM:-1536M}
# No guest lives longer than so many seconds.
GUEST_DEADLINE=${REPOLL_TIMEOUT:-1800}
GUEST_CONSOLE=$LOGS/console.log

# What the kernel says when it is about to give up.
GUEST_LAST_WORDS='BUG: |Oops|Kernel panic|general protection|unable to handle'

# Makes sure that a guest can be run: kernel, accelerator, RUN, the folder that
# it shares with the host.
guest_ensure() {
	kernel_ensure
	mkdir -p "$BUILD/run"
	find "$BUILD/run" -mindepth 1 -maxdepth 1 -mtime +1 -exec rm -rf {} +
	RUN=$(mktemp -d "$BUILD/run/XXXXXX")
	accel_ensure
}

# Boots a guest and waits for its end.
guest_boot() {
	rm -f "$RUN/status"
	cp scripts/guest/init.sh "$RUN/init"
	guest_environment >"$RUN/env"
	toolroot_run bash scripts/qemu.sh \
		"$ACCEL" "$GUEST_CPUS" "$GUEST_MEM" "$GUEST_DEADLINE" \
		"${REPOLL_KOPT:-}" "$1"
}

# What the guest's init has to know, and this project's variables for the command.
guest_environment() {
	local name

	printf 'REPOLL_TOP=%q REPOLL_RUN=%q\n' "$TOP" "$RUN"
	for name in "${!REPOLL_@}"; do
		printf 'export %s=%q\n' "$name" "${!name}"
	done
}

# guest_run COMMAND: runs a shell command in a guest. Its stdout, stderr and exit
# code are ours; 255 if the guest died, 124 if it had to be ended.
guest_run() {
	local readers=() status=0 hold hold2

	printf '%s\n' "$1" >"$RUN/cmd"
	# QEMU makes what it writes to non-blocking, so it gets pipes of its own.
	mkfifo "$RUN/stdout" "$RUN/stderr"
	cat <"$RUN/stdout" &
	readers+=($!)
	cat <"$RUN/stderr" >&2 &
	readers+=($!)
	# They end when QEMU has ended, whether it got as far as opening them or not.
	exec {hold}>"$RUN/stdout" {hold2}>"$RUN/stderr"
	set -m
	guest_boot pipe </dev/null >"$RUN/qemu.log" 2>&1 &
	job=$!
	set +m
	wait "$job" || status=$?
	job=
	exec {hold}>&- {hold2}>&-
	wait "${readers[@]}"
	guest_result "$status"
}

# guest_result STATUS: what became of the command, given how QEMU ended.
guest_result() {
	local status=$1

	[ ! -e "$RUN/console" ] || mv "$RUN/console" "$GUEST_CONSOLE"
	if [ -e "$RUN/status" ]; then
		status=$(cat "$RUN/status")
		rm -rf "$RUN"
		return "$status"
	fi
	if ((status == 124 || status == 137)); then
		say "repoll: the guest was ended after $GUEST_DEADLINE s (REPOLL_TIMEOUT)"
		status=124
	else
		say "repoll: the guest died"
		status=255
	fi
	cat "$RUN/qemu.log" >&2
	guest_last_words
	rm -rf "$RUN"
	return "$status"
}

guest_last_words() {
	local line

	line=$(grep -n -m 1 -E "$GUEST_LAST_WORDS" "$GUEST_CONSOLE" | cut -d: -f1) || true
	if [ -n "$line" ]; then
		tail -n "+$line" "$GUEST_CONSOLE" | head -n 40 >&2
	else
		tail -n 10 "$GUEST_CONSOLE" >&2
	fi
	say "  (the guest's console is $GUEST_CONSOLE)"
}
