# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernel: Debian's own, unmodified, and its source tree prepared for
# building Rust modules. Or, for REPOLL_KERNEL=KIND, one that is built from that
# source with scripts/config/KIND.config.
#
# The headers packages lack the Rust metadata; why it can be made of the source is told
# in scripts/kernel-tree.sh.

. scripts/toolroot.sh

# Known to work, in each flavour. Replaced by the newest one with Rust when the archive
# has dropped it.
KERNEL_VERSION=7.3.4+deb13

# kernel_select NAME: stock, another of Debian's flavours, a release of Debian's in full, or
# one of scripts/config. What is built for a kernel is in folders of its name.
kernel_select() {
	local version=$KERNEL_VERSION

	KERNEL_NAME=$1
	KERNEL_KIND=stock
	KERNEL_FLAVOUR=cloud-amd64
	case $KERNEL_NAME in
	stock) ;;
	amd64 | rt-amd64) KERNEL_FLAVOUR=$KERNEL_NAME ;;
	[0-9]*+*-*amd64)
		version=${KERNEL_NAME%%-*}
		KERNEL_FLAVOUR=${KERNEL_NAME#*-}
		;;
	*)
		KERNEL_KIND=$KERNEL_NAME
		[ -e "scripts/config/$KERNEL_KIND.config" ] ||
			die "there is no kernel $KERNEL_NAME: stock, amd64, rt-amd64, a release of Debian's, or one of scripts/config"
		;;
	esac
	KERNEL_PIN=$version-$KERNEL_FLAVOUR
}

KERNEL=
kernel_select "${REPOLL_KERNEL:-stock}"

# Where it is seen from inside the tool root.
KDIR=/mnt/kernel/source
export KDIR

# Finds the kernel, made first if it is missing: sets KERNEL.
kernel_ensure() {
	toolroot_ensure
	kernel_ensure_stock
	[ "$KERNEL_KIND" = stock ] || kernel_ensure_own
}

kernel_ensure_stock() {
	local key release

	key=$(cache_key "$KERNEL_PIN" "$(cat scripts/kernel-prepare.sh scripts/kernel-tree.sh)" \
		"$(toolroot_versions gcc-14 rustc bindgen libclang1-19 pahole)")
	cache_entry kernel "$key" \
		"kernel: Debian's $KERNEL_PIN and its source (0.2 GB to download)" \
		kernel_build
	KERNEL=$CACHE/kernel/$key
	release=$(cat "$KERNEL/release")
	[ "$release" = "$KERNEL_PIN" ] ||
		say "  note: the archive had no $KERNEL_PIN any more; this is $release"
}

kernel_build() {
	mkdir -p "$1"
	KERNEL=$1 toolroot_run scripts/kernel-prepare.sh "$KERNEL_PIN" "$KERNEL_FLAVOUR"
}

kernel_ensure_own() {
	local key config=scripts/config/$KERNEL_KIND.config

	key=$(cache_key "$(basename "$KERNEL")" \
		"$(cat scripts/kernel-build.sh scripts/config/small.config "$config")" \
		"$(toolroot_versions gcc-14 clang-19)")
	cache_entry kernel "$KERNEL_KIND-$key" "kernel: built for REPOLL_KERNEL=$KERNEL_KIND" \
		kernel_build_own
	KERNEL=$CACHE/kernel/$KERNEL_KIND-$key
}

kernel_build_own() {
	mkdir -p "$1"
	KERNEL=$1 toolroot_run scripts/kernel-build.sh "$KERNEL_KIND" \
		"/mnt/cache/kernel/$(basename "$KERNEL")"
}
