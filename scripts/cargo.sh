#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# cargo.sh DIR COMMAND...: inside the tool root, runs cargo on a copy of the crate
# in DIR/src, without its lock file: the crates come from Debian's packages, which
# have the locked versions, but not the checksums of the index.
set -euo pipefail

dir=$1
config=$PWD/scripts/cargo.toml
shift

mkdir -p "$dir/src"
# What has gone from the crate goes from the copy.
find "$dir/src" -mindepth 1 -delete
cp -a tools/rust/repoll/. "$dir/src"
rm -rf "$dir/src/Cargo.lock" "$dir/src/target"
cd "$dir/src"
exec cargo --config "$config" "$@" --target-dir "$dir/target"
