#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# style.sh: the style checks, all of them, whatever fails. The last line is
# "N passed, N failed, N skipped"; exits non-zero on any failure.

. "$(dirname "$0")/lib.sh"
. scripts/kernel.sh

CRATE=(--manifest-path tools/rust/repoll/Cargo.toml)
CARGO=(cargo --config scripts/cargo.toml)

passed=0
failed=0

# What checkpatch.pl says that is not for this code, each with its reason.
CHECKPATCH_IGNORE=(
	# about patches and trees, not files
	FILE_PATH_CHANGES
	# about kernel code, and this is also user space
	AVOID_EXTERNS
)

# files PATTERN...: the files of the checkout that match, tracked or new.
files() {
	git -c safe.directory="$TOP" ls-files -co --exclude-standard -- "$@"
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

c_style() {
	local ignore
	ignore=$(IFS=,; echo "${CHECKPATCH_IGNORE[*]}")

	toolroot_run perl "$KDIR/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary \
		--show-types --ignore "$ignore" -f "${@:?no C files}"
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
mapfile -t c < <(files '*.[ch]')
mapfile -t shell < <(files '*.sh' .ci/run)
mapfile -t python < <(files '*.py')
mapfile -t source < <(files ':!*.md' ':!COPYING' ':!LICENSES' ':!*.lock')

check "rustfmt of the module" rust_format "${rust[@]}"
check "rustfmt-crate" toolroot_run "${CARGO[@]}" fmt "${CRATE[@]}" --check
check "clippy of the module (the kernel's CLIPPY=1)" module_lints
check "clippy-crate" toolroot_run "${CARGO[@]}" clippy "${CRATE[@]}" --locked \
	--target-dir "$BUILD/crate" --all-targets -- -D warnings
check "checkpatch of ${#c[@]} C files" c_style "${c[@]}"
check "shellcheck of ${#shell[@]} scripts" \
	toolroot_run shellcheck -x "${shell[@]}"
check "pyflakes of ${#python[@]} Python files" toolroot_run pyflakes3 "${python[@]}"
check "spdx lines of ${#source[@]} files" spdx "${source[@]}"
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
