// SPDX-License-Identifier: BSD-3-Clause
//
// The bounded reader and writer: nothing is read or written past an end, and one failed step fails all that follow.
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t sample[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void integers_are_big_endian(void **state)
{
	(void)state;
	struct reader reader;
	reader_init(&reader, sample, sizeof sample);
	assert_int_equal(reader_u8(&reader), 0x01);
	assert_int_equal(reader_u16(&reader), 0x0203);
	assert_int_equal(reader_u32(&reader), 0x04050607);
	assert_true(reader_u64(&reader) == 0x08090A0B0C0D0E0FULL);
	assert_int_equal(reader_left(&reader), 0);
	assert_false(reader.failed);
}

static void nothing_is_read_past_any_end(void **state)
{
	(void)state;
	for (size_t length = 0; length <= 8; length++) {
		// A copy of exactly this size, so that a sanitizer sees one octet too many.
		uint8_t *copy = malloc(length + !length);
		struct reader reader;
		assert_non_null(copy);
		memcpy(copy, sample, length);

		reader_init(&reader, copy, length);
		reader_u8(&reader);
		assert_int_equal(reader.failed, length < 1);
		reader_init(&reader, copy, length);
		reader_u16(&reader);
		assert_int_equal(reader.failed, length < 2);
		reader_init(&reader, copy, length);
		reader_u32(&reader);
		assert_int_equal(reader.failed, length < 4);
		reader_init(&reader, copy, length);
		reader_u64(&reader);
		assert_int_equal(reader.failed, length < 8);
		reader_init(&reader, copy, length);
		assert_null(reader_bytes(&reader, length + 1));
		assert_true(reader.failed);
		free(copy);
	}
}

static void a_failed_read_moves_nothing_and_fails_the_rest(void **state)
{
	(void)state;
	struct reader reader;
	reader_init(&reader, sample, 3);
	assert_int_equal(reader_u8(&reader), 1);
	assert_int_equal(reader_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader.offset, 1);
	assert_int_equal(reader_u8(&reader), 0);
	assert_null(reader_bytes(&reader, 0));
}

static void hostile_lengths_do_not_wrap(void **state)
{
	(void)state;
	struct reader reader;
	reader_init(&reader, sample, sizeof sample);
	reader_u8(&reader);
	assert_null(reader_bytes(&reader, SIZE_MAX));
	reader_init(&reader, sample, sizeof sample);
	reader_u8(&reader);
	assert_null(reader_bytes(&reader, SIZE_MAX - 1));
	assert_int_equal(reader.offset, 1);
}

static void no_octets_are_no_failure(void **state)
{
	(void)state;
	struct reader reader;
	reader_init(&reader, NULL, 0);
	assert_non_null(reader_bytes(&reader, 0));
	assert_false(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_true(reader.failed);
}

static void bytes_lie_inside_the_input(void **state)
{
	(void)state;
	struct reader reader;
	reader_init(&reader, sample, sizeof sample);
	reader_u16(&reader);
	assert_ptr_equal(reader_bytes(&reader, 4), &sample[2]);
	assert_int_equal(reader.offset, 6);
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, 64);
	writer_u8(&writer, 0x01);
	writer_u16(&writer, 0x0203);
	writer_u32(&writer, 0x04050607);
	writer_u64(&writer, 0x08090A0B0C0D0E0FULL);
	assert_false(writer.failed);
	assert_int_equal(writer.length, sizeof sample);
	assert_memory_equal(writer.data, sample, sizeof sample);
	writer_bytes(&writer, "", 0);
	writer_bytes(&writer, NULL, 0);
	writer_fill(&writer, 0xEE, 3);
	assert_memory_equal(&writer.data[15], "\xEE\xEE\xEE", 3);
	writer_free(&writer);
	assert_null(writer.data);
}

static void the_limit_holds_to_the_octet(void **state)
{
	(void)state;
	for (size_t limit = 0; limit <= 300; limit += 50) {
		struct writer writer;
		writer_init(&writer, limit);
		writer_fill(&writer, 7, limit);
		assert_false(writer.failed);
		assert_int_equal(writer.length, limit);
		writer_u8(&writer, 7);
		assert_true(writer.failed);
		assert_int_equal(writer.length, limit);
		writer_free(&writer);
	}
}

static void a_failed_write_fails_the_rest_until_reset(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, 4);
	writer_u16(&writer, 0xAABB);
	writer_u32(&writer, 1);
	assert_true(writer.failed);
	writer_u8(&writer, 1);
	assert_int_equal(writer.length, 2);
	writer_patch_u16(&writer, 0, 0x1122);
	assert_memory_equal(writer.data, "\xAA\xBB", 2);
	writer_reset(&writer);
	assert_false(writer.failed);
	writer_u32(&writer, 0x01020304);
	assert_false(writer.failed);
	assert_memory_equal(writer.data, sample, 4);
	writer_free(&writer);
}

static void a_hostile_size_does_not_wrap(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, 100);
	writer_u8(&writer, 1);
	assert_null(writer_reserve(&writer, SIZE_MAX));
	assert_true(writer.failed);
	assert_int_equal(writer.length, 1);
	writer_free(&writer);
}

static void growing_keeps_what_was_written(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, 100000);
	for (size_t i = 0; i < 50000; i++)
		writer_u16(&writer, (uint16_t)i);
	assert_false(writer.failed);
	struct reader reader;
	reader_init(&reader, writer.data, writer.length);
	for (size_t i = 0; i < 50000; i++)
		assert_int_equal(reader_u16(&reader), (uint16_t)i);
	writer_free(&writer);
}

static void patches_stay_inside(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, 64);
	writer_fill(&writer, 0, 6);
	writer_patch_u16(&writer, 4, 0x0102);
	writer_patch_u32(&writer, 0, 0x0A0B0C0D);
	assert_memory_equal(writer.data, "\x0A\x0B\x0C\x0D\x01\x02", 6);
	assert_false(writer.failed);
	for (size_t offset = 5; offset < 9; offset++) {
		writer.failed = false;
		writer_patch_u16(&writer, offset, 0xFFFF);
		assert_true(writer.failed);
	}
	writer.failed = false;
	writer_patch_u32(&writer, SIZE_MAX - 1, 0xFFFFFFFF);
	assert_true(writer.failed);
	assert_memory_equal(writer.data, "\x0A\x0B\x0C\x0D\x01\x02", 6);
	writer_free(&writer);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(nothing_is_read_past_any_end),
		cmocka_unit_test(a_failed_read_moves_nothing_and_fails_the_rest),
		cmocka_unit_test(hostile_lengths_do_not_wrap),
		cmocka_unit_test(no_octets_are_no_failure),
		cmocka_unit_test(bytes_lie_inside_the_input),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(the_limit_holds_to_the_octet),
		cmocka_unit_test(a_failed_write_fails_the_rest_until_reset),
		cmocka_unit_test(a_hostile_size_does_not_wrap),
		cmocka_unit_test(growing_keeps_what_was_written),
		cmocka_unit_test(patches_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
