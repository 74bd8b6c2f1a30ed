// SPDX-License-Identifier: GPL-2.0
/* Whoever has a ready ring mapped may write anything there: it is his own loss. */

#include <poll.h>

#include "bad_input.h"
#include "rings.h"
#include "waiter.h"

REPOLL_FIXTURE(ring_hostile);

static int setup_ring(unsigned int entries, unsigned int flags)
{
	struct repoll_ring setup = { .entries = entries, .flags = flags };

	return result(ioctl(ep, REPOLL_IOC_RING, &setup));
}

TEST_F(ring_hostile, requests)
{
	static const unsigned int bad[] = { 0, 1, 4, 7, 9, 24, 65537, 131072, 1U << 31, ~0U };
	struct repoll_ring_enter enter = {};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, setup_ring(bad[i], 0));
	for (int bit = 0; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, setup_ring(8, 1U << bit));
	for (int kind = 0; kind < POINTERS; kind++)
		EXPECT_EQ(kind == READ_ONLY ? -EINVAL : -EFAULT,
			  result(ioctl(ep, REPOLL_IOC_RING, bad_pointer(kind))));
	EXPECT_EQ(-EINVAL, result(ioctl(ep, REPOLL_IOC_RING_ENTER, &enter)));
	/* None of that has made a ring. */
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, setup_ring(8, 0));
	for (int kind = 0; kind < READ_ONLY; kind++)
		EXPECT_EQ(-EFAULT, result(ioctl(ep, REPOLL_IOC_RING_ENTER, bad_pointer(kind))));
	for (int bit = 1; bit < 32; bit++) {
		enter.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, result(ioctl(ep, REPOLL_IOC_RING_ENTER, &enter)));
	}
	enter.flags = 0;
	enter.sigmask = 8;
	enter.sigsetsize = 8;
	EXPECT_EQ(-EFAULT, result(ioctl(ep, REPOLL_IOC_RING_ENTER, &enter)));
}

/* The size cannot be stored: there is no ring. */
TEST_F(ring_hostile, size_cannot_be_stored)
{
	struct repoll_ring *setup = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, setup);
	setup->entries = 8;
	MUST(mprotect(setup, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, result(ioctl(ep, REPOLL_IOC_RING, setup)));
	EXPECT_EQ(0, ready(ep));
}

static int map_errno(size_t size, int prot, int flags, off_t offset)
{
	void *map = mmap(NULL, size, prot, flags, ep, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

TEST_F(ring_hostile, mappings)
{
	enum { RW = PROT_READ | PROT_WRITE, SIZE = 2 * PAGE };
	char *map;

	EXPECT_EQ(-ENODEV, map_errno(SIZE, RW, MAP_SHARED, 0));
	ASSERT_EQ(0, setup_ring(8, 0));
	EXPECT_EQ(-EINVAL, map_errno(PAGE, RW, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map_errno(3 * PAGE, RW, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map_errno(SIZE, RW, MAP_SHARED, PAGE));
	EXPECT_EQ(-EINVAL, map_errno(SIZE, RW, MAP_PRIVATE, 0));
	EXPECT_EQ(-EPERM, map_errno(SIZE, RW | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_EQ(0, map_errno(SIZE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, map_errno(SIZE, RW, MAP_SHARED, 0));
	map = mmap(NULL, SIZE, RW, MAP_SHARED, ep, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-EACCES, result(mprotect(map, SIZE, PROT_READ | PROT_EXEC)));
	EXPECT_EQ(MAP_FAILED, mremap(map, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, munmap(map + PAGE, PAGE));
	EXPECT_EQ(0, munmap(map, PAGE));
}

/* No call hangs, whatever the head is; and when it is right again, so is all else. */
TEST_F(ring_hostile, head)
{
	int fd = new_eventfd(1);
	uint32_t head;

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	head = ring.header->head;
	for (int bit = 0; bit < 32; bit++) {
		ring.header->head = head ^ 1U << bit;
		EXPECT_GE(8, enter(0));
		EXPECT_GE(8, enter(1));
		poll_in(ep);
		post(fd);
		ring.header->head = head;
		EXPECT_EQ(EPOLLIN, pop_events());
		EXPECT_EQ(1, enter(0));
		head = ring.header->head;
	}
}

/* Slots that are never free: the ring is full, and a call says so. */
TEST_F(ring_hostile, words)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (unsigned int i = 0; i <= ring.mask; i++)
		ring.entries[i].word |= 1;
	post(fd);
	EXPECT_TRUE(repoll_ring_more(&ring));
	EXPECT_LE(1, enter(-1));
	EXPECT_EQ(1, poll_in(ep));
	memset(ring.header, 0xff, sizeof(*ring.header));
	memset(ring.entries, 0xff, 8 * sizeof(ring.entries[0]));
	EXPECT_LE(1, enter(-1));
	post(fd);
	EXPECT_LE(1, enter(-1));
	EXPECT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(0, del(ep, fd));
}

/* A thread that scribbles all over it all the time, beside another instance. */
static volatile bool stop;

static void *scribble(void *arg)
{
	unsigned int seed = 1;
	uint32_t *words = (uint32_t *)ring.header;

	while (!stop) {
		seed = seed * 1103515245 + 12345;
		words[seed >> 8 & 15] = seed;
		words[REPOLL_RING_OFFSET / 4 + (seed >> 12 & 31)] = seed >> (seed & 31);
	}
	return arg;
}

TEST_F(ring_hostile, scribbler)
{
	int64_t end = now_ns() + 2 * NSEC_PER_SEC;
	struct repoll_ring_map good;
	int other = create(), fds[12];
	struct epoll_event event;
	pthread_t thread;

	new_ring(8);
	ASSERT_EQ(0, repoll_ring_setup(other, 16, &good));
	for (int i = 0; i < 12; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | (i & 1 ? EPOLLET : 0)));
		ASSERT_EQ(0, add(other, fds[i], EPOLLIN | EPOLLET));
	}
	errno = pthread_create(&thread, NULL, scribble, NULL);
	MUST(errno ? -1 : 0);
	while (now_ns() < end) {
		for (int i = 0; i < 12; i++) {
			post(fds[i]);
			EXPECT_EQ(1, repoll_ring_pop(&good, &event));
			EXPECT_EQ(fds[i], event.data.fd);
			EXPECT_GE(8, enter(0));
			EXPECT_EQ(0, mod(ep, fds[i], EPOLLIN | (i & 1 ? EPOLLET : 0)));
			drain(fds[i]);
		}
		EXPECT_EQ(0, repoll_ring_pop(&good, &event));
		EXPECT_GE(8, enter(1));
	}
	stop = true;
	pthread_join(thread, NULL);
	for (int i = 0; i < 12; i++)
		EXPECT_EQ(0, del(ep, fds[i]));
	EXPECT_EQ(0, registrations(ep));
	close(other);
}

TEST_HARNESS_MAIN
