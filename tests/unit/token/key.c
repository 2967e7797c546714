// SPDX-License-Identifier: BSD-3-Clause
//
// KID:ALGORITHM:BASE64, and keys of exactly the length their algorithm takes.
#include "base/error.h"
#include "token/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define K16 "AAECAwQFBgcICQoLDA0ODw=="

static void every_algorithm_takes_its_own_length_only(void **unused)
{
	(void)unused;
	static const uint8_t octets[TOKEN_KEY_LIMIT + 1] = {1, 2, 3};
	const struct token_algorithm *algorithm;
	for (size_t i = 0; (algorithm = token_algorithm_at(i)); i++) {
		assert_ptr_equal(token_algorithm_find(algorithm->name, strlen(algorithm->name), NULL), algorithm);
		assert_int_equal(token_algorithm_index(algorithm), i);
		assert_int_equal(algorithm->mac_key_length + algorithm->encryption_length, algorithm->key_length);
		for (size_t length = 0; length <= sizeof octets; length++) {
			struct token_key key;
			struct error error = {0};
			bool right = length == algorithm->key_length;
			assert_int_equal(token_key_set(&key, algorithm, octets, length, &error), right ? 0 : -1);
			if (right)
				assert_memory_equal(key.octets, octets, length);
			else
				assert_non_null(strstr(error.text, algorithm->name));
		}
	}
	assert_int_equal(token_algorithm_index(token_algorithm_at(TOKEN_ALGORITHMS - 1)), TOKEN_ALGORITHMS - 1);
}

static void the_length_is_told(void **unused)
{
	(void)unused;
	struct token_key key;
	struct error error = {0};
	size_t kid;
	const char *spec = "k:A256GCM:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==";
	assert_int_equal(token_key_parse(&key, &kid, spec, strlen(spec), &error), -1);
	assert_string_equal(error.text, "A256GCM takes a key of 32 octets, this one has 31");
}

static void the_kid_is_what_is_left(void **unused)
{
	(void)unused;
	static const struct {
		const char *spec;
		size_t kid;
	} cases[] = {
		{"north:A128GCM:" K16, 5},
		{"a:b:c:A128GCM:" K16, 5},
		{"::A128GCM:" K16, 1},
		{"22BIjxU93h/IgwEb:A128GCM:" K16, 16},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token_key key;
		struct error error = {0};
		size_t kid = 0;
		if (token_key_parse(&key, &kid, cases[i].spec, strlen(cases[i].spec), &error) < 0)
			fail_msg("%s: %s", cases[i].spec, error.text);
		assert_int_equal(kid, cases[i].kid);
		assert_string_equal(key.algorithm->name, "A128GCM");
		assert_int_equal(key.octets[15], 15);
	}
}

static void what_is_no_key_is_refused(void **unused)
{
	(void)unused;
	static const struct {
		const char *spec;
		size_t offset;
		const char *says;
	} cases[] = {
		{"", ERROR_NO_OFFSET, "no colon"},
		{K16, ERROR_NO_OFFSET, "no colon"},
		{"A128GCM:" K16, ERROR_NO_OFFSET, "one colon"},
		{":A128GCM:" K16, 0, "empty KID"},
		{"k:A129GCM:" K16, 2, "unknown algorithm"},
		{"k:a128gcm:" K16, 2, "unknown algorithm"},
		{"k::" K16, 2, "unknown algorithm"},
		{"k:A128GCM:", 10, "has 0"},
		{"k:A128GCM:AAECAwQFBgcICQoLDA0ODw", 32, "padding"},
		{"k:A128GCM:AAECAwQFBgcICQoLDA0O_w==", 30, "URL-safe"},
		{"k:A128GCM:" K16 "\n", 34, "white space"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token_key key;
		struct error error = {0};
		size_t kid = 0;
		assert_int_equal(token_key_parse(&key, &kid, cases[i].spec, strlen(cases[i].spec), &error), -1);
		if (!strstr(error.text, cases[i].says) || error.offset != cases[i].offset)
			fail_msg("%s: %s at %zu", cases[i].spec, error.text, error.offset);
		assert_null(strstr(error.text, "AAEC"));
	}
}

static void a_wiped_key_is_gone(void **unused)
{
	(void)unused;
	static const struct token_key nothing;
	struct token_key key;
	size_t kid;
	assert_int_equal(token_key_parse(&key, &kid, "k:A128GCM:" K16, strlen("k:A128GCM:" K16), NULL), 0);
	token_key_wipe(&key);
	assert_memory_equal(&key, &nothing, sizeof key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_algorithm_takes_its_own_length_only),
		cmocka_unit_test(the_length_is_told),
		cmocka_unit_test(the_kid_is_what_is_left),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_wiped_key_is_gone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
