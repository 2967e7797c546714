// SPDX-License-Identifier: BSD-3-Clause
//
// Records of TLS (RFC 5246 section 6.2, RFC 8446 section 5.1), one after the other out of what waits of a side. It
// opens none of them, and knows of no handshake.
#ifndef ASSAY_CAPTURE_TLS_RECORD_H
#define ASSAY_CAPTURE_TLS_RECORD_H

#include "capture/tls_queue.h"

enum { TLS_RECORD_HEADER = 5, TLS_RECORD_LARGEST = 16384 + 2048 }; // octets; the latter of content

// What is in a record, for TLS and DTLS alike.
enum tls_content {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23,
	TLS_HEARTBEAT = 24,
	TLS_CONNECTION_ID = 25, // of DTLS: with a connection id, the content not told
};

struct tls_record {
	uint8_t type;
	const uint8_t *header, *content; // in the queue
	size_t length;                   // of the content
	int64_t tag, last_tag;           // of what brought its first and its last octet
};

// Whether octets begin with a handshake record that begins with a hello, as a connection does. At least 6 octets are
// needed to say so.
bool tls_record_begins(const uint8_t *octets, size_t length);

// The first record that waits: 1 with *record filled, 0 when it is not there as a whole, -1 when what waits is no
// record. It stays in the queue.
int tls_record_next(const struct tls_queue *queue, struct tls_record *record);

// What a fatal alert says, in words of OpenSSL's ("handshake failure"); NULL when the content of the alert record is
// not one, or is not in the clear.
const char *tls_record_fatal(const uint8_t *content, size_t length);

#endif
