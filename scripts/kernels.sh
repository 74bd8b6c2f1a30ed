#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# kernels.sh KIND...: makes sure that these kernels are in the cache: stock, or one
# for which there is a scripts/config/KIND.config.

. "$(dirname "$0")/lib.sh"
. scripts/kernel.sh

for KERNEL_KIND; do
	kernel_ensure
done
