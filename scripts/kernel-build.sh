#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-build.sh KIND BASE: inside the tool root, builds a kernel of our own from
# the source in BASE, an entry of kernel-prepare.sh, and fills /mnt/kernel in the
# same way. Its configuration is allnoconfig, scripts/config/small.config and
# scripts/config/KIND.config.
set -euo pipefail

kind=$1
base=$2
fragments=(scripts/config/small.config "scripts/config/$kind.config")
work=/mnt/kernel/work
source=/mnt/kernel/source
make=(make -j"$(nproc)" LOCALVERSION=)

mkdir "$work"
cat "${fragments[@]}" >"$work/all.config"
# Debian's compiler, except that the sanitizers go together with Rust in clang only.
! grep -q '^CONFIG_K[AC]SAN=y' "$work/all.config" || make+=(LLVM=-19)
cp -a "$base/source" "$source"
cd "$source"
"${make[@]}" mrproper

# The kernel's specification of the target for Rust names the sanitizers that the
# kernel itself uses with Rust. KCSAN understands what rustc's thread sanitizer
# emits, see build_module().
if grep -q '^CONFIG_KCSAN=y' "$work/all.config"; then
	sed -i 's/\["kcfi", "kernel-address"\]/["kcfi", "kernel-address", "thread"]/' \
		scripts/generate_rust_target.rs
	grep -q '"kernel-address", "thread"' scripts/generate_rust_target.rs
fi

"${make[@]}" KCONFIG_ALLCONFIG="$work/all.config" allnoconfig
# An option that lost its dependencies would quietly check nothing.
missing=$(grep '^CONFIG_.*=[^n]' "$work/all.config" | grep -vxFf .config || true)
[ -z "$missing" ] || { echo "not in the configuration: $missing"; exit 1; }
"${make[@]}" bzImage modules

# What building modules and tests needs stays: headers, tools, metadata of Rust.
cp arch/x86/boot/bzImage /mnt/kernel/vmlinuz
mkdir /mnt/kernel/modules
cp include/config/kernel.release /mnt/kernel/release
rm -rf Documentation sound drivers fs net mm vmlinux vmlinux.unstripped vmlinux.o "$work"
find . \( -path ./rust -o -path ./scripts -o -path ./tools \) -prune -o \
	\( -name '*.o' -o -name '*.a' -o -name '*.cmd' \) -type f -print0 | xargs -0 rm -f
