#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-host.sh: the ready protocol, the very file that the module is built from,
# in the interleavings of a model checker, with and without each of its
# orderings; then under real threads and AddressSanitizer. No guest is needed.

. "$(dirname "$0")/lib.sh"
. scripts/toolroot.sh

HOST_TESTS=$BUILD/host

# host_cargo NAME ARGUMENT...: cargo test with a folder of its own for results.
host_cargo() {
	local name=$1
	shift

	toolroot_run env "${cargo_env[@]}" cargo --config scripts/cargo.toml test --locked --release \
		--manifest-path tools/testing/host/Cargo.toml \
		--target-dir "${HOST_TESTS#"$TOP"/}/$name" "$@"
}

# results NAME: what the tests of a step say of themselves.
results() {
	sed -n 's/^test result: ok. \([0-9]* passed\).*/\1/p' "$LOGS/$1.log" | head -n 1
}

toolroot_ensure

cargo_env=(RUST_BACKTRACE=0)
step host-build "building the ready protocol for the model checker" \
	host_cargo loom --features loom --no-run
step host-loom "the ready protocol in its interleavings, and without each ordering" \
	host_cargo loom --features loom

# The sanitizer's switch is not a stable one; its runtime is clang's. A target
# that is named keeps both away from what runs while building.
cargo_env=(RUSTC_BOOTSTRAP=1
	"RUSTFLAGS=-Zsanitizer=address -Zexternal-clangrt -Clinker=clang-19 -Clink-arg=-fsanitize=address")
step host-asan "the ready protocol under real threads and AddressSanitizer" \
	host_cargo asan --target x86_64-unknown-linux-gnu

say "model checker: $(results host-loom); AddressSanitizer: $(results host-asan)"
