// SPDX-License-Identifier: BSD-3-Clause
//
// A keyed hash for tables (SipHash-1-3 of Aumasson and Bernstein): who does not know the seed cannot choose what falls
// together, so hostile input cannot make a table slow. It is no cryptographic digest.
#ifndef ASSAY_BASE_HASH_H
#define ASSAY_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_seed {
	uint64_t words[2];
};

// Made of `seed`, or of the operating system's randomness when that is 0. It cannot fail.
struct hash_seed hash_seed(uint64_t seed);

uint64_t hash_octets(const struct hash_seed *seed, const void *octets, size_t length);
// The same of the octets of these words.
uint64_t hash_words(const struct hash_seed *seed, const uint64_t *words, size_t count);

#endif
