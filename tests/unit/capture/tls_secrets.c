// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_secrets.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define HEX_16 "00112233445566778899aabbccddeeff"
#define RANDOM HEX_16 HEX_16
#define SECRET_32 HEX_16 HEX_16
#define SECRET_48 HEX_16 HEX_16 HEX_16

static struct tls_secrets *secrets;

static int open_store(void **state)
{
	(void)state;
	secrets = tls_secrets_new(0);
	return secrets ? 0 : -1;
}

static int close_store(void **state)
{
	(void)state;
	tls_secrets_free(secrets);
	return 0;
}

// In memory of exactly its size, so that a read behind it is seen.
static int add(const char *text, struct tls_secrets_count *count)
{
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	memcpy(copy, text, length);
	int outcome = tls_secrets_add(secrets, copy, length, count, NULL);
	free(copy);
	return outcome;
}

static void random_of(uint8_t octets[TLS_RANDOM])
{
	for (size_t i = 0; i < TLS_RANDOM; i++)
		octets[i] = (uint8_t)(i % 16 * 0x11);
}

static void each_label_is_read_and_others_passed_over(void **state)
{
	uint8_t random[TLS_RANDOM];
	struct tls_secrets_count count = {0};
	(void)state;
	random_of(random);
	assert_null(tls_secrets_find(secrets, random, TLS_MASTER));
	assert_int_equal(add("# SSL/TLS secrets log file\r\n"
			     "\n"
			     "CLIENT_RANDOM " RANDOM " " SECRET_48 "\r\n"
			     "CLIENT_EARLY_TRAFFIC_SECRET " RANDOM " " SECRET_32 "\n"
			     "CLIENT_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " SECRET_48 "\n"
			     "SERVER_HANDSHAKE_TRAFFIC_SECRET " RANDOM " " SECRET_32 "\n"
			     "CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32 "\n"
			     "EXPORTER_SECRET " RANDOM " " SECRET_32 "\n"
			     "RSA 0011223344556677 " SECRET_48 "\n"
			     "SERVER_TRAFFIC_SECRET_0\t" RANDOM "  " SECRET_32,
			     &count),
			 0);
	assert_int_equal(count.added, 6);
	assert_int_equal(count.passed_over, 4);
	assert_int_equal(count.malformed, 0);
	assert_int_equal(tls_secrets_number(secrets), 6);
	for (enum tls_label label = 0; label < TLS_LABELS; label++) {
		const struct tls_secret *secret = tls_secrets_find(secrets, random, label);
		assert_non_null(secret);
		assert_int_equal(secret->length, label == TLS_MASTER || label == TLS_CLIENT_HANDSHAKE ? 48 : 32);
		for (size_t i = 0; i < secret->length; i++)
			assert_int_equal(secret->octets[i], i % 16 * 0x11);
	}
	random[31] ^= 1;
	assert_null(tls_secrets_find(secrets, random, TLS_MASTER));
}

static void malformed_lines_are_counted(void **state)
{
	static const char *const lines[] = {
		"CLIENT_RANDOM",
		"CLIENT_RANDOM " RANDOM,
		"CLIENT_RANDOM " RANDOM " ",
		"CLIENT_RANDOM " RANDOM " " SECRET_32,
		"CLIENT_RANDOM " RANDOM " " SECRET_48 "0",
		"CLIENT_RANDOM " RANDOM " " SECRET_48 " 00",
		"CLIENT_RANDOM " RANDOM "00 " SECRET_48,
		"CLIENT_RANDOM " HEX_16 " " SECRET_48,
		"CLIENT_RANDOM g" RANDOM " " SECRET_48,
		"CLIENT_RANDOM " RANDOM " x" SECRET_48,
		"CLIENT_TRAFFIC_SECRET_0 " RANDOM " " HEX_16,
		"CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_48 SECRET_48,
		"client_random " RANDOM " " SECRET_48,
		"\xFF\xFE\x01",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct tls_secrets_count count = {0};
		assert_int_equal(add(lines[i], &count), 0);
		assert_int_equal(count.malformed, 1);
		assert_int_equal(count.first_malformed, 1);
		assert_int_equal(count.added, 0);
	}
	// A line of a million octets, with a good one behind it.
	char *text = malloc(1000200);
	memset(text, 'A', 1000000);
	snprintf(&text[1000000], 200, "\nCLIENT_RANDOM %s %s\n", RANDOM, SECRET_48);
	struct tls_secrets_count count = {0};
	assert_int_equal(add(text, &count), 0);
	assert_int_equal(count.malformed, 1);
	assert_int_equal(count.added, 1);
	free(text);
}

static void a_line_cut_short_adds_nothing(void **state)
{
	static const char line[] = "CLIENT_RANDOM " RANDOM " " SECRET_48;
	(void)state;
	for (size_t length = 0; length < strlen(line); length++) {
		char text[sizeof line];
		memcpy(text, line, length);
		text[length] = 0;
		assert_int_equal(add(text, NULL), 0);
		assert_int_equal(tls_secrets_number(secrets), 0);
	}
}

