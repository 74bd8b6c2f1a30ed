#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# dkms-build.sh check RELEASE: says what is missing to build the module for Debian's kernel
# RELEASE, and exits with 77, by which DKMS leaves the kernel out; or says nothing.
#
# dkms-build.sh build RELEASE HEADERS: in a copy of the module's source, builds it; HEADERS is
# the folder of linux-headers. dkms.conf calls both.
#
# The tree that it is built against is made by kernel-tree.sh, once for each kernel and each
# version of the compilers, and stays in /var/cache/repoll-dkms.
set -euo pipefail

CACHE=/var/cache/repoll-dkms
# Of the source, what nothing is built from here.
LEFT_OUT=('Documentation/[!K]*' 'drivers/*.[cS]' 'drivers/gpu/drm/amd/*.h' 'sound/*.[ch]'
	tools/testing 'arch/*.dts' 'arch/*.dtsi')

release=$2
series=${release%%[-+]*}
series=${series%.*}
source=linux-source-$series
tree=$CACHE/$release
scripts=$(dirname "$(readlink -f "$0")")

say() { printf 'repoll: %s\n' "$*"; }

# version PACKAGE: of an installed one; nothing if it is not.
version() {
	dpkg-query --show --showformat '${Version}' "$1" 2>/dev/null || true
}

# What decides whether a tree that is there can be used.
key() {
	version "linux-headers-$release"
	printf '\n'
	gcc --version
	rustc --version
	bindgen --version
	sha256sum <"$scripts/kernel-tree.sh"
}

up_to_date() {
	[ "$(key)" = "$(cat "$tree/repoll.key" 2>/dev/null)" ]
}

# The source has to be that of the headers, to the last patch.
check() {
	local have want

	! up_to_date || return 0
	have=$(version "$source")
	want=$(version "linux-headers-$release")
	if [ -z "$want" ]; then
		say "no module for $release, which has no linux-headers of Debian."
	elif [ "$have" != "$want" ]; then
		say "no module for $release yet: $source is ${have:-not installed}."
		say "A module in Rust is built against metadata that Debian's linux-headers lack, and"
		say "that is made of the source of the same version. Please type:"
		say "apt install $source=$want && dkms autoinstall -k $release"
	else
		return 0
	fi
	exit 77
}

# Trees of kernels that have gone.
forget() {
	local old

	for old in "$CACHE"/*/; do
		old=$(basename "$old")
		[ -e "/lib/modules/$old/build" ] || rm -rf "${CACHE:?}/$old"
	done
}

make_tree() {
	local headers=$1 name options=(--anchored)

	for name in "${LEFT_OUT[@]}"; do
		options+=("--exclude=$source/$name")
	done
	say "making what linux-headers-$release lack for modules in Rust, of $source, in $tree:" \
		"some minutes, once for this kernel."
	rm -rf "$tree" "$tree.new"
	bash "$scripts/kernel-tree.sh" "$release" "$headers/.config" "$headers/Module.symvers" \
		"/usr/src/$source.tar.xz" "$tree.new" "${options[@]}"
	key >"$tree.new/repoll.key"
	mv -T "$tree.new" "$tree"
}

build() {
	mkdir -p "$CACHE"
	exec {lock}>"$CACHE/lock"
	flock "$lock"
	forget
	if up_to_date; then
		say "$tree is up to date."
	else
		make_tree "$1"
	fi
	make -C "$tree" -j"$(nproc)" M="$PWD" modules
}

case $1 in
check) check ;;
build) build "$3" ;;
esac
