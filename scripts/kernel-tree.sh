#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-tree.sh RELEASE CONFIG SYMVERS TARBALL DIR [OPTION...]: makes DIR, a source tree
# to build Rust modules against for Debian's kernel RELEASE, of Debian's TARBALL, as
# linux-source has it, unpacked with these OPTIONs of tar.
#
# The packages of headers lack the metadata of the kernel's Rust crates. The same source
# with the same configuration and the same compilers gives the same metadata and the same
# version string, so that a module built against it loads into Debian's image.
#
# Of no other file of this project: the DKMS package has it too, see debian/dkms-build.sh.
set -euo pipefail

release=$1 config=$2 symvers=$(readlink -f "$3") tarball=$4 dir=$5
shift 5

base=${release%%[-+]*}
make=(make -j"$(nproc)" LOCALVERSION="${release#"$base"}")

mkdir "$dir"
tar -xf "$tarball" -C "$dir" --strip-components=1 "$@"
cp "$config" "$dir/.config"
cd "$dir"
"${make[@]}" olddefconfig
grep -q '^CONFIG_RUST=y' .config || { echo "these tools cannot build Rust for it"; exit 1; }
"${make[@]}" modules_prepare
cp "$symvers" Module.symvers
built=$(cat include/config/kernel.release)
[ "$built" = "$release" ] || { echo "the source says $built, not $release"; exit 1; }
