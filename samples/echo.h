/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * What the event loop and its client agree on.
 */
#ifndef REPOLL_SAMPLE_ECHO_H
#define REPOLL_SAMPLE_ECHO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

/* A request and its answer. The answer is the request with the payload inverted. */
struct message {
	uint32_t connection;
	uint32_t sequence;
	uint8_t payload[248];
};

/* One byte of the payload that belongs to a message's connection and sequence. */
static inline uint8_t payload_byte(const struct message *message, size_t i)
{
	return (message->connection * 2654435761u + message->sequence * 40503u + i * 97u) >> 7;
}

static inline void message_fill(struct message *message)
{
	for (size_t i = 0; i < sizeof(message->payload); i++)
		message->payload[i] = payload_byte(message, i);
}

static inline void message_invert(struct message *message)
{
	for (size_t i = 0; i < sizeof(message->payload); i++)
		message->payload[i] ^= 0xff;
}

static inline bool message_is_intact(const struct message *message)
{
	for (size_t i = 0; i < sizeof(message->payload); i++)
		if (message->payload[i] != payload_byte(message, i))
			return false;
	return true;
}

/* What the client is to do, and with what. */
struct client_job {
	uint16_t port;		/* of the listener, in network byte order */
	unsigned int connections;
	unsigned int requests;	/* on each connection */
	unsigned int extras;	/* adds to the eventfd, signals and datagrams to send */
	int eventfd;
	int datagrams;		/* a SOCK_SEQPACKET socket */
	int signal;		/* to queue to @server, with the values 1 to @extras */
	pid_t server;
};

/* Runs in a process of its own. Returns its exit status: 0 if every answer was right. */
int client_run(const struct client_job *job);

#endif /* REPOLL_SAMPLE_ECHO_H */
