# SPDX-License-Identifier: GPL-2.0
#
# Makes a program, $(program), of the .c files of a folder and of librepoll, in $(O).
# $(cppflags), $(libs): what it needs besides. With $(KSRC), a kernel's source, also of
# the harness, of which no more is used then than what the helpers of
# eventpoll_test.h are made of. Static: the guest's libc need not be the one that built
# the program, and nothing of the loader's work is in a figure.

O ?= .

testing := ..
lib := $(testing)/../lib/repoll

CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -Wall -Wextra -Werror -Wno-sign-compare -MMD -MP -pthread
override CPPFLAGS += -D_GNU_SOURCE -I$(testing)/../../include/uapi -I$(lib) \
	-I$(testing)/include -I$(testing)/selftests/repoll $(cppflags)
ifdef KSRC
override CFLAGS += -Wno-unused-function
# The harness is made for programs of one file: it defines a variable.
override CPPFLAGS += -I$(KSRC)/tools/testing/selftests -D_fixture_global=fixture_of_$(*F)
endif

objs := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard *.c)))

.PHONY: all clean FORCE
all: $(O)/$(program)

$(O):
	mkdir -p $@

$(O)/librepoll.a: FORCE | $(O)
	$(MAKE) -C $(lib) O=$(abspath $(O)) $(abspath $@)

$(O)/%.o: %.c Makefile $(testing)/include/program.mk | $(O)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(O)/$(program): $(objs) $(O)/librepoll.a
	$(CC) $(CFLAGS) -static -o $@ $^ $(libs)

clean:
	rm -f $(objs) $(objs:.o=.d) $(O)/$(program)

-include $(objs:.o=.d)
