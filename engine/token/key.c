// SPDX-License-Identifier: BSD-3-Clause
#include "token/key.h"

#include "base/bytes.h"
#include "base/error.h"
#include "token/base64.h"

#include <openssl/crypto.h>
#include <string.h>

// More than any K, so that a key that is too long is told its length and not that there is no room.
#define DECODED_LIMIT 4096

int token_key_set(struct token_key *key, const struct token_algorithm *algorithm, const void *octets, size_t length,
		  struct error *error)
{
	if (length != algorithm->key_length)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "%s takes a key of %zu octets, this one has %zu", algorithm->name,
				 algorithm->key_length, length);
	key->algorithm = algorithm;
	memcpy(key->octets, octets, length);
	return 0;
}

// The place of the last colon among the first `length` characters, or `length` when there is none.
static size_t last_colon(const char *text, size_t length)
{
	for (size_t i = length; i > 0; i--)
		if (text[i - 1] == ':')
			return i - 1;
	return length;
}

int token_key_parse(struct token_key *key, size_t *kid_length, const char *text, size_t length, struct error *error)
{
	int outcome = -1;
	struct writer octets;
	writer_init(&octets, DECODED_LIMIT);
	size_t second = last_colon(text, length), first = last_colon(text, second);
	if (second == length || first == second) {
		error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
			  "a key is written KID:ALGORITHM:BASE64, and this one has %s",
			  second == length ? "no colon" : "one colon");
		goto done;
	}
	if (first == 0) {
		error_set(error, ERROR_MALFORMED, 0,
			  "a key is written KID:ALGORITHM:BASE64, and this one has an empty KID");
		goto done;
	}
	const struct token_algorithm *algorithm = token_algorithm_find(&text[first + 1], second - first - 1, error);
	if (!algorithm) {
		if (error)
			error->offset = first + 1;
		goto done;
	}
	if (token_base64_decode(&octets, &text[second + 1], length - second - 1, error) < 0) {
		if (error && error->offset != ERROR_NO_OFFSET)
			error->offset += second + 1;
		goto done;
	}
	if (token_key_set(key, algorithm, octets.data, octets.length, error) < 0) {
		if (error)
			error->offset = second + 1;
		goto done;
	}
	*kid_length = first;
	outcome = 0;
done:
	writer_free(&octets);
	return outcome;
}

void token_key_wipe(struct token_key *key)
{
	OPENSSL_cleanse(key, sizeof *key);
}
