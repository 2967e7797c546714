// SPDX-License-Identifier: BSD-3-Clause
//
// The cipher suites of TLS by their number (the IANA registry): those with an AEAD cipher as far as they are decrypted
// here, and the names of the common others, so that one can say what was not. A constant table and nothing else.
#ifndef ASSAY_CAPTURE_TLS_SUITE_H
#define ASSAY_CAPTURE_TLS_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_mode { TLS_MODE_OTHER, TLS_MODE_GCM, TLS_MODE_CCM, TLS_MODE_CHACHA };

struct tls_suite {
	uint16_t number;
	bool tls13;         // of TLS 1.3 and of no other version
	enum tls_mode mode; // TLS_MODE_OTHER: not decrypted here, what follows is 0 and NULL
	const char *name;
	const char *cipher;   // as OpenSSL calls it
	const char *hash;     // of the PRF or of HKDF
	uint8_t key_length;   // octets
	uint8_t tag_length;   // octets
	uint8_t hash_length;  // octets
	uint8_t fixed_length; // octets of the nonce that TLS 1.2 takes from the key block
};

// The largest of each, octets.
enum { TLS_KEY_MOST = 32, TLS_NONCE = 12, TLS_TAG_MOST = 16 };

// NULL for a number that is not in the table.
const struct tls_suite *tls_suite_find(uint16_t number);

#endif
