// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The other side of the event loop: the process whose requests, signals,
 * datagrams and exit it waits for.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo.h"

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(EXIT_FAILURE, "client: connect");
	return fd;
}

static void send_request(int fd, unsigned int connection, unsigned int sequence)
{
	struct message request = { .connection = connection, .sequence = sequence };

	message_fill(&request);
	/* In two parts, so that the server sees a message that is not complete. */
	if (send(fd, &request, 100, MSG_NOSIGNAL) != 100 ||
	    send(fd, (char *)&request + 100, sizeof(request) - 100, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(request) - 100)
		err(EXIT_FAILURE, "client: send on connection %u", connection);
}

static void check_answer(int fd, unsigned int connection, unsigned int sequence)
{
	struct message answer;

	if (recv(fd, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		errx(EXIT_FAILURE, "client: no answer on connection %u", connection);
	message_invert(&answer);
	if (answer.connection != connection || answer.sequence != sequence ||
	    !message_is_intact(&answer))
		errx(EXIT_FAILURE, "client: wrong answer to request %u on connection %u", sequence,
		     connection);
}

static void send_extra(const struct client_job *job, unsigned int number)
{
	union sigval value = { .sival_int = number };

	if (eventfd_write(job->eventfd, number))
		err(EXIT_FAILURE, "client: eventfd");
	if (sigqueue(job->server, job->signal, value))
		err(EXIT_FAILURE, "client: sigqueue");
	if (send(job->datagrams, &number, sizeof(number), MSG_NOSIGNAL) != sizeof(number))
		err(EXIT_FAILURE, "client: datagram");
}

int client_run(const struct client_job *job)
{
	int *fds = calloc(job->connections, sizeof(*fds));
	unsigned int extra = 0;

	if (!fds)
		err(EXIT_FAILURE, "client: calloc");
	for (unsigned int i = 0; i < job->connections; i++)
		fds[i] = connect_to(job->port);

	/* All connections at once, so that many are ready in one wait of the server. */
	for (unsigned int sequence = 0; sequence < job->requests; sequence++) {
		for (unsigned int i = 0; i < job->connections; i++)
			send_request(fds[i], i, sequence);
		for (unsigned int i = 0; i < job->connections; i++)
			check_answer(fds[i], i, sequence);
		if (extra < job->extras)
			send_extra(job, ++extra);
	}
	while (extra < job->extras)
		send_extra(job, ++extra);

	for (unsigned int i = 0; i < job->connections; i++)
		close(fds[i]);
	free(fds);
	return 0;
}
