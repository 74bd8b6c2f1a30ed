#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# The guest's first process: mounts what a Linux system has, loads the module,
# runs the command, leaves its exit code in the folder of the run and powers off.
#
# In busybox, whose commands need no program to be loaded: under emulation that
# is most of the time a guest takes to start.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/tmp LANG=C.UTF-8

mount_all() {
	# Its commands find busybox in /proc: this one has to name it.
	busybox mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	mkdir -p /dev/pts /dev/shm
	mount -t devpts -o mode=0620,ptmxmode=0666 devpts /dev/pts
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mount -t tmpfs -o mode=1777 tmpfs /tmp
	mount -t tmpfs -o mode=0755 tmpfs /run
	mount -t tmpfs -o mode=1777 tmpfs /var/tmp
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing
	ln -s /proc/self/fd /dev/fd
	ln -s fd/0 /dev/stdin
	ln -s fd/1 /dev/stdout
	ln -s fd/2 /dev/stderr

	mkdir -p "$REPOLL_TOP"
	mount -t virtiofs checkout "$REPOLL_TOP"
}

# The data race detector is off while booting, which takes long enough. It watches an
# access in so many, for so long: on emulated CPUs more often, and longer than by
# default, to meet anything.
start_kcsan() {
	[ -e /sys/kernel/debug/kcsan ] || return 0
	echo 2000 >/sys/module/kcsan/parameters/skip_watch
	echo 200 >/sys/module/kcsan/parameters/udelay_task
	echo 50 >/sys/module/kcsan/parameters/udelay_interrupt
	echo on >/sys/kernel/debug/kcsan
}

load_module() {
	start_kcsan
	[ "${REPOLL_INSMOD:-1}" != 0 ] || return 0
	insmod "$REPOLL_MODULE" && return
	echo "repoll: the module does not load; the kernel says:" >&2
	dmesg | tail -n 20 >&2
	return 1
}

# port NAME: the device of the virtio port of that name.
port() {
	for dir in /sys/class/virtio-ports/*; do
		read -r name <"$dir/name" || continue
		[ "$name" != "$1" ] || echo "/dev/${dir##*/}"
	done
}

# A port takes one writer, so the command writes to pipes: it may then open
# /dev/stdout itself, and so may its children.
run_command() {
	mkfifo /run/stdout /run/stderr
	cat </run/stdout >"$(port stdout)" &
	out=$!
	cat </run/stderr >"$(port stderr)" &
	err=$!
	(
		exec </dev/null >/run/stdout 2>/run/stderr
		load_module && exec setsid bash "$REPOLL_RUN/cmd"
	)
	status=$?
	# A process left behind holds the pipes: not for ever.
	(sleep 5; kill $out $err) 2>/dev/null &
	wait $out $err
}

run_shell() {
	exec </dev/hvc0 >/dev/hvc0 2>&1
	stty sane
	[ "$REPOLL_ROWS" = 0 ] || stty rows "$REPOLL_ROWS" cols "$REPOLL_COLS"
	load_module
	setsid -c bash -i
	status=$?
}

# shellcheck source=/dev/null # written by guest.sh
. /mnt/run/env
mount_all
hostname guest
ip link set lo up
cd "$REPOLL_TOP" || exit
if [ -e "$REPOLL_RUN/cmd" ]; then
	run_command
else
	run_shell
fi
echo $status >"$REPOLL_RUN/status.new"
mv "$REPOLL_RUN/status.new" "$REPOLL_RUN/status"
# Not poweroff: a kernel without ACPI could not. For QEMU it is the end as well.
reboot -f
