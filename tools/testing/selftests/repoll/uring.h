/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring by raw system calls: as much of it as polls files. */
#ifndef REPOLL_URING_H
#define REPOLL_URING_H

#include <linux/io_uring.h>
#include <sys/mman.h>

#include "eventpoll_test.h"

struct uring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

enum { URING_ENTRIES = 8 };

/* 0, or what io_uring_setup() says: -ENOSYS or -EPERM where there is none. */
static inline int uring_open(struct uring *ring)
{
	struct io_uring_params params = {};
	size_t sq_size, cq_size;
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, URING_ENTRIES, &params);
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

static inline void uring_submit(struct uring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *ring->sq_tail, index = tail & *ring->sq_mask;

	ring->sqes[index] = *sqe;
	ring->sq_array[index] = index;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0));
}

/* Its completions carry @fd. */
static inline void uring_poll(struct uring *ring, int fd, uint32_t events, bool multishot)
{
	uring_submit(ring, &(struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.poll32_events = events,
		.len = multishot ? IORING_POLL_ADD_MULTI : 0,
		.user_data = fd,
	});
}

/* Is a completion there? Runs what the kernel left for this task to do. */
static inline bool uring_completed(struct uring *ring)
{
	syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	return *ring->cq_head != __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE);
}

struct completion {
	int res;
	unsigned int flags;
	uint64_t user_data;
};

/* Wait for a completion and take it. */
static inline struct completion uring_take(struct uring *ring)
{
	const struct io_uring_cqe *cqe;
	struct completion completion;

	MUST(syscall(SYS_io_uring_enter, ring->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	cqe = &ring->cqes[*ring->cq_head & *ring->cq_mask];
	completion = (struct completion){ cqe->res, cqe->flags, cqe->user_data };
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
	return completion;
}

#endif /* REPOLL_URING_H */
