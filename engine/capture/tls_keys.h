// SPDX-License-Identifier: BSD-3-Clause
//
// From a secret of a key log to the open record: the key derivations of TLS 1.2 (RFC 5246 section 6.3) and TLS 1.3
// (RFC 8446 section 7), and the protection of one direction's records under one key. It knows nothing of handshakes.
#ifndef ASSAY_CAPTURE_TLS_KEYS_H
#define ASSAY_CAPTURE_TLS_KEYS_H

#include "capture/tls_secrets.h"
#include "capture/tls_suite.h"

struct tls_keys;

// The keys of one direction, none yet; owned by the caller. It keeps one cipher context for all of them that follow
// one another. NULL when there is no memory.
struct tls_keys *tls_keys_new(void);
// Wipes and frees; NULL is allowed.
void tls_keys_free(struct tls_keys *keys);

// Sets the keys of TLS 1.2 or DTLS 1.2 with which the client (or the server) writes, from the master secret and the two
// randoms. False when OpenSSL refuses, or when the suite has no AEAD cipher or is one of TLS 1.3.
bool tls_keys_set(struct tls_keys *keys, const struct tls_suite *suite, const struct tls_secret *master,
		  const uint8_t client_random[32], const uint8_t server_random[32], bool client);

// Sets those of TLS 1.3 from a traffic secret. False as above, and when the secret is not as long as the suite's hash.
bool tls_keys_set_13(struct tls_keys *keys, const struct tls_suite *suite, const struct tls_secret *secret);

// What follows a KeyUpdate (RFC 8446 section 7.2); only behind tls_keys_set_13.
bool tls_keys_update(struct tls_keys *keys);

// Opens a record: `header` is its associated data as far as the record has them itself (type and version, two octets of
// length in TLS 1.3), `sequence` its number (in DTLS the epoch above 48 bits). `content` is what follows the header,
// `plain` has room for as many octets; *plain_length is set. False when the content is too short or does not verify;
// plain then holds nothing.
bool tls_keys_open(struct tls_keys *keys, const uint8_t header[5], uint64_t sequence, const uint8_t *content,
		   size_t length, uint8_t *plain, size_t *plain_length);

#endif
