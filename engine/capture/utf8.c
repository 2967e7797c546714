// SPDX-License-Identifier: BSD-3-Clause
#include "capture/utf8.h"

#include <stdio.h>

// Octets of the well-formed character in front of the reader, 0 when there is none (RFC 3629 section 4).
static size_t character(const struct reader *reader)
{
	struct reader ahead = *reader;
	uint8_t first = reader_u8(&ahead);
	uint8_t low = 0x80, high = 0xBF;
	size_t octets;
	if (first < 0x80)
		return first != 0;
	if (first >= 0xC2 && first <= 0xDF)
		octets = 2;
	else if (first >= 0xE0 && first <= 0xEF)
		octets = 3;
	else if (first >= 0xF0 && first <= 0xF4)
		octets = 4;
	else
		return 0;
	// The second octet rules out long forms, surrogates and what lies past U+10FFFF.
	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	for (size_t i = 1; i < octets; i++) {
		uint8_t next = reader_u8(&ahead);
		if (ahead.failed || next < low || next > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return octets;
}

size_t utf8_write_clean(struct writer *out, const char *text, size_t length, size_t most)
{
	struct reader reader;
	size_t written = 0;
	reader_init(&reader, text, length);
	while (reader_left(&reader)) {
		size_t octets = character(&reader);
		char escaped[5];
		const void *piece = escaped;
		if (octets) {
			piece = reader_bytes(&reader, octets);
		} else {
			snprintf(escaped, sizeof escaped, "\\x%02X", reader_u8(&reader));
			octets = 4;
		}
		if (written + octets > most)
			break;
		writer_bytes(out, piece, octets);
		written += octets;
	}
	return written;
}
