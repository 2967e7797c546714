// SPDX-License-Identifier: BSD-3-Clause
#include "audit/needles.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define FORMS 5
#define HEAD NEEDLES_SHORTEST  // octets of each form that are known
#define GRAM 4                 // octets of what is looked up
#define STEP (HEAD - GRAM + 1) // of the grams of a head, one stands at a multiple of this, wherever the head stands
#define GRAMS (FORMS * STEP)

static uint16_t gram_at(const uint8_t *octets)
{
	uint32_t word;
	memcpy(&word, octets, sizeof word);
	return (uint16_t)(word * UINT32_C(0x9E3779B1) >> 16);
}

static void make_heads(const uint8_t *secret, uint8_t heads[FORMS][HEAD + 1])
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	memcpy(heads[0], secret, HEAD);
	for (size_t i = 0; i < HEAD; i++) {
		unsigned digit = i % 2 ? secret[i / 2] & 15u : secret[i / 2] >> 4;
		heads[1][i] = (uint8_t)lower[digit];
		heads[2][i] = (uint8_t)upper[digit];
	}
	EVP_EncodeBlock(heads[3], secret, HEAD / 4 * 3);
	for (size_t i = 0; i < HEAD; i++) {
		uint8_t letter = heads[3][i];
		heads[4][i] = letter == '+' ? '-' : letter == '/' ? '_' : letter;
	}
}

// Sets the bits of a secret, and lists those that were not set before in fresh[GRAMS]. Returns their number.
static size_t set_grams(struct needles *needles, const uint8_t *secret, uint16_t *fresh)
{
	uint8_t heads[FORMS][HEAD + 1]; // base64 comes with a NUL
	size_t count = 0;
	make_heads(secret, heads);
	for (size_t form = 0; form < FORMS; form++) {
		for (size_t i = 0; i < STEP; i++) {
			uint16_t gram = gram_at(&heads[form][i]);
			uint8_t bit = (uint8_t)(1u << gram % 8);
			if (needles->grams[gram / 8] & bit)
				continue;
			needles->grams[gram / 8] |= bit;
			fresh[count++] = gram;
		}
	}
	OPENSSL_cleanse(heads, sizeof heads);
	return count;
}

void needles_add(struct needles *needles, const uint8_t *secret, size_t length)
{
	uint16_t fresh[GRAMS];
	if (length >= NEEDLES_SHORTEST)
		set_grams(needles, secret, fresh);
	OPENSSL_cleanse(fresh, sizeof fresh);
}

bool needles_may_stand(struct needles *needles, const uint8_t *secret, size_t secret_length, const void *octets,
		       size_t length)
{
	uint16_t fresh[GRAMS];
	size_t count = secret && secret_length >= NEEDLES_SHORTEST ? set_grams(needles, secret, fresh) : 0;
	const uint8_t *text = octets;
	bool found = false;
	for (size_t i = 0; i + GRAM <= length && !found; i += STEP) {
		uint16_t gram = gram_at(&text[i]);
		found = needles->grams[gram / 8] >> gram % 8 & 1;
	}
	for (size_t i = 0; i < count; i++)
		needles->grams[fresh[i] / 8] &= (uint8_t) ~(1u << fresh[i] % 8);
	OPENSSL_cleanse(fresh, count * sizeof *fresh);
	return found;
}
