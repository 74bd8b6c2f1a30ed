# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kernel: Debian's own, unmodified, and its source tree prepared for
# building Rust modules.
#
# The headers packages lack the Rust metadata. The same source with the same
# configuration and the same compilers gives the same metadata and the same
# version string, so a module built against it loads into Debian's image.

. scripts/toolroot.sh

# Known to work. Replaced by the newest one with Rust when the archive has
# dropped it.
KERNEL_PIN=7.3.4+deb13-cloud-amd64
KERNEL_FLAVOUR=cloud-amd64

# Where it is seen from inside the tool root.
KDIR=/mnt/kernel/source
export KDIR

# Finds the kernel, prepared first if it is missing: sets KERNEL.
kernel_ensure() {
	local key release

	toolroot_ensure
	key=$(cache_key "$KERNEL_PIN" "$(cat scripts/kernel-prepare.sh)" \
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
