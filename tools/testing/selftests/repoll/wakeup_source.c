// SPDX-License-Identifier: GPL-2.0
/* EPOLLWAKEUP: the system stays awake while an event is pending. */
#include <dirent.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "many.h"

EVENTPOLL_FIXTURE(wakeup_source);

/* Is the bit set in the only registration, as /proc shows it? */
static int wakeup_bit(void)
{
	char path[64], line[256];
	unsigned int events = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	info = fopen(path, "re");
	MUST(info ? 0 : -1);
	while (fgets(line, sizeof(line), info))
		sscanf(line, "tfd: %*d events: %x", &events);
	fclose(info);
	return !!(events & EPOLLWAKEUP);
}

static void drop_capability(int cap)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	MUST(syscall(SYS_capget, &header, data));
	data[CAP_TO_INDEX(cap)].effective &= ~CAP_TO_MASK(cap);
	MUST(syscall(SYS_capset, &header, data));
}

#define WAKEUP_CLASS "/sys/class/wakeup"

/* Wakeup sources of the system, and the sum of an attribute of theirs. */
static int wakeup_sources(const char *attribute, long *sum)
{
	DIR *dir = opendir(WAKEUP_CLASS);
	struct dirent *entry;
	int count = 0;

	*sum = 0;
	MUST(dir ? 0 : -1);
	while ((entry = readdir(dir))) {
		char path[512];
		long value = 0;
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(path, sizeof(path), WAKEUP_CLASS "/%s/%s", entry->d_name, attribute);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%ld", &value) == 1)
			*sum += value;
		fclose(file);
	}
	closedir(dir);
	return count;
}

static int count_wakeup_sources(void)
{
	long unused;

	return wakeup_sources("name", &unused);
}

#define REQUIRE_WAKEUP_SOURCES() do {						\
	if (access(WAKEUP_CLASS, R_OK))						\
		SKIP(return, "no " WAKEUP_CLASS ": CONFIG_PM_SLEEP is off");	\
	if (geteuid())								\
		SKIP(return, "needs CAP_BLOCK_SUSPEND");			\
} while (0)

TEST_F(wakeup_source, bit_is_kept_with_the_capability)
{
	int fd = new_eventfd(0);

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(1, wakeup_bit());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(0, wakeup_bit());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(1, wakeup_bit());
}

TEST_F(wakeup_source, bit_is_dropped_silently_without_it)
{
	int fd = new_eventfd(1);

	drop_capability(CAP_BLOCK_SUSPEND);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(0, wakeup_bit());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(0, wakeup_bit());
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(wakeup_source, exists_for_as_long_as_the_registration)
{
	int before, fd = new_eventfd(0), other = create();

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_LE(0, other);
	before = count_wakeup_sources();
	/* By DEL, by MOD, by the close of the file, by that of the instance. */
	ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLWAKEUP));
	EXPECT_LT(before, count_wakeup_sources());
	ASSERT_EQ(0, del(other, fd));
	ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLWAKEUP));
	ASSERT_EQ(0, mod(other, fd, EPOLLIN));
	ASSERT_EQ(0, mod(other, fd, EPOLLIN | EPOLLWAKEUP));
	close(fd);
	fd = new_eventfd(0);
	ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLWAKEUP));
	close(other);
	/* The last step of a removal may be a deferred one. */
	for (int i = 0; i < 200 && count_wakeup_sources() > before; i++)
		sleep_ms(10);
	EXPECT_EQ(before, count_wakeup_sources());
}

TEST_F(wakeup_source, is_active_while_an_event_is_pending)
{
	int fd = new_eventfd(0);
	long idle, active;

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	/* In milliseconds, of the time since it became active, else 0. */
	wakeup_sources("active_time_ms", &idle);
	EXPECT_EQ(0, idle);
	post(fd);
	sleep_ms(20);
	wakeup_sources("active_time_ms", &active);
	EXPECT_LT(0, active);
	/* A level-triggered event stays pending until it is gone. */
	EXPECT_EQ(1, ready(ep));
	sleep_ms(20);
	wakeup_sources("active_time_ms", &active);
	EXPECT_LT(0, active);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	wakeup_sources("active_time_ms", &active);
	EXPECT_EQ(0, active);
}

TEST_F(wakeup_source, of_an_edge_is_released_by_the_next_wait)
{
	int fd = new_eventfd(0);
	long active;

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET | EPOLLWAKEUP));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ready(ep));
	wakeup_sources("active_time_ms", &active);
	EXPECT_EQ(0, active);
}

/* A wakeup that is no news puts nothing on the list whose harvest would end it. */
TEST_F(wakeup_source, stays_inactive_when_nothing_was_asked_for)
{
	int other = new_eventfd(1), oneshot = new_eventfd(0);
	long active;

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_EQ(0, add(ep, other, EPOLLPRI | EPOLLWAKEUP));
	ASSERT_EQ(0, add(ep, oneshot, EPOLLIN | EPOLLONESHOT | EPOLLWAKEUP));
	post(oneshot);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ready(ep));
	/* For EPOLLOUT, for EPOLLIN, and of a registration that has had its shot. */
	drain(other);
	post(other);
	post(oneshot);
	sleep_ms(20);
	wakeup_sources("active_time_ms", &active);
	EXPECT_EQ(0, active);
}

TEST_F(wakeup_source, does_not_change_what_is_reported)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLWAKEUP | EPOLLEXCLUSIVE));
	post(fd);
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(EPOLLIN, revents(ep));
	drain(fd);
	EXPECT_EQ(0, ready(ep));
}

REPOLL_FIXTURE(wakeup_source_repoll);

/* A look that finds too little has taken nothing. */
TEST_F(wakeup_source_repoll, is_active_while_a_thread_waits_for_more)
{
	int fd = new_eventfd(0), other = new_eventfd(0);
	struct collector c;
	long active;

	REQUIRE_WAKEUP_SOURCES();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	post(fd);
	collector_start(&c, ep, 2, FOR_EVER, -1);
	sleep_ms(20);
	wakeup_sources("active_time_ms", &active);
	EXPECT_LT(0, active);
	/* One event fewer and one more: the next look finds out. */
	drain(fd);
	post(other);
	for (int i = 0; i < 200 && active; i++) {
		sleep_ms(10);
		wakeup_sources("active_time_ms", &active);
	}
	EXPECT_EQ(0, active);
	EXPECT_FALSE(waiter_done(&c.w));
	post(fd);
	EXPECT_EQ(2, waiter_join(&c.w));
}

TEST_HARNESS_MAIN
