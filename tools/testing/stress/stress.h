/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every scenario needs: its declaration, the time that it has, threads that
 * race, and how it fails.
 *
 * A scenario runs in a process of its own, on one implementation. It goes on until
 * its time is up, while it finds no fault: the first one ends the process.
 */
#ifndef REPOLL_STRESS_H
#define REPOLL_STRESS_H

#include <poll.h>
#include <pthread.h>

#include "eventpoll_test.h"
#include "random.h"

struct options {
	uint64_t seed;		/* of what is chosen at random; the races are not */
	int seconds;		/* for each scenario on each implementation */
	int threads;		/* of a role, where any number will do */
	int bound;		/* s within which what must happen has to */
};

extern struct options options;

/* Scenarios. */

struct scenario {
	const char *name;
	void (*run)(const struct backend *implementation);
	bool only_repoll;
	struct scenario *next;
};

void scenario_register(struct scenario *scenario);

/* Each file has `backend` and `ep` of its own, from eventpoll_test.h. */
#define SCENARIO_FOR(title, repoll)						\
	static void title(void);						\
	static void run_##title(const struct backend *implementation)		\
	{									\
		backend = implementation;					\
		ep = new_instance();						\
		begin();							\
		title();							\
		close(ep);							\
	}									\
	static void __attribute__((constructor)) register_##title(void)		\
	{									\
		static struct scenario scenario = {				\
			.name = #title, .run = run_##title, .only_repoll = repoll, \
		};								\
		scenario_register(&scenario);					\
	}									\
	static void title(void)

/* A test on both implementations; one of what only repoll has. */
#define SCENARIO(title)		SCENARIO_FOR(title, false)
#define REPOLL_SCENARIO(title)	SCENARIO_FOR(title, true)

/* The scenario's time begins; is not yet up; nor has this thread done too little. */
void begin(void);
bool time_left(void);
bool running(void);

/* How many instances keep the module loaded; 0 also if it is not there. */
int module_users(void);

/* Says how much was done. A scenario that did nothing has shown nothing: it fails. */
void tally(long count, const char *what);

/* Failing. */

void __attribute__((noreturn, format(printf, 3, 4)))
fail(const char *file, int line, const char *format, ...);

#define FAIL(...)	fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition, ...) do {						\
	if (!(condition))							\
		FAIL(__VA_ARGS__);						\
} while (0)

/*
 * How long one waits for what has to happen. Only time in which this thread has
 * seen the clock move counts, so that a machine that stood still is no failure.
 */
struct patience {
	int64_t last, spent;
	int looks, pause;
};

/* A pause between two looks; false when @seconds are over. */
bool patience_lasts(struct patience *patience, int seconds);

/* Waits until @condition holds, which takes less than the bound, or is never. */
#define AWAIT(condition, ...) do {						\
	struct patience _patience = {};						\
										\
	while (!(condition))							\
		CHECK(patience_lasts(&_patience, options.bound), __VA_ARGS__);	\
} while (0)

/* Calls that have no reason to fail. */

static inline int new_instance(void)
{
	int epfd = create();

	CHECK(epfd >= 0, "no instance: %s", strerror(-epfd));
	return epfd;
}

static inline void watch(int epfd, int fd, uint32_t events, uint64_t data)
{
	int ret = ctl_data(epfd, EPOLL_CTL_ADD, fd, events, data);

	CHECK(!ret, "ADD: %s", strerror(-ret));
}

/* Variables that threads share. */

#define load(pointer)		__atomic_load_n(pointer, __ATOMIC_SEQ_CST)
#define store(pointer, value)	__atomic_store_n(pointer, value, __ATOMIC_SEQ_CST)
#define swap(pointer, value)	__atomic_exchange_n(pointer, value, __ATOMIC_SEQ_CST)
#define increment(pointer)	__atomic_add_fetch(pointer, 1, __ATOMIC_SEQ_CST)
#define decrement(pointer)	__atomic_sub_fetch(pointer, 1, __ATOMIC_SEQ_CST)

/* Sleeps while *@word is @value, however long that is; and changes it, which wakes all. */
void word_await(int *word, int value);
void word_change(int *word);

/* Threads: a crew of those that do the same. */

struct actor {
	void (*role)(struct actor *actor);
	int index;		/* among those of its crew */
	struct random random;
	bool done;
	pthread_t thread;
};

struct crew {
	const char *name;
	struct actor *actors;
	int n;
};

struct crew crew_start(const char *name, void (*role)(struct actor *), int n);

#define CREW(role, n)	crew_start(#role, role, n)

/* Back when all have ended. */
void crew_join(struct crew *crew);

/* A moment of random length, to meet others at ever new places. */
void jitter(struct random *random);

/* Rounds that several threads begin, or end, at once. */
struct volley {
	int members;
	int arrived;
	int round;
	bool over;		/* it will not be another round */
	bool ended;		/* it was not, when they last met */
};

/* Waits for all others; false when this was the end. */
bool volley_meet(struct volley *volley);

/* Meets the others for the last time. */
static inline void volley_end(struct volley *volley)
{
	store(&volley->over, true);
	volley_meet(volley);
}

/*
 * What ends waits that have no timeout: an fd that is watched, level-triggered,
 * and ready in the end.
 */
#define STOP	UINT64_MAX

int stop_fd(void);

static inline void heed_stop(int epfd)
{
	watch(epfd, stop_fd(), EPOLLIN, STOP);
}

static inline void stop_waiters(struct crew *waiters)
{
	post(stop_fd());
	crew_join(waiters);
}

/* Moves @fd to @number, in place of what may be open there, in one step. */
static inline void move_fd(int fd, int number)
{
	MUST(dup3(fd, number, O_CLOEXEC));
	close(fd);
}

/* The other implementation, for instances that watch one another; in-tree's has none. */
static inline const struct backend *mixed_with(const struct backend *implementation)
{
	return implementation == &backend_repoll ? &backend_epoll : implementation;
}

#endif /* REPOLL_STRESS_H */
