#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# packages.sh install PACKAGE...: in a root that has what these depend on, installs them by
# apt, and builds a sample with them. Leaves in build/packages which files there were before.
#
# packages.sh check PACKAGE...: in a guest that has booted it, whether they work, and can be
# purged. Prints TAP, as does
#
# packages.sh left: in the root again, whether there are the files that were there before. (In
# the guest, virtiofsd would have each file open that was looked at.)
set -euo pipefail

. scripts/guest/tap.sh

OUT=build/packages
EXAMPLES=/usr/share/doc/librepoll-dev/examples

# What there is, but for what is no part of this system, or what apt and ldconfig keep for
# themselves.
files() {
	find / \( -path "$PWD" -o -path /mnt -o -path /dev -o -path /proc -o -path /sys \
		-o -path /tmp -o -path /run -o -path /var/tmp -o -path /var/cache/apt \
		-o -path /var/lib/apt -o -path /var/log/apt -o -path /var/log/dpkg.log \
		-o -path /var/cache/ldconfig \) -prune \
		-o -print | sort
}

# sample NAME SOURCE...: one of those of librepoll-dev.
sample() {
	# shellcheck disable=SC2046 # several options
	cc -O2 -o "$OUT/$1" "${@:2}" $(pkg-config --cflags --libs librepoll)
}

# --bounding-set: the scripts of the packages load no module into the host's kernel.
install() {
	files >"$OUT/before"
	DEBIAN_FRONTEND=noninteractive setpriv --bounding-set=-sys_module \
		apt-get install -y --no-install-recommends "$@"
	sample event_loop "$EXAMPLES"/{event_loop,client}.c
	sample hot_fd "$EXAMPLES/hot_fd.c"
}

# check NAME COMMAND...
check() {
	local name=$1 text status=0
	shift

	text=$("$@" 2>&1) || status=1
	result "$status" "$name" "$text"
}

# What systemd does when it boots.
loads() {
	/usr/lib/systemd/systemd-modules-load && [ -d /sys/module/repoll ] &&
		modinfo -n repoll | grep '/updates/dkms/'
}

# mode OCTAL: that of the device.
mode() {
	udevadm settle && [ -c /dev/repoll ] && stat -c %a /dev/repoll | tee /dev/stderr |
		grep -qx "$1"
}

# The module asks for the same mode: this is what the rule does.
rule() {
	chmod 600 /dev/repoll && mode 600 &&
		udevadm trigger --action=add --settle /dev/repoll && mode 666
}

as_nobody() {
	setpriv --reuid nobody --clear-groups "$@"
}

runs() {
	as_nobody "$OUT/event_loop" --backend repoll
}

# Not as root: what man formats for root it keeps.
pages() {
	local page

	for page in '1 repollstat' '3 repoll_ctl' '3 repoll_pwait2' '4 repoll' '7 repoll' \
		'7 librepoll-preload'; do
		# shellcheck disable=SC2086 # section and name
		as_nobody man -P cat $page | grep -q "^ *${page#* }" || return
	done
}

interposer() {
	local stats

	stats=$(REPOLL_PRELOAD_STATS=1 LD_PRELOAD=librepoll-preload.so python3 -c '
import os, select
r, w = os.pipe()
epoll = select.epoll()
epoll.register(r, select.EPOLLIN)
os.write(w, b".")
assert epoll.poll() == [(r, select.EPOLLIN)]' 2>&1)
	echo "$stats"
	grep '^repoll-preload:.* create 1 .*fallback 0' <<<"$stats"
}

stat_once() {
	local status=0

	"$OUT/hot_fd" --run-for 120 >"$OUT/hot" &
	until grep -q written_to "$OUT/hot"; do sleep 0.1; done
	repollstat --pid "$!" --once --top 5 | tee /dev/stderr | grep -q hot_fd || status=1
	kill "$!"
	wait "$!" || true
	return "$status"
}

purge() {
	DEBIAN_FRONTEND=noninteractive apt-get purge -y "$@"
}

gone() {
	[ ! -e /sys/module/repoll ] && [ ! -e /dev/repoll ]
}

nothing_left() {
	files >"$OUT/after" && diff "$OUT/before" "$OUT/after"
}

# Linux as its packages have set it up, without the rest of a boot.
start() {
	mount -o remount,rw /
	/usr/lib/systemd/systemd-udevd --daemon >/dev/null 2>&1
}

work() {
	start
	check "the module that DKMS built is loaded at boot" loads
	check "/dev/repoll is for everyone" mode 666
	check "the udev rule says so" rule
	check "a sample built with librepoll-dev runs, as nobody" runs
	check "man finds the pages" pages
	check "the interposer runs a program" interposer
	check "repollstat shows a program" stat_once
	check "apt purges the packages" purge "$@"
	check "the module is unloaded" gone
	udevadm control --exit
	exit $((failed > 0))
}

case $1 in
install) install "${@:2}" ;;
check) work "${@:2}" ;;
left) check "no file is left, and none is missing" nothing_left ;;
esac
