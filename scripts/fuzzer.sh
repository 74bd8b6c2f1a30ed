# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The fuzzer: how it is built, and what it needs of the guest that it runs in.

build_fuzzer() {
	build fuzzer "fuzzer: build/fuzz" \
		make -j"$JOBS" -C tools/testing/fuzz O="$BUILD/fuzz"
}

# fuzzer_command OPTIONS...: the command that runs it in a guest, a process for
# each CPU.
#
# TCP's answers must not wait for a timer: acknowledgements go out at once.
fuzzer_command() {
	printf 'ip route change local 127.0.0.0/8 dev lo table local proto kernel %s\n' \
		"scope host src 127.0.0.1 quickack 1"
	printf 'exec build/fuzz/fuzz --jobs %s' "$GUEST_CPUS"
	printf ' %q' "$@"
}
