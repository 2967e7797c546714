// SPDX-License-Identifier: BSD-3-Clause
//
// Parsing: what lengths allow is followed, what they do not allow is refused at the octet where it shows.
#include "stun/message.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

static void every_type_is_class_and_method(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 0x4000; type++) {
		enum stun_class class = stun_type_class((uint16_t)type);
		uint16_t method = stun_type_method((uint16_t)type);
		assert_true(method <= 0xFFF);
		assert_int_equal(stun_type(class, method), type);
	}
	assert_int_equal(stun_type(STUN_REQUEST, 1), 0x0001);
	assert_int_equal(stun_type(STUN_INDICATION, 6), 0x0016);
	assert_int_equal(stun_type(STUN_SUCCESS, 3), 0x0103);
	assert_int_equal(stun_type(STUN_ERROR, 3), 0x0113);
	assert_int_equal(stun_type(STUN_ERROR, 0xFFF), 0x3FFF);
}

static void names_go_both_ways(void **state)
{
	(void)state;
	for (int class = STUN_REQUEST; class <= STUN_ERROR; class ++)
		assert_int_equal(stun_class_find(stun_class_name((enum stun_class) class)), class);
	assert_int_equal(stun_class_find("response"), -1);
	size_t named = 0;
	for (uint16_t method = 0; method <= 0xFFF; method++) {
		const char *name = stun_method_name(method);
		if (name) {
			assert_int_equal(stun_method_find(name), method);
			named++;
		}
	}
	assert_int_equal(named, 10);
	assert_int_equal(stun_method_find("Allocate"), 3);
	assert_int_equal(stun_method_find("allocate"), -1);
}

static void each_attribute_has_its_place(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	struct stun_message message = {0};
	struct error error;
	assert_int_equal(stun_message_parse(&message, octets.data, octets.length, &error), 0);
	assert_int_equal(message.header.type, 0x0001);
	assert_int_equal(message.header.cookie, STUN_MAGIC_COOKIE);
	assert_memory_equal(message.header.transaction, "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae", 12);
	static const struct stun_view views[] = {{0x8022, 16, 20}, {0x0024, 4, 40},  {0x8029, 8, 48},
						 {0x0006, 9, 60},  {0x0008, 20, 76}, {0x8028, 4, 100}};
	assert_int_equal(message.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(message.attributes[i].type, views[i].type);
		assert_int_equal(message.attributes[i].length, views[i].length);
		assert_int_equal(message.attributes[i].offset, views[i].offset);
	}
	const struct stun_view *user = stun_message_find(&message, 0x0006, 1);
	size_t padding;
	assert_memory_equal(stun_view_value(&message, user), "evtj:h6vY", 9);
	assert_memory_equal(stun_view_padding(&message, user, &padding), "   ", 3);
	assert_int_equal(padding, 3);
	stun_view_padding(&message, stun_message_find(&message, 0x8028, 1), &padding);
	assert_int_equal(padding, 0);
	assert_null(stun_message_find(&message, 0x0006, 2));
	assert_null(stun_message_find(&message, 0x7F00, 1));
	stun_message_free(&message);
	free(octets.data);
}

static void the_nth_of_a_type_is_found(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00010018 2112a442 000000000000000000000000"
					       "7f000001 41ffffff 00060000 7f000002 4243eeee");
	octets.data[3] = 0x14;
	struct stun_message message = {0};
	assert_int_equal(stun_message_parse(&message, octets.data, octets.length, NULL), 0);
	assert_int_equal(stun_message_count(&message, 0x7F00), 2);
	assert_int_equal(stun_message_count(&message, 0x0006), 1);
	assert_int_equal(stun_message_count(&message, 0x0008), 0);
	assert_int_equal(stun_message_find(&message, 0x7F00, 1)->offset, 20);
	assert_int_equal(stun_message_find(&message, 0x7F00, 2)->offset, 32);
	assert_null(stun_message_find(&message, 0x7F00, 3));
	stun_message_free(&message);
	free(octets.data);
}

static void a_cut_at_every_octet_is_refused(void **state)
{
	(void)state;
	static const char *const samples[] = {SAMPLE_REQUEST, SAMPLE_IPV4, SAMPLE_IPV6, SAMPLE_LONG_TERM,
					      SAMPLE_SHA256};
	struct stun_message message = {0};
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct octets whole = octets_from_hex(samples[i]);
		for (size_t length = 0; length < whole.length; length++) {
			struct octets part = octets_copy(whole.data, length);
			struct error error = {0};
			assert_int_equal(stun_message_parse(&message, part.data, length, &error), -1);
			assert_int_equal(error.code, ERROR_TRUNCATED);
			assert_int_equal(error.offset, length);
			free(part.data);
		}
		assert_int_equal(stun_message_parse(&message, whole.data, whole.length, NULL), 0);
		free(whole.data);
	}
	stun_message_free(&message);
}

