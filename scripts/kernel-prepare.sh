#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-prepare.sh RELEASE FLAVOUR: inside the tool root, fills /mnt/kernel:
#   release   the kernel's version string, as uname -r prints it
#   vmlinuz   Debian's image
#   modules   Debian's modules, for /lib/modules/RELEASE
#   source    the source tree, prepared for building modules in Rust
set -euo pipefail

pin=$1
flavour=$2
work=/mnt/kernel/work
scripts=$PWD/scripts
apt=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/apt"
	-o Dir::Etc::SourceList=/etc/apt/backports.list -o Dir::Etc::SourceParts=-
	-o Acquire::Languages=none -o APT::Sandbox::User=root)

mkdir -p "$work/lists/partial" "$work/apt/archives/partial" "$work/debs" "$work/x"
cd "$work"

apt-get "${apt[@]}" update

# Version of the package of a release's image; nothing when it is gone.
version_of() {
	apt-cache "${apt[@]}" show "linux-binary-$1" 2>/dev/null |
		sed -n 's/^Version: //p' | head -n 1
}

# fetch VERSION PACKAGE...: unpacks packages into x.
fetch() {
	local version=$1 package
	shift

	(cd debs && apt-get "${apt[@]}" download "${@/%/=$version}")
	for package; do
		dpkg-deb -x debs/"$package"_*.deb x
		rm debs/"$package"_*.deb
	done
}

# config_of RELEASE: fetches its configuration, fails if that cannot carry us.
config_of() {
	local release=$1 version series=${1%%[-+]*}

	series=${series%.*}
	version=$(version_of "$release")
	[ -n "$version" ] || return 1
	fetch "$version" "linux-config-$series" || return 1
	xzcat "x/usr/src/linux-config-$series/config.amd64_none_$flavour.xz" >config
	grep -q '^CONFIG_RUST=y' config && grep -q '^CONFIG_FUNCTION_TRACER=y' config
}

for release in "$pin" $(apt-cache "${apt[@]}" search --names-only \
	"^linux-binary-[0-9].*[0-9]-$flavour\$" |
	sed 's/^linux-binary-\([^ ]*\) .*/\1/' | sort -rV); do
	! config_of "$release" || break
	echo "no usable kernel $release in the archive"
	release=
done
[ -n "$release" ] || { echo "no kernel with Rust in the archive"; exit 1; }

base=${release%%[-+]*}
series=${base%.*}
version=$(version_of "$release")
echo "kernel $release, package version $version"

fetch "$version" "linux-binary-$release" "linux-modules-$release" \
	"linux-headers-$release" "linux-source-$series"
cp "x/usr/lib/modules/$release/vmlinuz" /mnt/kernel/vmlinuz
rm -rf "x/usr/lib/modules/$release"/{vmlinuz,build,source}
depmod -b x/usr "$release" 2>/dev/null || depmod -b x "$release"
mv "x/usr/lib/modules/$release" /mnt/kernel/modules

"$scripts/kernel-tree.sh" "$release" config "x/usr/src/linux-headers-$release/Module.symvers" \
	"x/usr/src/linux-source-$series.tar.xz" /mnt/kernel/source

echo "$release" >/mnt/kernel/release
rm -rf "$work"
