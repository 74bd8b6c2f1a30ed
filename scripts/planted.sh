#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# planted.sh fuzz|stress [BUG...]: shows that the fuzzer, or the stress test, finds what
# it is there to find. Builds the module with each bug of tools/testing/planted, in a
# copy, and runs on it what has to catch it; first on the module as it is, where there
# is nothing to be caught. $NAME: that bug only. $SEED: what is run begins with it; $OPS:
# of the fuzzer. The last line is "N passed, N failed, N skipped"; exits non-zero if a
# bug is not caught, or one where there is none.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh
. scripts/fuzzer.sh

TOOL=${1:-}
PLANT=tools/testing/planted/plant.py
PLANTED=build/planted/$KERNEL_NAME
PLAN=$PLANTED/$TOOL.plan
RESULTS=$PLANTED/$TOOL.results
# What guests say, of which some are to die.
GUEST_LOG=$LOGS/planted-guest.log
STRESS="build/stress/stress --backend repoll --seed ${SEED:-1}"

# build_planted BUG: the module with it in build/planted, unless that is newer than all
# that it is made of; "none" is the module as it is.
build_planted() {
	local bug=$1 source=$PLANTED/source

	copy_module "$source"
	[ "$bug" = none ] || python3 -B "$PLANT" plant "$bug" "$source"
	module_make -C "$TOP/$source" MO="$TOP/$source/build" modules
	cp "$source/build/repoll.ko" "$PLANTED/$bug.ko"
}

# The module's sources as they are. What differs is newer afterwards than any object of
# it, and what does not need not be built again.
copy_module() {
	local file

	find Kbuild Makefile include rust -type f | while read -r file; do
		cmp -s "$file" "$1/$file" || install -D -m 644 "$file" "$1/$file"
	done
}

is_built() {
	[ -e "$PLANTED/$1.ko" ] && [ -z "$(find Kbuild Makefile include rust tools/testing/planted \
		"$KERNEL/release" -newer "$PLANTED/$1.ko" -print -quit)" ]
}

# The plan of the guest.
make_plan() {
	local bug options fuzzer

	fuzzer=$(fuzzer --ops "${OPS:-60000}" --seed "${SEED:-1}")
	for bug; do
		options=${OPTIONS[$bug]}
		case $TOOL,$bug in
		fuzz,*) options="$fuzzer $options" ;;
		# What finds nothing takes all its time: no more than it needs.
		stress,none) options="$STRESS --seconds 1 $options" ;;
		stress,*) options="$STRESS --seconds 15 --bound 10 $options" ;;
		esac
		printf '%s\t%s\t%s\n' "$bug" "${LAST[$bug]}" "$options"
	done
}

# The bug that was being tried when the guest died, and died of.
blame() {
	local bug words

	IFS=$'\t' read -r bug words < <(tail -n 1 "$RESULTS") || return
	[ "$words" = start ] || return
	words=$(grep -a -m 1 -E "$GUEST_LAST_WORDS" "$GUEST_CONSOLE") || return
	printf '%s\tdied\t-\t%s\n' "$bug" "$words" >>"$RESULTS"
}

# Guests, until all have been tried: a new one when one died, or is not to be trusted.
run_plan() {
	local status tried before=-1

	tee "$RESULTS" >"$GUEST_LOG" </dev/null
	while :; do
		tried=$(grep -c -v $'\tstart$' "$RESULTS") || true
		((tried < $(wc -l <"$PLAN"))) || return 0
		((tried > before)) || die "the guest does not try what is next in $PLAN: $GUEST_LOG"
		before=$tried
		[ -d "$RUN" ] || RUN=$(mktemp -d "$BUILD/run/XXXXXX")
		status=0
		guest_run "$([ "$TOOL" = stress ] || fuzzer_setup)
			exec bash scripts/guest/planted.sh '$PLAN' '$RESULTS'" 2>>"$GUEST_LOG" || status=$?
		((status != 255)) || blame || die "the guest died, nobody knows of what: $GUEST_LOG"
	done
}

report() {
	local bug outcome seconds words verdict passed=0 failed=0

	while IFS=$'\t' read -r bug outcome seconds words; do
		case $bug,$outcome in
		*,start) continue ;;
		none,missed) verdict="no bug: nothing caught" ;;
		none,*) verdict="NO BUG, but $outcome" ;;
		*,caught | *,died) verdict="caught: $bug" ;;
		*) verdict="NOT CAUGHT: $bug" ;;
		esac
		case $verdict in
		[A-Z]*) failed=$((failed + 1)) ;;
		*) passed=$((passed + 1)) ;;
		esac
		echo "$verdict${words:+: $words} ($seconds s)"
	done <"$RESULTS"
	echo "$passed passed, $failed failed, 0 skipped"
	((failed == 0))
}

# All bugs of the tool, in order, and what is said of each.
declare -A OPTIONS=([none]="") LAST=([none]=-)
bugs=()
list=$(python3 -B "$PLANT" list "$TOOL") || die "usage: planted.sh fuzz|stress [BUG...]"
while IFS=$'\t' read -r bug last options; do
	bugs+=("$bug")
	LAST[$bug]=$last
	OPTIONS[$bug]=$options
done <<<"$list"
shift
(($#)) || [ -z "${NAME:-}" ] || set -- "$NAME"
for bug; do
	[ -n "${LAST[$bug]:-}" ] || die "$bug: no bug for $TOOL; there are: ${bugs[*]}"
done
# One bug alone is compared with what has to catch it alone.
(($# != 1)) || OPTIONS[none]=${OPTIONS[$1]}
(($#)) || set -- "${bugs[@]}"
set -- none "$@"

# Before any is built.
python3 -B "$PLANT" check .
mkdir -p "$PLANTED"
if [ "$TOOL" = fuzz ]; then
	fuzzer_guest
	build_fuzzer
else
	guest_ensure
	build_stress
fi
for bug; do
	is_built "$bug" || step "planted-$bug" "module with the bug $bug" build_planted "$bug"
done
make_plan "$@" >"$PLAN"
export REPOLL_INSMOD=0
run_plan
report
