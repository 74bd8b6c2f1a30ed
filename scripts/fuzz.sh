#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh: $OPS random operations on in-tree epoll and on repoll, side by side,
# from $SEED on; exits non-zero if any answer differs. Arguments are more options
# of the fuzzer, build/fuzz/fuzz --help.

: "${REPOLL_QUIET:=1}"
. "$(dirname "$0")/lib.sh"
. scripts/guest.sh
. scripts/build.sh
. scripts/fuzzer.sh

fuzzer_guest
build_module
build_fuzzer
guest_run "$(fuzzer_setup; fuzzer --seed "${SEED:-1}" --ops "${OPS:-100000}" "$@")"
