// SPDX-License-Identifier: BSD-3-Clause
//
// Handshake messages of TLS, cut out of the records that carry them: several in a record, or one in several. Of those
// that nobody wants only the length is looked at.
#ifndef ASSAY_CAPTURE_TLS_HANDSHAKE_H
#define ASSAY_CAPTURE_TLS_HANDSHAKE_H

#include "base/bytes.h"

struct error;

enum tls_handshake_type { // and TLS_CLIENT_HELLO, TLS_SERVER_HELLO
	TLS_END_OF_EARLY_DATA = 5,
	TLS_ENCRYPTED_EXTENSIONS = 8,
	TLS_FINISHED = 20,
	TLS_KEY_UPDATE = 24,
};

struct tls_handshake {
	uint8_t header[4];
	size_t have; // octets of the header
	size_t left; // octets of the body that did not come yet
	bool keep;
	struct writer body;
};

void tls_handshake_init(struct tls_handshake *handshake);
void tls_handshake_free(struct tls_handshake *handshake);
// Forgets a message that has only come in part.
void tls_handshake_reset(struct tls_handshake *handshake);

// Takes octets up to the end of a message. 1: *type is its type, and handshake->body its body when `wanted` has the bit
// 1 << type; good until the next call. 0: the reader is used up. -1 with *error filled, ERROR_LIMIT: a wanted message
// is longer than 64 KiB.
int tls_handshake_take(struct tls_handshake *handshake, struct reader *reader, uint32_t wanted, uint8_t *type,
		       struct error *error);

#endif
