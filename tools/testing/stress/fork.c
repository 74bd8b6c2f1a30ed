// SPDX-License-Identifier: GPL-2.0
/*
 * Children that hold watched files: a registration lasts as long as any process has
 * its file open, and not longer. Children also wait on the instance, and watch files of
 * their own with it, which go when they do; or files of ours, by wait queues of their
 * own, which go before the file.
 *
 * One parent at a time: the children of a second one would have copies of the files of
 * the first. A child is a copy of one of many threads: system calls, and no more.
 */
#include "generation.h"

enum { OURS, THEIRS };

/* A child, and what it is told by: it goes when it can read from @release. */
struct child {
	pid_t pid;
	int release[2];
};

static void child_wait(struct child *child)
{
	char byte;

	while (read(child->release[0], &byte, 1) < 0)
		;
}

static void child_release(struct child *child)
{
	MUST(write(child->release[1], "", 1));
}

/* As fork(). */
static bool child_fork(struct child *child)
{
	MUST(pipe2(child->release, O_CLOEXEC));
	child->pid = MUST(fork());
	return !child->pid;
}

static void child_reap(struct child *child)
{
	int status;

	MUST(waitpid(child->pid, &status, 0));
	CHECK(!status, "the child ended with status %#x", status);
	close(child->release[0]);
	close(child->release[1]);
}

static void __attribute__((noreturn))
hold(struct child *child, struct channel *channel, uint64_t generation)
{
	struct epoll_event event = {
		.events = EPOLLIN, .data.u64 = generation_data(THEIRS, generation),
	};
	int efd = eventfd(1, EFD_CLOEXEC);

	if (generation % 2 && backend->ctl(ep, EPOLL_CTL_ADD, efd, &event))
		_exit(1);
	if (generation % 3 == 0 && backend->wait(ep, &event, 1, 0) < 0)
		_exit(2);
	child_wait(child);
	if (generation % 5 == 0)
		close(channel->fd);
	_exit(0);
}

static void parent(struct actor *actor)
{
	struct random *random = &actor->random;
	uint64_t generation = 0;
	struct child child;

	while (running()) {
		struct channel channel = channel_open(ONE_OF(random, paired_kinds));

		watch(ep, channel.fd, EPOLLIN, generation_data(OURS, ++generation));
		channel_put(&channel);
		if (child_fork(&child))
			hold(&child, &channel, generation);
		jitter(random);
		if (random_one_in(random, 2)) {
			close(channel.fd);
			generation_await(OURS, generation, "a child has the file open");
			child_release(&child);
		} else {
			child_release(&child);
			jitter(random);
			close(channel.fd);
		}
		child_reap(&child);
		generation_end(OURS, generation);
		generation_end(THEIRS, generation);
		close(channel.feed);
	}
}

SCENARIO(after_the_end_of_a_child)
{
	generations_run("parent", parent, 1);
}

/*
 * A signalfd is ready for whoever has the signal pending, as have all who are here; the wait
 * queue that ADD finds is that of the caller's signals, and ends with the child.
 */
static void __attribute__((noreturn)) add_and_end(struct child *child, int fd, uint64_t generation)
{
	struct epoll_event event = {
		.events = EPOLLIN, .data.u64 = generation_data(THEIRS, generation),
	};

	raise(SIGUSR2);
	if (backend->ctl(ep, EPOLL_CTL_ADD, fd, &event))
		_exit(1);
	child_wait(child);
	_exit(0);
}

static void signalled_parent(struct actor *actor)
{
	struct random *random = &actor->random;
	uint64_t generation = 0;
	struct child child;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	while (running()) {
		int fd = MUST(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));

		generation++;
		if (child_fork(&child))
			add_and_end(&child, fd, generation);
		generation_await(THEIRS, generation, "a child has added it");
		child_release(&child);
		jitter(random);
		if (random_one_in(random, 2))
			usleep(random_below(random, 1000));
		CHECK(!del(ep, fd), "DEL");
		generation_end(THEIRS, generation);
		child_reap(&child);
		close(fd);
	}
}

SCENARIO(wait_queue_of_a_dead_child)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR2);
	generations_run("signalled_parent", signalled_parent, 1);
}
