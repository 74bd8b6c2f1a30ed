#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# cargo-tests.sh DIR: inside the tool root, builds the crate's test programs in DIR
# and leaves their names in DIR/tests, a line each.
set -euo pipefail

mkdir -p "$1"
scripts/cargo.sh "$1" test --no-run --message-format json-render-diagnostics |
	python3 -c '
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["profile"]["test"]:
        print(os.path.relpath(message["executable"]))' >"$1/tests.new"
mv "$1/tests.new" "$1/tests"
