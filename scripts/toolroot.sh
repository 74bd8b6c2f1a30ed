# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The tool root: a Debian tree with every tool in it, the same on every host.
# Everything is built, and every guest is started, inside it.

. scripts/host.sh
. scripts/cache.sh

TOOLROOT_SUITE=trixie

TOOLROOT_PACKAGES=(
	# the module, as Debian builds its kernel
	gcc make rustc rust-src bindgen clang-19 lld-19 flex bison bc libelf-dev
	libssl-dev cpio kmod pahole python3 perl xz-utils zstd
	# the library, the tests and the samples; 32-bit callers too
	libc6-dev gcc-multilib g++ cargo librust-libc-dev librust-bitflags-dev
	pkgconf libcap-dev liburing-dev
	# kernels with sanitizers; the model checker and the sanitizer of make test-host
	llvm-19 librust-loom-dev libclang-rt-19-dev
	# style
	rustfmt rust-clippy shellcheck pyflakes3 mandoc
	# the guest: its machine, then what runs in it
	qemu-system-x86 virtiofsd busybox-static
	mount iproute2 procps util-linux libcap2-bin redis-server redis-tools
	ca-certificates
	# make bench: programs to measure, what measures them, and charts
	nginx-light wrk memcached libmemcached-tools linux-perf python3-matplotlib
)

# Leaves the archive's backports suite in the tree, for kernel-prepare.sh: where
# mmdebstrap took the packages from is where the kernels are. Runs on the host,
# $1 is the tree.
# shellcheck disable=SC2016 # expanded by the hook's shell, by apt and by awk
TOOLROOT_HOOK='chroot "$1" apt-get indextargets \
	--format "\$(REPO_URI) \$(CODENAME) \$(COMPONENT) \$(SIGNED_BY)" "Created-By: Packages" |
	awk '"'"'$2 !~ /-/ && $3 == "main" {
		key = $4 ~ /^\// ? "[signed-by=" $4 "] " : ""
		print "deb " key $1 " " $2 "-backports main"
	}'"'"' | sort -u >"$1/etc/apt/backports.list"'

# The documents have a small root of their own: who wants only them waits for nothing else.
DOCROOT_PACKAGES=(python3-sphinx graphviz mandoc make)

# Finds the tool root, made first if it is missing: sets TOOLROOT.
toolroot_ensure() {
	toolroot_find toolroot "tool root: Debian $TOOLROOT_SUITE with all tools (0.6 GB to download)" \
		"$TOOLROOT_HOOK" "${TOOLROOT_PACKAGES[@]}"
}

# The same of the one for documents.
docroot_ensure() {
	toolroot_find docroot "tool root of the documents: Debian $TOOLROOT_SUITE with Sphinx (0.1 GB to download)" \
		true "${DOCROOT_PACKAGES[@]}"
}

# toolroot_find KIND WHAT HOOK PACKAGE...: sets TOOLROOT to a tree with these packages.
toolroot_find() {
	local kind=$1 what=$2 hook=$3 key
	shift 3

	key=$(cache_key "$TOOLROOT_SUITE" "$@" "$hook" "$EUID")
	TOOLROOT=$CACHE/$kind/$key
	[ -e "$TOOLROOT" ] || host_ensure
	cache_entry "$kind" "$key" "$what" toolroot_build "$(IFS=,; echo "$*")" "$hook"
}

# toolroot_build PACKAGE,... HOOK FOLDER
toolroot_build() {
	# mmdebstrap mounts inside the tree: in a namespace, so that nothing is
	# left mounted there should it be killed.
	as_root unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		mmdebstrap --mode=root --variant=apt --include="$1" \
		--customize-hook="$2" \
		"$TOOLROOT_SUITE" "$3"
}

# toolroot_versions PACKAGE...: the versions of packages in the tool root.
toolroot_versions() {
	dpkg-query --admindir="$TOOLROOT/var/lib/dpkg" --show "$@"
}

# toolroot_run COMMAND...: runs COMMAND inside, from the top of the checkout.
#
# The checkout is at its own path, the cache at /mnt/cache, the kernel at
# /mnt/kernel and the folder of a guest's run at /mnt/run. Mounts and processes
# end with the command: both namespaces are its own.
toolroot_run() {
	as_root env REPOLL_ROOT="$TOOLROOT" REPOLL_TOP="$TOP" REPOLL_CACHE="$CACHE" \
		REPOLL_KERNEL_DIR="${KERNEL:-}" REPOLL_RUN="${RUN:-}" \
		unshare --mount --propagation private --pid --fork --kill-child \
		sh -e "$TOP/scripts/enter.sh" "$@"
}
