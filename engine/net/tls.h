// SPDX-License-Identifier: BSD-3-Clause
//
// TLS over TCP: connections as endpoints whose handshake is behind them when they are open, and listeners that make
// those handshakes. Frames are cut from the decrypted stream as from TCP's. Packets told to the owner are decrypted.
#ifndef ASSAY_NET_TLS_H
#define ASSAY_NET_TLS_H

#include "net/secure.h"

extern const struct endpoint_kind tls_kind;

// Connections that wait at a listener for their handshake or to be taken; those beyond are closed at once.
#define TLS_WAITING 256

// As tcp_connect, with the handshake: the endpoint is OPEN behind it, or ENDED with the reason, "timeout" after
// settings->timeout seconds.
struct endpoint *tls_connect(const struct address *remote, const struct address *local,
			     const struct secure_settings *settings, const struct endpoint_handler *handler,
			     void *owner, struct error *error);

struct tls_listener;

// Listens on this address with settings->certificate and key. ready(owner) is called whenever a handshake succeeded.
// Handshakes that fail, or last longer than settings->timeout, end unseen. Freed by tls_listener_free, with the
// connections that nobody has taken. NULL with *error.
struct tls_listener *tls_listen(const struct address *address, const struct secure_settings *settings,
				void (*ready)(void *owner), void *owner, struct error *error);
const struct address *tls_listener_address(const struct tls_listener *listener);
void tls_listener_free(struct tls_listener *listener);

// Takes the oldest connection whose handshake succeeded, NULL when there is none. It reads nothing before it is taken.
struct endpoint *tls_accept(struct tls_listener *listener, const struct endpoint_handler *handler, void *owner);

#endif
