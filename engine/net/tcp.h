// SPDX-License-Identifier: BSD-3-Clause
//
// TCP: connections as endpoints that receive frame by frame, and listeners. What is sent is sent as it is, so that
// broken framing can be sent too.
#ifndef ASSAY_NET_TCP_H
#define ASSAY_NET_TCP_H

#include "net/endpoint.h"

// An endpoint that is being connected to `remote` from `local` (NULL: any address). The owner is told of its end: the
// state is then OPEN, or ENDED with the reason, "timeout" after so many seconds. NULL with *error when the kernel
// refuses at once. Freed by endpoint_free.
struct endpoint *tcp_connect(const struct address *remote, const struct address *local, double timeout,
			     const struct endpoint_handler *handler, void *owner, struct error *error);

struct tcp_listener;

// Listens on this address. readable(owner) is called once after each tcp_listener_watch, when a connection is there
// (or gone again). Freed by tcp_listener_free. NULL with *error when the kernel refuses.
struct tcp_listener *tcp_listen(const struct address *address, void (*readable)(void *owner), void *owner,
				struct error *error);
const struct address *tcp_listener_address(const struct tcp_listener *listener);
int tcp_listener_watch(struct tcp_listener *listener);
void tcp_listener_free(struct tcp_listener *listener);

// Takes the next connection, an open endpoint. NULL with *nothing true when none is there, else with *error.
struct endpoint *tcp_accept(struct tcp_listener *listener, const struct endpoint_handler *handler, void *owner,
			    bool *nothing, struct error *error);

// From now on what comes is handed on as it comes, in pieces of any size, and not frame by frame: for octets that are
// another protocol's. False for an endpoint that is not of TCP.
bool tcp_unframe(struct endpoint *endpoint);

// For tls.c, the sockets alone: owned by the caller, non-blocking, -1 with *error.

// One that is being connected; when it is writable tcp_finish tells how that ended, and from which address.
int tcp_start(const struct address *remote, const struct address *local, struct error *error);
int tcp_finish(int socket, struct address *local, struct error *error);
// The next connection of a listener; *nothing as above.
int tcp_take(struct tcp_listener *listener, struct address *remote, bool *nothing, struct error *error);

#endif
