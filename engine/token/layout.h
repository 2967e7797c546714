// SPDX-License-Identifier: BSD-3-Clause
//
// Where the parts of a sealed token stand (RFC 7635 6.2, figure 4): nonce_length, nonce, ciphertext, tag, every octet
// accounted for. It needs no key and opens nothing.
#ifndef ASSAY_TOKEN_LAYOUT_H
#define ASSAY_TOKEN_LAYOUT_H

#include "token/algorithm.h"

#include <stddef.h>
#include <stdint.h>

struct error;

#define TOKEN_LIMIT 65535 // octets; no STUN attribute holds more

struct token_part {
	size_t offset; // octets from the start of the token
	size_t length;
};

struct token_layout {
	struct token_part nonce;
	struct token_part ciphertext;
	struct token_part tag; // for CBC, T
};

// Takes the token apart. 0, or -1 with *error filled, the offset being that of the field that cannot be so:
// ERROR_TRUNCATED when parts are missing, ERROR_MALFORMED when CBC ciphertext is no whole number of blocks,
// ERROR_LIMIT past TOKEN_LIMIT.
int token_layout(struct token_layout *layout, const struct token_algorithm *algorithm, const void *token, size_t length,
		 struct error *error);

// The same for a token without nonce_length and nonce (form F4).
int token_layout_bare(struct token_layout *layout, const struct token_algorithm *algorithm, size_t length,
		      struct error *error);

#endif
