// SPDX-License-Identifier: BSD-3-Clause
//
// The two halves of AES_CBC_HMAC_SHA2 (RFC 7518 5.2), each for itself, because the forms of a token put them together
// differently: CBC with PKCS #7 padding, and the truncated HMAC. It knows no token.
#ifndef ASSAY_TOKEN_CBC_H
#define ASSAY_TOKEN_CBC_H

#include "token/context.h"
#include "token/gcm.h"
#include "token/key.h"

#include <stddef.h>
#include <stdint.h>

struct error;

// AUTH and AS-RS, of the lengths that the algorithm says.
struct token_halves {
	uint8_t authentication[TOKEN_KEY_LIMIT / 2];
	uint8_t encryption[TOKEN_KEY_LIMIT / 2];
};

// RFC 7518 5.2.2.1: AUTH is the front part of K, AS-RS the rear part.
void token_cbc_split(struct token_halves *halves, const struct token_key *key);

// AUTH and AS-RS by HKDF (RFC 5869) with the algorithm's hash, empty salt and empty info, as form F4 has it.
// 0, or -1 with *error filled.
int token_cbc_derive(struct token_halves *halves, const struct token_key *key, struct error *error);

void token_cbc_wipe(struct token_halves *halves);

// Octets of ciphertext for so many of plaintext, padding included.
size_t token_cbc_length(size_t plaintext_length);

// Encrypts; `padding` of NULL data means PKCS #7, any other stands behind the plaintext as it is, and then both
// together have to be whole blocks (else ERROR_NOT_ALLOWED). `ciphertext` has room for
// token_cbc_length(plaintext.length) octets, or for plaintext and padding. 0, or -1 with *error filled.
int token_cbc_encrypt(struct token_context *context, const struct token_algorithm *algorithm,
		      const struct token_halves *halves, const uint8_t vector[TOKEN_BLOCK], struct token_text plaintext,
		      struct token_text padding, uint8_t *ciphertext, struct error *error);

// Decrypts whole blocks to at most ciphertext.length octets at `plaintext`, *length of which are without padding.
// 0, or -1 with *error filled (ERROR_MALFORMED for wrong padding).
int token_cbc_decrypt(struct token_context *context, const struct token_algorithm *algorithm,
		      const struct token_halves *halves, const uint8_t vector[TOKEN_BLOCK],
		      struct token_text ciphertext, uint8_t *plaintext, size_t *length, struct error *error);

// T: the first tag_length octets of the HMAC over `count` texts one behind the other, written to `tag`.
// 0, or -1 with *error filled.
int token_cbc_mac(struct token_context *context, const struct token_algorithm *algorithm,
		  const struct token_halves *halves, const struct token_text *texts, size_t count, uint8_t *tag,
		  struct error *error);

#endif
