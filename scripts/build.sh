# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2153 # set by those who source this
#
# What is built from the checkout, inside the tool root, all of it below build/.
# What is up to date is make's and cargo's business.

# build NAME WHAT COMMAND...: one step inside the tool root.
build() {
	local name=$1 what=$2
	shift 2

	with_lock "$BUILD/build.lock" "$what" step "$name" "$what" toolroot_run "$@"
}

build_module() {
	build module "module: build/module/repoll.ko" \
		make -j"$JOBS" KDIR="$KDIR" modules
}

build_lib() {
	build lib "library and interposer: build/lib" \
		make -j"$JOBS" -C tools/lib/repoll O="$BUILD/lib" all "$BUILD/lib/probe"
}

build_samples() {
	build samples "samples: build/samples" \
		make -j"$JOBS" -C samples O="$BUILD/samples"
}

build_tests() {
	build_lib
	build lib32 "library for 32-bit programs: build/lib32" \
		make -j"$JOBS" -C tools/lib/repoll O="$BUILD/lib32" M32=1 \
		all "$BUILD/lib32/probe" "$BUILD/lib32/probe_time64"
	build selftests "selftests: build/selftests" \
		make -j"$JOBS" -C tools/testing/selftests/repoll \
		KSRC="$KDIR" O="$BUILD/selftests"
	build wakeup "the kernel's own epoll_wakeup_test" \
		scripts/wakeup-test.sh "$BUILD/wakeup"
	build crate "crate, with its tests: build/crate" \
		scripts/cargo-tests.sh "$BUILD/crate"
}
