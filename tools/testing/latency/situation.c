// SPDX-License-Identifier: GPL-2.0
#include <poll.h>

#include "situation.h"
#include "waiter.h"

/* What an act needs of its preparation. */
static int watched;		/* an eventfd */
static int inner, outer;	/* instances */
static int top;
static long size;
static struct epoll_event *room;

static int new_instance_of(const struct backend *implementation)
{
	return MUST(implementation->create1(EPOLL_CLOEXEC));
}

static int new_instance(void)
{
	return new_instance_of(backend);
}

static void watch_by(const struct backend *implementation, int epfd, int fd)
{
	MUST(implementation->ctl(epfd, EPOLL_CTL_ADD, fd,
				 &(struct epoll_event){ .events = EPOLLIN }));
}

static void watch(int epfd, int fd)
{
	watch_by(backend, epfd, fd);
}

void situation_prepare(const struct situation *situation, const struct backend *implementation,
		       long n)
{
	backend = implementation;
	size = n;
	situation->prepare(n);
}

/* One file, many registrations. */

static void with_n_instances(long n)
{
	watched = new_eventfd(0);
	while (n--)
		watch(new_instance(), watched);
}

static void under_n_numbers(long n)
{
	inner = new_instance();
	watched = new_eventfd(0);
	while (n--)
		watch(inner, MUST(dup(watched)));
}

static void under_n_closed_numbers(long n)
{
	under_n_numbers(n);
	/* The copies got the numbers that follow. */
	MUST(close_range(watched + 1, watched + n, 0));
}

static void with_n_instances_and_a_nested_one(long n)
{
	with_n_instances(n);
	inner = new_instance();
	outer = new_instance();
	watch(outer, inner);
}

static void wake(void)
{
	post(watched);
}

static void close_watched(void)
{
	close(watched);
}

static void add_to_nested(void)
{
	watch(inner, watched);
}

/* One instance, many files. */

static void watch_n_files(int epfd, long n, unsigned int count)
{
	while (n--)
		watch(epfd, new_eventfd(count));
}

static void make_room(long n)
{
	room = calloc(n, sizeof(*room));
	/* Touched, lest the pages come during the act. */
	memset(room, 1, n * sizeof(*room));
}

static void with_n_ready_files(long n)
{
	inner = new_instance();
	watch_n_files(inner, n, 1);
	make_room(n);
}

static void with_n_files(long n)
{
	inner = new_instance();
	outer = new_instance();
	watch_n_files(inner, n - 1, 0);
	watched = new_eventfd(0);
	watch(inner, watched);
}

static void harvest_all(void)
{
	MUST(harvest(inner, room, size, 0) == size ? 0 : -1);
}

static void close_instance(void)
{
	close(inner);
}

static void nest(void)
{
	watch(outer, inner);
}

static int fdinfo;
static char *text;
#define LINE	160

static void with_n_files_and_fdinfo(long n)
{
	char path[64];

	with_n_files(n);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", inner);
	fdinfo = MUST(open(path, O_RDONLY | O_CLOEXEC));
	text = malloc((n + 8) * LINE);
	memset(text, 1, (n + 8) * LINE);
}

static void read_fdinfo(void)
{
	MUST(read(fdinfo, text, (size + 8) * LINE));
}

/*
 * The densest nesting that the limits allow: 7 instances watch the inner one, 7 watch
 * each of those, and one watches all of these, which makes 49 wakeup paths of three
 * edges for each file of the inner one. The last edge to it is the act.
 */
enum { WIDTH = 7 };

static void dense_with_n_files(long n)
{
	int middle[WIDTH];

	with_n_files(n);
	top = new_instance();
	for (int i = 0; i < WIDTH; i++)
		middle[i] = new_instance();
	for (int i = 0; i < WIDTH; i++) {
		int high = new_instance();

		watch(top, high);
		for (int j = 0; j < WIDTH; j++)
			watch(high, middle[j]);
	}
	for (int j = 0; j < WIDTH - 1; j++)
		watch(middle[j], inner);
	outer = middle[WIDTH - 1];
}

static void dense(long n)
{
	dense_with_n_files(n);
	nest();
}

static void with_n_parents(long n)
{
	with_n_files(1);
	while (n--)
		watch(new_instance(), inner);
}

/* @n edges between instances, of @implementations in turn from the inner one up. */
static void chain_up(long n, const struct backend *const implementations[2])
{
	watched = new_eventfd(0);
	inner = new_instance_of(implementations[0]);
	watch_by(implementations[0], inner, watched);
	top = inner;
	for (long i = 1; i <= n; i++) {
		const struct backend *above = implementations[i & 1];
		int next = new_instance_of(above);

		watch_by(above, next, top);
		top = next;
	}
}

static void chain_of_n(long n)
{
	chain_up(n, (const struct backend *const[]){ backend, backend });
}

static void mixed_chain_of_n(long n)
{
	/* Ours is on top, whichever is at the bottom. */
	if (n & 1)
		chain_up(n, (const struct backend *const[]){ &backend_epoll, &backend_repoll });
	else
		chain_up(n, (const struct backend *const[]){ &backend_repoll, &backend_epoll });
}

static void wake_wait_and_poll(void)
{
	struct pollfd fd = { .fd = top, .events = POLLIN };
	struct epoll_event event;

	wake();
	MUST(harvest(top, &event, 1, -1) == 1 ? 0 : -1);
	MUST(poll(&fd, 1, -1) == 1 ? 0 : -1);
}

