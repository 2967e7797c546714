// SPDX-License-Identifier: BSD-3-Clause
//
// The block that is encrypted: fields <-> octets, and no length in it is believed.
#include "base/bytes.h"
#include "base/error.h"
#include "token/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t block[] = {
	0, 3, 'k', 'e', 'y', 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xfe, 0xfd, 0xfc,
};

static void encodes_in_network_order(void **unused)
{
	(void)unused;
	struct writer writer;
	struct token_plain plain = {
		.mac_key = (const uint8_t *)"key",
		.mac_key_length = 3,
		.key_length = 3,
		.timestamp = 0x0102030405060708,
		.lifetime = 0xfffefdfc,
	};
	writer_init(&writer, 64);
	token_plain_encode(&writer, &plain);
	assert_int_equal(writer.length, sizeof block);
	assert_memory_equal(writer.data, block, sizeof block);
	writer_free(&writer);
}

static void decodes_what_was_encoded(void **unused)
{
	(void)unused;
	struct token_plain plain;
	assert_int_equal(token_plain_decode(&plain, block, sizeof block, NULL), 0);
	assert_int_equal(plain.mac_key_length, 3);
	assert_memory_equal(plain.mac_key, "key", 3);
	assert_int_equal(plain.timestamp, 0x0102030405060708);
	assert_int_equal(plain.lifetime, 0xfffefdfc);
	assert_int_equal(plain.extra_length, 0);
}

static void every_shorter_block_is_truncated(void **unused)
{
	(void)unused;
	for (size_t length = 0; length < sizeof block; length++) {
		struct token_plain plain;
		struct error error = {0};
		assert_int_equal(token_plain_decode(&plain, block, length, &error), -1);
		assert_int_equal(error.code, ERROR_TRUNCATED);
		assert_int_equal(error.offset, length < 5 ? 0 : 5);
	}
}

static void key_length_is_not_believed(void **unused)
{
	(void)unused;
	static const uint16_t hostile[] = {4, 15, 16, 17, 255, 0x7fff, 0x8000, 0xffff};
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		uint8_t copy[sizeof block];
		struct token_plain plain;
		struct error error = {0};
		memcpy(copy, block, sizeof block);
		copy[0] = (uint8_t)(hostile[i] >> 8);
		copy[1] = (uint8_t)hostile[i];
		assert_int_equal(token_plain_decode(&plain, copy, sizeof copy, &error), -1);
		assert_int_equal(error.code, ERROR_TRUNCATED);
	}
}

static void what_stands_behind_is_extra(void **unused)
{
	(void)unused;
	uint8_t longer[sizeof block + 2] = {0};
	struct token_plain plain;
	memcpy(longer, block, sizeof block);
	longer[sizeof block + 1] = 9;
	assert_int_equal(token_plain_decode(&plain, longer, sizeof longer, NULL), 0);
	assert_int_equal(plain.extra_length, 2);
	assert_int_equal(plain.extra[1], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_in_network_order),         cmocka_unit_test(decodes_what_was_encoded),
		cmocka_unit_test(every_shorter_block_is_truncated), cmocka_unit_test(key_length_is_not_believed),
		cmocka_unit_test(what_stands_behind_is_extra),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
