#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# test-deb.sh: installs the packages in a fresh Debian, where DKMS builds the module, boots
# that with Debian's kernel, uses what it has, and purges it. The last line is
# "N passed, N failed, N skipped"; exits non-zero on any failure.

. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh
. scripts/packages.sh

# What init.sh takes, udev as a system has it, what DKMS signs modules with, and what a user has
# who reads and compiles.
SYSTEM_PACKAGES=(busybox-static iproute2 udev systemd openssl man-db pkgconf)

# The folder of the installed system, and of what goes in and out there.
SYSTEM=$BUILD/deb-system
OUT=$BUILD/packages

# depends PACKAGE...: what packages depend on, but for each other.
depends() {
	local deb

	for deb; do
		dpkg-deb --field "$deb" Depends
	done | tr ',' '\n' | sed 's/^ *//; /^librepoll/d' | sort -u | paste -sd,
}

# system_hook RELEASE DEPENDS: what mmdebstrap runs on the host, $1 being the tree. Without
# packages of Debian's, all that is left of them would be left by ours; and a key to sign
# modules with is made by DKMS where there is none, and belongs to it.
system_hook() {
	local series=${1%%[-+]*}

	printf '%s\n' "$TOOLROOT_HOOK"
	cat <<-EOF
	chroot "\$1" apt-get satisfy -y --no-install-recommends "$2"
	cp "\$1/etc/apt/backports.list" "\$1/etc/apt/sources.list.d/"
	chroot "\$1" apt-get update
	chroot "\$1" apt-get install -y --no-install-recommends \
		linux-headers-$1 linux-modules-$1 linux-source-${series%.*}
	chroot "\$1" dkms generate_mok
	EOF
}

# system_ensure PACKAGE...: sets TOOLROOT to a Debian that they can be installed in.
system_ensure() {
	local release hook

	release=$(cat "$KERNEL/release")
	hook=$(system_hook "$release" "$(depends "$@")")
	toolroot_find debsystem "a Debian with headers and source of $release (0.5 GB to download)" \
		"set -e; $hook" "${SYSTEM_PACKAGES[@]}"
}

# system_install PACKAGE...: in a copy of it, which is all that the guest has.
system_install() {
	cache_remove "$SYSTEM"
	as_root cp -a --reflink=auto "$TOOLROOT" "$SYSTEM"
	system_run install "$@"
}

# system_run ARGUMENT...: packages.sh there, without a guest.
system_run() {
	TOOLROOT=$SYSTEM RUN='' KERNEL='' toolroot_run scripts/guest/packages.sh "$@"
}

guest_ensure
tools=$TOOLROOT
packages_build
mapfile -t debs < <(printf '%s\n' "$DEBS"/*.deb | grep -v -- -dbgsym)
mapfile -t names < <(for deb in "${debs[@]}"; do dpkg-deb --field "$deb" Package; done)
system_ensure "${debs[@]}"
rm -rf "$OUT"
mkdir -p "$OUT"
step deb-install "apt install of ${#debs[@]} packages; DKMS builds the module (some minutes)" \
	system_install "${debs[@]}"

say "  guest: booting what was installed, using and purging it (about 2 minutes)"
export REPOLL_GUEST_ROOT=$SYSTEM REPOLL_INSMOD=0
TOOLROOT=$tools
guest_run "scripts/guest/packages.sh check ${names[*]}" >"$OUT/tap" || true
system_run left >>"$OUT/tap"
cache_remove "$SYSTEM"
cat "$OUT/tap"
passed=$(grep -c '^ok ' "$OUT/tap") || true
failed=$(grep -c '^not ok ' "$OUT/tap") || true
# All of the checks, or it ended before.
((passed + failed == 10)) || failed=$((failed + 1))
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
