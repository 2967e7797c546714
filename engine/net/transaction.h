// SPDX-License-Identifier: BSD-3-Clause
//
// A request and the wait for its reply: retransmissions over an unreliable transport (RFC 5389 7.2.1), one sending
// and Ti over a reliable one (7.2.2). Any number run side by side on one endpoint. A reply is a message of class
// success or error with the request's transaction id, wherever it comes from and whatever else is wrong with it:
// judging that is not done here.
#ifndef ASSAY_NET_TRANSACTION_H
#define ASSAY_NET_TRANSACTION_H

#include "net/endpoint.h"
#include "net/retransmit.h"

struct event;

#define TRANSACTION_NOTES 16
// The fewest octets that have a transaction id.
#define TRANSACTION_SMALLEST 20

struct transaction_plan {
	struct retransmit schedule; // of an unreliable transport
	double timeout; // seconds; 0: Ti over a reliable transport, the schedule's end over an unreliable one
};

struct transaction {
	// For the owner to read. Times are seconds since 1970.
	bool done;
	char failure[256]; // "" after a reply; else "timeout", "closed" or why it could not go on
	uint8_t *reply;
	size_t reply_length;
	struct address from;
	double received, sent, sent_last; // of the reply; of the first and the last sending
	unsigned sends;
	char notes[TRANSACTION_NOTES][256]; // ICMP errors and failed sendings, the first of them
	unsigned noted;

	// Its own.
	struct endpoint *endpoint;
	struct transaction *next;
	uint8_t *request;
	size_t length;
	struct address to;
	struct transaction_plan plan;
	double started;    // monotonic
	unsigned attempts; // sendings tried; the schedule counts them whether or not the kernel took them
	struct event *timer;
	void (*ended)(struct transaction *transaction);
	void *owner;
};

// Sends the request (at least TRANSACTION_SMALLEST octets; a copy is kept) and waits. ended() is called once, when
// `done` has become true: from an event's callback or from endpoint_close, so even before this returns if the
// endpoint's owner closes it on being told of the sending. The record is the caller's and stays where it is until
// transaction_release, which ended() and the endpoint's handler may not call. -1 with *error when the endpoint has
// ended or the first sending fails: then it does not wait, but must be released all the same.
int transaction_start(struct transaction *transaction, struct endpoint *endpoint, const void *request, size_t length,
		      const struct address *to, const struct transaction_plan *plan,
		      void (*ended)(struct transaction *transaction), void *owner, struct error *error);

// Stops waiting, without a call of ended(), and frees what the record holds, the reply as well. Good at any time
// after transaction_start and again afterwards; good on a zeroed record.
void transaction_release(struct transaction *transaction);

// For endpoint.c.

// Whether the packet was a reply to a transaction that waits, or a late one to a retransmission of one that has ended.
bool transaction_offer(struct endpoint *endpoint, const struct packet *packet);
// Notes an ICMP error with the transactions whose request it quotes (where it quotes too little: that went there).
void transaction_note_icmp(struct endpoint *endpoint, const struct packet *packet);
void transaction_fail_all(struct endpoint *endpoint, const char *reason);
// This is being sent: replies to it are wanted, even if a transaction with its id has ended.
void transaction_forget(struct endpoint *endpoint, const void *octets, size_t length);

#endif
