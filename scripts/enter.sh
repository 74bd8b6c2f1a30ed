#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# enter.sh COMMAND...: the inner half of toolroot_run(), in namespaces of its
# own: mounts what belongs inside the tool root and runs COMMAND there.
set -eu

root=$REPOLL_ROOT

# bind FROM TO: FROM appears at TO.
bind() {
	mkdir -p "$2"
	mount --bind "$1" "$2"
}

mount --rbind /dev "$root/dev"
# A container may forbid a fresh /proc.
mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
bind "$REPOLL_TOP" "$root$REPOLL_TOP"
bind "$REPOLL_CACHE" "$root/mnt/cache"
[ -z "$REPOLL_KERNEL_DIR" ] || bind "$REPOLL_KERNEL_DIR" "$root/mnt/kernel"

# A guest's root: the tree as it is on disk, nothing of the above, read-only; or another
# tree, which is the guest's own.
if [ -n "$REPOLL_RUN" ]; then
	mkdir -p "${REPOLL_GUEST_ROOT:-$root}/mnt/run"
	bind "$REPOLL_RUN" "$root/mnt/run"
	bind "${REPOLL_GUEST_ROOT:-$root}" "$root/mnt/tools"
	mount --bind "$REPOLL_RUN" "$root/mnt/tools/mnt/run"
	if [ -z "${REPOLL_GUEST_ROOT:-}" ]; then
		mount -o remount,bind,ro "$root/mnt/tools"
		modules=usr/lib/modules/$(cat "$REPOLL_KERNEL_DIR/release")
		mkdir -p "$root/$modules"
		mount --bind "$REPOLL_KERNEL_DIR/modules" "$root/mnt/tools/$modules"
	fi
fi

# The network is the host's of today, not of the day the root was made.
for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
	if [ -e "$file" ] && [ -e "$root$file" ]; then
		mount --bind "$(readlink -f "$file")" "$root$file"
	fi
done

for name in $(env | sed -n 's/^\(REPOLL_[A-Z0-9_]*\|[a-z]*_proxy\|TERM\)=.*/\1/p'); do
	eval "value=\$$name"
	# shellcheck disable=SC2154 # set by the eval
	set -- "$name=$value" "$@"
done
exec chroot "$root" env -i -C "$REPOLL_TOP" \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/tmp LANG=C.UTF-8 "$@"
