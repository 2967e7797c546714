// SPDX-License-Identifier: BSD-3-Clause
//
// The long-term keys a person gives to a command: by option, by file, by environment. What a key is, token/key.h says.
#ifndef ASSAY_COMMAND_KEYS_H
#define ASSAY_COMMAND_KEYS_H

#include "token/key.h"

#include <stddef.h>

struct error;

struct named_key {
	struct token_key key;
	char *kid; // owned by the ring, terminated; kid_length octets
	size_t kid_length;
};

struct key_ring {
	struct named_key *keys;
	size_t count;
};

#define KEYS_ENVIRONMENT "ASSAY_KEYS" // one KID:ALGORITHM:BASE64 a line

// Adds what one --key says: KID:ALGORITHM:BASE64, or @FILE with one such a line (empty lines and those that begin with
// '#' are passed over). 0, or -1 with *error filled; the text names file and line and quotes no part of a key.
int keys_add(struct key_ring *ring, const char *argument, struct error *error);

// Adds those of the environment, where there are any. 0, or -1 with *error filled.
int keys_add_environment(struct key_ring *ring, struct error *error);

// Wipes and frees.
void keys_free(struct key_ring *ring);

#endif
