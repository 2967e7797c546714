// SPDX-License-Identifier: BSD-3-Clause
#include "base/utf8.h"

#include <stdio.h>

size_t utf8_character(const struct reader *reader, uint32_t *value)
{
	// By octets: the least code point that needs so many.
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	struct reader ahead = *reader;
	uint8_t first = reader_u8(&ahead);
	size_t octets = first < 0x80   ? 1
			: first < 0xC2 ? 0
			: first < 0xE0 ? 2
			: first < 0xF0 ? 3
			: first < 0xF5 ? 4
				       : 0;
	*value = octets == 1 ? first : first & (0x7Fu >> octets);
	for (size_t i = 1; i < octets; i++) {
		uint8_t next = reader_u8(&ahead);
		if (next >> 6 != 2)
			return 0;
		*value = *value << 6 | (next & 0x3F);
	}
	bool sound = *value >= least[octets] && *value <= 0x10FFFF && *value >> 11 != 0x1B; // no surrogate
	return sound && !ahead.failed ? octets : 0;
}

size_t utf8_write_clean(struct writer *out, const char *text, size_t length, size_t most)
{
	struct reader reader;
	size_t written = 0;
	reader_init(&reader, text, length);
	while (reader_left(&reader)) {
		uint32_t value;
		size_t octets = utf8_character(&reader, &value);
		char escaped[5];
		const void *piece = escaped;
		if (octets && value) {
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
