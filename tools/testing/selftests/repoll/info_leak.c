// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel writes to a caller's memory: the fields that it documents, all of
 * them and nothing else, nothing of the kernel's own.
 */
#include <stddef.h>

#include "bad_input.h"

EVENTPOLL_FIXTURE(info_leak);

/* What memory is filled with before a call: 0x00, 0x55, 0xaa, 0xff. */
#define EACH_FILL(fill)	for (int fill = 0; fill <= 0xff; fill += 0x55)

/* The offset of the first byte that is not what it was filled with, -1 if all are. */
static int changed(const void *from, const void *to, unsigned char fill)
{
	for (const unsigned char *p = from; p < (const unsigned char *)to; p++) {
		if (*p != fill)
			return p - (const unsigned char *)from;
	}
	return -1;
}

/* More than are copied out at a time. */
enum { READY = 20, ROOM = 24, GUARD = 64 };

#define DATA(i)	(0x1122334455667700ULL + (i))

static void watch_ready_files(void)
{
	for (int i = 0; i < READY; i++)
		MUST(ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, DATA(i)));
}

TEST_F(info_leak, wait_writes_the_fields_of_its_events_only)
{
	watch_ready_files();
	EACH_FILL(fill) {
		/* An odd address, for good measure. */
		for (size_t shift = 0; shift < 2; shift++) {
			char memory[GUARD + ROOM * sizeof(struct epoll_event) + GUARD];
			char *array = memory + GUARD + shift;
			uint64_t seen = 0;

			memset(memory, fill, sizeof(memory));
			ASSERT_EQ(READY, harvest(ep, (void *)array, ROOM, 0));
			EXPECT_EQ(-1, changed(memory, array, fill));
			EXPECT_EQ(-1, changed(array + READY * sizeof(struct epoll_event),
					      memory + sizeof(memory), fill));
			for (int i = 0; i < READY; i++) {
				const char *event = array + i * sizeof(struct epoll_event);
				uint32_t bits;
				uint64_t data;

				memcpy(&bits, event + offsetof(struct epoll_event, events), 4);
				memcpy(&data, event + offsetof(struct epoll_event, data), 8);
				EXPECT_EQ(EPOLLIN, bits);
				ASSERT_LE(DATA(0), data);
				ASSERT_GT(DATA(READY), data);
				seen |= 1ULL << (data - DATA(0));
				/* Between the fields, if there is anything. */
				EXPECT_EQ(-1, changed(event + 4,
						      event + offsetof(struct epoll_event, data),
						      fill));
			}
			EXPECT_EQ((1ULL << READY) - 1, seen);
		}
	}
}

TEST_F(info_leak, wait_writes_no_more_events_than_asked_for)
{
	watch_ready_files();
	EACH_FILL(fill) {
		struct epoll_event events[ROOM];

		for (int max = 1; max < READY; max++) {
			memset(events, fill, sizeof(events));
			ASSERT_EQ(max, harvest(ep, events, max, 0));
			EXPECT_EQ(-1, changed(&events[max], &events[ROOM], fill));
		}
	}
}

TEST_F(info_leak, wait_without_events_writes_nothing)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EACH_FILL(fill) {
		struct epoll_event events[ROOM];

		memset(events, fill, sizeof(events));
		EXPECT_EQ(0, harvest(ep, events, ROOM, 0));
		EXPECT_EQ(0, harvest(ep, events, ROOM, 1));
		/* A file that was ready, and is no more. */
		post(fd);
		drain(fd);
		EXPECT_EQ(0, harvest(ep, events, ROOM, 0));
		EXPECT_EQ(-EINVAL, harvest(ep, events, 0, 0));
		EXPECT_EQ(-1, changed(events, events + ROOM, fill));
	}
}

/* A page that can only be read from now on, with a copy of @bytes in it. */
static void *read_only(const void *bytes, size_t size)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(page == MAP_FAILED ? -1 : 0);
	memcpy(page, bytes, size);
	MUST(mprotect(page, PAGE, PROT_READ));
	return page;
}

