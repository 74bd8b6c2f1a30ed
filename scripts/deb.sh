#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: makes the Debian packages, in build/deb.

. "$(dirname "$0")/lib.sh"
. scripts/packages.sh

packages_build
(cd "$DEBS" && ls -- *.deb)
