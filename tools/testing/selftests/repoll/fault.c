// SPDX-License-Identifier: GPL-2.0
/*
 * Faults while events are copied out: what was not stored is not lost,
 * edge-triggered and one-shot events included.
 */
#include <linux/userfaultfd.h>

#include "bad_input.h"
#include "waiter.h"

EVENTPOLL_FIXTURE(fault);

TEST_F(fault, gives_EFAULT)
{
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (int kind = 0; kind < POINTERS; kind++) {
		EXPECT_EQ(-EFAULT, harvest(ep, bad_pointer(kind), 1, 0)) {
			TH_LOG("buffer %d", kind);
		}
		EXPECT_EQ(-EFAULT, harvest(ep, bad_pointer(kind), 1, -1));
	}
}

TEST_F(fault, keeps_a_level_event)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int kind = 0; kind < POINTERS; kind++)
		EXPECT_EQ(-EFAULT, harvest(ep, bad_pointer(kind), 1, 0));
	EXPECT_EQ(EPOLLIN, revents(ep));
}

/* Seen elsewhere (Asterinas): taken off the ready list before the copy. */
TEST_F(fault, keeps_an_edge)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	for (int kind = 0; kind < POINTERS; kind++)
		EXPECT_EQ(-EFAULT, harvest(ep, bad_pointer(kind), 1, 0));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(fault, does_not_disarm_a_oneshot)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	for (int kind = 0; kind < POINTERS; kind++)
		EXPECT_EQ(-EFAULT, harvest(ep, bad_pointer(kind), 1, 0));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(fault, after_some_events_returns_those)
{
	enum { READY = 6, FIT = 2 };
	struct epoll_event *edge = edge_of_page(), rest[READY];
	unsigned int seen = 0;

	for (int i = 0; i < READY; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN | EPOLLET, i));
	ASSERT_EQ(FIT, harvest(ep, edge - FIT, READY, 0));
	for (int i = 1; i <= FIT; i++)
		seen |= 1U << edge[-i].data.u64;
	/* All the others, each once. */
	ASSERT_EQ(READY - FIT, harvest(ep, rest, READY, 0));
	for (int i = 0; i < READY - FIT; i++) {
		EXPECT_EQ(0, seen & (1U << rest[i].data.u64));
		seen |= 1U << rest[i].data.u64;
	}
	EXPECT_EQ((1U << READY) - 1, seen);
	EXPECT_EQ(0, ready(ep));
}

/* In-tree has not asked the files behind the event that could not be stored. */
TEST_F(fault, order_of_what_was_not_ready_then)
{
	enum { READY, STALE, LATER };
	int stale = new_eventfd(1), later = new_eventfd(0);
	struct epoll_event events[3];

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, READY));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, stale, EPOLLIN, STALE));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, later, EPOLLIN, LATER));
	drain(stale);
	ASSERT_EQ(-EFAULT, harvest(ep, edge_of_page(), 3, 0));
	post(later);
	post(stale);
	ASSERT_EQ(3, harvest(ep, events, 3, 0));
	EXPECT_EQ(READY, events[0].data.u64);
	/* Its place was kept there, and lost here. */
	EXPECT_EQ(on_repoll() ? LATER : STALE, events[1].data.u64);
	EXPECT_EQ(on_repoll() ? STALE : LATER, events[2].data.u64);
}

TEST_F(fault, inside_an_event_does_not_count_it)
{
	struct epoll_event *edge = edge_of_page();
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	for (size_t fits = 1; fits < sizeof(*edge); fits++)
		EXPECT_EQ(-EFAULT, harvest(ep, (void *)edge - fits, 1, 0));
	EXPECT_EQ(1, harvest(ep, edge - 1, 1, 0));
	EXPECT_EQ((uint64_t)fd, edge[-1].data.u64);
}

TEST_F(fault, order_is_kept)
{
	struct epoll_event *edge = edge_of_page(), events[3];
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i));
	}
	for (int i = 0; i < 3; i++)
		post(fds[i]);
	EXPECT_EQ(-EFAULT, harvest(ep, edge, 3, 0));
	ASSERT_EQ(3, harvest(ep, events, 3, 0));
	for (uint64_t i = 0; i < 3; i++)
		EXPECT_EQ(i, events[i].data.u64);
}

TEST_F(fault, wakeup_spent_on_it_is_not_lost)
{
	struct waiter w;
	int fd = new_eventfd(0);
	pid_t child;

	/* One waiter can take events, the other, in a child, cannot. */
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int order = 0; order < 2; order++) {
		int status;

		if (order)
			waiter_start(&w, ep, -1);
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			_exit(harvest(ep, bad_pointer(NO_ACCESS), 1, -1) == -EFAULT ? 0 : 1);
		while (!sleeps_in_wait(child, child, ep))
			sleep_ms(1);
		if (!order)
			waiter_start(&w, ep, -1);
		post(fd);
		EXPECT_EQ(1, waiter_join(&w));
		/* In the other order the child still waits. */
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
	}
}

TEST_F(fault, untouched_memory_is_faulted_in)
{
	struct epoll_event *fresh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, fresh);
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(1, harvest(ep, fresh, 1, 0));
	EXPECT_EQ(EPOLLIN, fresh->events);
}

/* Memory whose faults are ours to resolve, or NULL. */
static void *slow_page(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (unsigned long)page;
	reg.range.len = PAGE;
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &reg))
		return NULL;
	return page;
}

struct slow {
	struct epoll_event *events;
	int ret;
};

static void *harvest_slowly(void *arg)
{
	struct slow *s = arg;

	s->ret = harvest(ep, s->events, 1, -1);
	return NULL;
}

TEST_F(fault, events_that_come_during_a_slow_one_are_kept)
{
	struct slow s;
	struct uffd_msg msg;
	struct uffdio_zeropage zero = {};
	int uffd, first = new_eventfd(1), late[3];
	pthread_t thread;

	s.events = slow_page(&uffd);
	if (!s.events)
		SKIP(return, "userfaultfd: %s", strerror(errno));
	ASSERT_EQ(0, add(ep, first, EPOLLIN | EPOLLET));
	for (int i = 0; i < 3; i++) {
		late[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, late[i], EPOLLIN | EPOLLET));
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, harvest_slowly, &s));
	/* Now it is in the middle of a harvest, and stays there. */
	ASSERT_EQ((ssize_t)sizeof(msg), read(uffd, &msg, sizeof(msg)));
	for (int i = 0; i < 3; i++)
		post(late[i]);
	post(first);
	zero.range.start = (unsigned long)s.events;
	zero.range.len = PAGE;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(thread, NULL);
	EXPECT_EQ(1, s.ret);
	/* The new edge of the fd just reported, too. */
	EXPECT_EQ(4, ready(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_HARNESS_MAIN
