// SPDX-License-Identifier: BSD-3-Clause
//
// A message made again: what changes, what stays, and what cannot be made.
#include "stun/rewrite.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/attribute.h"
#include "stun/integrity.h"
#include "support.h"

static struct stun_integrity *integrity;
static struct writer writer;

static const uint8_t transaction[STUN_TRANSACTION_SIZE] = "ABCDEFGHIJKL";

static int start(void **state)
{
	(void)state;
	integrity = stun_integrity_new(NULL);
	writer_init(&writer, 1 << 17);
	return integrity ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	stun_integrity_free(integrity);
	writer_free(&writer);
	return 0;
}

static struct stun_octets text(const char *words)
{
	return (struct stun_octets){(const uint8_t *)words, strlen(words)};
}

static int rewrite(struct octets octets, const struct stun_change *changes, size_t count, struct error *error)
{
	const struct stun_rewriting rewriting = {.transaction = transaction,
						 .changes = changes,
						 .change_count = count,
						 .key = text("key"),
						 .key_sha256 = text("other key")};
	writer_reset(&writer);
	return stun_rewrite(integrity, octets.data, octets.length, &rewriting, &writer, error);
}

static enum stun_verdict verify(const struct stun_message *message, uint16_t type, const char *key)
{
	return stun_integrity_verify(integrity, message, type, key, strlen(key));
}

static void integrity_and_fingerprint_are_computed_again(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	const struct stun_change change = {0x0006, text("a name of another length")};
	struct stun_message message = {0};
	assert_int_equal(rewrite(octets, &change, 1, NULL), 0);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
	assert_memory_equal(&writer.data[8], transaction, sizeof transaction);
	assert_int_equal(verify(&message, STUN_MESSAGE_INTEGRITY, "key"), STUN_VALID);
	assert_int_equal(stun_fingerprint_verify(&message), STUN_VALID);
	assert_int_equal(writer.length, octets.length + 24 - 12);
	stun_message_free(&message);
	free(octets.data);
}

static void both_integrities_have_keys_of_their_own(void **state)
{
	(void)state;
	struct octets octets =
		octets_from_hex("00030028 2112a442 000102030405060708090a0b"
				"001c0020 0000000000000000000000000000000000000000000000000000000000000000"
				"c0010000");
	struct stun_message message = {0};
	assert_int_equal(rewrite(octets, NULL, 0, NULL), 0);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
	assert_int_equal(verify(&message, STUN_MESSAGE_INTEGRITY_SHA256, "other key"), STUN_VALID);
	assert_int_equal(verify(&message, STUN_MESSAGE_INTEGRITY_SHA256, "key"), STUN_INVALID);
	stun_message_free(&message);
	free(octets.data);
}

static void only_the_first_of_a_type_is_changed(void **state)
{
	(void)state;
	struct octets octets =
		octets_from_hex("00030010 2112a442 000102030405060708090a0b 00150004 61616161 00150004 62626262");
	const struct stun_change change = {0x0015, text("cc")};
	assert_int_equal(rewrite(octets, &change, 1, NULL), 0);
	assert_int_equal(writer.length, octets.length);
	assert_memory_equal(&writer.data[20],
			    "\x00\x15\x00\x02"
			    "cc\0\0"
			    "\x00\x15\x00\x04"
			    "bbbb",
			    16);
	free(octets.data);
}

// XOR-PEER-ADDRESS 2001:db8::1 port 7 under one transaction identifier and under another.
static void an_address_stays_the_same(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00080018 2112a442 000102030405060708090a0b"
					       "00120014 0002 2115 0113a9fa 000102030405060708090a0a");
	static const uint8_t plain[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	assert_int_equal(rewrite(octets, NULL, 0, NULL), 0);
	for (size_t i = 0; i < sizeof plain; i++)
		assert_int_equal(writer.data[28 + i] ^ writer.data[4 + i], plain[i]);
	free(octets.data);
}

static void what_cannot_be_followed_is_refused(void **state)
{
	(void)state;
	struct octets whole = octets_from_hex(SAMPLE_REQUEST);
	for (size_t length = 0; length < whole.length; length++) {
		struct octets cut = octets_copy(whole.data, length);
		struct error error = {0};
		if (rewrite(cut, NULL, 0, &error) < 0)
			assert_true(error.code != 0);
		else
			assert_true(length >= STUN_HEADER_SIZE &&
				    writer.length == (length + 3) / 4 * 4); // padding may be cut
		free(cut.data);
	}
	free(whole.data);
	struct octets hostile = octets_from_hex("00030004 2112a442 000102030405060708090a0b 0015ffff");
	struct error error = {0};
	assert_int_equal(rewrite(hostile, NULL, 0, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	free(hostile.data);
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("00030008 2112a442 000102030405060708090a0b 00150004 61616161");
	uint8_t *large = calloc(1, UINT16_MAX);
	assert_non_null(large);
	const struct stun_change change = {0x0015, {large, UINT16_MAX}};
	struct error error = {0};
	assert_int_equal(rewrite(octets, &change, 1, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	free(large);
	free(octets.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integrity_and_fingerprint_are_computed_again),
		cmocka_unit_test(both_integrities_have_keys_of_their_own),
		cmocka_unit_test(only_the_first_of_a_type_is_changed),
		cmocka_unit_test(an_address_stays_the_same),
		cmocka_unit_test(what_cannot_be_followed_is_refused),
		cmocka_unit_test(what_is_too_long_is_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("stun/rewrite", tests, start, stop);
}
