#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: sets everything up, then runs the same programs in a guest on in-tree
# epoll and on repoll, side by side.

. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh

guest_ensure
build_module
build_lib
build_samples
say "  guest: booting, then an event loop and a Redis server on both (about 40 s)"
guest_run scripts/guest/compare.sh
