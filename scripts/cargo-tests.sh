#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# cargo-tests.sh DIR: inside the tool root, builds the crate's test programs and
# leaves their names in DIR/tests, a line each.
set -euo pipefail

mkdir -p "$1"
cargo --config scripts/cargo.toml test --locked --no-run --manifest-path tools/rust/repoll/Cargo.toml \
	--target-dir "$1" --message-format json-render-diagnostics |
	python3 -c '
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["profile"]["test"]:
        print(os.path.relpath(message["executable"]))' >"$1/tests.new"
mv "$1/tests.new" "$1/tests"
