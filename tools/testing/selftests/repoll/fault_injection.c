// SPDX-License-Identifier: GPL-2.0
/*
 * One failure at a time, at each allocation and each access to user memory that
 * a call makes: it fails with the errno for that, the set is as it was before,
 * and the same call then succeeds. Needs a kernel with fault injection.
 */
#include "fault_injection.h"
#include "timers.h"

EVENTPOLL_FIXTURE(fault_injection);

static void nothing(struct trial *trial)
{
	(void)trial;
}

static int call_add(struct trial *trial)
{
	trial->events->events = EPOLLIN;
	return ctl(ep, EPOLL_CTL_ADD, trial->target, trial->events);
}

static void register_for_out(struct trial *trial)
{
	unregister(trial);
	MUST(add(ep, trial->target, EPOLLPRI) ? -1 : 0);
}

static int call_mod(struct trial *trial)
{
	trial->events->events = EPOLLIN;
	return ctl(ep, EPOLL_CTL_MOD, trial->target, trial->events);
}

static bool still_for_out(struct trial *trial)
{
	(void)trial;
	return registrations(ep) == 1 && ready(ep) == 0;
}

static void register_edge(struct trial *trial)
{
	unregister(trial);
	MUST(add(ep, trial->target, EPOLLIN | EPOLLET) ? -1 : 0);
}

static int call_create(struct trial *trial)
{
	int fd = create();

	(void)trial;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

TEST_F(fault_injection, create_fails_cleanly)
{
	FAULT_INJECTION_OR_SKIP();
	EXPECT_LT(0, try_all(_metadata, TRIAL(-1, nothing, call_create, always)));
}

TEST_F(fault_injection, add_leaves_nothing_and_can_be_retried)
{
	FAULT_INJECTION_OR_SKIP();
	/* The epitem, and the copy of the event. */
	EXPECT_LE(2, try_all(_metadata, TRIAL(new_eventfd(1), unregister, call_add,
					      not_registered)));
}

TEST_F(fault_injection, add_of_a_file_with_two_wait_queues)
{
	int pipe[2], both;
	char path[64];

	FAULT_INJECTION_OR_SKIP();
	new_pipe(pipe);
	put_bytes(pipe[1], 1);
	/* Both ends in one description: it waits on both queues of the pipe. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe[0]);
	both = MUST(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
	EXPECT_LE(3, try_all(_metadata, TRIAL(both, unregister, call_add, not_registered)));
}

TEST_F(fault_injection, add_of_an_instance)
{
	int inner;

	FAULT_INJECTION_OR_SKIP();
	inner = create();
	ASSERT_EQ(0, add(inner, new_eventfd(1), EPOLLIN));
	EXPECT_LE(2, try_all(_metadata, TRIAL(inner, unregister, call_add, not_registered)));
}

TEST_F(fault_injection, add_of_an_in_tree_instance)
{
	struct epoll_event event = { .events = EPOLLIN };
	int inner;

	FAULT_INJECTION_OR_SKIP();
	inner = MUST(epoll_create1(EPOLL_CLOEXEC));
	MUST(epoll_ctl(inner, EPOLL_CTL_ADD, new_eventfd(1), &event));
	EXPECT_LE(2, try_all(_metadata, TRIAL(inner, unregister, call_add, not_registered)));
}

TEST_F(fault_injection, mod_changes_nothing)
{
	FAULT_INJECTION_OR_SKIP();
	EXPECT_LE(1, try_all(_metadata, TRIAL(new_eventfd(1), register_for_out, call_mod,
					      still_for_out)));
}

TEST_F(fault_injection, wait_loses_no_edge)
{
	FAULT_INJECTION_OR_SKIP();
	EXPECT_LE(1, try_all(_metadata, TRIAL(new_eventfd(1), register_edge, call_wait, always)));
}

/* An ADD with one wait queue, one with two, a MOD and a DEL. */
static struct repoll_op ops[4];

static void prepare_batch(struct trial *trial)
{
	struct epoll_event event = { .events = EPOLLPRI };

	(void)trial;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		repoll_ctl(ep, EPOLL_CTL_DEL, ops[i].fd, NULL);
		if (ops[i].op != EPOLL_CTL_ADD)
			MUST(repoll_ctl(ep, EPOLL_CTL_ADD, ops[i].fd, &event));
	}
}

/* Some failures come when all has been done, and only cannot be told: EFAULT then. */
static bool is_batch_done(void)
{
	return registrations(ep) == 3 && ready(ep) == 3;
}

static bool is_batch_undone(struct trial *trial)
{
	if (is_batch_done())
		prepare_batch(trial);
	return registrations(ep) == 2 && ready(ep) == 0;
}

static int call_atomic_batch(struct trial *trial)
{
	int ret = result(repoll_batch(ep, ops, ARRAY_SIZE(ops), REPOLL_BATCH_ATOMIC));

	(void)trial;
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].result && ops[i].result != -ECANCELED)
			return ops[i].result;
	}
	return ret == ARRAY_SIZE(ops) ? 0 : -EIO;
}

