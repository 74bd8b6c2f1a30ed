// SPDX-License-Identifier: GPL-2.0
#include <liburing.h>
#include <poll.h>

#include "bench.h"
#include "ring.h"

static struct io_uring ring;

/* liburing returns the errno. */
static int checked(int ret)
{
	if (ret < 0)
		DIE("io_uring: %s", strerror(-ret));
	return ret;
}

void ring_watch(const int *fds, int n)
{
	/* The work for an event is done by the wait, not by the write that caused it. */
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	};

	checked(io_uring_queue_init_params(1024, &ring, &params));
	for (int i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_poll_multishot(sqe, fds[i], POLLIN);
		io_uring_sqe_set_data64(sqe, fds[i]);
		if (i % 256 == 255 || i == n - 1)
			checked(io_uring_submit(&ring));
	}
}

void ring_wait(long times)
{
	while (times--) {
		struct io_uring_cqe *cqe;
		unsigned int head, n = 0;

		if (param)
			checked(io_uring_submit_and_wait(&ring, param));
		else
			checked(io_uring_get_events(&ring));
		io_uring_for_each_cqe(&ring, head, cqe) {
			if (!(cqe->flags & IORING_CQE_F_MORE))
				DIE("a multishot poll has ended: %d", cqe->res);
			n++;
		}
		if (n != param)
			DIE("%u instead of %ld completions", n, param);
		io_uring_cq_advance(&ring, n);
	}
}

int ring_take(bool block)
{
	struct io_uring_cqe *cqe;
	int fd;

	checked(io_uring_submit_and_wait(&ring, block));
	checked(io_uring_peek_cqe(&ring, &cqe));
	fd = io_uring_cqe_get_data64(cqe);
	io_uring_cqe_seen(&ring, cqe);
	return fd;
}
