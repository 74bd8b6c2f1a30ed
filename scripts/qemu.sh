#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu.sh ACCEL CPUS MEM DEADLINE KOPT OUTPUT: inside the tool root, runs one
# guest and exits as QEMU does. The guest's init is /mnt/run/init, its console
# goes to /mnt/run/console. Its command's OUTPUT goes to the pipes /mnt/run/stdout
# and stderr (pipe), to the terminal (terminal) or nowhere (none).
set -euo pipefail

accel=$1 cpus=$2 mem=$3 deadline=$4 kopt=$5 output=$6

# A crash of any kind is the end of the guest, not a prompt.
kargs="console=ttyS0 loglevel=5 panic=-1 oops=panic softlockup_panic=1"
kargs+=" watchdog_thresh=20 sysctl.kernel.hung_task_panic=1"
kargs+=" sysctl.kernel.hung_task_timeout_secs=60"
kargs+=" root=tools rootfstype=virtiofs ro init=/mnt/run/init $kopt"

qemu=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
	-machine "q35,memory-backend=mem,accel=$accel" -smp "$cpus" -m "$mem"
	-object "memory-backend-memfd,id=mem,size=$mem,share=on"
	-serial file:/mnt/run/console
	-device virtio-serial-pci)

# The features that catch a stray access to user memory, and a random number
# generator that is ready at boot.
if [ "$accel" = kvm ]; then
	qemu+=(-cpu host)
else
	qemu+=(-cpu "qemu64,+smep,+smap,+rdrand,+rdseed")
	# Emulated CPUs share the host's clock, and its timer works; one that is slow
	# to answer is no sign of the contrary.
	kargs+=" tsc=reliable no_timer_check"
	# virtiofsd writes to the guest's memory unseen by the emulator, which would go
	# on executing what it translated from a page's former content. Zeroing the page
	# beforehand, a write of the guest's own, ends those translations. Where
	# instructions are counted it would be counted as well; one program that runs
	# after the boot hardly meets such a page.
	[ "${REPOLL_ICOUNT:-0}" = 1 ] || kargs+=" init_on_alloc=1"
fi

# An instruction takes 1 ns of the guest's time, and waiting takes none.
[ "${REPOLL_ICOUNT:-0}" != 1 ] || qemu+=(-icount "shift=0,sleep=off")

# PLUGIN,ARGUMENTS: sees each instruction, see scripts/profile.sh.
[ -z "${REPOLL_PLUGIN:-}" ] || qemu+=(-plugin "$REPOLL_PLUGIN")

case $output in
pipe)
	for name in stdout stderr; do
		qemu+=(-chardev "file,id=$name,path=/mnt/run/$name"
			-device "virtserialport,chardev=$name,name=$name")
	done
	;;
terminal)
	qemu+=(-chardev "stdio,id=tty,signal=off" -device "virtconsole,chardev=tty")
	;;
esac

# share TAG FOLDER CACHE: serves FOLDER to the guest over virtiofs.
share() {
	local tag=$1 socket=/tmp/$1.sock

	/usr/libexec/virtiofsd --socket-path="$socket" --shared-dir="$2" \
		--cache="$3" --sandbox=none --log-level=error &
	for ((i = 0; i < 200; i++)); do
		[ ! -S "$socket" ] || break
		sleep 0.02
	done
	qemu+=(-chardev "socket,id=$tag,path=$socket"
		-device "vhost-user-fs-pci,chardev=$tag,tag=$tag")
}

# The tools never change, the checkout does.
share tools /mnt/tools always
share checkout "$REPOLL_TOP" auto

exec timeout --foreground -k 5 "$deadline" "${qemu[@]}" \
	-kernel /mnt/kernel/vmlinuz -append "$kargs"