static bool is_any_part_done(struct trial *trial)
{
	bool sane = registrations(ep) >= 1 && registrations(ep) <= 4;

	prepare_batch(trial);
	return sane;
}

static int call_batch(struct trial *trial)
{
	int ret = result(repoll_batch(ep, ops, ARRAY_SIZE(ops), 0)), first = 0;

	(void)trial;
	if (ret < 0)
		return ret;
	for (int i = ARRAY_SIZE(ops) - 1; i >= 0; i--) {
		ret += !!ops[i].result;
		first = ops[i].result ?: first;
	}
	return ret == ARRAY_SIZE(ops) ? first : -EIO;
}

static void make_batch(void)
{
	int pipe[2];
	char path[64];

	new_pipe(pipe);
	put_bytes(pipe[1], 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe[0]);
	ops[0] = (struct repoll_op){ .op = EPOLL_CTL_ADD, .fd = new_eventfd(1) };
	ops[1] = (struct repoll_op){ .op = EPOLL_CTL_ADD,
				     .fd = MUST(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)) };
	ops[2] = (struct repoll_op){ .op = EPOLL_CTL_MOD, .fd = new_eventfd(1) };
	ops[3] = (struct repoll_op){ .op = EPOLL_CTL_DEL, .fd = new_eventfd(1) };
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i].events = EPOLLIN;
}

/* What only repoll has. */
REPOLL_FIXTURE(batch_injection);

TEST_F(batch_injection, atomic_batch_is_done_or_undone)
{
	FAULT_INJECTION_OR_SKIP();
	make_batch();
	/* Two epitems, a second hook, and the accesses to the array. */
	EXPECT_LE(5, try_all(_metadata, TRIAL(-1, prepare_batch, call_atomic_batch,
					      is_batch_undone)));
}

TEST_F(batch_injection, batch_can_be_retried)
{
	FAULT_INJECTION_OR_SKIP();
	make_batch();
	EXPECT_LE(3, try_all(_metadata, TRIAL(-1, prepare_batch, call_batch,
					      is_any_part_done)));
}

static void cancel_it(struct trial *trial)
{
	cancel_timer(trial->target);
}

static int call_set_timer(struct trial *trial)
{
	return set_timer(trial->target, 3600 * NSEC_PER_SEC, 0, 0);
}

/* As for a batch: it may be set, when that could not be told. */
static bool is_not_set(struct trial *trial)
{
	cancel_it(trial);
	return get_timer(trial->target).result == -ENOENT;
}

static void set_two(struct trial *trial)
{
	for (int i = 0; i < 2; i++)
		MUST(set_timer(trial->target + i, 0, 0, 0) ? -1 : 0);
}

static int call_wait_for_two(struct trial *trial)
{
	int n = harvest(ep, trial->events, 2, 0);

	return n < 0 ? n : n == 2 ? 0 : -EIO;
}

REPOLL_FIXTURE(timer_injection);

TEST_F(timer_injection, set_changes_nothing_and_can_be_retried)
{
	FAULT_INJECTION_OR_SKIP();
	/*
	 * What the first timer needs, and the copies of the request: what has been allocated
	 * when something else fails stays, so that the timer itself comes at another place.
	 */
	EXPECT_LE(4, try_all(_metadata, TRIAL(1, cancel_it, call_set_timer, is_not_set)));
	/* The same where there is a clock: the timer, and the copies. */
	EXPECT_LE(3, try_all(_metadata, TRIAL(1, cancel_it, call_set_timer, is_not_set)));
}

TEST_F(timer_injection, wait_loses_none)
{
	FAULT_INJECTION_OR_SKIP();
	EXPECT_LE(1, try_all(_metadata, TRIAL(1, set_two, call_wait_for_two, always)));
}

static void new_instance(struct trial *trial)
{
	(void)trial;
	close(ep);
	ep = create();
}

static int call_make_ring(struct trial *trial)
{
	struct repoll_ring setup = { .entries = 8 };

	(void)trial;
	return result(ioctl(ep, REPOLL_IOC_RING, &setup));
}

/* A wait is refused if there is one. */
static bool has_no_ring(struct trial *trial)
{
	(void)trial;
	return ready(ep) == 0;
}

REPOLL_FIXTURE(ring_injection);

TEST_F(ring_injection, setup_changes_nothing_and_can_be_retried)
{
	FAULT_INJECTION_OR_SKIP();
	/* The ring, its memory, and the copies of the request. */
	EXPECT_LE(4, try_all(_metadata, TRIAL(1, new_instance, call_make_ring, has_no_ring)));
}

TEST_HARNESS_MAIN