static void the_first_secret_of_two_stays(void **state)
{
	uint8_t random[TLS_RANDOM];
	struct tls_secrets_count count = {0};
	(void)state;
	random_of(random);
	assert_int_equal(add("CLIENT_TRAFFIC_SECRET_0 " RANDOM " " SECRET_32 "\n"
			     "CLIENT_TRAFFIC_SECRET_0 " RANDOM " FF" HEX_16 "112233445566778899aabbccddeeff\n",
			     &count),
			 0);
	assert_int_equal(count.added, 1);
	assert_int_equal(count.known, 1);
	assert_int_equal(tls_secrets_find(secrets, random, TLS_CLIENT_TRAFFIC)->octets[0], 0);
}

static void many_are_found_and_one_too_many_is_refused(void **state)
{
	struct error error = {0};
	char line[300];
	static const char rest[] = SECRET_32 "445566778899aabbccddeeff";
	uint8_t random[TLS_RANDOM] = {0};
	(void)state;
	struct tls_secrets *few = tls_secrets_new(1000);
	for (unsigned i = 0; i < 1000; i++) {
		int length = snprintf(line, sizeof line, "CLIENT_RANDOM %064x %08x%s\n", i, i, rest);
		assert_int_equal(tls_secrets_add(few, line, (size_t)length, NULL, &error), 0);
	}
	assert_int_equal(tls_secrets_number(few), 1000);
	for (unsigned i = 0; i < 1000; i++) {
		random[30] = (uint8_t)(i >> 8);
		random[31] = (uint8_t)i;
		const struct tls_secret *secret = tls_secrets_find(few, random, TLS_MASTER);
		assert_non_null(secret);
		assert_int_equal(secret->octets[3], i & 0xFF);
	}
	int length = snprintf(line, sizeof line, "CLIENT_RANDOM %s %s\n", RANDOM, SECRET_48);
	assert_int_equal(tls_secrets_add(few, line, (size_t)length, NULL, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_non_null(strstr(error.text, "more than 1000 TLS secrets"));
	tls_secrets_free(few);
}

static void a_file_is_read_or_refused_with_its_line(void **state)
{
	char path[] = "/tmp/assay-keylog-XXXXXX";
	struct tls_secrets_count count = {0};
	struct error error = {0};
	(void)state;
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(tls_secrets_read(secrets, path, &count, &error), 0);
	static const char binary[] = "\x0A\x0D\x0D\x0A\x1C\n\x01\x02";
	assert_int_equal(write(file, binary, sizeof binary), sizeof binary);
	assert_int_equal(tls_secrets_read(secrets, path, &count, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	assert_non_null(strstr(error.text, path));
	assert_non_null(strstr(error.text, "line 2"));
	static const char line[] = "\nCLIENT_RANDOM " RANDOM " " SECRET_48 "\n";
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(file, line, strlen(line)), strlen(line));
	assert_int_equal(tls_secrets_read(secrets, path, &count, &error), 0);
	assert_int_equal(count.added, 1);
	assert_int_equal(count.known, 999);
	assert_int_equal(count.first_malformed, 2);
	close(file);
	unlink(path);
	assert_int_equal(tls_secrets_read(secrets, path, &count, &error), -1);
	assert_int_equal(error.code, ERROR_SYSTEM);
	assert_non_null(strstr(error.text, path));
}

static void blocks_of_other_protocols_are_left(void **state)
{
	static const char line[] = "CLIENT_RANDOM " RANDOM " " SECRET_48 "\n";
	(void)state;
	tls_secrets_take(secrets, 0x57474B4C, (const uint8_t *)line, strlen(line)); // of WireGuard
	assert_int_equal(tls_secrets_number(secrets), 0);
	tls_secrets_take(secrets, 0x544C534B, (const uint8_t *)line, strlen(line));
	assert_int_equal(tls_secrets_number(secrets), 1);
	assert_false(tls_secrets_closed(secrets));
	tls_secrets_close(secrets);
	assert_true(tls_secrets_closed(secrets));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_label_is_read_and_others_passed_over, open_store, close_store),
		cmocka_unit_test_setup_teardown(malformed_lines_are_counted, open_store, close_store),
		cmocka_unit_test_setup_teardown(a_line_cut_short_adds_nothing, open_store, close_store),
		cmocka_unit_test_setup_teardown(the_first_secret_of_two_stays, open_store, close_store),
		cmocka_unit_test_setup_teardown(many_are_found_and_one_too_many_is_refused, open_store, close_store),
		cmocka_unit_test_setup_teardown(a_file_is_read_or_refused_with_its_line, open_store, close_store),
		cmocka_unit_test_setup_teardown(blocks_of_other_protocols_are_left, open_store, close_store),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("key logs", tests, NULL, NULL);
}
