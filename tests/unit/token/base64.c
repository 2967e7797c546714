// SPDX-License-Identifier: BSD-3-Clause
//
// Base64 is strict: each way a text can be wrong is refused at the character at fault.
#include "base/bytes.h"
#include "base/error.h"
#include "token/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// RFC 4648 section 10.
static const char *const samples[][2] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xfb\xff\xfe", "+//+"},
};

static void encodes_the_samples(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct writer writer;
		writer_init(&writer, 64);
		token_base64_encode(&writer, samples[i][0], strlen(samples[i][0]));
		assert_int_equal(writer.length, strlen(samples[i][1]));
		if (writer.length)
			assert_memory_equal(writer.data, samples[i][1], writer.length);
		writer_free(&writer);
	}
}

static void decodes_the_samples(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct writer writer;
		writer_init(&writer, 64);
		assert_int_equal(token_base64_decode(&writer, samples[i][1], strlen(samples[i][1]), NULL), 0);
		assert_int_equal(writer.length, strlen(samples[i][0]));
		if (writer.length)
			assert_memory_equal(writer.data, samples[i][0], writer.length);
		writer_free(&writer);
	}
}

static void every_octet_comes_back(void **unused)
{
	(void)unused;
	uint8_t octets[259];
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 7);
	for (size_t length = 0; length <= sizeof octets; length++) {
		struct writer text, back;
		writer_init(&text, 1024);
		writer_init(&back, 1024);
		token_base64_encode(&text, octets, length);
		assert_int_equal(token_base64_decode(&back, (const char *)text.data, text.length, NULL), 0);
		assert_int_equal(back.length, length);
		if (length)
			assert_memory_equal(back.data, octets, length);
		writer_free(&text);
		writer_free(&back);
	}
}

static void refuses_what_is_not_strict(void **unused)
{
	(void)unused;
	static const struct {
		const char *text;
		size_t length, offset;
		const char *says;
	} cases[] = {
		{"Zm9-", 4, 3, "URL-safe"},        {"Zm_v", 4, 2, "URL-safe"},
		{"Zm9v\n", 5, 4, "white space"},   {" Zm9v", 5, 0, "white space"},
		{"Zm\r\n9v", 6, 2, "white space"}, {"Zg", 2, 2, "padding"},
		{"Zg=", 3, 3, "padding"},          {"Zm8", 3, 3, "padding"},
		{"Zg===", 5, 2, "padding"},        {"=", 1, 1, "padding"},
		{"====", 4, 0, "padding"},         {"Z===", 4, 1, "padding"},
		{"Zg==Zm9v", 8, 2, "padding"},     {"Zh==", 4, 1, "spare bits"},
		{"Zm9=", 4, 2, "spare bits"},      {"Z", 1, 1, "whole number"},
		{"Zm9vZ", 5, 5, "whole number"},   {"Zm9\0", 4, 3, "0x00"},
		{"Zm9\xff", 4, 3, "0xFF"},         {"Zm9!", 4, 3, "0x21"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct writer writer;
		struct error error = {0};
		writer_init(&writer, 64);
		writer_u8(&writer, 'x');
		assert_int_equal(token_base64_decode(&writer, cases[i].text, cases[i].length, &error), -1);
		if (!strstr(error.text, cases[i].says))
			fail_msg("'%s' should say '%s': %s", cases[i].text, cases[i].says, error.text);
		assert_int_equal(error.offset, cases[i].offset);
		assert_int_equal(writer.length, 1);
		writer_free(&writer);
	}
}

static void keeps_to_the_limit(void **unused)
{
	(void)unused;
	struct writer writer;
	struct error error = {0};
	writer_init(&writer, 2);
	assert_int_equal(token_base64_decode(&writer, "Zm9v", 4, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(writer.length, 0);
	writer_free(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_samples),    cmocka_unit_test(decodes_the_samples),
		cmocka_unit_test(every_octet_comes_back), cmocka_unit_test(refuses_what_is_not_strict),
		cmocka_unit_test(keeps_to_the_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
