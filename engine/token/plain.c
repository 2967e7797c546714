// SPDX-License-Identifier: BSD-3-Clause
#include "token/plain.h"

#include "base/bytes.h"
#include "base/error.h"

void token_plain_encode(struct writer *output, const struct token_plain *plain)
{
	writer_u16(output, plain->key_length);
	writer_bytes(output, plain->mac_key, plain->mac_key_length);
	writer_u64(output, plain->timestamp);
	writer_u32(output, plain->lifetime);
	writer_bytes(output, plain->extra, plain->extra_length);
}

int token_plain_decode(struct token_plain *plain, const void *data, size_t length, struct error *error)
{
	struct reader reader;
	reader_init(&reader, data, length);
	*plain = (struct token_plain){.key_length = reader_u16(&reader)};
	if (reader.failed)
		return error_set(error, ERROR_TRUNCATED, 0,
				 "the encrypted block has %zu octets, too few for key_length (2 octets)", length);
	size_t left = reader_left(&reader);
	plain->mac_key_length = plain->key_length;
	plain->mac_key = reader_bytes(&reader, plain->key_length);
	if (reader.failed)
		return error_set(error, ERROR_TRUNCATED, 0,
				 "key_length says %u octets of mac_key, and %zu are left in the encrypted block",
				 plain->key_length, left);
	size_t offset = reader.offset;
	plain->timestamp = reader_u64(&reader);
	plain->lifetime = reader_u32(&reader);
	if (reader.failed)
		return error_set(
			error, ERROR_TRUNCATED, offset,
			"behind a mac_key of %u octets %zu are left in the encrypted block, too few for timestamp "
			"and lifetime (12 octets)",
			plain->key_length, length - offset);
	plain->extra_length = reader_left(&reader);
	plain->extra = reader_bytes(&reader, plain->extra_length);
	return 0;
}
