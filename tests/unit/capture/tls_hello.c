// SPDX-License-Identifier: BSD-3-Clause
//
// Hellos, octet by octet; and the keys of RFC 8448, which are somebody else's.
#include "capture/tls_hello.h"

#include "base/bytes.h"
#include "base/error.h"
#include "capture/tls_agreement.h"
#include "capture/tls_keys.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void write_extension(struct writer *out, uint16_t type, const char *content, size_t length)
{
	writer_u16(out, type);
	writer_u16(out, (uint16_t)length);
	writer_bytes(out, content, length);
}

static void write_hello(struct writer *out, uint8_t type, bool dtls, bool extensions)
{
	writer_init(out, 1000);
	writer_u16(out, dtls ? 0xFEFD : 0x0303);
	writer_fill(out, 0x52, 32);
	writer_u8(out, 3);
	writer_bytes(out, "sid", 3);
	if (type == TLS_CLIENT_HELLO) {
		if (dtls) {
			writer_u8(out, 5);
			writer_bytes(out, "cooki", 5);
		}
		writer_u16(out, 4);
		writer_u32(out, 0x13011302);
		writer_u8(out, 1);
		writer_u8(out, 0);
	} else {
		writer_u16(out, 0x1302);
		writer_u8(out, 0);
	}
	if (!extensions)
		return;
	size_t place = out->length;
	writer_u16(out, 0);
	write_extension(out, 0xABCD, "unknown", 7);
	if (type == TLS_SERVER_HELLO)
		write_extension(out, 43, "\x03\x04", 2);
	else
		write_extension(out, 43, "\x02\x03\x04", 3);
	write_extension(out, 42, "", 0);
	write_extension(out, 54, "\0", 1);
	writer_patch_u16(out, place, (uint16_t)(out->length - place - 2));
}

static int parse(uint8_t type, bool dtls, const uint8_t *octets, size_t length, struct tls_hello *hello,
		 struct error *error)
{
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, octets, length);
	int outcome = tls_hello_parse(type, dtls, copy, length, hello, error);
	free(copy);
	return outcome;
}

static void fields_are_read(void **state)
{
	(void)state;
	for (int variant = 0; variant < 8; variant++) {
		bool dtls = variant & 1, extensions = variant & 2;
		uint8_t type = variant & 4 ? TLS_SERVER_HELLO : TLS_CLIENT_HELLO;
		struct writer octets;
		struct tls_hello hello;
		write_hello(&octets, type, dtls, extensions);
		assert_int_equal(parse(type, dtls, octets.data, octets.length, &hello, NULL), 0);
		for (size_t i = 0; i < 32; i++)
			assert_int_equal(hello.random[i], 0x52);
		uint16_t legacy = dtls ? 0xFEFD : 0x0303;
		assert_int_equal(hello.version, type == TLS_SERVER_HELLO && extensions ? 0x0304 : legacy);
		assert_int_equal(hello.suite, type == TLS_SERVER_HELLO ? 0x1302 : 0);
		assert_int_equal(hello.early_data, extensions);
		assert_int_equal(hello.connection_id, extensions);
		assert_false(hello.retry);
		writer_free(&octets);
	}
}

static void a_hello_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		bool dtls = variant & 1;
		uint8_t type = variant & 2 ? TLS_SERVER_HELLO : TLS_CLIENT_HELLO;
		struct writer octets, bare;
		struct tls_hello hello;
		struct error error;
		write_hello(&octets, type, dtls, true);
		write_hello(&bare, type, dtls, false);
		for (size_t length = 0; length < octets.length; length++) {
			// Extensions may be missing as a whole.
			int expected = length == bare.length ? 0 : -1;
			assert_int_equal(parse(type, dtls, octets.data, length, &hello, &error), expected);
			if (expected)
				assert_true(error.code == ERROR_TRUNCATED && error.offset <= length);
		}
		for (size_t i = 0; i < octets.length; i++)
			for (int value = 0; value < 256; value++) {
				uint8_t kept = octets.data[i];
				octets.data[i] = (uint8_t)value;
				parse(type, dtls, octets.data, octets.length, &hello, NULL);
				octets.data[i] = kept;
			}
		writer_free(&octets);
		writer_free(&bare);
	}
}

static void early_data_is_seen_among_the_extensions(void **state)
{
	(void)state;
	assert_true(tls_hello_takes_early_data((const uint8_t *)"\0\4\0\x2A\0\0", 6));
	assert_false(tls_hello_takes_early_data((const uint8_t *)"\0\4\0\x2B\0\0", 6));
	assert_false(tls_hello_takes_early_data((const uint8_t *)"\0\0", 2));
	assert_false(tls_hello_takes_early_data((const uint8_t *)"\0\4\0\x2A\0\1", 6));
	assert_false(tls_hello_takes_early_data(NULL, 0));
}

static void from_hex(const char *text, uint8_t *octets, size_t length)
{
	size_t got;
	assert_int_equal(OPENSSL_hexstr2buf_ex(octets, length, &got, text, 0), 1);
	assert_int_equal(got, length);
}

