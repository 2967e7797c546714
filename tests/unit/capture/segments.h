// SPDX-License-Identifier: BSD-3-Clause
//
// Frames of random content, and segments of TCP, for the tests of what puts streams together.
#ifndef ASSAY_TESTS_CAPTURE_SEGMENTS_H
#define ASSAY_TESTS_CAPTURE_SEGMENTS_H

#include "base/bytes.h"
#include "base/error.h"
#include "capture/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t seed = 7635;

static inline uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

static inline void write_stun(struct writer *out, uint16_t length)
{
	writer_u16(out, 0x0003);
	writer_u16(out, length);
	writer_u32(out, 0x2112A442);
	for (uint32_t i = 0; i < 12u + length; i++)
		writer_u8(out, (uint8_t)next_random());
}

static inline void write_channel(struct writer *out, uint16_t length)
{
	writer_u16(out, 0x4001);
	writer_u16(out, length);
	for (uint32_t i = 0; i < length; i++)
		writer_u8(out, (uint8_t)next_random());
	writer_fill(out, 0, (4u - length % 4u) % 4u);
}

static inline int give(struct capture_stream *stream, uint32_t sequence, const uint8_t *octets, size_t length,
		       int64_t tag, struct error *error)
{
	// A copy of exactly the right size, which is gone afterwards: nothing of it may be kept or read past.
	uint8_t *copy = malloc(length ? length : 1);
	if (length)
		memcpy(copy, octets, length);
	struct capture_stream_segment segment = {
		.sequence = sequence, .payload = copy, .length = length, .tag = tag};
	int outcome = capture_stream_segment(stream, &segment, error);
	free(copy);
	return outcome;
}

static inline void give_syn(struct capture_stream *stream, uint32_t sequence)
{
	struct capture_stream_segment segment = {.sequence = sequence, .syn = true};
	assert_int_equal(capture_stream_segment(stream, &segment, NULL), 0);
}

// What is in order stays where it is.
static inline int lend(struct capture_stream *stream, uint32_t sequence, const uint8_t *octets, size_t length,
		       int64_t tag)
{
	struct capture_stream_segment segment = {
		.sequence = sequence, .payload = octets, .length = length, .tag = tag, .lent = true};
	return capture_stream_segment(stream, &segment, NULL);
}

#endif
