/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the statistics of the instance under test. */
#ifndef REPOLL_STATS_H
#define REPOLL_STATS_H

#include "eventpoll_test.h"

/* The most records that a test has use for. */
enum { RECORDS = 256 };

/* An eventfd that is watched, and counted from here on. */
static inline int counted_eventfd(void)
{
	int fd = new_eventfd(0);

	MUST(repoll_stats_on(ep));
	MUST(add(ep, fd, EPOLLIN) ? -1 : 0);
	return fd;
}

/* The record of the registration under this number; its id is 0 if there is none. */
static inline struct repoll_stats_record record_of(int fd)
{
	struct repoll_stats_record records[RECORDS];
	int n = MUST(repoll_stats_read(ep, NULL, records, RECORDS, NULL));

	for (int i = 0; i < n; i++) {
		if (records[i].fd == fd)
			return records[i];
	}
	return (struct repoll_stats_record){};
}

static inline struct repoll_stats_instance instance_stats(void)
{
	struct repoll_stats_instance stats;

	MUST(repoll_stats_read(ep, &stats, NULL, 0, NULL));
	return stats;
}

/* How many there are in all buckets. */
static inline uint64_t sum(const __u64 *buckets, int n)
{
	uint64_t all = 0;

	while (n--)
		all += buckets[n];
	return all;
}

/* How often a registration was woken, its event delivered, and so on. */
#define EXPECT_COUNTS(fd, _wakes, _merged, _filtered, _deliveries, _spurious) do {	\
	struct repoll_stats_record _r = record_of(fd);					\
	EXPECT_NE(0, _r.id);								\
	EXPECT_EQ((_wakes), _r.wakes);							\
	EXPECT_EQ((_merged), _r.merged);						\
	EXPECT_EQ((_filtered), _r.filtered);						\
	EXPECT_EQ((_deliveries), _r.deliveries);					\
	EXPECT_EQ((_spurious), _r.spurious);						\
} while (0)

#endif /* REPOLL_STATS_H */
