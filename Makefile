# SPDX-License-Identifier: GPL-2.0
#
# make help says what there is. The kernel's own build reads Kbuild, not this.

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: repoll: an eventpoll in Rust for Linux
#:
#:   make run              set up, then compare epoll and repoll in a guest
#:   make test             build, boot, run all tests: KERNEL=... for another kernel than
#:                         Debian's cloud-amd64: amd64, rt-amd64, debug, kcsan
#:   make test-kernels     that on each of Debian's flavours, for the table in README.md
#:   make test-host        the ready protocol under a model checker, no guest
#:   make test-debug       all tests on a kernel with KASAN, lockdep and others,
#:                         those with threads also on one with KCSAN
#:   make test-long        all of that, and what takes hours: the stress test on
#:                         each kernel, a million operations of the fuzzer
#:   make stress           threads that race, on both: SEED=... ROUNDS=...
#:   make latency          the longest that a hostile user has interrupts off and
#:                         locks held, in-tree and here: MAX=...
#:   make vm CMD="..."     run a shell command in a guest, the module loaded
#:   make shell            an interactive shell there
#:   make fuzz             random operations on both: SEED=... OPS=...
#:   make fuzz-planted     check that the fuzzer finds bugs that were planted
#:   make stress-planted   check that the stress test does: NAME=... for one bug
#:   make test-readme      run the commands of README.md
#:   make test-runner      check that make test notices what it should
#:   make bench            what operations cost, on both: BENCH=... METHOD=...
#:   make bench-check      compare with what they cost before: UPDATE=1
#:   make profile          where that goes, function by function: BENCH=...
#:   make style            rustfmt, clippy, checkpatch, shellcheck, mandoc
#:   make htmldocs         Documentation and the man pages as HTML: build/html
#:   make tools            the library, the interposer and the samples only
#:   make deb              Debian packages, the module's source for DKMS: build/deb
#:   make test-deb         install them in a fresh Debian, use and purge them
#:   make install          library, interposer, headers, pkg-config file, man pages and
#:                         repollstat, built by this system: PREFIX=... DESTDIR=...
#:   make uninstall        remove those, with the same settings
#:   make clean            remove build/
#:
#: for a kernel tree of your own, built with Rust:
#:   make KDIR=... modules
#:   make KDIR=... modules_install
#:
#: Everything else is kept in $XDG_CACHE_HOME/repoll (default ~/.cache/repoll).

# Before anything that builds: which kernel.
ifdef KERNEL
override export REPOLL_KERNEL := $(KERNEL)
unexport KERNEL
endif

run test test-kernels test-host test-runner test-readme style htmldocs tools deb test-deb:
	@scripts/$@.sh

test-long:
	@scripts/sets.sh scripts/test.sh scripts/test-host.sh scripts/test-runner.sh scripts/htmldocs.sh \
		'REPOLL_KERNEL=debug scripts/test.sh' 'REPOLL_KERNEL=kcsan scripts/test.sh' \
		'SEED=1 OPS=1000000 scripts/fuzz.sh' 'scripts/planted.sh fuzz' 'scripts/planted.sh stress' \
		'ROUNDS=5 scripts/stress.sh --seconds 10' \
		'REPOLL_KERNEL=debug ROUNDS=5 scripts/stress.sh --seconds 10 --bound 60' \
		'REPOLL_KERNEL=kcsan ROUNDS=5 scripts/stress.sh --seconds 10 --bound 60'

test-debug:
	@scripts/sets.sh 'REPOLL_KERNEL=debug scripts/test.sh' 'REPOLL_KERNEL=kcsan scripts/test.sh'

fuzz fuzz-planted stress stress-planted: override export SEED := $(SEED)
fuzz fuzz-planted: override export OPS := $(OPS)
fuzz:
	@scripts/$@.sh

fuzz-planted stress-planted: override export NAME := $(NAME)
fuzz-planted stress-planted:
	@scripts/planted.sh $(@:-planted=)

stress: override export ROUNDS := $(ROUNDS)
stress:
	@scripts/stress.sh

bench bench-check profile: override export BENCH := $(BENCH)
bench bench-check profile: override export METHOD := $(METHOD)
bench bench-check profile: override export UPDATE := $(UPDATE)
bench bench-check profile:
	@scripts/$@.sh

latency: override export MAX := $(MAX)
latency:
	@scripts/latency.sh

# $(value): the command as it was typed, dollar signs and all.
vm shell: override export CMD := $(value CMD)
vm:
	@scripts/vm.sh
shell:
	@scripts/vm.sh shell

# With the compiler of the system that they are for, and not with the tool root's.
PREFIX ?= /usr/local
INSTALL_FROM ?= build/host

install uninstall:
	@for dir in tools/lib/repoll tools/repollstat man; do \
		$(MAKE) --no-print-directory -C $$dir O='$(abspath $(INSTALL_FROM))' prefix='$(PREFIX)' $@ || exit; \
	done

# M and MO are what make a build of the kernel one of an external module; with
# MO the results are all in one place. The kernel wants absolute names.
KDIR ?= /lib/modules/$(shell uname -r)/build
MO := $(CURDIR)/build/module

modules modules_install:
	@mkdir -p $(MO)
	$(MAKE) -C $(KDIR) M=$(CURDIR) MO=$(MO) $@

clean:
	rm -rf build

.PHONY: help run test test-kernels test-host test-debug test-long test-readme fuzz fuzz-planted stress stress-planted bench bench-check profile latency test-runner style htmldocs tools deb test-deb install uninstall vm shell modules modules_install clean
