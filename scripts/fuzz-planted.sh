#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz-planted.sh [BUG...]: shows that the fuzzer finds what it is there to find.
# Builds the module once with each bug of tools/testing/fuzz/planted, in a copy,
# and once without, and runs the fuzzer on it: $OPS operations from $SEED on. Exits
# non-zero if a bug is not caught, or if the fuzzer finds one where there is none.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh
. scripts/fuzzer.sh

PLANTED=$BUILD/planted
PLANT=tools/testing/fuzz/planted/plant.py

# A fresh copy of the module's sources, newer than any object that is there.
copy_module() {
	mkdir -p "$PLANTED/source"
	rm -rf "$PLANTED/source/rust"
	cp -R Kbuild Makefile include rust "$PLANTED/source"
}

# build_planted BUG: "none" is the module as it is.
build_planted() {
	local bug=$1

	copy_module
	[ "$bug" = none ] || python3 "$PLANT" plant "$bug" "$PLANTED/source"
	toolroot_run make -j"$JOBS" -C "$PLANTED/source" KDIR="$KDIR" modules
	cp "$PLANTED/source/build/module/repoll.ko" "$PLANTED/$bug.ko"
}

# The guest's part: each module, one after the other.
try_all() {
	local bug

	fuzzer_setup
	cat <<-'EOF'
		failed=0
		try() {
			insmod "build/planted/$1.ko" || exit
			status=0
			"${fuzzer[@]}" >/tmp/out 2>&1 || status=$?
			case $1,$status in
			none,0) echo "no bug: nothing found" ;;
			none,*) echo "NO BUG, but the fuzzer says:"; failed=1 ;;
			*,1) echo "caught: $1" ;;
			*) echo "MISSED: $1 (exit code $status)"; failed=1 ;;
			esac
			sed 's/^/    /' /tmp/out
			rmmod repoll || exit
		}
	EOF
	printf 'fuzzer=(%s)\n' "$(fuzzer --ops "${OPS:-60000}" --seed "${SEED:-1}")"
	printf 'try %s\n' "$@"
	# shellcheck disable=SC2016 # the guest's variable
	echo 'exit $failed'
}

if [ $# = 0 ]; then
	mapfile -t bugs < <(python3 "$PLANT" list)
	set -- "${bugs[@]}"
fi
set -- none "$@"
guest_ensure
build_fuzzer
mkdir -p "$PLANTED"
for bug; do
	step "planted-$bug" "module with the bug $bug" build_planted "$bug"
done
REPOLL_INSMOD=0
export REPOLL_INSMOD
guest_run "$(try_all "$@")"
