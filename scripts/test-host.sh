#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-host.sh: the ready protocol, the very file that the module is built from,
# in the interleavings of a model checker, with and without each of its
# orderings; then under real threads and AddressSanitizer. No guest is needed. The
# last line is "N passed, N failed, N skipped"; exits non-zero on any failure.

. "$(dirname "$0")/lib.sh"
. scripts/toolroot.sh

# host_cargo NAME ARGUMENT...: cargo test with a folder of its own for results.
host_cargo() {
	local name=$1
	shift

	toolroot_run env "${cargo_env[@]}" cargo --config scripts/cargo.toml test --locked --release \
		--no-fail-fast --manifest-path tools/testing/host/Cargo.toml \
		--target-dir "build/host/$name" "$@"
}

# check LOG WHAT COMMAND...: a step that runs tests, which are counted.
check() {
	local log=$LOGS/$1.log status=0 sum

	step "$@" || status=$?
	sum=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/passed+=\1 failed+=\2/p' \
		"$log" | tr '\n' ' ')
	for sum in $sum; do
		((sum)) || true
	done
	# One that failed before it could count.
	((status == 0 || failed)) || failed=1
}

passed=0
failed=0
toolroot_ensure

cargo_env=(RUST_BACKTRACE=0)
step host-build "building the ready protocol for the model checker" \
	host_cargo loom --features loom --no-run
check host-loom "the ready protocol in its interleavings, and without each ordering" \
	host_cargo loom --features loom

# The sanitizer's switch is not a stable one; its runtime is clang's. A target
# that is named keeps both away from what runs while building.
cargo_env=(RUSTC_BOOTSTRAP=1
	"RUSTFLAGS=-Zsanitizer=address -Zexternal-clangrt -Clinker=clang-19 -Clink-arg=-fsanitize=address")
check host-asan "the ready protocol under real threads and AddressSanitizer" \
	host_cargo asan --target x86_64-unknown-linux-gnu

echo "$passed passed, $failed failed, 0 skipped"
((failed == 0 && passed > 0))
