// SPDX-License-Identifier: BSD-3-Clause
//
// ClientHello and ServerHello of TLS and DTLS: what of them decides about keys (RFC 5246 section 7.4.1, RFC 8446
// section 4.1, RFC 6347 section 4.2). It knows nothing of records, connections or secrets.
#ifndef ASSAY_CAPTURE_TLS_HELLO_H
#define ASSAY_CAPTURE_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { TLS_CLIENT_HELLO = 1, TLS_SERVER_HELLO = 2 }; // types of handshake messages

enum tls_version {
	TLS_VERSION_1_2 = 0x0303,
	TLS_VERSION_1_3 = 0x0304,
	TLS_VERSION_DTLS_1_2 = 0xFEFD,
	TLS_VERSION_DTLS_1_3 = 0xFEFC,
};

struct tls_hello {
	uint8_t random[32];
	uint16_t version;    // ServerHello: the one chosen, supported_versions regarded; ClientHello: the legacy field
	uint16_t suite;      // ServerHello: the one chosen; ClientHello: 0
	uint8_t compression; // ServerHello: the method chosen
	bool retry;          // a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)
	bool early_data;     // the extension is there
	bool connection_id;  // the extension is there (RFC 9146)
};

// Parses the body of a handshake message, without its header, of this type; a ClientHello of DTLS has a cookie. Unknown
// extensions are passed over. -1 with *error filled, ERROR_TRUNCATED or ERROR_MALFORMED, with the octet of the body.
int tls_hello_parse(uint8_t type, bool dtls, const uint8_t *body, size_t length, struct tls_hello *hello,
		    struct error *error);

// Whether an EncryptedExtensions message (its body) has the early_data extension: the server took the 0-RTT data.
bool tls_hello_takes_early_data(const uint8_t *body, size_t length);

// "TLS 1.2" and so on; "an unknown version" for others.
const char *tls_hello_version(uint16_t version);

#endif
