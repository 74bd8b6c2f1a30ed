/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each place where a call may run out of memory, or fail to reach that of its caller,
 * fails once. Needs a kernel with fault injection.
 */
#ifndef REPOLL_FAULT_INJECTION_H
#define REPOLL_FAULT_INJECTION_H

#include "eventpoll_test.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"

static inline void write_text(const char *path, const char *text)
{
	int fd = MUST(open(path, O_WRONLY | O_CLOEXEC));

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

/* The @n-th possible failure of this thread from here on happens; 0: none. */
static inline void fail_nth(int fail, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	/* The failure still asked for may be that of this copy. */
	while (pwrite(fail, text, strlen(text), 0) < 0)
		MUST(errno == EFAULT ? 0 : -1);
}

/* Whether the failure asked for is still to come, unless it comes right here. */
static inline bool is_pending(int fail)
{
	char text[16] = "";

	if (pread(fail, text, sizeof(text) - 1, 0) < 0)
		return MUST(errno == EFAULT ? 1 : -1);
	return atoi(text) > 0;
}

/* Something to try: what it needs, the call, and what it did if it succeeded. */
struct trial {
	int target;			/* fd to watch or watched */
	struct epoll_event *events;	/* two */
	void (*prepare)(struct trial *trial);
	int (*call)(struct trial *trial);
	bool (*undone)(struct trial *trial);	/* is all as it was prepared? */
};

static inline void unregister(struct trial *trial)
{
	del(ep, trial->target);
}

static inline bool not_registered(struct trial *trial)
{
	(void)trial;
	return registrations(ep) == 0 && ready(ep) == 0;
}

static inline int call_wait(struct trial *trial)
{
	return harvest(ep, trial->events, 2, 0) == 1 ? 0 : -errno;
}

static inline bool always(struct trial *trial)
{
	(void)trial;
	return true;
}

/* Every failure of the call, each alone. How many there were. */
static inline int try_all(struct __test_metadata *_metadata, struct trial *trial)
{
	int fail = MUST(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
	int failed = 0;

	for (int n = 1;; n++) {
		bool pending;
		int ret;

		trial->prepare(trial);
		fail_nth(fail, n);
		ret = trial->call(trial);
		pending = is_pending(fail);
		fail_nth(fail, 0);
		if (pending)
			break;
		/* A failure that the kernel makes good by itself fails nothing. */
		if (!ret)
			continue;
		failed++;
		EXPECT_TRUE(ret == -ENOMEM || ret == -EFAULT) {
			TH_LOG("failure %d: %s", n, strerror(-ret));
		}
		EXPECT_TRUE(trial->undone(trial)) {
			TH_LOG("failure %d left something behind", n);
		}
		EXPECT_EQ(0, trial->call(trial)) {
			TH_LOG("failure %d: the retry failed", n);
		}
	}
	close(fail);
	return failed;
}

#define FAULT_INJECTION_OR_SKIP()							\
	do {										\
		if (access(FAIL_NTH, W_OK))						\
			SKIP(return, "the kernel has no fault injection");		\
		/* By default only allocations that may not sleep fail. */		\
		write_text("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");		\
		write_text("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");	\
		/* No stack for each of them: it would be taken for a report. */	\
		write_text("/sys/kernel/debug/failslab/verbose", "0");			\
		write_text("/sys/kernel/debug/fail_page_alloc/verbose", "0");		\
		write_text("/sys/kernel/debug/fail_usercopy/verbose", "0");		\
	} while (0)

static struct epoll_event buffer[2] __maybe_unused;

#define TRIAL(fd, before, function, check) (&(struct trial) {				\
	.target = (fd), .events = buffer, .prepare = before, .call = function,		\
	.undone = check,								\
})

#endif /* REPOLL_FAULT_INJECTION_H */
