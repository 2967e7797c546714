// SPDX-License-Identifier: BSD-3-Clause
//
// Values by kind: each octet sequence that decodes encodes to itself again, and the others are refused.
#include "stun/value.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

static const uint8_t transaction[] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

static struct stun_value decoded(enum stun_kind kind, struct octets octets)
{
	struct stun_value value;
	struct error error = {0};
	if (stun_value_decode(kind, octets.data, octets.length, transaction, &value, &error) < 0)
		fail_msg("%s: %s", stun_kind_name(kind), error.text);
	return value;
}

static void each_form_goes_there_and_back(void **state)
{
	(void)state;
	static const struct {
		enum stun_kind kind;
		const char *hex;
	} forms[] = {
		{STUN_KIND_OPAQUE, ""},
		{STUN_KIND_OPAQUE, "00ff41"},
		{STUN_KIND_TEXT, "e3839e"},
		{STUN_KIND_U32, "ffffffff"},
		{STUN_KIND_U32, "00000258"},
		{STUN_KIND_U64, "932ff9b151263b36"},
		{STUN_KIND_U8_RESERVED, "11000000"},
		{STUN_KIND_U8_RESERVED, "06abcdef"},
		{STUN_KIND_U16_RESERVED, "40000000"},
		{STUN_KIND_U16_RESERVED, "7fff1234"},
		{STUN_KIND_FLAG, ""},
		{STUN_KIND_EVEN_PORT, "80"},
		{STUN_KIND_EVEN_PORT, "7f"},
		{STUN_KIND_FAMILY, "01000000"},
		{STUN_KIND_FAMILY, "02ffffff"},
		{STUN_KIND_ADDRESS, "00010d967f000001"},
		{STUN_KIND_XOR_ADDRESS, "0001a147e112a643"},
		{STUN_KIND_XOR_ADDRESS, "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"},
		{STUN_KIND_ERROR, "00000401"},
		{STUN_KIND_ERROR, "ffffffff4f4b"},
		{STUN_KIND_ADDRESS_ERROR, "01000428"},
		{STUN_KIND_ADDRESS_ERROR, "02fff863416263"},
		{STUN_KIND_TYPES, ""},
		{STUN_KIND_TYPES, "7f007f01"},
		{STUN_KIND_ALGORITHM, "00020000"},
		{STUN_KIND_ALGORITHM, "0009000541424344 45000000"},
		{STUN_KIND_ALGORITHMS, ""},
		{STUN_KIND_ALGORITHMS, "00020000 0001 0000 00090003 414243 00"},
		{STUN_KIND_ICMP, "0000060100000000"},
		{STUN_KIND_ICMP, "ffffffff00000500"},
		{STUN_KIND_INTEGRITY, "000102030405060708090a0b0c0d0e0f10111213"},
		{STUN_KIND_INTEGRITY_SHA256, "000102030405060708090a0b0c0d0e0f"},
		{STUN_KIND_FINGERPRINT, "e57a3bcf"},
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct octets octets = octets_from_hex(forms[i].hex);
		struct stun_value value = decoded(forms[i].kind, octets);
		struct writer writer;
		writer_init(&writer, 1000);
		writer_u8(&writer, 0xEE);
		assert_int_equal(stun_value_encode(&value, transaction, &writer, NULL), 0);
		assert_int_equal(writer.length, octets.length + 1);
		if (octets.length)
			assert_memory_equal(&writer.data[1], octets.data, octets.length);
		writer_free(&writer);
		free(octets.data);
	}
}

static void fields_are_where_the_rfcs_put_them(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00000426 5374616c65204e6f6e6365");
	struct stun_value value = decoded(STUN_KIND_ERROR, octets);
	assert_int_equal(value.as.error.class, 4);
	assert_int_equal(value.as.error.number, 38);
	assert_int_equal(value.as.error.reserved, 0);
	assert_int_equal(value.as.error.reason.length, 11);
	assert_memory_equal(value.as.error.reason.data, "Stale Nonce", 11);
	free(octets.data);

	octets = octets_from_hex("0200 0c 28");
	value = decoded(STUN_KIND_ADDRESS_ERROR, octets);
	assert_int_equal(value.as.error.family, STUN_IPV6);
	assert_int_equal(value.as.error.class, 4);
	assert_int_equal(value.as.error.number, 40);
	assert_int_equal(value.as.error.reserved, 1);
	free(octets.data);

	octets = octets_from_hex("0000 0603 00000578");
	value = decoded(STUN_KIND_ICMP, octets);
	assert_int_equal(value.as.icmp.type, 3);
	assert_int_equal(value.as.icmp.code, 3);
	assert_int_equal(value.as.icmp.data, 1400);
	free(octets.data);

	octets = octets_from_hex("81");
	value = decoded(STUN_KIND_EVEN_PORT, octets);
	assert_true(value.as.flag);
	assert_int_equal(value.reserved, 1);
	free(octets.data);

	octets = octets_from_hex("11000001");
	value = decoded(STUN_KIND_U8_RESERVED, octets);
	assert_int_equal(value.as.integer, 17);
	assert_int_equal(value.reserved, 1);
	free(octets.data);
}

