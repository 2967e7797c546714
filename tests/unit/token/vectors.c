// SPDX-License-Identifier: BSD-3-Clause
//
// Runs vectors/*.json: tokens that others made open to the fields stated, sealing the same fields gives the same
// octets, and the wrong ones fail in the way and at the place stated.
#include "base/bytes.h"
#include "base/error.h"
#include "token/base64.h"
#include "token/cbc.h"
#include "token/open.h"
#include "token/seal.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct token_context context;

static const char *string(const json_t *row, const char *member)
{
	const char *found = json_string_value(json_object_get(row, member));
	if (!found)
		fail_msg("vector '%s' has no string '%s'", json_string_value(json_object_get(row, "name")), member);
	return found;
}

static int64_t integer(const json_t *row, const char *member)
{
	assert_true(json_is_integer(json_object_get(row, member)));
	return json_integer_value(json_object_get(row, member));
}

static struct token_text octets(struct writer *writer, const json_t *row, const char *member)
{
	struct error error = {0};
	const char *text = string(row, member);
	writer_init(writer, 1 << 17);
	if (token_base64_decode(writer, text, strlen(text), &error) < 0)
		fail_msg("%s: %s: %s", string(row, "name"), member, error.text);
	return (struct token_text){writer->data ? writer->data : (uint8_t *)"", writer->length};
}

static void assert_octets(const json_t *row, const char *member, const void *got, size_t length)
{
	struct writer writer;
	struct token_text wanted = octets(&writer, row, member);
	if (wanted.length != length || (length && memcmp(wanted.data, got, length) != 0))
		fail_msg("%s: %s is not what it should be", string(row, "name"), member);
	writer_free(&writer);
}

static struct token_text server_name(const json_t *row)
{
	const json_t *name = json_object_get(row, "server_name");
	assert_true(json_is_string(name));
	return (struct token_text){json_string_value(name), json_string_length(name)};
}

static void load_key(struct token_key *key, const json_t *row)
{
	struct writer writer;
	struct token_text k = octets(&writer, row, "key");
	const struct token_algorithm *algorithm =
		token_algorithm_find(string(row, "algorithm"), strlen(string(row, "algorithm")), NULL);
	assert_non_null(algorithm);
	assert_int_equal(token_key_set(key, algorithm, k.data, k.length, NULL), 0);
	writer_free(&writer);
}

// `rows` of a file of vectors/; the caller gives back the document.
static json_t *load(const char *path, json_t **rows)
{
	json_error_t error;
	json_t *document = json_load_file(path, 0, &error);
	if (!document)
		fail_msg("%s: %s (line %d); the test runs in the root of the checkout", path, error.text, error.line);
	assert_non_null(json_object_get(document, "source"));
	*rows = json_object_get(document, "vectors");
	assert_true(json_array_size(*rows) > 0);
	return document;
}

static void fails_as_stated(const json_t *row, const struct token_key *key, struct token_text token)
{
	struct token_opened opened;
	struct error error = {0};
	if (token_open(&context, key, server_name(row), token, &opened, &error) == 0)
		fail_msg("%s: opened", string(row, "name"));
	if (strcmp(token_open_failure(error.code), string(row, "error")) != 0 ||
	    error.offset != (size_t)integer(row, "offset"))
		fail_msg("%s: %s at %zu: %s", string(row, "name"), token_open_failure(error.code), error.offset,
			 error.text);
}

