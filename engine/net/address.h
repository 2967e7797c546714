// SPDX-License-Identifier: BSD-3-Clause
//
// Transport addresses: IPv4 or IPv6, with a port. Text is always numeric; names are resolved in one place,
// address_resolve, and nowhere else.
#ifndef ASSAY_NET_ADDRESS_H
#define ASSAY_NET_ADDRESS_H

#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length; // 0: no address
};

// Room for any numeric address with its scope and its NUL: "fe80::1%interface".
#define ADDRESS_TEXT 64

// A numeric address, IPv6 with an optional %scope, and a port. -1 with *error when the text is anything else.
int address_parse(struct address *address, const char *text, uint16_t port, struct error *error);

// Copies a socket address of the kernel's. False if it is neither IPv4 nor IPv6, or is too short.
bool address_from(struct address *address, const struct sockaddr *from, socklen_t length);

// The numeric address without its port; "?" for no address. Returns `text`.
const char *address_text(const struct address *address, char text[ADDRESS_TEXT]);

uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

// Same family, octets, scope and port.
bool address_equal(const struct address *a, const struct address *b);

// The local address from which the kernel would route to `remote`, with port 0. Sends nothing.
int address_route(struct address *local, const struct address *remote, struct error *error);

// The address a socket is bound to.
int address_of_socket(struct address *address, int socket, struct error *error);

// The addresses of a name or of a numeric address, each with this port, at most `limit` of them, in the resolver's
// order and each once. Blocks as long as the resolver does. Returns how many, or -1 with *error.
int address_resolve(struct address *addresses, size_t limit, const char *host, uint16_t port, struct error *error);

// A non-blocking socket that no child process inherits, bound to `local` (NULL: not bound). `type` is SOCK_DGRAM or
// SOCK_STREAM; an IPv6 socket never carries IPv4. Returns the descriptor, owned by the caller, or -1 with *error.
int address_socket(int family, int type, const struct address *local, struct error *error);

// A port that is free at this address (whose own port is ignored), and at `also` unless that is NULL, for all of the
// types asked for (SOCK_DGRAM, SOCK_STREAM; `count` of them, at most 4) at once, and that the kernel gives to nobody of
// its own accord. Nothing is held: another program that asks for it gets it. Returns the port, or -1 with *error.
int address_free_port(const struct address *address, const struct address *also, const int *types, size_t count,
		      struct error *error);

#endif