static void every_length_of_every_kind_is_survived(void **state)
{
	(void)state;
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	for (unsigned fill = 0; fill < 256; fill += 15) {
		for (size_t i = 0; i < count; i++) {
			for (size_t length = 0; length <= 40; length++) {
				uint8_t buffer[40];
				memset(buffer, (int)fill, sizeof buffer);
				struct octets octets = octets_copy(buffer, length);
				struct stun_value value;
				struct error error = {0};
				int outcome = stun_value_decode(all[i].kind, octets.data, length, transaction, &value,
								&error);
				if (outcome < 0) {
					assert_true(error.code == ERROR_MALFORMED || error.code == ERROR_UNKNOWN);
					assert_true(error.offset == ERROR_NO_OFFSET || error.offset <= length);
				}
				// Where the RFC fixes the length, no other decodes.
				if (all[i].minimum == all[i].maximum && length != all[i].minimum &&
				    all[i].kind != STUN_KIND_OPAQUE)
					assert_int_equal(outcome, -1);
				free(octets.data);
			}
		}
	}
}

static void refused(enum stun_kind kind, const char *hex, enum error_code code)
{
	struct octets octets = octets_from_hex(hex);
	struct stun_value value;
	struct error error = {0};
	assert_int_equal(stun_value_decode(kind, octets.data, octets.length, transaction, &value, &error), -1);
	assert_int_equal(error.code, code);
	free(octets.data);
}

static void malformed_is_not_unknown(void **state)
{
	(void)state;
	refused(STUN_KIND_FAMILY, "03000000", ERROR_UNKNOWN);
	refused(STUN_KIND_FAMILY, "030000", ERROR_MALFORMED);
	refused(STUN_KIND_ADDRESS_ERROR, "00000428", ERROR_UNKNOWN);
	refused(STUN_KIND_ADDRESS_ERROR, "010004", ERROR_MALFORMED);
	refused(STUN_KIND_ERROR, "000004", ERROR_MALFORMED);
	refused(STUN_KIND_TYPES, "7f0001", ERROR_MALFORMED);
	refused(STUN_KIND_FLAG, "00", ERROR_MALFORMED);
	refused(STUN_KIND_ALGORITHM, "", ERROR_MALFORMED);
	refused(STUN_KIND_ALGORITHM, "00020000 0001", ERROR_MALFORMED);
	refused(STUN_KIND_ALGORITHM, "00020001", ERROR_MALFORMED);
	refused(STUN_KIND_ALGORITHMS, "00020000 0001ffff 00", ERROR_MALFORMED);
	refused(STUN_KIND_ALGORITHMS, "00020000 00", ERROR_MALFORMED);
	refused(STUN_KIND_INTEGRITY_SHA256, "000102030405060708090a0b", ERROR_MALFORMED);
	refused(STUN_KIND_INTEGRITY_SHA256, "000102030405060708090a0b0c0d0e0f1011", ERROR_MALFORMED);
}

static void lists_are_stepped_through(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00020000 00090003 414243ff 00010001 42");
	struct reader reader;
	struct stun_algorithm algorithm;
	reader_init(&reader, octets.data, octets.length);
	assert_int_equal(stun_algorithm_next(&reader, &algorithm, NULL), 1);
	assert_int_equal(algorithm.algorithm, 2);
	assert_int_equal(stun_algorithm_next(&reader, &algorithm, NULL), 1);
	assert_int_equal(algorithm.algorithm, 9);
	assert_int_equal(algorithm.parameters.length, 3);
	assert_int_equal(stun_algorithm_next(&reader, &algorithm, NULL), 1);
	assert_int_equal(algorithm.parameters.data[0], 'B');
	assert_int_equal(stun_algorithm_next(&reader, &algorithm, NULL), 0);
	free(octets.data);
}

static void numbers_must_fit_their_fields(void **state)
{
	(void)state;
	static const struct stun_value wrong[] = {
		{.kind = STUN_KIND_U32, .as.integer = 1ULL << 32},
		{.kind = STUN_KIND_U8_RESERVED, .as.integer = 256},
		{.kind = STUN_KIND_U16_RESERVED, .as.integer = 65536},
		{.kind = STUN_KIND_FINGERPRINT, .as.integer = 1ULL << 40},
		{.kind = STUN_KIND_ERROR, .as.error = {.class = 8}},
		{.kind = STUN_KIND_ERROR, .as.error = {.reserved = 0x200000}},
		{.kind = STUN_KIND_ADDRESS_ERROR, .as.error = {.reserved = 0x2000}},
		{.kind = STUN_KIND_ICMP, .as.icmp = {.type = 128}},
		{.kind = STUN_KIND_ICMP, .as.icmp = {.code = 512}},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct writer writer;
		struct error error = {0};
		writer_init(&writer, 100);
		assert_int_equal(stun_value_encode(&wrong[i], transaction, &writer, &error), -1);
		assert_int_equal(error.code, ERROR_NOT_ALLOWED);
		writer_free(&writer);
	}
}

static void reasons_are_the_usual_ones(void **state)
{
	(void)state;
	assert_string_equal(stun_error_reason(438), "Stale Nonce");
	assert_string_equal(stun_error_reason(300), "Try Alternate");
	assert_string_equal(stun_error_reason(499), "");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_goes_there_and_back),
		cmocka_unit_test(fields_are_where_the_rfcs_put_them),
		cmocka_unit_test(every_length_of_every_kind_is_survived),
		cmocka_unit_test(malformed_is_not_unknown),
		cmocka_unit_test(lists_are_stepped_through),
		cmocka_unit_test(numbers_must_fit_their_fields),
		cmocka_unit_test(reasons_are_the_usual_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
