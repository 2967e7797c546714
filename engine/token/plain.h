// SPDX-License-Identifier: BSD-3-Clause
//
// The block that is encrypted in a token (RFC 7635 6.2, figure 4): key_length (16 bits), mac_key, timestamp (64 bits),
// lifetime (32 bits, seconds). Octets <-> fields, nothing encrypted here.
#ifndef ASSAY_TOKEN_PLAIN_H
#define ASSAY_TOKEN_PLAIN_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct writer;

struct token_plain {
	const uint8_t *mac_key;
	size_t mac_key_length; // octets at mac_key
	uint16_t key_length;   // what the field says; decoding leaves it equal to mac_key_length
	uint64_t timestamp;
	uint32_t lifetime;    // seconds
	const uint8_t *extra; // what stands behind lifetime, where RFC 7635 has nothing
	size_t extra_length;
};

// Appends the block as it is told, key_length equal to the octets of mac_key or not.
void token_plain_encode(struct writer *output, const struct token_plain *plain);

// Takes the block apart; mac_key and extra point into `data`. 0, or -1 with *error filled when the block ends before
// its fields do; the offset is into `data`. Octets behind lifetime are no failure: they are `extra`.
int token_plain_decode(struct token_plain *plain, const void *data, size_t length, struct error *error);

#endif
