// SPDX-License-Identifier: BSD-3-Clause
//
// A session of DTLS from inside: what dtls.c does for those of a listener (dtls_listener.c) as for those of a client.
// Whoever holds an endpoint of the kind needs none of it.
#ifndef ASSAY_NET_DTLS_SESSION_H
#define ASSAY_NET_DTLS_SESSION_H

#include "net/datagram.h"
#include "net/dtls.h"

struct event;

struct dtls {
	struct secure secure; // its endpoint first
	struct datagram datagram;
	struct endpoint *udp; // its own socket (client) or that of the listener
	struct event *timer;  // the next sending of a lost flight, or the end of patience
	double deadline;      // of the handshake, by the monotonic clock
	double time;          // when the datagram at hand came
	bool unsent;          // the last datagram, for the reason in `refusal`
	struct error refusal;
	char icmp[128];       // the last ICMP error during the handshake
	bool parked;          // shaken hands with, and not yet taken
	bool replaced;        // the client at this address has begun anew
	struct inbox backlog; // datagrams that came while it was parked
	// Of a session of a listener:
	struct dtls_listener *listener;
	struct dtls *next;
	void (*gone)(struct dtls *dtls); // it was closed; its socket is not its own
};

// A session without a socket, freed with its endpoint. It holds the context for as long as it needs it. remote may be
// NULL: not known yet. NULL with *error.
struct dtls *dtls_make(SSL_CTX *context, const struct secure_settings *settings, bool server,
		       const struct address *remote, const struct endpoint_handler *handler, void *owner,
		       struct error *error);

// Goes on as far as the datagram at hand allows, or without one (NULL). Stands between endpoint_enter and
// endpoint_leave.
void dtls_advance(struct dtls *dtls, const void *octets, size_t length, double time);

// The session is of no use any more.
void dtls_lose(struct dtls *dtls, const char *reason);

#endif
