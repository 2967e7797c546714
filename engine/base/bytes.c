// SPDX-License-Identifier: BSD-3-Clause
#include "base/bytes.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const uint8_t reader_nothing[1];

void writer_init(struct writer *writer, size_t limit)
{
	*writer = (struct writer){.limit = limit};
}

void writer_free(struct writer *writer)
{
	OPENSSL_clear_free(writer->data, writer->capacity);
	*writer = (struct writer){.limit = writer->limit};
}

void writer_reset(struct writer *writer)
{
	writer->length = 0;
	writer->failed = false;
}

uint8_t *writer_reserve(struct writer *writer, size_t length)
{
	if (writer->failed || length > writer->limit - writer->length) {
		writer->failed = true;
		return NULL;
	}
	size_t need = writer->length + length;
	if (need > writer->capacity || !writer->data) {
		size_t capacity = writer->capacity ? writer->capacity : 256;
		while (capacity < need)
			capacity *= 2;
		// What is written may be a key or a token, so the old copy is wiped when the buffer moves.
		uint8_t *data = OPENSSL_clear_realloc(writer->data, writer->capacity, capacity);
		if (!data) {
			writer->failed = true;
			return NULL;
		}
		writer->data = data;
		writer->capacity = capacity;
	}
	uint8_t *place = writer->data + writer->length;
	writer->length = need;
	return place;
}

static void write_integer(struct writer *writer, uint64_t value, size_t octets)
{
	uint8_t *place = writer_reserve(writer, octets);
	if (place)
		for (size_t i = 0; i < octets; i++)
			place[i] = (uint8_t)(value >> 8 * (octets - 1 - i));
}

void writer_u8(struct writer *writer, uint8_t value)
{
	write_integer(writer, value, 1);
}

void writer_u16(struct writer *writer, uint16_t value)
{
	write_integer(writer, value, 2);
}

void writer_u32(struct writer *writer, uint32_t value)
{
	write_integer(writer, value, 4);
}

void writer_u64(struct writer *writer, uint64_t value)
{
	write_integer(writer, value, 8);
}

void writer_bytes(struct writer *writer, const void *data, size_t length)
{
	uint8_t *place = writer_reserve(writer, length);
	if (place && length)
		memcpy(place, data, length);
}

void writer_fill(struct writer *writer, uint8_t octet, size_t count)
{
	uint8_t *place = writer_reserve(writer, count);
	if (place && count)
		memset(place, octet, count);
}

static void patch_integer(struct writer *writer, size_t offset, uint64_t value, size_t octets)
{
	if (writer->failed || offset > writer->length || octets > writer->length - offset) {
		writer->failed = true;
		return;
	}
	for (size_t i = 0; i < octets; i++)
		writer->data[offset + i] = (uint8_t)(value >> 8 * (octets - 1 - i));
}

void writer_patch_u16(struct writer *writer, size_t offset, uint16_t value)
{
	patch_integer(writer, offset, value, 2);
}

void writer_patch_u32(struct writer *writer, size_t offset, uint32_t value)
{
	patch_integer(writer, offset, value, 4);
}
