// SPDX-License-Identifier: BSD-3-Clause
//
// UTF-8: every code point is read from its one form, and nothing else is taken for a character; what is written from
// any octets is clean, and stops where it has to.
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static size_t look(const void *octets, size_t length, uint32_t *value)
{
	struct reader reader;
	reader_init(&reader, octets, length);
	size_t size = utf8_character(&reader, value);
	assert_int_equal(reader_left(&reader), length);
	assert_false(reader.failed);
	return size;
}

// A code point in so many octets, be they too many for it or not.
static void put(uint32_t code, size_t octets, uint8_t text[4])
{
	static const uint8_t first[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = octets; i-- > 1; code >>= 6)
		text[i] = (uint8_t)(0x80 | (code & 0x3F));
	text[0] = (uint8_t)(first[octets] | code);
}

static void reads_every_code_point_in_its_one_form(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x200000; code++) {
		size_t shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		bool exists = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
		for (size_t octets = shortest; octets <= 4; octets++) {
			uint8_t text[4];
			uint32_t value = 0;
			put(code, octets, text);
			assert_int_equal(look(text, octets, &value), exists && octets == shortest ? octets : 0);
			if (exists && octets == shortest)
				assert_int_equal(value, code);
		}
	}
}

static void needs_all_octets_of_a_character(void **state)
{
	(void)state;
	static const char *const texts[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8E\xB5"};
	uint32_t value;
	for (size_t i = 0; i < 4; i++) {
		for (size_t length = 0; length <= i; length++)
			assert_int_equal(look(texts[i], length, &value), 0);
		assert_int_equal(look(texts[i], i + 1, &value), i + 1);
		for (size_t at = 1; at <= i; at++) {
			char broken[5];
			strcpy(broken, texts[i]);
			broken[at] = 'x';
			assert_int_equal(look(broken, i + 1, &value), 0);
		}
	}
	for (unsigned first = 0x80; first < 0xC0; first++)
		assert_int_equal(look(&(uint8_t){(uint8_t)first}, 1, &value), 0);
}

static void check_clean(const char *text, size_t length, size_t most, const char *wanted)
{
	struct writer writer;
	writer_init(&writer, 1000);
	assert_int_equal(utf8_write_clean(&writer, text, length, most), strlen(wanted));
	assert_int_equal(writer.length, strlen(wanted));
	assert_memory_equal(writer.data, wanted, strlen(wanted));
	writer_free(&writer);
}

static void writes_what_is_no_character_as_its_octets(void **state)
{
	(void)state;
	check_clean("a\xC3\xA4\xFF\0z", 6, 100, "a\xC3\xA4\\xFF\\x00z");
	check_clean("\xE2\x82", 2, 100, "\\xE2\\x82");
	check_clean("\xED\xA0\x80", 3, 100, "\\xED\\xA0\\x80");
	check_clean("\xC3\xA4\xC3\xA4", 4, 3, "\xC3\xA4");
	check_clean("a\xFF", 2, 4, "a");
	check_clean("a\xFF", 2, 5, "a\\xFF");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_code_point_in_its_one_form),
		cmocka_unit_test(needs_all_octets_of_a_character),
		cmocka_unit_test(writes_what_is_no_character_as_its_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
