// SPDX-License-Identifier: BSD-3-Clause
#include "audit/needles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>

#define SECRET 32
#define TEXT 200

static uint32_t seed = 7635;

static uint8_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return (uint8_t)(seed >> 11);
}

static void fill(uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		octets[i] = next_random();
}

// The secret in one of its forms; returns its length.
static size_t write_form(int form, const uint8_t *secret, size_t length, char *text)
{
	if (form == 0) {
		memcpy(text, secret, length);
		return length;
	}
	if (form < 3) {
		for (size_t i = 0; i < length; i++)
			sprintf(&text[2 * i], form == 1 ? "%02x" : "%02X", secret[i]);
		return length * 2;
	}
	EVP_EncodeBlock((unsigned char *)text, secret, (int)(length / 3 * 3));
	for (char *at = text; form == 4 && *at; at++)
		*at = (char)(*at == '+' ? '-' : *at == '/' ? '_' : *at);
	return length / 3 * 4;
}

static void check_form(struct needles *needles, const uint8_t *known, const uint8_t *own, size_t length, int form)
{
	char text[2 * SECRET + 8];
	size_t written = write_form(form, known ? known : own, length, text);
	for (size_t at = 0; at < 12; at++) {
		size_t size = at + written;
		uint8_t *message = malloc(size);
		assert_non_null(message);
		fill(message, size);
		memcpy(&message[at], text, written);
		assert_true(needles_may_stand(needles, own, length, message, size));
		free(message);
	}
}

// Wherever a secret stands and in whatever form, up to the very end of the octets.
static void a_secret_is_never_missed(void **unused)
{
	(void)unused;
	for (size_t length = NEEDLES_SHORTEST; length <= SECRET; length++) {
		uint8_t known[SECRET], own[SECRET];
		struct needles needles = {0};
		fill(known, sizeof known);
		fill(own, sizeof own);
		needles_add(&needles, known, length);
		for (int form = 0; form < 5; form++) {
			check_form(&needles, known, NULL, length, form);
			check_form(&needles, NULL, own, length, form);
			check_form(&needles, known, own, length, form);
		}
	}
}

// Else there would be no point to it. What was looked for besides is forgotten again.
static void most_octets_are_let_go(void **unused)
{
	(void)unused;
	uint8_t secret[SECRET], text[TEXT];
	struct needles needles = {0}, before;
	size_t let_go = 0;
	for (int i = 0; i < 4; i++) {
		fill(secret, sizeof secret);
		needles_add(&needles, secret, sizeof secret);
	}
	before = needles;
	for (int i = 0; i < 1000; i++) {
		fill(secret, sizeof secret);
		fill(text, sizeof text);
		let_go += !needles_may_stand(&needles, secret, sizeof secret, text, sizeof text);
	}
	assert_memory_equal(&needles, &before, sizeof needles);
	assert_in_range(let_go, 800, 1000);
}

static void short_ones_are_left_out(void **unused)
{
	(void)unused;
	static const uint8_t secret[] = "secret?";
	struct needles needles = {0};
	needles_add(&needles, secret, NEEDLES_SHORTEST - 1);
	assert_false(needles_may_stand(&needles, secret, NEEDLES_SHORTEST - 1, secret, sizeof secret));
	needles_add(&needles, secret, NEEDLES_SHORTEST);
	assert_true(needles_may_stand(&needles, NULL, 0, secret, sizeof secret));
	for (size_t length = 0; length < 8; length++)
		assert_false(needles_may_stand(&needles, NULL, 0, "\x01\x02\x03\x04\x05\x06\x07", length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_never_missed),
		cmocka_unit_test(most_octets_are_let_go),
		cmocka_unit_test(short_ones_are_left_out),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