static void opens_as_stated(const json_t *row, const struct token_key *key, struct token_text token)
{
	struct token_opened opened;
	struct error error = {0};
	struct writer nonce, again;
	if (token_open(&context, key, server_name(row), token, &opened, &error) < 0)
		fail_msg("%s: %s", string(row, "name"), error.text);
	assert_string_equal(token_form_name(opened.form), string(row, "form"));
	assert_int_equal(opened.plain.timestamp, integer(row, "timestamp"));
	assert_int_equal(opened.plain.lifetime, integer(row, "lifetime"));
	assert_octets(row, "nonce", opened.nonce.data, opened.nonce.length);
	assert_octets(row, "mac_key", opened.plain.mac_key, opened.plain.mac_key_length);
	assert_octets(row, "extra", opened.plain.extra, opened.plain.extra_length);

	// Sealed anew out of a copy: what was opened lies where sealing works.
	uint8_t copy[1024];
	struct token_request request = {
		.key = key, .server_name = server_name(row), .plain = opened.plain, .form = opened.form};
	assert_true(opened.plain.mac_key_length + opened.plain.extra_length <= sizeof copy);
	memcpy(copy, opened.plain.mac_key, opened.plain.mac_key_length);
	request.plain.mac_key = copy;
	if (opened.plain.extra_length)
		memcpy(&copy[opened.plain.mac_key_length], opened.plain.extra, opened.plain.extra_length);
	request.plain.extra = &copy[opened.plain.mac_key_length];
	token_open_done(&context, &opened);
	request.nonce = octets(&nonce, row, "nonce");
	if (request.nonce.length == 0)
		request.nonce.data = NULL;
	writer_init(&again, TOKEN_LIMIT);
	assert_int_equal(token_seal(&context, &request, &again, NULL), 0);
	assert_octets(row, "token", again.data, again.length);
	writer_free(&again);
	writer_free(&nonce);
}

static void run_tokens(const char *path)
{
	json_t *rows, *row, *document = load(path, &rows);
	size_t index, valid = 0;
	json_array_foreach(rows, index, row)
	{
		struct writer writer;
		struct token_key key;
		struct token_text token = octets(&writer, row, "token");
		load_key(&key, row);
		assert_true(string(row, "shows")[0]);
		if (json_is_true(json_object_get(row, "valid"))) {
			opens_as_stated(row, &key, token);
			valid++;
		} else {
			fails_as_stated(row, &key, token);
		}
		writer_free(&writer);
	}
	assert_true(valid > 0 && valid < index);
	json_decref(document);
}

static void appendix_a_of_rfc_7635(void **unused)
{
	(void)unused;
	run_tokens("vectors/rfc7635-appendix-a.json");
}

static void tokens_of_another_implementation(void **unused)
{
	(void)unused;
	run_tokens("vectors/tokens.json");
}

// The two primitives for themselves, then the same octets as a token of form F3.
static void appendix_b_of_rfc_7518(void **unused)
{
	(void)unused;
	json_t *rows, *row, *document = load("vectors/rfc7518-appendix-b.json", &rows);
	size_t index;
	json_array_foreach(rows, index, row)
	{
		struct writer token, plaintext, vector, sealed;
		struct token_key key;
		struct token_halves halves;
		uint8_t ciphertext[256], tag[TOKEN_TAG_LIMIT], al[8];
		load_key(&key, row);
		struct token_text p = octets(&plaintext, row, "plaintext"), iv = octets(&vector, row, "nonce");
		fails_as_stated(row, &key, octets(&token, row, "token"));
		if (json_is_true(json_object_get(row, "valid"))) {
			token_cbc_split(&halves, &key);
			struct token_text s = {ciphertext, token_cbc_length(p.length)}, a = server_name(row);
			assert_int_equal(token_cbc_encrypt(&context, key.algorithm, &halves, iv.data, p,
							   (struct token_text){0}, ciphertext, NULL),
					 0);
			assert_octets(row, "ciphertext", ciphertext, s.length);
			token_seal_al(al, a.length);
			const struct token_text texts[] = {a, iv, s, {al, sizeof al}};
			assert_int_equal(token_cbc_mac(&context, key.algorithm, &halves, texts, 4, tag, NULL), 0);
			assert_octets(row, "tag", tag, key.algorithm->tag_length);
			struct token_request request = {
				.key = &key, .server_name = a, .form = TOKEN_FORM_F3, .nonce = iv, .plaintext = p};
			writer_init(&sealed, TOKEN_LIMIT);
			assert_int_equal(token_seal(&context, &request, &sealed, NULL), 0);
			assert_octets(row, "token", sealed.data, sealed.length);
			writer_free(&sealed);
		}
		writer_free(&token);
		writer_free(&plaintext);
		writer_free(&vector);
	}
	json_decref(document);
}

static int set_up(void **unused)
{
	(void)unused;
	token_context_init(&context);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	token_context_free(&context);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appendix_a_of_rfc_7635),
		cmocka_unit_test(appendix_b_of_rfc_7518),
		cmocka_unit_test(tokens_of_another_implementation),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vectors", tests, set_up, tear_down);
}