// The header is made to agree with the cut, so that it falls inside an attribute, or between two.
static void a_cut_that_the_header_agrees_with_stays_inside(void **state)
{
	(void)state;
	struct octets whole = octets_from_hex(SAMPLE_REQUEST);
	struct stun_message message = {0};
	size_t whole_ones = 0;
	for (size_t length = STUN_HEADER_SIZE; length < whole.length; length += 4) {
		struct octets part = octets_copy(whole.data, length);
		struct error error = {0};
		part.data[3] = (uint8_t)(length - STUN_HEADER_SIZE);
		if (stun_message_parse(&message, part.data, length, &error) == 0) {
			whole_ones++;
		} else {
			assert_int_equal(error.code, ERROR_MALFORMED);
			assert_true(error.offset < length);
		}
		free(part.data);
	}
	assert_int_equal(whole_ones, 6);
	stun_message_free(&message);
	free(whole.data);
}

static void refused(const char *hex, enum error_code code, size_t offset)
{
	struct octets octets = octets_from_hex(hex);
	struct stun_message message = {0};
	struct error error = {0};
	assert_int_equal(stun_message_parse(&message, octets.data, octets.length, &error), -1);
	assert_int_equal(error.code, code);
	assert_int_equal(error.offset, offset);
	stun_message_free(&message);
	free(octets.data);
}

static void lengths_that_contradict_are_malformed(void **state)
{
	(void)state;
#define ID "2112a442 000000000000000000000000"
	refused("00010000 " ID "00", ERROR_MALFORMED, 20);
	refused("00010001 " ID "00", ERROR_MALFORMED, 2);
	refused("00010006 " ID "000600020000", ERROR_MALFORMED, 2);
	refused("00010004 " ID "00060001", ERROR_MALFORMED, 20);
	refused("00010004 " ID "0006ffff", ERROR_MALFORMED, 20);
	refused("00010008 " ID "00060005 41414141", ERROR_MALFORMED, 20);
	refused("0001000c " ID "00060000 00060005 41414141", ERROR_MALFORMED, 24);
	refused("0001fffc " ID, ERROR_TRUNCATED, 20);
	refused("40010000 " ID, ERROR_MALFORMED, 0);
	refused("80010000 " ID, ERROR_MALFORMED, 0);
	refused("", ERROR_TRUNCATED, 0);
}

static void what_the_text_allows_is_parsed(void **state)
{
	(void)state;
	static const char *const allowed[] = {
		"00010000 2112a442 000000000000000000000000",
		"00010000 deadbeef 000000000000000000000000",                   // another cookie
		"3fff0000 2112a442 ffffffffffffffffffffffff",                   // any method
		"00010008 2112a442 000000000000000000000000 7f000001 41deadbe", // unknown, padding of any content
		"00010010 2112a442 000000000000000000000000 80280000 00060000 00080000 00060000", // any order, repeated
	};
	struct stun_message message = {0};
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		struct octets octets = octets_from_hex(allowed[i]);
		assert_int_equal(stun_message_parse(&message, octets.data, octets.length, NULL), 0);
		free(octets.data);
	}
	stun_message_free(&message);
}

static void the_largest_message_of_the_smallest_attributes_is_parsed(void **state)
{
	(void)state;
	struct writer writer;
	writer_init(&writer, STUN_SIZE_LIMIT);
	writer_u16(&writer, 0x0001);
	writer_u16(&writer, 65532);
	writer_fill(&writer, 0, 16);
	for (size_t i = 0; i < 65532 / 4; i++)
		writer_u32(&writer, 0x7F000000);
	struct stun_message message = {0};
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
	assert_int_equal(message.count, 16383);
	assert_int_equal(message.attributes[16382].offset, 20 + 65532 - 4);
	stun_message_free(&message);
	writer_free(&writer);
}

static void any_octets_are_survived(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	struct stun_message message = {0};
	for (size_t i = 0; i < octets.length; i++) {
		uint8_t kept = octets.data[i];
		for (unsigned value = 0; value < 256; value++) {
			octets.data[i] = (uint8_t)value;
			stun_message_parse(&message, octets.data, octets.length, NULL);
			for (size_t j = 0; j < message.count; j++) {
				size_t padding;
				assert_non_null(stun_view_value(&message, &message.attributes[j]));
				assert_non_null(stun_view_padding(&message, &message.attributes[j], &padding));
			}
		}
		octets.data[i] = kept;
	}
	stun_message_free(&message);
	free(octets.data);
}

static void stepping_bears_a_missing_last_padding(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00010008 2112a442 000000000000000000000000 7f000001 41");
	struct stun_view view;
	size_t offset = STUN_HEADER_SIZE;
	assert_int_equal(stun_attribute_next(octets.data, octets.length, &offset, &view, NULL), 1);
	assert_int_equal(offset, octets.length);
	assert_int_equal(stun_attribute_next(octets.data, octets.length, &offset, &view, NULL), 0);
	offset = 21;
	assert_int_equal(stun_attribute_next(octets.data, 24, &offset, &view, NULL), -1);
	assert_int_equal(offset, 21);
	free(octets.data);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_class_and_method),
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(each_attribute_has_its_place),
		cmocka_unit_test(the_nth_of_a_type_is_found),
		cmocka_unit_test(a_cut_at_every_octet_is_refused),
		cmocka_unit_test(a_cut_that_the_header_agrees_with_stays_inside),
		cmocka_unit_test(lengths_that_contradict_are_malformed),
		cmocka_unit_test(what_the_text_allows_is_parsed),
		cmocka_unit_test(the_largest_message_of_the_smallest_attributes_is_parsed),
		cmocka_unit_test(any_octets_are_survived),
		cmocka_unit_test(stepping_bears_a_missing_last_padding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
