// SPDX-License-Identifier: GPL-2.0
#include <netinet/tcp.h>
#include <sched.h>

#include "settle.h"

/* Bytes that terminals of @side have for their readers. */
static int terminal_input(const struct world *w, enum side twin)
{
	int sum = 0;

	for (int slot = 0; slot < SLOTS; slot++) {
		struct pollfd pfd = { .fd = world_fd(twin, slot), .events = POLLIN };
		int bytes = 0;

		if (world_kind(w, slot) != OBJ_PTY)
			continue;
		/* Runs the work item if there is no input; the ioctl waits for it. */
		poll(&pfd, 1, 0);
		if (!ioctl(pfd.fd, FIONREAD, &bytes))
			sum += bytes;
	}
	return sum;
}

static void schedule_as(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, policy, &param)) {
		perror("sched_setscheduler");
		exit(2);
	}
}

static int input_before;

/*
 * A write to a terminal wakes its own end, and its work item the other end, in whatever
 * order they run: on the one CPU there is, the work item waits now until we do.
 */
void settle_before(const struct world *w, enum side twin, const struct op *op)
{
	if (world_kind(w, op->a) != OBJ_PTY)
		return;
	schedule_as(SCHED_FIFO, 1);
	input_before = terminal_input(w, twin);
}

/* Until @bytes more have arrived, or whoever would read them is gone. */
static void settle_terminal(const struct world *w, enum side twin, int bytes)
{
	for (int i = 0; i < 50 && terminal_input(w, twin) < input_before + bytes; i++)
		usleep(100);
}

static bool has_inet(const struct world *w)
{
	for (int i = 1; i < w->files; i++)
		if (object_is_inet(w->file[i].kind))
			return true;
	return false;
}

/*
 * A CPU takes the packets of its backlog in order. Two of our own, one after the
 * other, come in after all that was on its way, and after the answers to that.
 */
static void settle_loopback(void)
{
	static int fd = -1;
	char byte = 0;

	if (fd < 0) {
		fd = object_inet_socket(SOCK_DGRAM);
		object_connect(fd, fd);
	}
	for (int i = 0; i < 2; i++)
		if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1) {
			perror("loopback");
			exit(2);
		}
}

/*
 * The acknowledgment of a FIN may be put off for 40 ms, and its arrival is a wakeup. It
 * has come when the socket is in another state than one that waits for it.
 */
static void settle_fin(const struct world *w, enum side twin)
{
	for (int slot = 0; slot < SLOTS; slot++) {
		for (int i = 0; i < 200 && world_kind(w, slot) == OBJ_TCP; i++) {
			uint8_t state = 0;
			socklen_t len = sizeof(state);

			getsockopt(world_fd(twin, slot), IPPROTO_TCP, TCP_INFO, &state, &len);
			if (state != TCP_FIN_WAIT1 && state != TCP_CLOSING &&
			    state != TCP_LAST_ACK)
				break;
			usleep(500);
		}
	}
}

/* May this change anything on the way between two sockets? */
static bool sends_packets(const struct op *op)
{
	switch (op->kind) {
	case OP_CTL:
	case OP_WAIT:
	case OP_POLL:
	case OP_FDINFO:
	case OP_SEND_FD:
		return false;
	default:
		return true;
	}
}

void settle_after(const struct world *w, enum side twin, const struct op *op, int ret)
{
	if (world_kind(w, op->a) == OBJ_PTY) {
		if (op->kind == OP_WRITE && ret > 0)
			settle_terminal(w, twin, ret);
		schedule_as(SCHED_OTHER, 0);
	}
	if (sends_packets(op) && has_inet(w)) {
		settle_loopback();
		settle_fin(w, twin);
	}
}