/* Many who wait for one event. */

static void *poll_n_times(void *tid)
{
	struct pollfd *fds = calloc(size, sizeof(*fds));

	for (long i = 0; i < size; i++)
		fds[i] = (struct pollfd){ .fd = top, .events = POLLIN };
	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_RELEASE);
	MUST(poll(fds, size, -1));
	return NULL;
}

/* A thread that polls @instance as often as the situation is large, in one call, and sleeps. */
static void poll_in_thread(int instance)
{
	pthread_t thread;
	pid_t tid = 0;

	top = instance;
	errno = pthread_create(&thread, NULL, poll_n_times, &tid);
	MUST(errno ? -1 : 0);
	do {
		sleep_ms(1);
	} while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE) || task_state(getpid(), tid) != 'S');
}

static void polled_n_times(long n)
{
	(void)n;
	with_n_files(1);
	poll_in_thread(inner);
}

static void nested_and_polled_n_times(long n)
{
	(void)n;
	with_n_files(1);
	nest();
	poll_in_thread(outer);
}

static void in_tree_nested_and_polled_n_times(long n)
{
	(void)n;
	chain_up(1, (const struct backend *const[]){ &backend_epoll, backend });
	poll_in_thread(top);
}

static void with_n_waiters(long n)
{
	with_n_files(1);
	waiters_start(calloc(n, sizeof(struct waiter)), n, inner, -1);
}

/* For both implementations: in-tree instances in the set, each with a ready file. */
static void with_n_in_tree_instances(long n)
{
	inner = new_instance();
	make_room(n);
	while (n--) {
		int in_tree = new_instance_of(&backend_epoll), ready = new_eventfd(1);

		watch_by(&backend_epoll, in_tree, ready);
		watch(inner, in_tree);
	}
}

/* The least that a figure can be. */

static void do_nothing(void)
{
	syscall(SYS_getppid);
}

/* Instances that come and go. */

static void nothing(long n)
{
	(void)n;
	/* No instance is left, and the hook has gone. */
	sleep_ms(3000);
}

static void open_one(void)
{
	inner = new_instance();
}

static void one_instance(long n)
{
	(void)n;
	inner = new_instance();
}

static void close_and_sleep(void)
{
	close_instance();
	sleep_ms(3000);
}

/* The system calls of a mutex and of a wait queue, over and over. */
static void repeat_small_calls(void)
{
	for (long i = 0; i < size; i++) {
		MUST(mod(inner, watched, EPOLLIN));
		post(watched);
		drain(watched);
	}
}

const struct situation calibration = {
	"calibration", "", 0, false, with_n_files, repeat_small_calls
};

const struct situation situations[] = {
	{ "nothing", "a system call that does nothing", 1, false,
	  one_instance, do_nothing },
	{ "wake_instances", "instances watch a file: write to it", 0, false,
	  with_n_instances, wake },
	{ "wake_numbers", "numbers of a file in one set: write to it", 0, false,
	  under_n_numbers, wake },
	{ "wake_pollers", "entries in poll() of an instance: write to its file", 0, false,
	  polled_n_times, wake },
	{ "wake_nested", "entries in poll() of the instance above: write", 0, false,
	  nested_and_polled_n_times, wake },
	{ "wake_in_tree", "entries in poll() of ours above an in-tree one: write", 0, true,
	  in_tree_nested_and_polled_n_times, wake },
	{ "wake_parents", "instances watch the one that watches a file: write", 500, false,
	  with_n_parents, wake },
	{ "wake_dense", "files at the bottom of the densest nesting: write to one", 1, false,
	  dense, wake },
	{ "wake_waiters", "threads wait on an instance: write to its file", 100, false,
	  with_n_waiters, wake },
	{ "close_instances", "instances watch a file: its last close", 0, false,
	  with_n_instances, close_watched },
	{ "close_numbers", "numbers of a file in one set: its last close", 0, false,
	  under_n_closed_numbers, close_watched },
	{ "close_one", "files in a set: last close of one", 0, false,
	  with_n_files, close_watched },
	{ "close_set", "files in a set, all ready: close the instance", 0, false,
	  with_n_ready_files, close_instance },
	{ "harvest", "files in a set, all ready: one wait for all", 0, false,
	  with_n_ready_files, harvest_all },
	{ "harvest_in_tree", "in-tree instances in a set, all ready: one wait", 0, false,
	  with_n_in_tree_instances, harvest_all },
	{ "fdinfo", "files in a set: read its fdinfo", 0, false,
	  with_n_files_and_fdinfo, read_fdinfo },
	{ "paths_file", "instances watch a file: ADD it to a nested one", 0, false,
	  with_n_instances_and_a_nested_one, add_to_nested },
	{ "paths_set", "files in a set: ADD that set to another", 0, false,
	  with_n_files, nest },
	{ "paths_dense", "files at the bottom of the densest nesting: its last ADD", 0, false,
	  dense_with_n_files, nest },
	{ "chain", "edges up from the instance: write, wait and poll on top", 4, false,
	  chain_of_n, wake_wait_and_poll },
	{ "mixed_chain", "edges, ours and in-tree's in turn: write, wait, poll", 1000, true,
	  mixed_chain_of_n, wake_wait_and_poll },
	{ "hook_comes", "the first open()", 1, true, nothing, open_one },
	{ "hook_goes", "the last close, and 3 s", 1, true, one_instance, close_and_sleep },
	{}
};
