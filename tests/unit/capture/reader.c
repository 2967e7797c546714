// SPDX-License-Identifier: BSD-3-Clause
#include "files.h"

#include <stdlib.h>
#include <zlib.h>

static void both_byte_orders_and_all_packet_blocks(void **unused)
{
	struct writer out;
	struct error error;
	struct packet packet;
	(void)unused;
	writer_init(&out, 1 << 20);
	for (int round = 0; round < 2; round++) { // two sections, each with interfaces of its own
		little = round == 0;
		section(&out);
		size_t start = begin(&out, 0x0000000A); // decryption secrets
		writer_fill(&out, 7, 5000);
		end(&out, start);
		interface(&out, round ? 276 : 101, 0, -1, NULL);
		enhanced(&out, 0, UINT64_C(1700000000123456), "first", "one");
		interface(&out, 1, 4, 9, NULL);
		enhanced(&out, 1, UINT64_C(1700000000123456789), "", NULL);
		start = begin(&out, 0x40000BAD); // of a kind nobody knows
		writer_fill(&out, 9, 8);
		end(&out, start);
		start = begin(&out, 2); // the obsolete packet block
		u16(&out, 1);
		u16(&out, 0);
		u32(&out, (uint32_t)(UINT64_C(1700000000123456789) >> 32));
		u32(&out, (uint32_t)UINT64_C(1700000000123456789));
		u32(&out, 3);
		u32(&out, 3);
		padded(&out, "old", 3);
		end(&out, start);
		start = begin(&out, 3); // the simple packet block
		u32(&out, 6);
		padded(&out, "simple", 6);
		end(&out, start);
	}
	put(out.data, out.length);
	struct capture_reader *reader = capture_reader_open(path, &error);
	assert_non_null(reader);
	for (int round = 0; round < 2; round++) {
		expect(reader, round ? 276 : 101, UINT64_C(1700000000123456000), "first", "one\ntwo");
		expect(reader, 1, UINT64_C(1700000000123456789), "", NULL);
		expect(reader, 1, UINT64_C(1700000000123456789), "old", NULL);
		expect(reader, round ? 276 : 101, 0, "simple", NULL);
	}
	assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
	capture_reader_close(reader);
	writer_free(&out);
}

static void time_resolutions(void **unused)
{
	static const int64_t hour = 3600, before = -1700000000, far = INT64_MAX, farther = INT64_MIN;
	static const struct {
		int resolution;
		const int64_t *offset;
		uint64_t ticks, nanoseconds;
	} times[] = {
		{-1, NULL, 1500000, 1500000000},
		{0, NULL, 1700000000, UINT64_C(1700000000000000000)},
		{3, NULL, 1500, 1500000000},
		{9, NULL, 1500000001, 1500000001},
		{12, NULL, UINT64_C(1500000001999), 1500000001},
		{28, NULL, UINT64_MAX, 1},
		{29, NULL, UINT64_MAX, 0},
		{127, NULL, UINT64_MAX, 0},
		{0x80, NULL, 7, UINT64_C(7000000000)},
		{0x81, NULL, 3, 1500000000},
		{0x80 + 32, NULL, UINT64_C(0x180000000), 1500000000},
		{0x80 + 63, NULL, UINT64_C(0xC000000000000000), 1500000000},
		{0x80 + 64, NULL, UINT64_C(0x8000000000000000), 500000000},
		{0x80 + 127, NULL, UINT64_MAX, 0},
		{6, &hour, 1500000, UINT64_C(3601500000000)},
		{0, &before, 1700000001, 1000000000},
		{0, &before, 1, 0},
		{0, &far, 1, (uint64_t)(INT64_MAX / 1000000000 - 1) * 1000000000},
		{0, &farther, UINT64_MAX, 0},
		{0, NULL, UINT64_MAX, (uint64_t)(INT64_MAX / 1000000000 - 1) * 1000000000},
	};
	(void)unused;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct writer out;
		struct error error;
		struct packet packet;
		little = i % 2;
		writer_init(&out, 1000);
		section(&out);
		interface(&out, 101, 0, times[i].resolution, times[i].offset);
		enhanced(&out, 0, times[i].ticks, "t", NULL);
		put(out.data, out.length);
		struct capture_reader *reader = capture_reader_open(path, &error);
		assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
		if (packet.time != times[i].nanoseconds)
			fail_msg("time %zu: %llu, expected %llu", i, (unsigned long long)packet.time,
				 (unsigned long long)times[i].nanoseconds);
		capture_reader_close(reader);
		writer_free(&out);
	}
}

