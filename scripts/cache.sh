# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The cache: finished entries only, KIND/KEY, shared by all checkouts.
#
# KEY is a hash of everything that determines the content. An entry is built
# beside its final name and renamed into place, so that it is complete if it
# exists. Only the holder of the kind's lock builds, so that an unfinished
# entry found under the lock is a dead one.

# cache_key WORD...: a short hash of the words.
cache_key() {
	printf '%s\0' "$@" | sha256sum | cut -c1-16
}

# cache_entry KIND KEY WHAT BUILDER [ARGUMENT...]: makes sure that the entry exists.
# BUILDER is called with the arguments and the folder to fill.
cache_entry() {
	local kind=$1 key=$2 what=$3
	shift 3

	if [ -e "$CACHE/$kind/$key" ]; then
		touch "$CACHE/$kind/$key" # it is in use
		uptodate "$what"
		return
	fi
	with_lock "$CACHE/$kind.lock" "$what" cache_build "$kind" "$key" "$what" "$@"
}

cache_build() {
	local kind=$1 key=$2 what=$3 partial=$CACHE/$1/$2.partial old
	shift 3

	[ -e "$CACHE/$kind/$key" ] && return
	mkdir -p "$CACHE/$kind"
	cache_remove "$CACHE/$kind"/*.partial
	# What no checkout has used for long is of an older version of these scripts.
	mapfile -t old < <(find "$CACHE/$kind" -mindepth 1 -maxdepth 1 -mtime +60)
	cache_remove "${old[@]}"
	step "$kind" "$what" "$@" "$partial"
	mv -T "$partial" "$CACHE/$kind/$key"
}

# Removes entries. --one-file-system: whatever is mounted below is not ours.
cache_remove() {
	local dir

	for dir; do
		[ -e "$dir" ] || continue
		as_root rm -rf --one-file-system "$dir"
	done
}
