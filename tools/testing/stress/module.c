// SPDX-License-Identifier: GPL-2.0
/*
 * The module is unloaded and loaded while others open the device: unloading is refused
 * as long as somebody has an instance, and whoever has one can use it.
 */
#include <sys/stat.h>

#include "stress.h"

static const char *module_path;
static bool over;
static long uses;

/* Which instance each thread has, by a number of its own; 0 for none. */
static struct { uint64_t instance; } *holders;

/* What open() may say while there is no module, or it is on its way. */
static bool may_be_absent(int error)
{
	return error == -ENOENT || error == -ENXIO || error == -ENODEV;
}

static void holder(struct actor *actor)
{
	int fd = new_eventfd(1);
	uint64_t number = 0;

	while (!load(&over)) {
		int64_t start = now_ns();
		int epfd = create();

		if (epfd < 0) {
			CHECK(may_be_absent(epfd), "open: %s", strerror(-epfd));
			usleep(1000);
			continue;
		}
		store(&holders[actor->index].instance, ++number);
		watch(epfd, fd, EPOLLIN, 0);
		CHECK(ready(epfd) == 1, "not ready");
		if (random_one_in(&actor->random, 2))
			usleep(random_below(&actor->random, 2000));
		store(&holders[actor->index].instance, 0);
		close(epfd);
		increment(&uses);
		/* Leaves the module without a user now and then, however slow this was. */
		usleep(random_below(&actor->random, 6 * (now_ns() - start) / 1000 + 1));
	}
}

static void load_module(void)
{
	int file = MUST(open(module_path, O_RDONLY | O_CLOEXEC));

	MUST(syscall(SYS_finit_module, file, "", 0));
	close(file);
}

/* True if it was unloaded. */
static bool unload_module(uint64_t *before)
{
	int ret;

	for (int i = 0; i < options.threads; i++)
		before[i] = load(&holders[i].instance);
	ret = result(syscall(SYS_delete_module, "repoll", O_NONBLOCK));
	if (ret) {
		CHECK(ret == -EAGAIN, "unloading: %s", strerror(-ret));
		return false;
	}
	for (int i = 0; i < options.threads; i++)
		CHECK(!before[i] || load(&holders[i].instance) != before[i],
		      "unloaded while somebody had an instance");
	return true;
}

REPOLL_SCENARIO(module_comes_and_goes)
{
	const char *path = getenv("REPOLL_MODULE");
	uint64_t before[64];
	long refused = 0, unloaded = 0;
	struct crew crew;
	bool pinned;

	module_path = path ?: "build/module/repoll.ko";
	/* Ours would keep it loaded. */
	close(ep);
	ep = -1;
	pinned = module_users();
	MUST(access(module_path, R_OK));
	holders = calloc(options.threads, sizeof(*holders));
	crew = CREW(holder, options.threads);
	while (time_left() || !refused || (!unloaded && !pinned)) {
		if (unload_module(before)) {
			unloaded++;
			load_module();
		} else {
			refused++;
			usleep(500);
		}
	}
	store(&over, true);
	crew_join(&crew);
	tally(uses, "instances");
	tally(refused, "times unloading was refused");
	if (!pinned)
		tally(unloaded, "times it was done");
	CHECK(!pinned || !unloaded, "unloaded while somebody else had an instance");
}
