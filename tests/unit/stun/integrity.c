// SPDX-License-Identifier: BSD-3-Clause
//
// Integrity and fingerprint: one context for many messages and keys, and every single bit counts.
#include "stun/integrity.h"

#include "base/error.h"
#include "stun/attribute.h"
#include "stun/credential.h"
#include "support.h"

static struct stun_integrity *integrity;

static int start(void **state)
{
	(void)state;
	integrity = stun_integrity_new(NULL);
	return integrity ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	stun_integrity_free(integrity);
	stun_integrity_free(NULL);
	return 0;
}

static enum stun_verdict verify(struct octets octets, uint16_t type, const void *key, size_t length)
{
	struct stun_message message = {0};
	enum stun_verdict verdict = STUN_INVALID;
	if (stun_message_parse(&message, octets.data, octets.length, NULL) == 0)
		verdict = stun_integrity_verify(integrity, &message, type, key, length);
	stun_message_free(&message);
	return verdict;
}

static enum stun_verdict fingerprint(struct octets octets)
{
	struct stun_message message = {0};
	enum stun_verdict verdict = STUN_INVALID;
	if (stun_message_parse(&message, octets.data, octets.length, NULL) == 0)
		verdict = stun_fingerprint_verify(&message);
	stun_message_free(&message);
	return verdict;
}

static void one_context_serves_messages_in_any_order(void **state)
{
	(void)state;
	struct octets user = octets_copy(LONG_TERM_USER, 18);
	struct stun_octets name = {user.data, user.length}, realm = {(const uint8_t *)"example.org", 11};
	struct stun_octets password = {(const uint8_t *)"TheMatrIX", 9};
	uint8_t md5[STUN_KEY_LIMIT], sha256[STUN_KEY_LIMIT];
	size_t md5_length, sha256_length;
	assert_int_equal(stun_credential_key(STUN_PASSWORD_MD5, name, realm, password, md5, &md5_length, NULL), 0);
	assert_int_equal(stun_credential_key(STUN_PASSWORD_SHA256, name, realm, password, sha256, &sha256_length, NULL),
			 0);
	assert_int_equal(md5_length, 16);
	assert_int_equal(sha256_length, 32);
	struct octets request = octets_from_hex(SAMPLE_REQUEST), v4 = octets_from_hex(SAMPLE_IPV4);
	struct octets v6 = octets_from_hex(SAMPLE_IPV6), term = octets_from_hex(SAMPLE_LONG_TERM);
	struct octets long_sha256 = octets_from_hex(SAMPLE_SHA256);
	for (int round = 0; round < 3; round++) {
		const uint16_t sha1 = STUN_MESSAGE_INTEGRITY;
		assert_int_equal(verify(request, sha1, SHORT_TERM_KEY, 22), STUN_VALID);
		assert_int_equal(verify(v4, sha1, SHORT_TERM_KEY, 22), STUN_VALID);
		assert_int_equal(verify(term, sha1, md5, 16), STUN_VALID);
		assert_int_equal(verify(term, sha1, sha256, 32), STUN_INVALID);
		assert_int_equal(verify(v6, sha1, SHORT_TERM_KEY, 22), STUN_VALID);
		assert_int_equal(verify(long_sha256, STUN_MESSAGE_INTEGRITY_SHA256, sha256, 32), STUN_VALID);
		assert_int_equal(verify(long_sha256, STUN_MESSAGE_INTEGRITY_SHA256, md5, 16), STUN_INVALID);
		assert_int_equal(verify(long_sha256, sha1, sha256, 32), STUN_ABSENT);
		assert_int_equal(verify(request, sha1, SHORT_TERM_KEY, 21), STUN_INVALID);
		assert_int_equal(verify(request, sha1, "", 0), STUN_INVALID);
		assert_int_equal(verify(request, sha1, NULL, 0), STUN_INVALID);
	}
	free(user.data);
	free(request.data);
	free(v4.data);
	free(v6.data);
	free(term.data);
	free(long_sha256.data);
}

static void every_bit_before_and_in_the_hmac_counts(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	for (size_t bit = 0; bit < octets.length * 8; bit++) {
		size_t octet = bit / 8;
		octets.data[octet] ^= (uint8_t)(0x80 >> bit % 8);
		enum stun_verdict verdict = verify(octets, STUN_MESSAGE_INTEGRITY, SHORT_TERM_KEY, 22);
		enum stun_verdict print = fingerprint(octets);
		// The type and length of the integrity attribute itself are not under the HMAC.
		if (octet >= 100)
			assert_int_equal(verdict, octet == 102 || octet == 103 ? STUN_INVALID : STUN_VALID);
		else
			assert_int_not_equal(verdict, STUN_VALID);
		assert_int_not_equal(print, STUN_VALID);
		octets.data[octet] ^= (uint8_t)(0x80 >> bit % 8);
	}
	assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY, SHORT_TERM_KEY, 22), STUN_VALID);
	assert_int_equal(fingerprint(octets), STUN_VALID);
	free(octets.data);
}

