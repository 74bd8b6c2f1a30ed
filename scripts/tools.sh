#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# tools.sh: builds the library, the interposer and the samples.

. "$(dirname "$0")/lib.sh"
. scripts/kernel.sh
. scripts/build.sh

kernel_ensure
build_lib
build_samples
