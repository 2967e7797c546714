// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_handshake.h"

#include "base/error.h"

#define LARGEST_BODY 65536

void tls_handshake_init(struct tls_handshake *handshake)
{
	*handshake = (struct tls_handshake){0};
	writer_init(&handshake->body, LARGEST_BODY);
}

void tls_handshake_free(struct tls_handshake *handshake)
{
	writer_free(&handshake->body);
}

void tls_handshake_reset(struct tls_handshake *handshake)
{
	handshake->have = 0;
	handshake->left = 0;
}

static int begin(struct tls_handshake *handshake, uint32_t wanted, struct error *error)
{
	struct reader header;
	reader_init(&header, handshake->header, sizeof handshake->header);
	uint8_t type = reader_u8(&header);
	handshake->left = (size_t)reader_u8(&header) << 16;
	handshake->left |= reader_u16(&header);
	handshake->keep = type < 32 && (wanted >> type & 1);
	writer_reset(&handshake->body);
	if (handshake->keep && handshake->left > LARGEST_BODY)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "a handshake message of type %u announces %zu octets, at most %d are read", type,
				 handshake->left, LARGEST_BODY);
	return 0;
}

int tls_handshake_take(struct tls_handshake *handshake, struct reader *reader, uint32_t wanted, uint8_t *type,
		       struct error *error)
{
	while (handshake->have < sizeof handshake->header) {
		if (!reader_left(reader))
			return 0;
		handshake->header[handshake->have++] = reader_u8(reader);
		if (handshake->have == sizeof handshake->header && begin(handshake, wanted, error) < 0)
			return -1;
	}
	size_t length = reader_left(reader) < handshake->left ? reader_left(reader) : handshake->left;
	const uint8_t *octets = reader_bytes(reader, length);
	if (handshake->keep)
		writer_bytes(&handshake->body, octets, length);
	handshake->left -= length;
	if (handshake->left)
		return 0;
	if (handshake->body.failed)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "out of memory for a handshake message");
	*type = handshake->header[0];
	handshake->have = 0;
	return 1;
}
