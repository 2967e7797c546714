// SPDX-License-Identifier: BSD-3-Clause
//
// The BIO between OpenSSL and datagrams: it reads the one datagram that it was given, and hands each writing on as one.
// OpenSSL's own reads a socket, which cannot be: a server has one for all its sessions.
#ifndef ASSAY_NET_DATAGRAM_H
#define ASSAY_NET_DATAGRAM_H

#include <openssl/bio.h>
#include <stddef.h>

struct datagram {
	const void *octets; // what is read next, NULL when nothing is there
	size_t length;
	// Sends; what cannot be sent is lost, as on the way.
	void (*send)(void *owner, const void *octets, size_t length);
	void *owner;
	long peek; // reading leaves it there
};

// A BIO over *datagram, which must outlive it; owned by the caller or its SSL. NULL when memory ran out.
BIO *datagram_bio(struct datagram *datagram);

#endif
