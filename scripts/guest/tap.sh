# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results of checks, as TAP.

number=0
failed=0

# result STATUS NAME TEXT
result() {
	number=$((number + 1))
	if (($1 == 0)); then
		echo "ok $number - $2"
	else
		failed=$((failed + 1))
		echo "not ok $number - $2"
		echo "# ${3//$'\n'/$'\n'# }"
	fi
}
