// SPDX-License-Identifier: BSD-3-Clause
//
// Fields -> token (RFC 7635 6.2). A right token needs the upper part of the request only; each member of the lower part
// makes one thing wrong, which is how refusals are tested. No clock here, and no random source but the one given.
#ifndef ASSAY_TOKEN_SEAL_H
#define ASSAY_TOKEN_SEAL_H

#include "token/context.h"
#include "token/form.h"
#include "token/gcm.h"
#include "token/key.h"
#include "token/plain.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct writer;

// Fills `length` octets; 0, or -1 when it cannot.
typedef int token_random(void *owner, uint8_t *octets, size_t length);

struct token_request {
	const struct token_key *key;
	struct token_text server_name; // A, the associated data
	struct token_plain plain;      // key_length is taken from mac_key_length unless said otherwise below
	token_random *random;          // where the nonce comes from; not called when `nonce` is given
	void *random_owner;

	// From here on, all zero for a token as RFC 7635 has it.
	enum token_form form;          // of CBC, another reading
	struct token_text nonce;       // these octets as nonce; in form F3 the vector, which has 16.
				       // In F1 and F2, which have none, they stand there and serve nothing
	const uint16_t *nonce_length;  // what the field says
	const uint16_t *key_length;    // what the field says
	struct token_text plaintext;   // instead of all of `plain`
	size_t tag_cut;                // octets cut off the end of the tag
	struct token_text cbc_padding; // these octets instead of PKCS #7
	struct token_text cbc_al;      // these octets instead of AL
};

// Appends the token to `output`. 0, or -1 with *error filled: ERROR_NOT_ALLOWED for a request that makes no token at
// all, ERROR_LIMIT when a part or the whole does not fit, ERROR_LIBRARY. On failure `output` holds what it held before.
int token_seal(struct token_context *context, const struct token_request *request, struct writer *output,
	       struct error *error);

// The number of bits of A as 64-bit big-endian integer (RFC 7518 5.2.2.1).
void token_seal_al(uint8_t al[8], size_t server_name_length);

#endif
