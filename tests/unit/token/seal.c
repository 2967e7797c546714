// SPDX-License-Identifier: BSD-3-Clause
//
// What is sealed opens again, whatever the algorithm and form; what is cut or altered anywhere does not; and every
// field can be told otherwise than right.
#include "base/bytes.h"
#include "base/error.h"
#include "token/open.h"
#include "token/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t k[TOKEN_KEY_LIMIT] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, [40] = 40, [63] = 63};
static const uint8_t mac_key[20] = "01234567890123456789";
static struct token_context context;

static int count_up(void *owner, uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		octets[i] = (*(uint8_t *)owner)++;
	return 0;
}

static struct token_text text(const char *string)
{
	return (struct token_text){string, strlen(string)};
}

static struct token_request request_for(struct token_key *key, const char *algorithm)
{
	static uint8_t counter;
	const struct token_algorithm *found = token_algorithm_find(algorithm, strlen(algorithm), NULL);
	assert_non_null(found);
	assert_int_equal(token_key_set(key, found, k, found->key_length, NULL), 0);
	return (struct token_request){
		.key = key,
		.server_name = text("turn1.example.org"),
		.plain = {.mac_key = mac_key, .mac_key_length = 20, .timestamp = 1700000000ull << 16, .lifetime = 600},
		.random = count_up,
		.random_owner = &counter,
	};
}

