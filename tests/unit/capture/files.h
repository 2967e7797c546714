// SPDX-License-Identifier: BSD-3-Clause
//
// Capture files made octet by octet, in either byte order, for the tests of what reads them.
#ifndef ASSAY_TESTS_CAPTURE_FILES_H
#define ASSAY_TESTS_CAPTURE_FILES_H

#include "base/bytes.h"
#include "base/error.h"
#include "capture/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

// The file under test is in memory, and has a path all the same.
static int descriptor;
static char path[32];

static inline int make_file(void **unused)
{
	(void)unused;
	descriptor = memfd_create("capture", MFD_CLOEXEC);
	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	return descriptor < 0 ? -1 : 0;
}

static inline int close_file(void **unused)
{
	(void)unused;
	return close(descriptor);
}

static inline void put(const uint8_t *octets, size_t length)
{
	assert_int_equal(ftruncate(descriptor, 0), 0);
	assert_int_equal(pwrite(descriptor, octets, length, 0), length);
}

// Builders in either byte order.
static bool little;

static inline void u16(struct writer *out, uint16_t value)
{
	writer_u16(out, little ? __builtin_bswap16(value) : value);
}

static inline void u32(struct writer *out, uint32_t value)
{
	writer_u32(out, little ? __builtin_bswap32(value) : value);
}

static inline size_t begin(struct writer *out, uint32_t type)
{
	size_t start = out->length;
	u32(out, type);
	u32(out, 0);
	return start;
}

static inline void end(struct writer *out, size_t start)
{
	uint32_t total = (uint32_t)(out->length - start + 4);
	u32(out, total);
	writer_patch_u32(out, start + 4, little ? __builtin_bswap32(total) : total);
}

static inline void padded(struct writer *out, const void *octets, size_t length)
{
	writer_bytes(out, octets, length);
	writer_fill(out, 0, (4 - length % 4) % 4);
}

static inline void option(struct writer *out, uint16_t code, const void *value, uint16_t length)
{
	u16(out, code);
	u16(out, length);
	padded(out, value, length);
}

static inline void section(struct writer *out)
{
	size_t start = begin(out, 0x0A0D0D0A);
	u32(out, 0x1A2B3C4D);
	u16(out, 1);
	u16(out, 0);
	writer_u64(out, UINT64_MAX);
	end(out, start);
}

static inline void interface(struct writer *out, uint16_t link, uint32_t snapshot, int resolution,
			     const int64_t *offset)
{
	size_t start = begin(out, 1);
	u16(out, link);
	u16(out, 0);
	u32(out, snapshot);
	if (resolution >= 0)
		option(out, 9, &(uint8_t){(uint8_t)resolution}, 1);
	if (offset) {
		uint64_t value = (uint64_t)*offset;
		u16(out, 14);
		u16(out, 8);
		writer_u64(out, little ? __builtin_bswap64(value) : value);
	}
	option(out, 0, "", 0);
	end(out, start);
}

static inline void enhanced(struct writer *out, uint32_t number, uint64_t ticks, const char *octets,
			    const char *comment)
{
	uint32_t length = (uint32_t)strlen(octets);
	size_t start = begin(out, 6);
	u32(out, number);
	u32(out, (uint32_t)(ticks >> 32));
	u32(out, (uint32_t)ticks);
	u32(out, length);
	u32(out, length + 2);
	padded(out, octets, length);
	if (comment) {
		option(out, 2, "\0\0\0\1", 4); // flags: not a comment
		option(out, 1, comment, (uint16_t)strlen(comment));
		option(out, 1, "two", 3);
		option(out, 0, "", 0);
	}
	end(out, start);
}

static inline void expect(struct capture_reader *reader, uint32_t link, uint64_t time, const char *octets,
			    const char *comment)
{
	struct packet packet;
	struct error error = {.text = ""};
	int more = capture_reader_next(reader, &packet, &error);
	assert_string_equal(error.text, "");
	assert_int_equal(more, 1);
	assert_int_equal(packet.link, link);
	assert_true(packet.time == time);
	assert_int_equal(packet.captured, strlen(octets));
	assert_memory_equal(packet.data, octets, packet.captured);
	assert_int_equal(packet.comment_length, comment ? strlen(comment) : 0);
	if (comment)
		assert_memory_equal(packet.comment, comment, packet.comment_length);
}

static inline void write_pcap(struct writer *out, uint32_t magic, uint32_t link)
{
	u32(out, magic);
	u16(out, 2);
	u16(out, 4);
	u32(out, 0);
	u32(out, 0);
	u32(out, 65535);
	u32(out, link);
}

static inline void write_record(struct writer *out, uint32_t seconds, uint32_t part, const char *octets)
{
	uint32_t length = (uint32_t)strlen(octets);
	u32(out, seconds);
	u32(out, part);
	u32(out, length);
	u32(out, length + 1);
	writer_bytes(out, octets, length);
}

#endif