// RFC 8448 section 3: the client's first record of application data, and its close_notify.
static void the_trace_of_rfc_8448_opens(void **state)
{
	struct tls_secret secret = {.length = 32};
	uint8_t octets[100], plain[100];
	size_t length;
	(void)state;
	from_hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", secret.octets, 32);
	struct tls_keys *keys = tls_keys_new();
	assert_true(tls_keys_set_13(keys, tls_suite_find(0x1301), &secret));
	from_hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b98"
		 "19a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4",
		 octets, 72);
	assert_true(tls_keys_open(keys, octets, 0, &octets[5], 67, plain, &length));
	assert_int_equal(length, 51);
	for (uint8_t i = 0; i < 50; i++)
		assert_int_equal(plain[i], i);
	assert_int_equal(plain[50], 23);
	assert_false(tls_keys_open(keys, octets, 1, &octets[5], 67, plain, &length));
	from_hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3", octets, 24);
	assert_true(tls_keys_open(keys, octets, 1, &octets[5], 19, plain, &length));
	assert_int_equal(length, 3);
	assert_memory_equal(plain, "\1\0\x15", 3);
	for (size_t cut = 0; cut < 19; cut++)
		assert_false(tls_keys_open(keys, octets, 1, &octets[5], cut, plain, &length));
	assert_false(tls_keys_set_13(keys, tls_suite_find(0x1302), &secret));
	assert_false(tls_keys_set_13(keys, tls_suite_find(0xC02F), &secret));
	tls_keys_free(keys);
}

static void what_cannot_be_decrypted_has_a_reason(void **state)
{
	static const struct {
		bool dtls, id;
		uint16_t version, suite;
		uint8_t compression;
		const char *problem;
	} cases[] = {
		{false, false, 0x0303, 0xC02F, 0, ""},
		{false, true, 0x0303, 0xC02F, 0, ""},
		{true, false, 0xFEFD, 0xC02F, 0, ""},
		{true, true, 0xFEFD, 0xC02F, 0, "connection ids (RFC 9146)"},
		{true, false, 0xFEFC, 0x1301, 0, "0xFEFC (DTLS 1.3), and only DTLS 1.2 is decrypted"},
		{true, false, 0xFEFF, 0x002F, 0, "(DTLS 1.0)"},
		{false, false, 0x0303, 0xC02F, 1, "compressed (method 1)"},
		{false, false, 0x0303, 0x1301, 0, "TLS_AES_128_GCM_SHA256 is none of TLS 1.2"},
		{false, false, 0x0304, 0xC02F, 0, "is none of TLS 1.3"},
		{false, false, 0x0304, 0x13FF, 0, "cipher suite 0x13FF is not known"},
		{false, false, 0xFEFD, 0xC02F, 0, "only TLS 1.2 and 1.3 are decrypted"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_agreement agreement;
		struct tls_hello client = {.connection_id = true}, server = {.version = cases[i].version};
		server.suite = cases[i].suite;
		server.compression = cases[i].compression;
		server.connection_id = cases[i].id;
		tls_agreement_make(&agreement, &client, &server, cases[i].dtls);
		if (cases[i].problem[0] ? !strstr(agreement.problem, cases[i].problem) : agreement.problem[0] != 0)
			fail_msg("'%s' expected, got '%s'", cases[i].problem, agreement.problem);
	}
}

static void suites_are_what_their_names_say(void **state)
{
	size_t known = 0;
	(void)state;
	for (unsigned number = 0; number < 65536; number++) {
		const struct tls_suite *suite = tls_suite_find((uint16_t)number);
		if (!suite)
			continue;
		known++;
		assert_int_equal(suite->number, number);
		assert_int_equal(strncmp(suite->name, "TLS_", 4), 0);
		bool named = strstr(suite->name, "_GCM_") || strstr(suite->name, "_CCM");
		named = named || strstr(suite->name, "_CHACHA20_");
		assert_int_equal(named, suite->mode != TLS_MODE_OTHER);
		if (!named)
			continue;
		assert_int_equal(suite->key_length, strstr(suite->name, "AES_128") ? 16 : 32);
		assert_int_equal(suite->hash_length, strstr(suite->name, "SHA384") ? 48 : 32);
		assert_int_equal(suite->tag_length, strstr(suite->name, "CCM_8") ? 8 : 16);
		assert_int_equal(suite->tls13, number >> 8 == 0x13);
		assert_int_equal(suite->fixed_length, suite->tls13 || suite->mode == TLS_MODE_CHACHA ? 12 : 4);
	}
	assert_true(known > 100);
	assert_null(tls_suite_find(0x0000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(a_hello_cut_anywhere_is_refused),
		cmocka_unit_test(early_data_is_seen_among_the_extensions),
		cmocka_unit_test(the_trace_of_rfc_8448_opens),
		cmocka_unit_test(suites_are_what_their_names_say),
		cmocka_unit_test(what_cannot_be_decrypted_has_a_reason),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hellos and keys of TLS", tests, NULL, NULL);
}
