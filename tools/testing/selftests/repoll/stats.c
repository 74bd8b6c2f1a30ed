// SPDX-License-Identifier: GPL-2.0
/* REPOLL_IOC_STATS: what is counted, of registrations and of the instance. */
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "flagged.h"
#include "stats.h"
#include "waiter.h"

REPOLL_FIXTURE(stats);

TEST_F(stats, info_has_the_feature)
{
	struct repoll_info info;

	ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_TRUE(info.features & REPOLL_FEATURE_STATS);
}

TEST_F(stats, are_off_at_first_and_tell_whether_they_were)
{
	EXPECT_EQ(-ENODATA, result(repoll_stats_read(ep, NULL, NULL, 0, NULL)));
	EXPECT_EQ(1, repoll_stats_off(ep));
	EXPECT_EQ(0, repoll_stats_on(ep));
	EXPECT_EQ(1, repoll_stats_on(ep));
	EXPECT_EQ(0, repoll_stats_read(ep, NULL, NULL, 0, NULL));
	EXPECT_EQ(0, repoll_stats_off(ep));
	EXPECT_EQ(1, repoll_stats_off(ep));
	EXPECT_EQ(-ENODATA, result(repoll_stats_read(ep, NULL, NULL, 0, NULL)));
}

/* What happens to an edge-triggered registration, whenever it was added. */
static void expect_edges_counted(struct __test_metadata *_metadata, int fd)
{
	EXPECT_COUNTS(fd, 0, 0, 0, 0, 0);
	post(fd);
	EXPECT_COUNTS(fd, 1, 0, 0, 0, 0);
	/* Two more, before anybody looks for the first. */
	post(fd);
	post(fd);
	EXPECT_COUNTS(fd, 3, 2, 0, 0, 0);
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fd, 3, 2, 0, 1, 0);
	/* It has been read before anybody looks. The read tells writers, of whom there are none. */
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_COUNTS(fd, 4, 2, 1, 1, 1);
	EXPECT_EQ(0, ready(ep));
	EXPECT_COUNTS(fd, 4, 2, 1, 1, 1);
}

TEST_F(stats, count_what_was_added_before)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	drain(fd);
	ASSERT_EQ(0, ready(ep));
	ASSERT_EQ(0, repoll_stats_on(ep));
	expect_edges_counted(_metadata, fd);
}

TEST_F(stats, count_what_is_added_after)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	expect_edges_counted(_metadata, fd);
}

TEST_F(stats, level_is_delivered_more_often_than_woken)
{
	struct repoll_stats_record record;
	int fd = counted_eventfd();

	post(fd);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fd, 1, 0, 0, 5, 0);
	record = record_of(fd);
	EXPECT_EQ(1, record.queued);
	/* That it is looked for once more, in vain, is no wakeup's fault. */
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_COUNTS(fd, 1, 0, 1, 5, 0);
}

TEST_F(stats, disarmed_one_is_woken_by_nothing)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	post(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_COUNTS(fd, 1, 0, 1, 1, 0);
	/* Ready by MOD: delivered, and not woken. */
	EXPECT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fd, 1, 0, 1, 2, 0);
	EXPECT_EQ(1, record_of(fd).queued);
}

TEST_F(stats, tell_what_the_registration_is)
{
	struct repoll_stats_record record;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0x1122334455667788));
	ASSERT_EQ(0, repoll_stats_on(ep));
	record = record_of(fd);
	EXPECT_EQ(fd, record.fd);
	EXPECT_EQ(EPOLLIN | EPOLLET | EPOLLERR | EPOLLHUP, record.events);
	EXPECT_EQ(0x1122334455667788, record.data);
	EXPECT_EQ(REPOLL_WAKER_NONE, record.waker);
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 7));
	EXPECT_EQ(EPOLLOUT | EPOLLERR | EPOLLHUP, record_of(fd).events);
	EXPECT_EQ(7, record_of(fd).data);
	EXPECT_EQ(record.id, record_of(fd).id);
}

TEST_F(stats, end_with_the_registration)
{
	int fd = counted_eventfd();
	uint64_t id;

	post(fd);
	id = record_of(fd).id;
	ASSERT_EQ(0, del(ep, fd));
	EXPECT_EQ(0, record_of(fd).id);
	EXPECT_EQ(0, instance_stats().registrations);
	/* Another one under the same number: another id, and nothing counted. */
	drain(fd);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_NE(id, record_of(fd).id);
	EXPECT_COUNTS(fd, 0, 0, 0, 0, 0);
	EXPECT_EQ(1, instance_stats().registrations);
	close(fd);
	EXPECT_EQ(0, record_of(fd).id);
	EXPECT_EQ(0, instance_stats().registrations);
}