// Builds header, one attribute and an integrity of `size` octets, with more behind it.
static struct octets signed_message(uint16_t type, size_t size, const void *key, size_t key_length, size_t behind)
{
	uint8_t buffer[256] = {0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, [20] = 0x7F, [23] = 4};
	size_t length = 28;
	uint8_t mac[STUN_INTEGRITY_LIMIT];
	assert_int_equal(stun_integrity_compute(integrity, type, key, key_length, buffer, length, size, mac, NULL), 0);
	buffer[length] = (uint8_t)(type >> 8);
	buffer[length + 1] = (uint8_t)type;
	buffer[length + 3] = (uint8_t)size;
	memcpy(&buffer[length + 4], mac, size <= sizeof mac ? size : sizeof mac);
	length += 4 + size;
	for (; behind >= 4; behind -= 4, length += 4)
		buffer[length] = 0x7F;
	buffer[3] = (uint8_t)(length - 20);
	return octets_copy(buffer, length);
}

static void what_stands_behind_plays_no_part(void **state)
{
	(void)state;
	for (size_t behind = 0; behind <= 40; behind += 4) {
		struct octets octets = signed_message(STUN_MESSAGE_INTEGRITY, 20, "key", 3, behind);
		assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY, "key", 3), STUN_VALID);
		free(octets.data);
		octets = signed_message(STUN_MESSAGE_INTEGRITY_SHA256, 32, "key", 3, behind);
		assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY_SHA256, "key", 3), STUN_VALID);
		free(octets.data);
	}
}

static void sizes_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (size_t size = 0; size <= 36; size += 4) {
		struct octets octets = signed_message(STUN_MESSAGE_INTEGRITY_SHA256, size, "key", 3, 8);
		assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY_SHA256, "key", 3),
				 size >= 16 && size <= 32 ? STUN_VALID : STUN_INVALID);
		free(octets.data);
		octets = signed_message(STUN_MESSAGE_INTEGRITY, size, "key", 3, 8);
		assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY, "key", 3),
				 size == 20 ? STUN_VALID : STUN_INVALID);
		free(octets.data);
	}
}

static void a_key_may_have_any_length(void **state)
{
	(void)state;
	uint8_t key[200];
	memset(key, 0x5A, sizeof key);
	for (size_t length = 0; length <= sizeof key; length++) {
		struct octets octets = signed_message(STUN_MESSAGE_INTEGRITY, 20, key, length, 0);
		assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY, key, length), STUN_VALID);
		free(octets.data);
	}
}

static void what_cannot_be_computed_is_said(void **state)
{
	(void)state;
	uint8_t mac[STUN_INTEGRITY_LIMIT];
	uint8_t *data = calloc(1, 70000);
	struct error error;
	assert_int_equal(stun_integrity_compute(integrity, 0x0006, "k", 1, data, 20, 20, mac, &error), -1);
	assert_int_equal(error.code, ERROR_UNKNOWN);
	assert_int_equal(stun_integrity_compute(integrity, STUN_MESSAGE_INTEGRITY, "k", 1, data, 19, 20, mac, &error),
			 -1);
	assert_int_equal(error.code, ERROR_TRUNCATED);
	assert_int_equal(
		stun_integrity_compute(integrity, STUN_MESSAGE_INTEGRITY, "k", 1, data, 65536, 20, mac, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	free(data);
}

static void a_fingerprint_counts_only_at_the_end(void **state)
{
	(void)state;
	struct octets octets =
		octets_from_hex("00010010 2112a442 000000000000000000000000 80280004 00000000 7f000004 00000000");
	for (int last = 0; last < 2; last++) {
		size_t length = last ? 28 : 36;
		octets.data[3] = (uint8_t)(length - 20);
		uint32_t crc = stun_fingerprint_compute(octets.data, 20);
		for (size_t i = 0; i < 4; i++)
			octets.data[24 + i] = (uint8_t)(crc >> (24 - 8 * i));
		assert_int_equal(fingerprint((struct octets){octets.data, length}), last ? STUN_VALID : STUN_INVALID);
	}
	free(octets.data);
	octets = octets_from_hex("00010008 2112a442 000000000000000000000000 80280003 000000ff");
	assert_int_equal(fingerprint(octets), STUN_INVALID);
	free(octets.data);
	octets = octets_from_hex("00010000 2112a442 000000000000000000000000");
	assert_int_equal(fingerprint(octets), STUN_ABSENT);
	assert_int_equal(verify(octets, STUN_MESSAGE_INTEGRITY, "k", 1), STUN_ABSENT);
	free(octets.data);
}

static void the_user_hash_is_that_of_the_sample(void **state)
{
	(void)state;
	struct octets sample = octets_from_hex(SAMPLE_SHA256);
	struct stun_octets user = {(const uint8_t *)LONG_TERM_USER, 18}, realm = {(const uint8_t *)"example.org", 11};
	uint8_t hash[STUN_USERHASH_SIZE], key[STUN_KEY_LIMIT];
	size_t length;
	struct error error;
	assert_int_equal(stun_credential_userhash(user, realm, hash, NULL), 0);
	assert_memory_equal(hash, &sample.data[24], sizeof hash);
	assert_int_equal(stun_credential_key(3, user, realm, realm, key, &length, &error), -1);
	assert_int_equal(error.code, ERROR_UNKNOWN);
	free(sample.data);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_context_serves_messages_in_any_order),
		cmocka_unit_test(every_bit_before_and_in_the_hmac_counts),
		cmocka_unit_test(what_stands_behind_plays_no_part),
		cmocka_unit_test(sizes_are_those_of_the_rfc),
		cmocka_unit_test(a_key_may_have_any_length),
		cmocka_unit_test(what_cannot_be_computed_is_said),
		cmocka_unit_test(a_fingerprint_counts_only_at_the_end),
		cmocka_unit_test(the_user_hash_is_that_of_the_sample),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
