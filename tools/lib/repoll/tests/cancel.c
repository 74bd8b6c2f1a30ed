// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Waits of threads that are cancelled.
 */
#include <pthread.h>
#include <unistd.h>

#include "probe.h"

/* A wait in a thread that is cancelled before or during it, through one of the calls. */
struct waiter {
	const struct calls *calls;
	enum { WAIT, PWAIT, PWAIT2, NR_KINDS } kind;
	int epfd, timeout;
	bool cleaned_up;
};

static void clean_up(void *argument)
{
	struct waiter *waiter = argument;

	waiter->cleaned_up = true;
}

static void wait_once(const struct waiter *waiter)
{
	const struct timespec none = { 0 };
	struct epoll_event event;

	if (waiter->kind == WAIT)
		waiter->calls->wait(waiter->epfd, &event, 1, waiter->timeout);
	else if (waiter->kind == PWAIT)
		waiter->calls->pwait(waiter->epfd, &event, 1, waiter->timeout, NULL);
	else
		waiter->calls->pwait2(waiter->epfd, &event, 1, waiter->timeout ? NULL : &none,
				      NULL);
}

static void *wait_in_thread(void *argument)
{
	pthread_cleanup_push(clean_up, argument);
	wait_once(argument);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *wait_when_cancelled(void *argument)
{
	pthread_cancel(pthread_self());
	return wait_in_thread(argument);
}

static bool is_cancelled(void *(*start)(void *), struct waiter *waiter, bool cancel)
{
	const struct timespec a_while = { .tv_nsec = 50000000 };
	pthread_t thread;
	void *result;

	waiter->epfd = epoll_create1(0);
	waiter->cleaned_up = false;
	EXPECT(waiter->epfd >= 0);
	EXPECT(!pthread_create(&thread, NULL, start, waiter));
	if (cancel) {
		nanosleep(&a_while, NULL);
		EXPECT(!pthread_cancel(thread));
	}
	EXPECT(!pthread_join(thread, &result));
	EXPECT(waiter->cleaned_up == (result == PTHREAD_CANCELED));
	close(waiter->epfd);
	return waiter->cleaned_up;
}

/* The functions are cancellation points, whether they would block or not; syscall() is none. */
void check_cancel(void)
{
	struct waiter waiter;
	int type;

	for (int kind = WAIT; kind < NR_KINDS; kind++) {
		waiter = (struct waiter) { .calls = &by_libc, .kind = kind, .timeout = -1 };
		EXPECT(is_cancelled(wait_in_thread, &waiter, true));
		EXPECT(is_cancelled(wait_when_cancelled, &waiter, false));
		waiter.timeout = 0;
		EXPECT(is_cancelled(wait_when_cancelled, &waiter, false));
		waiter.calls = &by_number;
		EXPECT(!is_cancelled(wait_when_cancelled, &waiter, false));

		/* Outside the wait, cancellation stays as the program has it. */
		waiter.epfd = epoll_create1(0);
		wait_once(&waiter);
		EXPECT(!pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type));
		EXPECT(type == PTHREAD_CANCEL_DEFERRED);
		close(waiter.epfd);
	}
}

/* A process that never had a second thread can still cancel its only one. */
void check_cancel_alone(void)
{
	struct waiter waiter = { .calls = &by_libc, .epfd = epoll_create1(0) };

	EXPECT(waiter.epfd >= 0);
	pthread_cancel(pthread_self());
	wait_once(&waiter);
	errx(EXIT_FAILURE, "not cancelled");
}
