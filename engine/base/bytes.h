// SPDX-License-Identifier: BSD-3-Clause
//
// The one bounded reader and the one bounded writer of octets. All integers are big-endian, as everywhere in
// STUN, TURN and the token. Protocol code does no pointer arithmetic of its own: it asks here, and a request
// past the end sets `failed` instead of touching memory, so a run of reads is checked once, at its end.
#ifndef ASSAY_BASE_BYTES_H
#define ASSAY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *data;
	size_t length;
	size_t offset; // of the next octet to read; always <= length
	bool failed;   // a read went past the end; every later read yields 0 or NULL
};

// Where no octets at all are read from.
extern const uint8_t reader_nothing[];

// They are inline because a capture is decoded through them, a dozen calls a packet.
static inline void reader_init(struct reader *reader, const void *data, size_t length)
{
	reader->data = data;
	reader->length = length;
	reader->offset = 0;
	reader->failed = false;
}

static inline size_t reader_left(const struct reader *reader)
{
	return reader->length - reader->offset;
}

// Pointer to the next `length` octets inside the input (owned by the input), or NULL when they are not there.
static inline const uint8_t *reader_bytes(struct reader *reader, size_t length)
{
	if (reader->failed || length > reader_left(reader)) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *place = reader->data ? reader->data + reader->offset : reader_nothing;
	reader->offset += length;
	return place;
}

static inline uint8_t reader_u8(struct reader *reader)
{
	const uint8_t *place = reader_bytes(reader, 1);
	return place ? *place : 0;
}

static inline uint16_t reader_u16(struct reader *reader)
{
	const uint8_t *place = reader_bytes(reader, 2);
	return place ? (uint16_t)((unsigned)place[0] << 8 | place[1]) : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
	const uint8_t *place = reader_bytes(reader, 4);
	return place ? (uint32_t)place[0] << 24 | (uint32_t)place[1] << 16 | (uint32_t)place[2] << 8 | place[3] : 0;
}

static inline uint64_t reader_u64(struct reader *reader)
{
	const uint8_t *place = reader_bytes(reader, 8);
	uint64_t value = 0;
	for (size_t i = 0; place && i < 8; i++)
		value = value << 8 | place[i];
	return value;
}

// Grows on the heap up to a limit given at init; past it, or out of memory, `failed` is set and nothing is written.
struct writer {
	uint8_t *data;
	size_t length;
	size_t capacity;
	size_t limit; // octets
	bool failed;
};

void writer_init(struct writer *writer, size_t limit);
// Wipes and frees what the writer holds; the writer may be initialised again.
void writer_free(struct writer *writer);
// Forgets the content and keeps the memory.
void writer_reset(struct writer *writer);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, const void *data, size_t length);
void writer_fill(struct writer *writer, uint8_t octet, size_t count);
// Appends `length` octets of unspecified content and returns their place, for a library to write into; NULL on failure.
// The pointer is good until the next call on the writer.
uint8_t *writer_reserve(struct writer *writer, size_t length);
// Overwrites octets already written; going past the end sets `failed`.
void writer_patch_u16(struct writer *writer, size_t offset, uint16_t value);
void writer_patch_u32(struct writer *writer, size_t offset, uint32_t value);

#endif