static void refuse(const struct writer *out, enum error_code code, size_t offset, const char *text)
{
	struct error error = {.text = ""};
	struct packet packet;
	int count = 0, more;
	put(out->data, out->length);
	struct capture_reader *reader = capture_reader_open(path, &error);
	assert_non_null(reader);
	while ((more = capture_reader_next(reader, &packet, &error)) > 0)
		count++;
	if (!strstr(error.text, text))
		assert_string_equal(error.text, text);
	assert_int_equal(more, -1);
	assert_int_equal(count, 1);
	assert_int_equal(error.code, code);
	assert_int_equal(error.offset, offset);
	// It does not go on behind the damage.
	assert_int_equal(capture_reader_next(reader, &packet, &error), -1);
	assert_int_equal(error.code, code);
	capture_reader_close(reader);
}

static void damage_is_named_with_its_place(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < 9; kind++) {
		struct writer out;
		writer_init(&out, 1 << 20);
		little = kind % 2;
		section(&out);
		interface(&out, 101, 0, -1, NULL);
		enhanced(&out, 0, 1, "good", NULL);
		size_t place = out.length;
		enhanced(&out, kind == 0 ? 1 : 0, 2, "bad", kind == 1 ? "x" : NULL);
		switch (kind) {
		case 0:
			refuse(&out, ERROR_MALFORMED, place + 8, "interface 1, of which there is no description");
			break;
		case 1: // the length of the option in front of the comment
			out.data[place + 34] = out.data[place + 35] = 0xFF;
			refuse(&out, ERROR_MALFORMED, place + 32, "an option is longer than its block");
			break;
		case 2:
			out.data[out.length - 1] ^= 4;
			refuse(&out, ERROR_MALFORMED, place, "the two lengths of a block differ");
			break;
		case 3:
			writer_patch_u32(&out, place + 4, 0);
			refuse(&out, ERROR_MALFORMED, place + 4, "a block of 0 octets");
			break;
		case 4:
			writer_patch_u32(&out, place + 4, 37);
			refuse(&out, ERROR_MALFORMED, place + 4, "a block of 37 octets");
			break;
		case 5:
			writer_patch_u32(&out, place + 4, 0xFCFFFFFF); // little-endian: 4294967292
			refuse(&out, ERROR_LIMIT, place, "at most");
			break;
		case 6:
			writer_patch_u32(&out, place + 20, 0xFFFFFFFF);
			refuse(&out, ERROR_MALFORMED, place + 28, "a packet of 4294967295 octets");
			break;
		case 7:
			out.length = place + 11;
			refuse(&out, ERROR_TRUNCATED, place, "ends within the block");
			break;
		case 8:
			out.length = place;
			writer_u64(&out, 0x0A0D0D0A0000001C);
			writer_u32(&out, 0x11223344);
			refuse(&out, ERROR_MALFORMED, place + 8, "no byte-order magic");
			break;
		}
		writer_free(&out);
	}
}

static void pcap_files(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < 8; kind++) {
		struct writer out;
		struct error error;
		struct packet packet;
		bool nanoseconds = kind & 2;
		writer_init(&out, 10000);
		little = kind & 1;
		write_pcap(&out, nanoseconds ? 0xA1B23C4D : 0xA1B2C3D4, kind & 4 ? 113 : 101);
		write_record(&out, 1700000000, 123456, "first");
		write_record(&out, 1700000001, 7, "");
		put(out.data, out.length);
		struct capture_reader *reader = capture_reader_open(path, &error);
		assert_non_null(reader);
		assert_string_equal(capture_reader_format(reader), "pcap");
		uint64_t unit = nanoseconds ? 1 : 1000;
		expect(reader, kind & 4 ? 113 : 101, UINT64_C(1700000000000000000) + 123456 * unit, "first", NULL);
		expect(reader, kind & 4 ? 113 : 101, UINT64_C(1700000001000000000) + 7 * unit, "", NULL);
		assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
		capture_reader_close(reader);
		writer_free(&out);
	}
}

static void a_pcap_file_cut_anywhere(void **unused)
{
	struct writer out;
	size_t ends[3];
	(void)unused;
	writer_init(&out, 10000);
	little = true;
	write_pcap(&out, 0xA1B2C3D4, 101);
	for (int i = 0; i < 3; i++) {
		write_record(&out, 1700000000, 1, i == 1 ? "" : "some octets");
		ends[i] = out.length;
	}
	for (size_t cut = 0; cut <= out.length; cut++) {
		struct error error;
		struct packet packet;
		size_t whole = 0, count = 0, start = 24;
		put(out.data, cut);
		while (whole < 3 && ends[whole] <= cut)
			start = ends[whole++];
		struct capture_reader *reader = capture_reader_open(path, &error);
		if (!reader) {
			assert_true(cut < 24);
			continue;
		}
		int more;
		while ((more = capture_reader_next(reader, &packet, &error)) > 0)
			count++;
		assert_int_equal(count, whole);
		assert_int_equal(more, cut == start ? 0 : -1);
		if (more < 0)
			assert_int_equal(error.offset, start);
		capture_reader_close(reader);
	}
	writer_free(&out);
}

