// SPDX-License-Identifier: BSD-3-Clause
//
// DTLS 1.2 over UDP: sessions as endpoints whose handshake is behind them when they are open, and listeners that keep
// many of them on one socket. What a record carries is one message, as a datagram is. Lost flights of a handshake are
// sent again by OpenSSL's timers (RFC 6347 4.2.4). Packets told to the owner are decrypted.
#ifndef ASSAY_NET_DTLS_H
#define ASSAY_NET_DTLS_H

#include "net/secure.h"

extern const struct endpoint_kind dtls_kind;

// Sessions of a listener: all of them; those that are not taken, most of them in the middle of a handshake. Clients
// beyond are not answered. A client costs nothing before it has sent back the cookie that it was given.
#define DTLS_SESSIONS 1024
#define DTLS_WAITING 256

// As udp_open with the handshake: the endpoint is OPEN behind it, or ENDED with the reason, "timeout" after
// settings->timeout seconds. Datagrams from other addresses than `remote` are ignored.
struct endpoint *dtls_connect(const struct address *remote, const struct address *local,
			      const struct secure_settings *settings, const struct endpoint_handler *handler,
			      void *owner, struct error *error);

struct dtls_listener;

// Waits at this address with settings->certificate and key. ready(owner) is called whenever a handshake succeeded.
// Handshakes that fail, or last longer than settings->timeout, end unseen. NULL with *error.
struct dtls_listener *dtls_listen(const struct address *address, const struct secure_settings *settings,
				  void (*ready)(void *owner), void *owner, struct error *error);
const struct address *dtls_listener_address(const struct dtls_listener *listener);

// Admits nobody more and ends the sessions that nobody has taken; the socket lives as long as one of the others.
void dtls_listener_free(struct dtls_listener *listener);

// Takes the oldest session whose handshake succeeded, NULL when there is none. What came for it stays to be received.
struct endpoint *dtls_accept(struct dtls_listener *listener, const struct endpoint_handler *handler, void *owner);

#endif
