// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: ctl, waits, writes, reads, close and dup2 of files and of
 * instances, instances that watch each other, forks, signals. Each call has to answer with
 * something that can be true. Whenever all rest, an instance has to report exactly
 * those level-triggered files that poll() finds ready.
 */
#include "channel.h"
#include "fdinfo.h"

enum { FILES = 12, INSTANCES = 4, EVENTS = 512, OPS = 25 };
enum { FILE_AT = 400, FEED_AT = 450, INSTANCE_AT = 500 };	/* numbers */

static uint64_t data;			/* of the last registration */
static unsigned long anonymous;		/* the inode that all eventfds share */
static long calls, compared;
static struct crew racers;
static struct volley volley;

static void interrupt(int sig)
{
	(void)sig;
}

static int any_file(struct random *random)
{
	return FILE_AT + random_below(random, FILES);
}

static int any_instance(struct random *random)
{
	return INSTANCE_AT + random_below(random, INSTANCES);
}

static void change(struct random *random)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	static const uint32_t masks[] = {
		EPOLLIN, EPOLLIN, EPOLLIN | EPOLLOUT, EPOLLOUT, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE, EPOLLRDHUP, 0,
	};
	static const int answers[] = { 0, -EEXIST, -ENOENT, -EBADF, -EINVAL, -ELOOP };
	int fd = random_one_in(random, 6) ? any_instance(random) : any_file(random);
	int op = ONE_OF(random, ops), ret, i = 0;

	ret = ctl_data(any_instance(random), op, fd, ONE_OF(random, masks), increment(&data));
	while (i < (int)ARRAY_SIZE(answers) && answers[i] != ret)
		i++;
	CHECK(i < (int)ARRAY_SIZE(answers), "op %d: %s", op, strerror(-ret));
}

static void wait_for_some(struct random *random)
{
	struct epoll_event events[8];
	int maxevents = 1 + random_below(random, 8), ret;

	ret = harvest(any_instance(random), events, maxevents, random_below(random, 3));
	CHECK(ret <= maxevents && (ret >= 0 || ret == -EINTR || ret == -EBADF), "wait: %d", ret);
}

static void replace_file(struct random *random)
{
	struct channel channel = channel_open(ONE_OF(random, prompt_kinds));
	int place = random_below(random, FILES);

	if (channel.feed == channel.fd)
		channel.feed = MUST(dup(channel.fd));
	move_fd(channel.fd, FILE_AT + place);
	move_fd(channel.feed, FEED_AT + place);
}

static void replace_instance(struct random *random)
{
	move_fd(new_instance(), any_instance(random));
}

/* A child has a copy of everything for a moment. */
static void fork_once(struct random *random)
{
	int file = any_file(random), instance = any_instance(random), status;
	struct epoll_event event;
	pid_t pid = MUST(fork());

	if (!pid) {
		close(file);
		backend->wait(instance, &event, 1, 0);
		backend->ctl(instance, EPOLL_CTL_DEL, file + 1, NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR, "no child");
	CHECK(!status, "the child ended with status %#x", status);
}

static void write_some(struct random *random)
{
	uint64_t word = 1;

	if (write(FEED_AT + random_below(random, FILES), &word, sizeof(word)) < 0)
		sched_yield();
}

static void read_some(struct random *random)
{
	uint64_t word;

	if (read(any_file(random), &word, sizeof(word)) < 0)
		sched_yield();
}

static void poll_instance(struct random *random)
{
	struct pollfd pfd = { .fd = any_instance(random), .events = POLLIN };

	poll(&pfd, 1, random_below(random, 2));
}

static void copy_file(struct random *random)
{
	dup3(any_file(random), any_file(random), O_CLOEXEC);
}

static void close_file(struct random *random)
{
	close(any_file(random));
}

static void close_instance(struct random *random)
{
	close(any_instance(random));
}

static void interrupt_one(struct random *random)
{
	pthread_kill(racers.actors[random_below(random, racers.n)].thread, SIGUSR1);
}

static void act(struct random *random)
{
	static void (*const acts[])(struct random *random) = {
		change, wait_for_some, write_some, read_some, poll_instance, interrupt_one,
		replace_file, copy_file, close_file, replace_instance, close_instance, fork_once,
	};
	static const uint16_t weights[] = { 400, 250, 150, 80, 30, 30, 20, 10, 10, 2, 2, 5 };

	acts[random_weighted(random, weights, ARRAY_SIZE(weights))](random);
}

static void racer(struct actor *actor)
{
	while (volley_meet(&volley)) {
		for (int i = 0; i < OPS; i++)
			act(&actor->random);
		__atomic_fetch_add(&calls, OPS, __ATOMIC_RELAXED);
		volley_meet(&volley);
	}
}

/* Is the file that was registered the one that is at its number now? */
static bool same_file(const struct fdinfo *info)
{
	struct stat st;

	return info->fd >= FILE_AT && info->fd < FILE_AT + FILES && !fstat(info->fd, &st) &&
	       st.st_ino == info->ino && st.st_ino != anonymous;
}

/* An exclusive one need not: another instance may have been told of what is there now. */
static bool has_to_be_reported(const struct fdinfo *info)
{
	return !(info->events & (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE)) &&
	       info->events & (EPOLLIN | EPOLLOUT);
}

static void compare(int epfd)
{
	struct epoll_event events[EVENTS];
	int n = harvest(epfd, events, EVENTS, 0);
	struct fdinfo info;
	FILE *file;

	if (n == -EBADF)
		return;
	CHECK(n >= 0, "wait: %s", strerror(-n));
	file = fdinfo_open(epfd);
	while (fdinfo_next(file, &info)) {
		struct pollfd pfd = { .fd = info.fd, .events = info.events & 0xffff };
		bool reported = false;

		if (!has_to_be_reported(&info) || !same_file(&info))
			continue;
		for (int i = 0; i < n; i++)
			reported |= events[i].data.u64 == info.data;
		MUST(poll(&pfd, 1, 0));
		CHECK(reported == !!pfd.revents, "fd %d, mask %#x: %sreported, poll() says %#x",
		      info.fd, info.events, reported ? "" : "not ", pfd.revents);
		compared++;
	}
}

static void start(struct random *random)
{
	struct sigaction action = { .sa_handler = interrupt };
	int efd = new_eventfd(0);
	struct stat st;

	MUST(fstat(efd, &st));
	anonymous = st.st_ino;
	close(efd);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 4 * FILES; i++)
		replace_file(random);
	for (int i = 0; i < 4 * INSTANCES; i++)
		replace_instance(random);
}

SCENARIO(chaos)
{
	struct random random = { options.seed };

	start(&random);
	volley.members = options.threads + 1;
	racers = CREW(racer, options.threads);
	while (running()) {
		volley_meet(&volley);
		volley_meet(&volley);
		for (int i = 0; i < INSTANCES; i++)
			compare(INSTANCE_AT + i);
		/* What is closed is not for ever. */
		replace_file(&random);
		if (random_one_in(&random, 4))
			replace_instance(&random);
	}
	volley_end(&volley);
	crew_join(&racers);
	tally(calls, "calls");
	tally(compared, "answers compared with poll()");
}
