# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The host: what it lacks, and root, real or of a user namespace.

HOST_PACKAGES=(mmdebstrap)

# as_root COMMAND...: root may own files of several users and mount. Somebody
# else gets the same from a user namespace with the ids of /etc/subuid.
as_root() {
	if ((EUID == 0)); then
		"$@"
	else
		unshare --user --map-root-user --map-auto "$@"
	fi
}

host_missing() {
	((EUID == 0)) || command -v newuidmap >/dev/null || return 0
	! command -v mmdebstrap >/dev/null
}

host_install() {
	export DEBIAN_FRONTEND=noninteractive

	apt-get update
	apt-get install -y --no-install-recommends "${HOST_PACKAGES[@]}"
}

# Makes sure that the host has what the tool root is made with.
host_ensure() {
	((EUID == 0)) || HOST_PACKAGES+=(uidmap)
	host_missing || return 0
	((EUID == 0)) ||
		die "please type: sudo apt-get install -y ${HOST_PACKAGES[*]}"
	command -v apt-get >/dev/null ||
		die "this host has no apt-get; install mmdebstrap and start again"
	step host "installing ${HOST_PACKAGES[*]} on this host" host_install
}
