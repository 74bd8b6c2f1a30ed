#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# vm.sh: runs the shell command in $CMD in a guest, with the module loaded.
# vm.sh shell: an interactive shell there instead.
# REPOLL_INSMOD=0 leaves the module out; REPOLL_CPUS, REPOLL_MEM, REPOLL_TIMEOUT
# (seconds), REPOLL_ACCEL (kvm or tcg), REPOLL_KOPT (kernel parameters).

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

guest_shell() {
	local settings status=0

	[ -t 0 ] || die "a shell needs a terminal; make vm CMD=... does not"
	read -r REPOLL_ROWS REPOLL_COLS < <(stty size)
	export REPOLL_ROWS REPOLL_COLS
	settings=$(stty -g)
	guest_boot terminal || status=$?
	stty "$settings"
	guest_result "$status"
}

guest_ensure
[ "${REPOLL_INSMOD:-1}" = 0 ] || build_module
if [ "${1:-}" = shell ]; then
	guest_shell
else
	[ -n "${CMD:-}" ] || die 'nothing to run: make vm CMD="..."'
	guest_run "$CMD"
fi
