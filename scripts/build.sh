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

# Where the module for this kernel is, from the top of the checkout; the guest's
# init loads it.
REPOLL_MODULE=build/module/repoll.ko
[ "$KERNEL_NAME" = stock ] || REPOLL_MODULE=build/module-$KERNEL_NAME/repoll.ko
export REPOLL_MODULE

# module_make TARGET...: Kbuild, as this kernel was built.
module_make() {
	local make=(make -j"$JOBS" KDIR="$KDIR" MO="$TOP/$(dirname "$REPOLL_MODULE")")

	! grep -q '^CONFIG_CC_IS_CLANG=y' "$KERNEL/source/.config" || make+=(LLVM=-19)
	# What the kernel's makefiles do for C, scripts/Makefile.kcsan.
	[ "$KERNEL_KIND" != kcsan ] || make+=(KRUSTFLAGS="-Zsanitizer=thread
		-Cllvm-args=-tsan-distinguish-volatile=1
		-Cllvm-args=-tsan-compound-read-before-write=1")
	toolroot_run "${make[@]}" "$@"
}

build_module() {
	with_lock "$BUILD/build.lock" module \
		step "module-$KERNEL_NAME" "module: $REPOLL_MODULE" module_make modules
}

build_lib() {
	build lib "library and interposer: build/lib" \
		make -j"$JOBS" -C tools/lib/repoll O="$BUILD/lib" all "$BUILD/lib/probe"
}

build_samples() {
	build samples "samples: build/samples" \
		make -j"$JOBS" -C samples O="$BUILD/samples"
}

build_stress() {
	build stress "stress test: build/stress" \
		make -j"$JOBS" -C tools/testing/stress KSRC="$KDIR" O="$BUILD/stress"
}

build_bench() {
	build bench "benchmark: build/bench" \
		make -j"$JOBS" -C tools/testing/bench O="$BUILD/bench"
}

# As a user has them, for the examples of the documents.
build_documents() {
	build install "what make install installs: build/installed" \
		make -s install INSTALL_FROM=build/lib PREFIX="$BUILD/installed"
	build documents "programs of the man pages: build/documents" \
		python3 -B tools/testing/documents/man.py build "$BUILD/installed" "$BUILD/documents"
}

build_tests() {
	build_lib
	build_samples
	build_documents
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
	build_stress
}
