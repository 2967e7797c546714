// SPDX-License-Identifier: BSD-3-Clause
#include "token/layout.h"

#include "base/bytes.h"
#include "base/error.h"

static int body(struct token_layout *layout, const struct token_algorithm *algorithm, size_t offset, size_t length,
		struct error *error)
{
	size_t left = length - offset;
	if (length > TOKEN_LIMIT)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "the token has %zu octets; a STUN attribute holds %d at most", length, TOKEN_LIMIT);
	if (left < algorithm->tag_length)
		return error_set(error, ERROR_TRUNCATED, offset,
				 "%zu octets are left for ciphertext and tag, too few for the %zu-octet tag of %s",
				 left, algorithm->tag_length, algorithm->name);
	layout->ciphertext = (struct token_part){.offset = offset, .length = left - algorithm->tag_length};
	layout->tag = (struct token_part){.offset = length - algorithm->tag_length, .length = algorithm->tag_length};
	if (algorithm->kind == TOKEN_CBC_HMAC &&
	    (layout->ciphertext.length == 0 || layout->ciphertext.length % TOKEN_BLOCK != 0))
		return error_set(
			error, ERROR_MALFORMED, offset,
			"%zu octets of ciphertext in front of the %zu-octet T; expected 16 or a multiple of it",
			layout->ciphertext.length, algorithm->tag_length);
	return 0;
}

int token_layout(struct token_layout *layout, const struct token_algorithm *algorithm, const void *token, size_t length,
		 struct error *error)
{
	struct reader reader;
	reader_init(&reader, token, length);
	uint16_t nonce_length = reader_u16(&reader);
	if (reader.failed)
		return error_set(error, ERROR_TRUNCATED, 0,
				 "the token has %zu octets, too few for nonce_length (2 octets)", length);
	layout->nonce = (struct token_part){.offset = reader.offset, .length = nonce_length};
	size_t left = reader_left(&reader);
	if (!reader_bytes(&reader, nonce_length))
		return error_set(error, ERROR_TRUNCATED, 0,
				 "nonce_length says %u octets, and %zu are left in the token", nonce_length, left);
	return body(layout, algorithm, reader.offset, length, error);
}

int token_layout_bare(struct token_layout *layout, const struct token_algorithm *algorithm, size_t length,
		      struct error *error)
{
	layout->nonce = (struct token_part){0};
	return body(layout, algorithm, 0, length, error);
}
