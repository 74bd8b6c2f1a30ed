# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The accelerator of the guest: KVM where it works, else TCG.
#
# /dev/kvm may be there and hang, on nested and paravirtualised hosts. So KVM
# boots a guest once, with a deadline, and the answer is kept for this machine.

# Seconds in which a guest under a working KVM has long ended.
ACCEL_DEADLINE=20

# Sets ACCEL. REPOLL_ACCEL=kvm or tcg decides without a trial.
accel_ensure() {
	local key answer

	ACCEL=${REPOLL_ACCEL:-}
	[ -z "$ACCEL" ] || return 0
	ACCEL=tcg
	[ -w /dev/kvm ] || return 0
	key=$(cache_key "$(uname -a)" "$(grep -m 1 '^model name' /proc/cpuinfo)")
	answer=$CACHE/accel/$key
	if [ ! -e "$answer" ]; then
		mkdir -p "$CACHE/accel"
		step accel "KVM: trying whether it works here" accel_try "$answer"
	fi
	ACCEL=$(cat "$answer")
}

accel_try() {
	local answer=tcg

	echo true >"$RUN/cmd"
	ACCEL=kvm GUEST_DEADLINE=$ACCEL_DEADLINE REPOLL_INSMOD=0 guest_boot none || true
	[ ! -e "$RUN/status" ] || answer=kvm
	echo "works: $answer"
	echo "$answer" >"$1.new"
	mv "$1.new" "$1"
}
