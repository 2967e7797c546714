// SPDX-License-Identifier: BSD-3-Clause
//
// Runs vectors/rfc5769.json: every message is parsed, its verdicts are those stated, and its fields too.
#include "base/error.h"
#include "stun/credential.h"
#include "stun/integrity.h"
#include "stun/value.h"
#include "support.h"

#include <jansson.h>

static struct stun_integrity *integrity;

static const char *name_of(const json_t *vector)
{
	return json_string_value(json_object_get(vector, "name"));
}

static const char *string(const json_t *vector, const json_t *object, const char *member)
{
	const char *found = json_string_value(json_object_get(object, member));
	if (!found)
		fail_msg("vector '%s' has no string '%s'", name_of(vector), member);
	return found;
}

static struct stun_octets octets_of(const json_t *vector, const char *member)
{
	const char *text = string(vector, vector, member);
	return (struct stun_octets){(const uint8_t *)text, strlen(text)};
}

static size_t key_of(const json_t *vector, uint8_t key[64])
{
	size_t length;
	if (json_object_get(vector, "password")) {
		struct stun_octets password = octets_of(vector, "password");
		assert_true(password.length <= 64);
		memcpy(key, password.data, password.length);
		return password.length;
	}
	json_t *algorithm = json_object_get(vector, "password_algorithm");
	assert_int_equal(stun_credential_key(algorithm ? (unsigned)json_integer_value(algorithm) : STUN_PASSWORD_MD5,
					     octets_of(vector, "username"), octets_of(vector, "realm"),
					     octets_of(vector, "long_term_password"), key, &length, NULL),
			 0);
	return length;
}

static void same_hex(const json_t *vector, const char *what, const char *hex, const uint8_t *data, size_t length)
{
	struct octets wanted = octets_from_hex(hex);
	if (wanted.length != length || (length && memcmp(wanted.data, data, length) != 0))
		fail_msg("vector '%s': %s is not what it should be", name_of(vector), what);
	free(wanted.data);
}

static void check_value(const json_t *vector, const json_t *expected, const struct stun_value *value)
{
	const char *what = string(vector, expected, "type");
	json_t *member;
	if ((member = json_object_get(expected, "integer")))
		assert_true(value->as.integer == (uint64_t)json_integer_value(member));
	if ((member = json_object_get(expected, "text"))) {
		if (value->as.octets.length != json_string_length(member) ||
		    memcmp(value->as.octets.data, json_string_value(member), value->as.octets.length) != 0)
			fail_msg("vector '%s': %s is not what it should be", name_of(vector), what);
	}
	if ((member = json_object_get(expected, "algorithm")))
		assert_int_equal(value->as.algorithm.algorithm, json_integer_value(member));
	if (json_object_get(expected, "address")) {
		char host[STUN_ADDRESS_TEXT_SIZE];
		assert_string_equal(stun_address_host(&value->as.address, host), string(vector, expected, "address"));
		assert_string_equal(stun_family_name(value->as.address.family), string(vector, expected, "family"));
		assert_int_equal(value->as.address.port, json_integer_value(json_object_get(expected, "port")));
	}
}

static void check_attributes(const json_t *vector, const json_t *expected, const struct stun_message *message)
{
	assert_int_equal(message->count, json_array_size(expected));
	for (size_t i = 0; i < message->count; i++) {
		const json_t *wanted = json_array_get(expected, i);
		const struct stun_view *view = &message->attributes[i];
		const struct stun_attribute *known = stun_attribute_find(view->type);
		struct stun_value value;
		size_t padding;
		const uint8_t *behind = stun_view_padding(message, view, &padding);
		assert_non_null(known);
		assert_string_equal(known->name, string(vector, wanted, "type"));
		assert_int_equal(stun_value_decode(known->kind, stun_view_value(message, view), view->length,
						   message->header.transaction, &value, NULL),
				 0);
		check_value(vector, wanted, &value);
		if (json_object_get(wanted, "hex"))
			same_hex(vector, known->name, string(vector, wanted, "hex"), stun_view_value(message, view),
				 view->length);
		json_t *pad = json_object_get(wanted, "padding");
		same_hex(vector, "padding", pad ? json_string_value(pad) : "", behind, padding);
	}
}

static void check_verdict(const json_t *vector, const char *member, const char *otherwise, enum stun_verdict verdict)
{
	const json_t *wanted = json_object_get(json_object_get(vector, "expected"), member);
	const char *word = wanted ? json_string_value(wanted) : otherwise;
	if (strcmp(stun_verdict_name(verdict), word) != 0)
		fail_msg("vector '%s': %s is %s, not %s", name_of(vector), member, stun_verdict_name(verdict), word);
}

static void check_vector(const json_t *vector)
{
	struct octets octets = octets_from_hex(string(vector, vector, "message"));
	const json_t *expected = json_object_get(vector, "expected");
	bool valid = json_is_true(json_object_get(vector, "valid"));
	struct stun_message message = {0};
	struct error error = {0};
	string(vector, vector, "source");
	string(vector, vector, "shows");
	int outcome = stun_message_parse(&message, octets.data, octets.length, &error);
	if (json_is_true(json_object_get(expected, "malformed"))) {
		assert_false(valid);
		assert_int_equal(outcome, -1);
		assert_int_equal(error.offset, json_integer_value(json_object_get(expected, "offset")));
		goto done;
	}
	if (outcome < 0)
		fail_msg("vector '%s': %s", name_of(vector), error.text);
	uint8_t key[64];
	size_t length = key_of(vector, key);
	enum stun_verdict sha1 = stun_integrity_verify(integrity, &message, STUN_MESSAGE_INTEGRITY, key, length);
	enum stun_verdict sha256 =
		stun_integrity_verify(integrity, &message, STUN_MESSAGE_INTEGRITY_SHA256, key, length);
	enum stun_verdict fingerprint = stun_fingerprint_verify(&message);
	check_verdict(vector, "integrity", "absent", sha1);
	check_verdict(vector, "integrity_sha256", "absent", sha256);
	check_verdict(vector, "fingerprint", "absent", fingerprint);
	assert_int_equal(valid, sha1 != STUN_INVALID && sha256 != STUN_INVALID && fingerprint != STUN_INVALID);
	assert_string_equal(stun_class_name(stun_type_class(message.header.type)), string(vector, expected, "class"));
	assert_string_equal(stun_method_name(stun_type_method(message.header.type)),
			    string(vector, expected, "method"));
	same_hex(vector, "transaction", string(vector, expected, "transaction"), message.header.transaction,
		 STUN_TRANSACTION_SIZE);
	if (json_object_get(expected, "attributes"))
		check_attributes(vector, json_object_get(expected, "attributes"), &message);
	else
		assert_false(valid);
done:
	stun_message_free(&message);
	free(octets.data);
}

static void every_vector_says_what_it_should(void **state)
{
	(void)state;
	json_error_t error;
	json_t *file = json_load_file("vectors/rfc5769.json", JSON_REJECT_DUPLICATES, &error);
	if (!file)
		fail_msg("vectors/rfc5769.json:%d: %s", error.line, error.text);
	json_t *vectors = json_object_get(file, "vectors");
	size_t valid = 0, invalid = 0;
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		check_vector(json_array_get(vectors, i));
		if (json_is_true(json_object_get(json_array_get(vectors, i), "valid")))
			valid++;
		else
			invalid++;
	}
	assert_true(valid >= 5);
	assert_true(invalid >= 10);
	json_decref(file);
}

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
	return 0;
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_vector_says_what_it_should)};
	return cmocka_run_group_tests(tests, start, stop);
}
