# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The fuzzer: how it is built, and what it needs of the guest that it runs in.

build_fuzzer() {
	build fuzzer "fuzzer: build/fuzz" \
		make -j"$JOBS" -C tools/testing/fuzz O="$BUILD/fuzz"
}

# The command that prepares a guest: TCP's acknowledgements must not wait for a
# timer, which nobody could tell when it has run.
fuzzer_setup() {
	echo 'ip route change local 127.0.0.0/8 dev lo table local proto kernel' \
		'scope host src 127.0.0.1 quickack 1 || exit'
}

# fuzzer OPTIONS...: the command that runs it, a process for each CPU.
fuzzer() {
	printf 'build/fuzz/fuzz --jobs %s' "$GUEST_CPUS"
	printf ' %q' "$@"
	echo
}
