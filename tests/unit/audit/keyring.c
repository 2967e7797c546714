// SPDX-License-Identifier: BSD-3-Clause
//
// Keys: which of them opens a token, in which form a mac_key signs, whether a message tells one.
#include "audit/keyring.h"

#include "talk.h"

#define KEY_20 "twenty octets of key"
#define KEY_32 "thirty-two octets of a session k"

static struct stun_octets octets_of(const struct sealed *token)
{
	return (struct stun_octets){token->octets, token->length};
}

static void opens_under_the_key_of_the_kid(void **unused)
{
	(void)unused;
	struct keyring *keyring = keyring_with_key(), *empty = keyring_new(NULL);
	struct sealed token = seal(KEY_20, 0, 600);
	struct stun_octets name = text_octets(NAME), none = {NULL, 0};
	struct opened_token opened;
	assert_int_equal(keyring_open(keyring, text_octets(KID), name, octets_of(&token), &opened), AUDIT_TOKEN_OPENED);
	assert_int_equal(opened.lifetime, 600);
	assert_int_equal(opened.key.length, 20);
	assert_memory_equal(opened.key.octets, KEY_20, 20);
	assert_int_equal(opened.nonce_length, 12);
	uint64_t digest = opened.digest;
	assert_int_equal(keyring_open(keyring, text_octets("south"), name, octets_of(&token), &opened),
			 AUDIT_TOKEN_KID_UNKNOWN);
	assert_int_equal(opened.digest, digest);
	assert_int_equal(opened.key.length, 0);
	assert_int_equal(keyring_open(keyring, text_octets(KID), none, octets_of(&token), &opened), AUDIT_TOKEN_SEALED);
	assert_int_equal(keyring_open(empty, text_octets(KID), name, octets_of(&token), &opened), AUDIT_TOKEN_SEALED);
	assert_int_equal(keyring_open(keyring, text_octets(KID), text_octets("other"), octets_of(&token), &opened),
			 AUDIT_TOKEN_REFUSED);
	assert_true(opened.shaped);
	for (size_t length = 0; length < token.length; length++) {
		struct stun_octets part = {token.octets, length};
		assert_int_equal(keyring_open(keyring, text_octets(KID), name, part, &opened), AUDIT_TOKEN_REFUSED);
		assert_int_equal(opened.shaped, length >= 2 + 12 + 14 + 16);
	}
	keyring_free(keyring);
	keyring_free(empty);
}

static enum audit_integrity signed_with(struct keyring *keyring, const char *mac_key, const void *with, size_t length,
					struct signing_key *key)
{
	struct made made;
	message_begin(&made, REFRESH, 1);
	message_sign(&made, STUN_MESSAGE_INTEGRITY, with, length);
	*key = (struct signing_key){.length = (uint8_t)strlen(mac_key)};
	memcpy(key->octets, mac_key, key->length);
	struct stun_message *message = message_end(&made);
	enum audit_integrity outcome = keyring_verify(keyring, message, STUN_MESSAGE_INTEGRITY, key);
	assert_int_equal(keyring_verify(keyring, message, STUN_MESSAGE_INTEGRITY, key), outcome); // and once more
	assert_int_equal(keyring_verify(keyring, message, STUN_MESSAGE_INTEGRITY, NULL), AUDIT_INTEGRITY_UNKNOWN);
	assert_int_equal(keyring_verify(keyring, message, STUN_MESSAGE_INTEGRITY_SHA256, key), AUDIT_INTEGRITY_ABSENT);
	message_free(&made);
	return outcome;
}

static void forms_of_a_mac_key(void **unused)
{
	(void)unused;
	struct keyring *keyring = keyring_new(NULL);
	struct signing_key key;
	static const uint8_t hashed[20] = {0xf8, 0xd1, 0xb9, 0xfb, 0x94, 0xe3, 0xec, 0xe7, 0x80, 0xe2,
					   0x73, 0x19, 0x5d, 0xb1, 0x16, 0x3c, 0x88, 0xf7, 0x4f, 0x8a};
	assert_int_equal(signed_with(keyring, KEY_20, KEY_20, 20, &key), AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(key.form, AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(signed_with(keyring, KEY_20, KEY_20, 16, &key), AUDIT_INTEGRITY_CUT);
	assert_int_equal(key.form, AUDIT_INTEGRITY_CUT);
	assert_int_equal(signed_with(keyring, KEY_20, KEY_20, 19, &key), AUDIT_INTEGRITY_INVALID);
	assert_int_equal(key.form, 0);
	assert_int_equal(signed_with(keyring, KEY_32, KEY_32, 32, &key), AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(signed_with(keyring, KEY_32, KEY_32, 16, &key), AUDIT_INTEGRITY_CUT);
	assert_int_equal(signed_with(keyring, KEY_32, hashed, 20, &key), AUDIT_INTEGRITY_SHA1);
	assert_int_equal(signed_with(keyring, "sixteen octets..", "sixteen octets..", 16, &key), AUDIT_INTEGRITY_WHOLE);
	keyring_free(keyring);
}

static void the_key_of_a_password(void **unused)
{
	(void)unused;
	struct keyring *keyring = keyring_new(NULL);
	assert_int_equal(keyring_add_user(keyring, text_octets("user"), text_octets("password"), NULL), 0);
	struct signing_key key = {0};
	assert_false(keyring_password_key(keyring, text_octets("other"), text_octets(REALM), &key));
	assert_true(keyring_password_key(keyring, text_octets("user"), text_octets(REALM), &key));
	assert_int_equal(key.length, 16);
	struct made made;
	message_begin(&made, REFRESH, 1);
	message_sign(&made, STUN_MESSAGE_INTEGRITY, key.octets, key.length);
	assert_int_equal(keyring_verify(keyring, message_end(&made), STUN_MESSAGE_INTEGRITY, &key),
			 AUDIT_INTEGRITY_PASSWORD);
	message_free(&made);
	keyring_free(keyring);
}

static void what_a_message_tells(void **unused)
{
	(void)unused;
	struct keyring *keyring = keyring_with_key();
	struct signing_key key = {.length = 20};
	memcpy(key.octets, KEY_20, 20);
	static const struct {
		const char *text;
		enum audit_tells outcome;
	} cases[] = {
		{"nothing of the kind", AUDIT_TELLS_NOTHING},
		{"the " KEY_20 ".", AUDIT_TELLS_MAC_KEY},
		{"the twenty octets of kez.", AUDIT_TELLS_NOTHING},
		{"7477656e7479206f6374657473206f66206b6579", AUDIT_TELLS_MAC_KEY},
		{"7477656E7479206F6374657473206F66206B6579", AUDIT_TELLS_MAC_KEY},
		{"dHdlbnR5IG9jdGV0cyBvZiBrZXk=", AUDIT_TELLS_MAC_KEY},
		{LONG_TERM_KEY, AUDIT_TELLS_KEY},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(keyring_tells(keyring, &key, cases[i].text, strlen(cases[i].text)), cases[i].outcome);
	assert_int_equal(keyring_tells(keyring, NULL, KEY_20, 20), AUDIT_TELLS_NOTHING);
	keyring_free(keyring);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_under_the_key_of_the_kid),
		cmocka_unit_test(forms_of_a_mac_key),
		cmocka_unit_test(the_key_of_a_password),
		cmocka_unit_test(what_a_message_tells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