TEST_F(info_leak, event_of_ctl_is_not_written)
{
	struct epoll_event in = { .events = EPOLLIN | EPOLLET, .data.u64 = DATA(0) };
	struct epoll_event *event = read_only(&in, sizeof(in));
	int fd = new_eventfd(0);

	EXPECT_EQ(0, ctl(ep, EPOLL_CTL_ADD, fd, event));
	EXPECT_EQ(0, ctl(ep, EPOLL_CTL_MOD, fd, event));
	EXPECT_EQ(-EEXIST, ctl(ep, EPOLL_CTL_ADD, fd, event));
	EXPECT_EQ(0, ctl(ep, EPOLL_CTL_DEL, fd, event));
}

TEST_F(info_leak, timeout_and_signal_mask_are_not_written)
{
	struct timespec ms = { 0, NSEC_PER_MSEC };
	const struct timespec *timeout = read_only(&ms, sizeof(ms));
	struct epoll_event event;
	sigset_t none;
	const sigset_t *mask;

	sigemptyset(&none);
	mask = read_only(&none, sizeof(none));
	EXPECT_EQ(0, result(backend->pwait2(ep, &event, 1, timeout, mask)));
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(1, result(backend->pwait2(ep, &event, 1, timeout, mask)));
}

/* Addresses of the kernel have the upper bits set, and are not those of errors. */
static bool is_kernel_address(unsigned long long number)
{
	return number >= 0xff00000000000000ULL && number < -4096ULL;
}

/* Is there such a number, in hexadecimal, in the text? */
static bool has_kernel_address(const char *text)
{
	while (*text) {
		size_t digits = strspn(text, "0123456789abcdefABCDEF");

		if (digits >= 8 && is_kernel_address(strtoull(text, NULL, 16)))
			return true;
		text += digits ? digits : 1;
	}
	return false;
}

TEST_F(info_leak, fdinfo_has_no_kernel_address)
{
	char path[64], text[8192];
	int fds[2], nested = create(), fd;
	ssize_t len;

	EXPECT_TRUE(has_kernel_address("tfd: 3 data: ffff888012345678"));
	EXPECT_FALSE(has_kernel_address("data: 1122334455667700 -1 ffffffffffffffff"));

	watch_ready_files();
	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, nested, EPOLLIN));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	len = MUST(read(fd, text, sizeof(text) - 1));
	text[len] = 0;
	close(fd);
	ASSERT_EQ(READY + 2, registrations(ep));
	EXPECT_FALSE(has_kernel_address(text)) {
		TH_LOG("%s", text);
	}
}

/* What in-tree epoll has in registers, or not at all. */
REPOLL_FIXTURE(request_leak);

TEST_F(request_leak, request_is_not_written)
{
	struct epoll_event in = { .events = EPOLLIN }, out;
	struct repoll_ctl ctl = {
		.op = EPOLL_CTL_ADD, .fd = new_eventfd(1), .event = (uintptr_t)&in,
	};
	struct repoll_wait wait = { .events = (uintptr_t)&out, .maxevents = 1, .timeout = 1 };

	EXPECT_EQ(0, result(ioctl(ep, REPOLL_IOC_CTL, read_only(&ctl, sizeof(ctl)))));
	EXPECT_EQ(1, result(ioctl(ep, REPOLL_IOC_WAIT, read_only(&wait, sizeof(wait)))));
}

TEST_F(request_leak, info_is_written_whole_and_no_further)
{
	EACH_FILL(fill) {
		struct { struct repoll_info info; char guard[GUARD]; } out;
		struct repoll_info other;

		memset(&out, fill, sizeof(out));
		memset(&other, ~fill, sizeof(other));
		ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &out.info));
		ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &other));
		EXPECT_EQ(0, memcmp(&out.info, &other, sizeof(other)));
		EXPECT_EQ(-1, changed(out.guard, out.guard + GUARD, fill));
	}
}

TEST_HARNESS_MAIN
