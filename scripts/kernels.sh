#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernels.sh NAME...: makes sure that these kernels are in the cache, by their names in
# kernel.sh.

. "$(dirname "$0")/lib.sh"
. scripts/kernel.sh

for name; do
	kernel_select "$name"
	kernel_ensure
done