// Seals; the token has to be possible.
static struct token_text seal(struct writer *writer, const struct token_request *request)
{
	struct error error = {0};
	writer_init(writer, 1 << 20);
	if (token_seal(&context, request, writer, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(context.scratch.length, 0);
	for (size_t i = 0; context.scratch.data && i < 34; i++)
		assert_int_equal(context.scratch.data[i], 0);
	return (struct token_text){writer->data, writer->length};
}

static void assert_refused(const struct token_key *key, struct token_text token, enum error_code code)
{
	struct token_opened opened;
	struct error error = {0};
	assert_int_equal(token_open(&context, key, text("turn1.example.org"), token, &opened, &error), -1);
	if (code)
		assert_int_equal(error.code, code);
	assert_true(error.text[0]);
	assert_true(error.offset == ERROR_NO_OFFSET || error.offset <= token.length);
	assert_int_equal(context.scratch.length, 0);
	assert_null(opened.plain.mac_key);
}

static const enum token_form cbc_forms[] = {
	TOKEN_FORM_F1, TOKEN_FORM_F2, TOKEN_FORM_F3, TOKEN_FORM_F3_BARE, TOKEN_FORM_F4,
};

static void each(void (*check)(const struct token_request *request))
{
	const struct token_algorithm *algorithm;
	for (size_t i = 0; (algorithm = token_algorithm_at(i)); i++) {
		struct token_key key;
		struct token_request request = request_for(&key, algorithm->name);
		size_t forms = algorithm->kind == TOKEN_GCM ? 1 : sizeof cbc_forms / sizeof *cbc_forms;
		for (size_t j = 0; j < forms; j++) {
			request.form = algorithm->kind == TOKEN_GCM ? TOKEN_FORM_GCM : cbc_forms[j];
			check(&request);
		}
	}
}

static void opens_again(const struct token_request *request)
{
	struct writer writer;
	struct token_opened opened;
	struct error error = {0};
	struct token_text token = seal(&writer, request);
	if (token_open(&context, request->key, request->server_name, token, &opened, &error) < 0)
		fail_msg("%s %s: %s", request->key->algorithm->name, token_form_name(request->form), error.text);
	assert_int_equal(opened.form, request->form);
	assert_int_equal(opened.plain.mac_key_length, 20);
	assert_memory_equal(opened.plain.mac_key, mac_key, 20);
	assert_int_equal(opened.plain.timestamp, 1700000000ull << 16);
	assert_int_equal(opened.plain.lifetime, 600);
	assert_int_equal(opened.plain.extra_length, 0);
	const uint8_t *plaintext = context.scratch.data;
	token_open_done(&context, &opened);
	for (size_t i = 0; i < 34; i++)
		assert_int_equal(plaintext[i], 0);
	writer_free(&writer);
}

static void is_refused_when_cut(const struct token_request *request)
{
	struct writer writer;
	struct token_text token = seal(&writer, request);
	for (size_t length = 0; length < token.length; length++)
		assert_refused(request->key, (struct token_text){token.data, length}, ERROR_NONE);
	writer_free(&writer);
}

static void is_refused_when_altered(const struct token_request *request)
{
	struct writer writer;
	struct token_text token = seal(&writer, request);
	for (size_t bit = 0; bit < token.length * 8; bit++) {
		// This form's MAC leaves out the vector, so whoever carries the token can change its first block.
		if (request->form == TOKEN_FORM_F3_BARE && bit >= 16 && bit < 16 + 128)
			continue;
		writer.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_refused(request->key, token, ERROR_NONE);
		writer.data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	writer_free(&writer);
}

static void is_refused_for_another(const struct token_request *request)
{
	struct writer writer;
	struct token_opened opened;
	struct error error = {0};
	struct token_key other = *request->key;
	struct token_text token = seal(&writer, request);
	other.octets[0] ^= 1;
	assert_refused(&other, token, ERROR_NONE);
	assert_int_equal(token_open(&context, request->key, text("turn1.example.orf"), token, &opened, &error), -1);
	assert_int_equal(token_open(&context, request->key, text(""), token, &opened, &error), -1);
	writer_free(&writer);
}

static void every_form_opens_again(void **unused)
{
	(void)unused;
	each(opens_again);
}

static void every_cut_is_refused(void **unused)
{
	(void)unused;
	each(is_refused_when_cut);
}

static void every_altered_bit_is_refused(void **unused)
{
	(void)unused;
	each(is_refused_when_altered);
}

static void another_key_or_name_is_refused(void **unused)
{
	(void)unused;
	each(is_refused_for_another);
}

static void fields_can_be_wrong(void **unused)
{
	(void)unused;
	struct token_key key;
	struct writer writer;
	const uint16_t wrong = 300, beyond = 33;

	struct token_request request = request_for(&key, "A256GCM");
	request.nonce_length = &wrong;
	assert_refused(&key, seal(&writer, &request), ERROR_TRUNCATED);
	writer_free(&writer);

	request = request_for(&key, "A256GCM");
	request.key_length = &beyond;
	assert_refused(&key, seal(&writer, &request), ERROR_TRUNCATED);
	writer_free(&writer);

	request = request_for(&key, "A256GCM");
	request.plaintext = text("any octets");
	request.plain = (struct token_plain){0};
	assert_int_equal(seal(&writer, &request).length, 2 + 12 + 10 + 16);
	writer_free(&writer);

	request = request_for(&key, "A256GCM");
	for (request.tag_cut = 0; request.tag_cut <= 16; request.tag_cut++) {
		assert_int_equal(seal(&writer, &request).length, 2 + 12 + 34 + 16 - request.tag_cut);
		writer_free(&writer);
	}

	request = request_for(&key, "A128CBC-HS256");
	request.cbc_padding = (struct token_text){k, 14};
	assert_refused(&key, seal(&writer, &request), ERROR_MALFORMED);
	writer_free(&writer);
	opens_again(&(struct token_request){.key = &key,
					    .server_name = request.server_name,
					    .plain = request.plain,
					    .form = TOKEN_FORM_F1}); // the padding of OpenSSL is back

	request = request_for(&key, "A128CBC-HS256");
	request.cbc_al = text("12345678");
	assert_refused(&key, seal(&writer, &request), ERROR_NOT_AUTHENTIC);
	writer_free(&writer);
}

static void nonces_of_every_length(void **unused)
{
	(void)unused;
	static const uint8_t nonce[TOKEN_GCM_NONCE_LIMIT + 1] = {7};
	struct token_key key;
	struct token_request request = request_for(&key, "A128GCM");
	for (size_t length = 0; length <= sizeof nonce; length++) {
		struct writer writer;
		struct token_opened opened;
		request.nonce = (struct token_text){nonce, length};
		if (length == 0 || length > TOKEN_GCM_NONCE_LIMIT) {
			struct error error = {0};
			writer_init(&writer, 1024);
			assert_int_equal(token_seal(&context, &request, &writer, &error), -1);
			assert_int_equal(error.code, length ? ERROR_LIMIT : ERROR_MALFORMED);
			assert_int_equal(writer.length, 0);
		} else {
			struct token_text token = seal(&writer, &request);
			assert_int_equal(token_open(&context, &key, request.server_name, token, &opened, NULL), 0);
			assert_int_equal(opened.nonce.length, length);
			token_open_done(&context, &opened);
		}
		writer_free(&writer);
	}
}

static void what_makes_no_token_is_refused(void **unused)
{
	(void)unused;
	struct token_key gcm, cbc;
	const uint16_t number = 5;
	struct token_request cases[10];
	for (size_t i = 0; i < 10; i++)
		cases[i] = i < 5 ? request_for(&gcm, "A256GCM") : request_for(&cbc, "A256CBC-HS512");
	cases[0].form = TOKEN_FORM_F1;
	cases[1].tag_cut = 17;
	cases[2].cbc_al = text("x");
	cases[3].random = NULL;
	cases[4].plaintext = text("whole"); // with its fields
	cases[5].form = TOKEN_FORM_GCM;
	cases[6].form = TOKEN_FORM_F4;
	cases[6].nonce_length = &number;
	cases[7].form = TOKEN_FORM_F3;
	cases[7].nonce = text("twelve octet");
	cases[8].cbc_padding = text("not whole blocks");
	cases[9].plain.extra = k;
	cases[9].plain.extra_length = TOKEN_LIMIT + 1;
	for (size_t i = 0; i < 10; i++) {
		struct writer writer;
		struct error error = {0};
		writer_init(&writer, 1024);
		writer_u8(&writer, 42);
		if (token_seal(&context, &cases[i], &writer, &error) == 0)
			fail_msg("case %zu was sealed", i);
		assert_true(error.text[0]);
		assert_int_equal(writer.length, 1);
		assert_int_equal(context.scratch.length, 0);
		writer_free(&writer);
	}
}

static void limits_are_kept(void **unused)
{
	(void)unused;
	static uint8_t large[TOKEN_LIMIT + 1];
	struct token_key key;
	struct writer writer;
	struct error error = {0};
	struct token_request request = request_for(&key, "A256GCM");
	assert_refused(&key, (struct token_text){large, sizeof large}, ERROR_LIMIT);
	assert_refused(&key, (struct token_text){large, sizeof large - 1}, ERROR_MALFORMED); // nonce_length 0
	writer_init(&writer, 63);                                                            // a token has 64
	assert_int_equal(token_seal(&context, &request, &writer, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(writer.length, 0);
	writer_free(&writer);
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
		cmocka_unit_test(every_form_opens_again),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_altered_bit_is_refused),
		cmocka_unit_test(another_key_or_name_is_refused),
		cmocka_unit_test(fields_can_be_wrong),
		cmocka_unit_test(nonces_of_every_length),
		cmocka_unit_test(what_makes_no_token_is_refused),
		cmocka_unit_test(limits_are_kept),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("seal and open", tests, set_up, tear_down);
}