TEST_F(stats, begin_anew_when_switched_on_again)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, repoll_stats_on(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(1, instance_stats().empty);
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fd, 1, 0, 0, 1, 0);
	ASSERT_EQ(0, repoll_stats_off(ep));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, repoll_stats_on(ep));
	EXPECT_COUNTS(fd, 0, 0, 0, 0, 0);
	EXPECT_EQ(0, instance_stats().empty);
	EXPECT_EQ(0, sum(instance_stats().batches, REPOLL_STATS_BATCHES));
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fd, 0, 0, 0, 1, 0);
}

/* Who it was. */

static void *post_from_thread(void *arg)
{
	cpu_set_t first;

	prctl(PR_SET_NAME, "the waker thread");	/* one too long */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	MUST(sched_setaffinity(0, sizeof(first), &first));
	post(*(int *)arg);
	return (void *)(long)gettid();
}

TEST_F(stats, last_waker_is_a_thread_of_ours)
{
	struct repoll_stats_record record;
	int fd = counted_eventfd();
	pthread_t thread;
	void *tid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, post_from_thread, &fd));
	ASSERT_EQ(0, pthread_join(thread, &tid));
	record = record_of(fd);
	EXPECT_EQ(REPOLL_WAKER_TASK, record.waker);
	EXPECT_EQ(getpid(), record.waker_pid);
	EXPECT_EQ((long)tid, record.waker_tid);
	EXPECT_NE(record.waker_pid, record.waker_tid);
	EXPECT_EQ(0U, record.waker_cpu);
	EXPECT_STREQ("the waker threa", record.waker_comm);
	/* A wakeup that is not for it has no waker. */
	drain(fd);
	EXPECT_EQ((long)tid, record_of(fd).waker_tid);
}

TEST_F(stats, last_waker_is_a_process)
{
	struct repoll_stats_record record;
	int fd = counted_eventfd(), status;
	pid_t pid;

	post(fd);
	EXPECT_EQ(getpid(), record_of(fd).waker_pid);
	pid = MUST(fork());
	if (!pid) {
		prctl(PR_SET_NAME, "child");
		post(fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	/* It is gone, and still known. */
	record = record_of(fd);
	EXPECT_EQ(pid, record.waker_pid);
	EXPECT_EQ(pid, record.waker_tid);
	EXPECT_STREQ("child", record.waker_comm);
	EXPECT_COUNTS(fd, 2, 1, 0, 0, 0);
}

TEST_F(stats, interrupt_is_not_the_task_that_it_interrupted)
{
	struct itimerspec soon = { .it_value.tv_nsec = NSEC_PER_MSEC };
	int timer = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	struct repoll_stats_record record;

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, add(ep, timer, EPOLLIN));
	ASSERT_EQ(0, timerfd_settime(timer, 0, &soon, NULL));
	while (!ready(ep))
		;
	record = record_of(timer);
	EXPECT_TRUE(record.waker == REPOLL_WAKER_HARDIRQ ||
		    record.waker == REPOLL_WAKER_SOFTIRQ) {
		TH_LOG("kind %u", record.waker);
	}
	EXPECT_EQ(0, record.waker_pid);
	EXPECT_EQ(0, record.waker_tid);
	EXPECT_STREQ("", record.waker_comm);
}

/* How long it took. */

TEST_F(stats, time_queued_is_from_the_first_wakeup_to_the_delivery)
{
	struct repoll_stats_instance instance;
	struct repoll_stats_record record;
	int fd = new_eventfd(0), bucket = 0;
	int64_t start, least, most;

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(0, record_of(fd).queued_since_ns);
	start = now_ns();
	post(fd);
	least = now_ns();
	sleep_ms(20);
	post(fd);
	record = record_of(fd);
	EXPECT_LE(20 * NSEC_PER_MSEC, record.queued_since_ns);
	least = now_ns() - least;
	EXPECT_EQ(1, ready(ep));
	most = now_ns() - start;
	record = record_of(fd);
	EXPECT_EQ(1, record.queued);
	EXPECT_LE(least, record.queued_ns);
	EXPECT_GE(most, record.queued_ns);
	EXPECT_EQ(record.queued_ns, record.queued_max_ns);
	EXPECT_EQ(0, record.queued_since_ns);

	while (record.queued_ns >> bucket > 1)
		bucket++;
	instance = instance_stats();
	EXPECT_EQ(1, instance.latencies[bucket]);
	EXPECT_EQ(1, sum(instance.latencies, REPOLL_STATS_LATENCIES));

	/* A shorter one: the sum grows, and the longest stays. */
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_LT(record.queued_ns, record_of(fd).queued_ns);
	EXPECT_EQ(record.queued_max_ns, record_of(fd).queued_max_ns);
	EXPECT_EQ(2, record_of(fd).queued);
}

TEST_F(stats, what_did_not_fit_goes_on_being_queued)
{
	struct epoll_event event, *nowhere = (void *)8;
	int fds[2] = { new_eventfd(0), new_eventfd(0) };

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLET));
		post(fds[i]);
	}
	EXPECT_EQ(1, harvest(ep, &event, 1, 0));
	EXPECT_COUNTS(fds[1], 1, 0, 0, 0, 0);
	/* Looked for, and not stored. */
	EXPECT_EQ(-EFAULT, harvest(ep, nowhere, 1, 0));
	EXPECT_COUNTS(fds[1], 1, 0, 0, 0, 0);
	EXPECT_NE(0, record_of(fds[1]).queued_since_ns);
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(fds[1], 1, 0, 0, 1, 0);
	EXPECT_EQ(1, record_of(fds[1]).queued);
}