static void compressed_files(void **unused)
{
	uint8_t packed[10000];
	(void)unused;
	for (int kind = 0; kind < 2; kind++) {
		struct writer out;
		struct error error;
		struct packet packet;
		writer_init(&out, 10000);
		little = true;
		if (kind) {
			write_pcap(&out, 0xA1B2C3D4, 101);
			write_record(&out, 17, 0, "packed");
		} else {
			section(&out);
			interface(&out, 101, 0, 0, NULL);
			enhanced(&out, 0, 17, "packed", NULL);
		}
		z_stream stream = {0};
		assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
		stream.next_in = out.data;
		stream.avail_in = (uInt)out.length;
		stream.next_out = packed;
		stream.avail_out = sizeof packed;
		assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
		size_t length = stream.total_out;
		deflateEnd(&stream);
		put(packed, length);
		struct capture_reader *reader = capture_reader_open(path, &error);
		assert_non_null(reader);
		expect(reader, 101, UINT64_C(17000000000), "packed", NULL);
		assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
		capture_reader_close(reader);
		// Cut: the end is not taken for the end of the capture, however far the octets reach.
		for (size_t cut = 0; cut < length; cut++) {
			put(packed, cut);
			reader = capture_reader_open(path, &error);
			int more = -1;
			while (reader && (more = capture_reader_next(reader, &packet, &error)) > 0)
				;
			assert_int_equal(more, -1);
			capture_reader_close(reader);
		}
		writer_free(&out);
	}
}

static void what_is_no_capture(void **unused)
{
	struct error error;
	(void)unused;
	put((const uint8_t *)"#!/bin/sh\n", 10);
	assert_null(capture_reader_open(path, &error));
	assert_int_equal(error.code, ERROR_UNKNOWN);
	assert_non_null(strstr(error.text, "neither pcap nor pcapng"));
	put((const uint8_t *)"", 0);
	assert_null(capture_reader_open(path, &error));
	assert_int_equal(error.code, ERROR_TRUNCATED);
	assert_null(capture_reader_open("/nowhere/at/all", &error));
	assert_int_equal(error.code, ERROR_SYSTEM);
	assert_null(capture_reader_open("/", &error));
	assert_non_null(strstr(error.text, "directory"));
}

static uint32_t seed = 7635;
static volatile uint8_t sink; // makes every octet be read

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

static void hostile_files_are_survived(void **unused)
{
	struct writer files[2];
	struct error error;
	struct packet packet;
	(void)unused;
	for (int i = 0; i < 2; i++)
		writer_init(&files[i], 10000);
	little = true;
	section(&files[0]);
	interface(&files[0], 1, 60, 9, &(int64_t){5});
	enhanced(&files[0], 0, 1, "octets of a frame", "comment");
	interface(&files[0], 101, 0, -1, NULL);
	enhanced(&files[0], 1, 1, "octets of a frame", "comment");
	write_pcap(&files[1], 0xA1B2C3D4, 1);
	write_record(&files[1], 1, 1, "octets of a frame");
	write_record(&files[1], 1, 1, "octets");
	for (int i = 0; i < 20000; i++) {
		struct writer *file = &files[i % 4 == 0];
		uint8_t octets[1000];
		memcpy(octets, file->data, file->length);
		for (uint32_t changes = 1 + next_random() % 4; changes; changes--) {
			uint32_t place = 8 + next_random() % (uint32_t)(file->length - 8);
			// Small numbers and single bits do more harm than any value.
			octets[place] = (uint8_t)(next_random() % 2 ? octets[place] ^ (1u << next_random() % 8)
								     : next_random() % 64);
		}
		put(octets, file->length);
		struct capture_reader *reader = capture_reader_open(path, &error);
		for (int count = 0; reader && capture_reader_next(reader, &packet, &error) > 0; count++) {
			assert_true(count < 10);
			for (size_t k = 0; k < packet.captured; k++)
				sink ^= packet.data[k];
			for (size_t k = 0; k < packet.comment_length; k++)
				sink ^= (uint8_t)packet.comment[k];
		}
		capture_reader_close(reader);
	}
	writer_free(&files[0]);
	writer_free(&files[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_byte_orders_and_all_packet_blocks),
		cmocka_unit_test(time_resolutions),
		cmocka_unit_test(damage_is_named_with_its_place),
		cmocka_unit_test(pcap_files),
		cmocka_unit_test(a_pcap_file_cut_anywhere),
		cmocka_unit_test(compressed_files),
		cmocka_unit_test(what_is_no_capture),
		cmocka_unit_test(hostile_files_are_survived),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_file, close_file);
}
