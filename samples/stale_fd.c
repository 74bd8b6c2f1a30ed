// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * stale_fd: the classic accident of epoll. A connection is registered, its
 * descriptor duplicated (or inherited by a child), and the original closed: the
 * registration stays, since the connection is still open, and no descriptor names
 * it any more. It fires for ever, and cannot be removed.
 *
 * On repoll it can: REPOLL_CTL_TOKEN finds it by its data. And with REPOLL_CTL_BIND
 * it does not come to that: it ends when its number is closed.
 *
 * Prints `key value` lines. Exit: 0 when both behaved as said above, 1 when not, 2
 * when it could not be tried.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/repoll.h>
#include <repoll.h>

enum { TOKEN = 42, WAITS = 1000 };

struct calls {
	const char *name;
	int (*create1)(int flags);
	int (*ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*wait)(int epfd, struct epoll_event *events, int maxevents, int timeout);
};

static const struct calls epoll = { "epoll", epoll_create1, epoll_ctl, epoll_wait };
static const struct calls repoll = { "repoll", repoll_create1, repoll_ctl, repoll_wait };

static int must(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "stale_fd: %s: %s\n", what, strerror(errno));
		exit(2);
	}
	return ret;
}

/* A connection with something to read; its duplicate keeps it open. */
struct connection {
	int fd;
	int duplicate;
	int peer;
};

static struct connection connect_and_duplicate(void)
{
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
	must(write(fds[1], "hello", 5), "write");
	return (struct connection){ fds[0], must(dup(fds[0]), "dup"), fds[1] };
}

/* All of it but the number itself, which is closed already, and the instance. */
static void close_rest(const struct connection *connection, int ep)
{
	close(connection->duplicate);
	close(connection->peer);
	close(ep);
}

/* How many of so many waits that do not block return an event. */
static int events_of(const struct calls *calls, int ep)
{
	struct epoll_event event;
	int events = 0;

	for (int i = 0; i < WAITS; i++)
		events += must(calls->wait(ep, &event, 1, 0), "wait");
	return events;
}

static void say(const char *name, const char *what, long value)
{
	printf("%s_%s %ld\n", name, what, value);
}

/* An instance with a stale registration, made as both implementations know it. */
static bool fires_for_ever(const struct calls *calls)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = TOKEN };
	int ep = must(calls->create1(EPOLL_CLOEXEC), "create1");
	struct connection connection = connect_and_duplicate();
	int stale, closed, duplicate;

	must(calls->ctl(ep, EPOLL_CTL_ADD, connection.fd, &event), "ADD");
	close(connection.fd);
	stale = events_of(calls, ep);
	say(calls->name, "events_after_close", stale);
	/* Neither the number nor that of the duplicate is the registration's. */
	closed = calls->ctl(ep, EPOLL_CTL_DEL, connection.fd, NULL) ? errno : 0;
	duplicate = calls->ctl(ep, EPOLL_CTL_DEL, connection.duplicate, NULL) ? errno : 0;
	printf("%s_del_of_the_number %s\n", calls->name, strerror(closed));
	printf("%s_del_of_the_duplicate %s\n", calls->name, strerror(duplicate));
	say(calls->name, "events_after_both", events_of(calls, ep));
	close_rest(&connection, ep);
	return stale == WAITS && closed == EBADF && duplicate == ENOENT;
}

static bool is_removed_by_its_token(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = TOKEN };
	int ep = must(repoll_create1(EPOLL_CLOEXEC), "create1");
	struct connection connection = connect_and_duplicate();
	int before, after;

	must(repoll_ctl_flags(ep, EPOLL_CTL_ADD, connection.fd, &event, REPOLL_CTL_TOKEN), "ADD");
	close(connection.fd);
	before = events_of(&repoll, ep);
	must(repoll_ctl_flags(ep, EPOLL_CTL_DEL, -1, &event, REPOLL_CTL_TOKEN), "DEL by token");
	after = events_of(&repoll, ep);
	say("token", "events_after_close", before);
	say("token", "events_after_del", after);
	close_rest(&connection, ep);
	return before == WAITS && after == 0;
}

static bool ends_with_its_number(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = TOKEN };
	int ep = must(repoll_create1(EPOLL_CLOEXEC), "create1");
	struct connection connection = connect_and_duplicate();
	int before, after;

	must(repoll_ctl_flags(ep, EPOLL_CTL_ADD, connection.fd, &event, REPOLL_CTL_BIND), "ADD");
	before = events_of(&repoll, ep);
	close(connection.fd);
	after = events_of(&repoll, ep);
	say("bind", "events_before_close", before);
	say("bind", "events_after_close", after);
	close_rest(&connection, ep);
	return before == WAITS && after == 0;
}

int main(void)
{
	bool right = fires_for_ever(&epoll);

	right &= fires_for_ever(&repoll);
	right &= is_removed_by_its_token();
	right &= ends_with_its_number();
	return right ? 0 : 1;
}