/* Of the instance. */

TEST_F(stats, batches_and_empty_waits_are_counted)
{
	enum { FDS = 40 };
	struct epoll_event events[FDS];
	struct repoll_stats_instance stats;
	int fds[FDS];

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < FDS; i++)
		ASSERT_EQ(0, add(ep, fds[i] = new_eventfd(1), EPOLLIN));
	EXPECT_EQ(40, harvest(ep, events, FDS, 0));	/* more than are stored at a time */
	EXPECT_EQ(3, harvest(ep, events, 3, 0));
	EXPECT_EQ(2, harvest(ep, events, 2, 0));
	EXPECT_EQ(1, harvest(ep, events, 1, 0));
	stats = instance_stats();
	EXPECT_EQ(1, stats.batches[0]);
	EXPECT_EQ(2, stats.batches[1]);
	EXPECT_EQ(1, stats.batches[5]);
	EXPECT_EQ(4, sum(stats.batches, REPOLL_STATS_BATCHES));
	EXPECT_EQ(0, stats.empty);
	EXPECT_EQ(0, stats.sleeps);
	EXPECT_EQ(FDS, stats.registrations);
	EXPECT_EQ(0, sum(stats.latencies, REPOLL_STATS_LATENCIES));
	for (int i = 0; i < FDS; i++)
		drain(fds[i]);
	EXPECT_EQ(0, harvest(ep, events, FDS, 0));	/* has to ask each */
	EXPECT_EQ(1, instance_stats().empty);
	EXPECT_EQ(0, harvest(ep, events, FDS, 0));	/* knows */
	EXPECT_EQ(2, instance_stats().empty);
	EXPECT_EQ(0, harvest(ep, events, FDS, 1));
	stats = instance_stats();
	EXPECT_EQ(3, stats.empty);
	EXPECT_EQ(1, stats.sleeps);
	EXPECT_EQ(0, stats.in_vain);
	EXPECT_EQ(4, sum(stats.batches, REPOLL_STATS_BATCHES));
	EXPECT_LT(NSEC_PER_MSEC, stats.on_ns);
}

TEST_F(stats, waiter_that_is_woken_in_vain_is_counted)
{
	int fds[2], fd = counted_eventfd();
	struct waiter waiter;

	new_socketpair(fds, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLPRI));
	waiter_start(&waiter, ep, -1);
	/* The socket does not say what it wakes for, and it is not for that. */
	ASSERT_EQ(0, shutdown(fds[1], SHUT_WR));
	while (!instance_stats().in_vain)
		sleep_ms(1);
	EXPECT_COUNTS(fds[0], 1, 0, 0, 0, 1);
	while (!waiter_sleeps(&waiter))
		sleep_ms(1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&waiter));
	EXPECT_EQ(2, instance_stats().sleeps);
	EXPECT_EQ(1, instance_stats().in_vain);
	EXPECT_EQ(0, instance_stats().empty);
}

TEST_HARNESS_MAIN
