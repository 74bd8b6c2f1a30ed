// SPDX-License-Identifier: GPL-2.0
/* An instance polled through io_uring, by raw system calls. */
#include <linux/io_uring.h>

#include "waiter.h"

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

FIXTURE(io_uring) {
	struct ring ring;
};

FIXTURE_VARIANT(io_uring) { const struct backend *backend; };
EVENTPOLL_VARIANT(io_uring, epoll);
EVENTPOLL_VARIANT(io_uring, repoll);

enum { ENTRIES = 8 };

static int open_ring(struct ring *ring)
{
	struct io_uring_params params = {};
	size_t sq_size, cq_size;
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0)
		return -errno;
	sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned int);
	cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	sq = mmap(NULL, sq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return -errno;
	ring->sq_tail = (void *)(sq + params.sq_off.tail);
	ring->sq_mask = (void *)(sq + params.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + params.sq_off.array);
	ring->cq_head = (void *)(cq + params.cq_off.head);
	ring->cq_tail = (void *)(cq + params.cq_off.tail);
	ring->cq_mask = (void *)(cq + params.cq_off.ring_mask);
	ring->cqes = (void *)(cq + params.cq_off.cqes);
	return 0;
}

static void submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *ring->sq_tail, index = tail & *ring->sq_mask;

	ring->sqes[index] = *sqe;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0));
}

static void submit_poll(struct ring *ring, int fd, uint32_t events, bool multishot)
{
	submit(ring, &(struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.poll32_events = events,
		.len = multishot ? IORING_POLL_ADD_MULTI : 0,
		.user_data = 1,
	});
}

/* Is a completion there? Runs what the kernel left for this task to do. */
static bool completed(struct ring *ring)
{
	syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	return *ring->cq_head != __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
}

/* Wait for a completion and take it: its result, and its IORING_CQE_F_* if asked. */
static int complete(struct ring *ring, unsigned int *flags)
{
	struct io_uring_cqe *cqe;
	int res;

	MUST(syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	cqe = &ring->cqes[*ring->cq_head & *ring->cq_mask];
	res = cqe->res;
	if (flags)
		*flags = cqe->flags;
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
	return res;
}

FIXTURE_SETUP(io_uring)
{
	int ret = open_ring(&self->ring);

	backend = variant->backend;
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "io_uring: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
	ep = create();
	ASSERT_LE(0, ep) {
		TH_LOG("%s: %s", backend->name, strerror(-ep));
	}
}

FIXTURE_TEARDOWN(io_uring)
{
	close(self->ring.fd);
	close(ep);
}

TEST_F(io_uring, poll_of_a_ready_instance_completes_at_once)
{
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	EXPECT_EQ(POLLIN, complete(&self->ring, NULL));
}

TEST_F(io_uring, poll_completes_when_the_instance_becomes_ready)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	EXPECT_FALSE(completed(&self->ring));
	post(fd);
	EXPECT_EQ(POLLIN, complete(&self->ring, NULL));
	/* Once: it is not armed any more. */
	drain(fd);
	post(fd);
	EXPECT_FALSE(completed(&self->ring));
}

TEST_F(io_uring, multishot_poll_completes_each_time)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	submit_poll(&self->ring, ep, POLLIN, true);
	for (int i = 0; i < 5; i++) {
		unsigned int flags;

		post(fd);
		EXPECT_EQ(POLLIN, complete(&self->ring, &flags) & POLLIN);
		EXPECT_EQ(IORING_CQE_F_MORE, flags & IORING_CQE_F_MORE);
		EXPECT_EQ(1, ready(ep));
	}
}

TEST_F(io_uring, ring_in_the_instance_it_polls)
{
	int fd = new_eventfd(0);

	/* The ring polls the instance, and the instance the ring. */
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, self->ring.fd, EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	post(fd);
	EXPECT_EQ(POLLIN, complete(&self->ring, NULL));
	drain(fd);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(io_uring, close_of_the_ring_ends_its_poll)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	close(self->ring.fd);
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(io_uring, armed_poll_keeps_a_closed_instance)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	close(ep);
	post(fd);
	EXPECT_EQ(POLLIN, complete(&self->ring, NULL));
}

/* A file that io_uring closes was closed like any other. */
TEST_F(io_uring, close_through_the_ring_removes)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	submit(&self->ring, &(struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = fd });
	EXPECT_EQ(0, complete(&self->ring, NULL));
	for (int i = 0; i < 500 && registrations(ep); i++)
		sleep_ms(10);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(io_uring, sleeping_waiter_is_woken_beside_an_armed_poll)
{
	int fd = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	submit_poll(&self->ring, ep, POLLIN, false);
	waiter_start(&w, ep, -1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(POLLIN, complete(&self->ring, NULL));
}

TEST_HARNESS_MAIN
