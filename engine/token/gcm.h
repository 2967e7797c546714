// SPDX-License-Identifier: BSD-3-Clause
//
// AES-GCM as an AEAD of RFC 5116: key, nonce, associated data and text in; text and tag out. It knows no token.
#ifndef ASSAY_TOKEN_GCM_H
#define ASSAY_TOKEN_GCM_H

#include "token/context.h"
#include "token/key.h"

#include <stddef.h>
#include <stdint.h>

struct error;

// OpenSSL takes GCM nonces of these lengths; the algorithm prescribes 12.
#define TOKEN_GCM_NONCE_LIMIT 128

struct token_text {
	const void *data;
	size_t length; // octets, at most INT_MAX
};

// Writes as many octets as `plaintext` has to `ciphertext` and 16 to `tag`. 0, or -1 with *error filled
// (ERROR_MALFORMED for a nonce of no octets, ERROR_LIMIT for one of more than TOKEN_GCM_NONCE_LIMIT).
int token_gcm_encrypt(struct token_context *context, const struct token_key *key, struct token_text nonce,
		      struct token_text associated, struct token_text plaintext, uint8_t *ciphertext, uint8_t *tag,
		      struct error *error);

// Writes as many octets as `ciphertext` has to `plaintext`. 0, or -1 with *error filled: ERROR_NOT_AUTHENTIC when the
// tag does not fit, and then `plaintext` holds nothing of use.
int token_gcm_decrypt(struct token_context *context, const struct token_key *key, struct token_text nonce,
		      struct token_text associated, struct token_text ciphertext, const uint8_t *tag,
		      uint8_t *plaintext, struct error *error);

#endif
