// SPDX-License-Identifier: BSD-3-Clause
//
// Hellos of DTLS 1.2, put together from the fragments that datagrams bring in any order, some of them twice (RFC 6347
// section 4.2.3). All other handshake messages are passed over.
#ifndef ASSAY_CAPTURE_DTLS_HELLO_H
#define ASSAY_CAPTURE_DTLS_HELLO_H

#include "capture/tls_hello.h"

struct reader;

// Those of one side. Zeroed, it has seen nothing. Two messages can be in the making: with a cookie, a side's hello
// comes twice, and the first may be sent again.
struct dtls_hellos {
	struct dtls_fragments {
		uint8_t type;
		uint16_t epoch, number; // of the message
		size_t length;          // of its body
		size_t missing;         // octets of it; 0: nothing is in the making
		uint8_t *body, *there;  // its octets, and for each whether it came
	} fragments[2];
};

void dtls_hellos_free(struct dtls_hellos *hellos);

// Takes the next fragment from the content of a handshake record of this epoch. 1: with it a hello is whole, and *hello
// and *type are filled; 0: it is not, or it is of another message; -1: there is no further fragment, or what is there
// is none.
int dtls_hellos_take(struct dtls_hellos *hellos, uint16_t epoch, struct reader *content, uint8_t *type,
		     struct tls_hello *hello);

#endif
