#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel-own.sh BASE FRAGMENT...: inside the tool root, builds a kernel of our
# own from the source of Debian's, prepared in BASE, with allnoconfig plus the
# configuration fragments. Fills /mnt/kernel as kernel-prepare.sh does.
#
# With clang: Rust and KASAN go together with no other compiler.
set -euo pipefail

base=$1
shift
fragments=("$@")
source=/mnt/kernel/source

cp -a "$base/source" "$source"
cd "$source"
make=(make -j"$(nproc)" LLVM=-19 LOCALVERSION=)
"${make[@]}" mrproper
KCONFIG_ALLCONFIG=/dev/null "${make[@]}" allnoconfig
scripts/kconfig/merge_config.sh -m .config "${fragments[@]}"
"${make[@]}" olddefconfig

# An option that lost its dependencies would quietly check nothing.
missing=$(grep -h '^CONFIG_' "${fragments[@]}" | grep -vxFf .config || true)
[ -z "$missing" ] || { echo "not in the configuration: $missing"; exit 1; }

"${make[@]}" bzImage modules
"${make[@]}" INSTALL_MOD_PATH=/mnt/kernel/x modules_install
mkdir -p /mnt/kernel/modules
release=$(cat include/config/kernel.release)
cp -a "/mnt/kernel/x/lib/modules/$release/." /mnt/kernel/modules/
rm -rf /mnt/kernel/x /mnt/kernel/modules/build /mnt/kernel/modules/source
cp arch/x86/boot/bzImage /mnt/kernel/vmlinuz

# What building a module needs stays: headers, tools, metadata of Rust.
find . \( -path ./rust -o -path ./scripts -o -path ./tools \) -prune -o \
	\( -name '*.o' -o -name '*.a' -o -name '*.cmd' \) -type f -print0 | xargs -0 rm -f
echo "$release" >/mnt/kernel/release
