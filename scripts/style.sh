#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# style.sh: the style checks, all of them, whatever fails. The last line is
# "N passed, N failed, N skipped"; exits non-zero on any failure.

. "$(dirname "$0")/lib.sh"
. scripts/kernel.sh

passed=0
failed=0

# What checkpatch.pl says of the C of user space that is true of kernel code only,
# each with its reason.
USER_IGNORE=(
	# macros that only the kernel's headers define
	PREFER_DEFINED_ATTRIBUTE_MACRO BIT_MACRO
	# the types of stdint.h, which user space has
	PREFER_KERNEL_TYPES
	# what user space gets when a system call is not there
	ENOSYS
	# a flag that a signal handler sets
	VOLATILE
	# macros that define tests, fixtures and variants, as the harness's own do
	COMPLEX_MACRO MULTISTATEMENT_MACRO_USE_DO_WHILE MACRO_WITH_FLOW_CONTROL MACRO_ARG_REUSE
	# _Static_assert, pthread's and libc's names
	CAMELCASE
	# it takes a value that ASSERT_EQ() checks for unchecked
	NAKED_SSCANF
)

# files PATTERN...: the files of the checkout that match, tracked or new.
files() {
	git -c safe.directory="$TOP" ls-files -co --exclude-standard --deduplicate -- "$@" |
		while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

# check WHAT COMMAND...: one check; what it says is shown if it fails.
check() {
	local what=$1 status=0
	shift

	# Not `step ... ||`: that would switch errexit off inside.
	set +e
	(set -e; step "style-${what%% *}" "$what" "$@")
	status=$?
	set -e
	if ((status == 0)); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

rust_format() {
	toolroot_run rustfmt --check --edition 2021 --config-path "$KDIR/.rustfmt.toml" \
		"${@:?no Rust files}"
}

# The kernel's own set of lints. Warnings of the C compiler are errors as well.
module_lints() {
	toolroot_run make -j"$JOBS" KDIR="$KDIR" MO="$BUILD/clippy" CLIPPY=1 \
		KRUSTFLAGS=-Dwarnings KCFLAGS=-Werror modules
}

# c_style IGNORED FILE...
c_style() {
	local ignored=$1
	shift

	printf '%s\0' "${@:?no C files}" |
		toolroot_run env GIT_DIR=/none xargs -0 -n 8 -P "$JOBS" perl "$KDIR/scripts/checkpatch.pl" --no-tree \
			--strict --terse --no-summary --show-types --ignore "$ignored" -f
}

spdx() {
	local file status=0

	for file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' || {
			echo "no SPDX line: $file"
			status=1
		}
	done
	return "$status"
}

kernel_ensure
mapfile -t rust < <(files 'rust/*.rs')
mapfile -t kernel_c < <(files 'rust/*.[ch]' 'include/uapi/*.h')
mapfile -t user_c < <(files '*.[ch]' ':!rust' ':!include/uapi')
mapfile -t shell < <(files '*.sh' .ci/run 'debian/*.p'{ost,re}{inst,rm})
mapfile -t python < <(files '*.py' tools/repollstat/repollstat)
mapfile -t man < <(files 'man/*.[1-9]')
# Not those that programs write.
mapfile -t source < <(files ':!*.md' ':!COPYING' ':!LICENSES' ':!*.lock' ':!*.json' \
	':!Documentation/performance' ':!debian/'{changelog,copyright,source/format})

check "rustfmt of the module" rust_format "${rust[@]}"
check "rustfmt-crate" toolroot_run \
	cargo fmt --manifest-path tools/rust/repoll/Cargo.toml --check
check "clippy of the module (the kernel's CLIPPY=1)" module_lints
check "clippy-crate" toolroot_run scripts/cargo.sh "$BUILD/clippy-crate" \
	clippy --all-targets --config 'build.rustflags = ["-Dwarnings"]'
check "publish-crate (cargo publish --dry-run)" toolroot_run \
	python3 -B tools/testing/crate/publish.py "$BUILD/publish"
check "checkpatch of ${#kernel_c[@]} C files of the kernel" c_style FILE_PATH_CHANGES "${kernel_c[@]}"
check "checkpatch-user of ${#user_c[@]} C files of user space" \
	c_style "$(IFS=,; echo "${USER_IGNORE[*]}")" "${user_c[@]}"
check "shellcheck of ${#shell[@]} scripts" \
	toolroot_run shellcheck -x "${shell[@]}"
check "pyflakes of ${#python[@]} Python files" toolroot_run pyflakes3 "${python[@]}"
check "mandoc of ${#man[@]} man pages" toolroot_run mandoc -T lint -W warning "${man[@]}"
check "man-pages that say all" toolroot_run python3 -B tools/testing/documents/man.py check
mapfile -t markdown < <(files '*.md')
check "links of the documents" toolroot_run \
	python3 -B tools/testing/documents/links.py "${markdown[@]}"
check "spdx lines of ${#source[@]} files" spdx "${source[@]}"
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
