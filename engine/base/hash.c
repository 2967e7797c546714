// SPDX-License-Identifier: BSD-3-Clause
#include "base/hash.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

struct hash_seed hash_seed(uint64_t seed)
{
	struct hash_seed made = {{seed, ~seed}};
	// Without randomness (a kernel of long ago) the time is better than nothing.
	if (!seed && getrandom(&made, sizeof made, GRND_NONBLOCK) != (ssize_t)sizeof made) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		made.words[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
	}
	return made;
}

static inline uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

// Inline whatever the compiler thinks of it: a call would keep the four words in memory.
__attribute__((always_inline)) static inline void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint64_t hash_octets(const struct hash_seed *seed, const void *octets, size_t length)
{
	uint64_t v[4] = {
		0x736F6D6570736575U ^ seed->words[0],
		0x646F72616E646F6DU ^ seed->words[1],
		0x6C7967656E657261U ^ seed->words[0],
		0x7465646279746573U ^ seed->words[1],
	};
	const uint8_t *at = octets;
	size_t whole = length / 8;
	uint64_t word;
	for (size_t i = 0; i < whole; i++) {
		memcpy(&word, &at[i * 8], 8);
		v[3] ^= word;
		mix(v);
		v[0] ^= word;
	}
	word = (uint64_t)length << 56;
	for (size_t i = 0; i < length % 8; i++)
		word |= (uint64_t)at[whole * 8 + i] << i * 8;
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
	v[2] ^= 0xFF;
	for (int i = 0; i < 3; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_words(const struct hash_seed *seed, const uint64_t *words, size_t count)
{
	return hash_octets(seed, words, count * sizeof *words);
}
