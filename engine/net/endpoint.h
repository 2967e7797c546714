// SPDX-License-Identifier: BSD-3-Clause
//
// What every transport has in common: a local and a remote address, a way to send, an inbox, the transactions that
// wait for replies, and one owner who is told of each packet. A transport (udp.c, tcp.c, tls.c, dtls.c) embeds `struct
// endpoint` first in its own record, fills in the kind, and reports through the functions of the second half of this
// file.
// It looks into a message for one thing only: whether it is the reply to a transaction.
#ifndef ASSAY_NET_ENDPOINT_H
#define ASSAY_NET_ENDPOINT_H

#include "net/address.h"
#include "net/inbox.h"

struct endpoint;
struct transaction;

enum packet_direction { PACKET_SENT, PACKET_RECEIVED, PACKET_ICMP };

// An ICMP or ICMPv6 error that came for a packet of ours.
struct icmp_error {
	uint8_t type, code;
	struct address destination; // where that packet went
	struct address reporter;    // who sent the error, port 0; length 0 if the kernel does not say
	char text[256];             // all of it, said to a person
};

struct packet {
	enum packet_direction direction;
	const uint8_t *octets; // of the datagram or frame; of an ICMP error, what it quotes of the packet it is about
	size_t length;
	struct address peer;           // where it came from, or went to
	double time;                   // seconds since 1970; of a received datagram, as the kernel noted it
	const struct icmp_error *icmp; // with PACKET_ICMP
};

// Either may be NULL. Both may close the endpoint and may free it.
struct endpoint_handler {
	void (*packet)(void *owner, const struct packet *packet); // each packet, before anything else is done with it
	void (*changed)(void *owner); // the inbox has more, a connection was made, or the endpoint has ended
};

struct endpoint_kind {
	const char *transport; // "udp", "tcp", "tls", "dtls"
	bool reliable;         // requests are sent once
	// As endpoint_send, with an open endpoint and a destination.
	int (*send)(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		    struct error *error);
	// Closes sockets and frees events. Called once.
	void (*close)(struct endpoint *endpoint);
	// Frees what is left, all but the record itself; NULL when nothing is. Called once, never inside a callback.
	void (*release)(struct endpoint *endpoint);
};

enum endpoint_state {
	ENDPOINT_OPENING,
	ENDPOINT_OPEN,
	ENDPOINT_ENDED,  // nothing more will be received; `ended` says why; what the inbox holds can still be read
	ENDPOINT_CLOSED, // by its owner
};

// How many transactions that have ended are remembered, so that late replies to their retransmissions are known.
#define ENDPOINT_REMEMBERED 16
#define ENDPOINT_TRANSACTION 12 // octets of a transaction id

struct endpoint {
	const struct endpoint_kind *kind;
	const struct endpoint_handler *handler;
	void *owner;
	enum endpoint_state state;
	char ended[256];
	struct address local;
	struct address remote; // length 0: none
	struct inbox inbox;
	bool unread; // nobody reads the inbox: nothing is put there
	struct transaction *transactions;
	struct {
		uint8_t id[ENDPOINT_TRANSACTION];
		unsigned owed; // replies that may yet come to what was sent more than once
	} remembered[ENDPOINT_REMEMBERED];
	unsigned next_remembered;
	uint64_t late;   // replies that came to retransmissions of transactions that had ended, and were let go
	unsigned inside; // event callbacks at work on it
	bool freed;      // by its owner while one was
};

// Sends a datagram, or any octets of a stream, to `to` (NULL: the remote address). Fails with -1 and *error when the
// endpoint is not open, there is no destination, or the kernel refuses.
int endpoint_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		  struct error *error);

// Closes the socket and ends each transaction; the inbox is emptied. Calling it again does nothing.
void endpoint_close(struct endpoint *endpoint);

// Closes it and frees it. NULL is fine.
void endpoint_free(struct endpoint *endpoint);

// For the kinds.

void endpoint_init(struct endpoint *endpoint, const struct endpoint_kind *kind, const struct endpoint_handler *handler,
		   void *owner);

// Each event callback stands between these two, so that a handler may free the endpoint in it. After the second the
// record may be gone.
void endpoint_enter(struct endpoint *endpoint);
void endpoint_leave(struct endpoint *endpoint);

// A datagram or frame has come: tells the owner, then gives it to the transaction it answers, else to the inbox.
// Afterwards the endpoint may be closed.
void endpoint_received(struct endpoint *endpoint, const uint8_t *octets, size_t length, const struct address *from,
		       double time);

// An ICMP error has come, quoting these octets of a datagram of ours.
void endpoint_icmp(struct endpoint *endpoint, const struct icmp_error *icmp, const uint8_t *octets, size_t length);

// A connection is made.
void endpoint_opened(struct endpoint *endpoint);

// Nothing more will come, for this reason: "closed" when the peer closed in an orderly way.
void endpoint_ended(struct endpoint *endpoint, const char *reason);

#endif
