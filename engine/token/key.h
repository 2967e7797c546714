// SPDX-License-Identifier: BSD-3-Clause
//
// A long-term key K together with the one algorithm it is used with, of exactly the length that takes (RFC 7635 4.1).
// A key is a value of its owner's, who wipes it; this module keeps no copy and knows no key store.
#ifndef ASSAY_TOKEN_KEY_H
#define ASSAY_TOKEN_KEY_H

#include "token/algorithm.h"

#include <stddef.h>
#include <stdint.h>

struct error;

struct token_key {
	const struct token_algorithm *algorithm;
	uint8_t octets[TOKEN_KEY_LIMIT]; // the first algorithm->key_length of them
};

// Copies K. 0, or -1 with *error filled when `length` is not what the algorithm takes.
int token_key_set(struct token_key *key, const struct token_algorithm *algorithm, const void *octets, size_t length,
		  struct error *error);

// Reads KID:ALGORITHM:BASE64 of `length` characters. The kid is what stands left of the last two colons, so it may
// itself have colons; its length goes to *kid_length and its octets are the first ones of `text`. 0, or -1 with *error
// filled: the offset is into `text`, and no part of the key is quoted.
int token_key_parse(struct token_key *key, size_t *kid_length, const char *text, size_t length, struct error *error);

void token_key_wipe(struct token_key *key);

#endif
