# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The fuzzer: how it is built, and what it needs of the guest that it runs in.

build_fuzzer() {
	build fuzzer "fuzzer: build/fuzz" \
		make -j"$JOBS" -C tools/testing/fuzz O="$BUILD/fuzz"
}

# One CPU does in order what it does, so that who comes first is known.
fuzzer_guest() {
	# shellcheck disable=SC2034 # Read by guest.sh.
	GUEST_CPUS=1
	guest_ensure
}

# The command that prepares a guest: TCP's acknowledgements must not wait for a
# timer, which nobody could tell when it has run.
fuzzer_setup() {
	echo 'ip route change local 127.0.0.0/8 dev lo table local proto kernel' \
		'scope host src 127.0.0.1 quickack 1 || exit'
}

# fuzzer OPTIONS...: the command that runs it.
fuzzer() {
	printf 'build/fuzz/fuzz'
	printf ' %q' "$@"
	echo
}
