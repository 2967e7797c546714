// SPDX-License-Identifier: BSD-3-Clause
//
// 48 bits of seconds, 16 bits of 1/64000 s.
#include "base/error.h"
#include "token/timestamp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void seconds_become_units(void **unused)
{
	(void)unused;
	static const struct {
		double seconds;
		uint64_t whole;
		unsigned fraction;
	} cases[] = {
		{0, 0, 0},
		{1410984813, 1410984813, 0},
		{1700000000.5, 1700000000, 32000},
		{1700000000.1, 1700000000, 6400},
		{1700000000.25, 1700000000, 16000},
		{1700000000.999999, 1700000001, 0},
		{1.0 / 64000, 0, 1},
		{63999.0 / 64000, 0, 63999},
		{0x1p48 - 1, 0xffffffffffff, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t timestamp;
		assert_int_equal(token_timestamp_set(&timestamp, cases[i].seconds, NULL), 0);
		assert_int_equal(token_timestamp_seconds(timestamp), cases[i].whole);
		assert_int_equal(token_timestamp_fraction(timestamp), cases[i].fraction);
	}
}

static void every_fraction_comes_back(void **unused)
{
	(void)unused;
	for (unsigned fraction = 0; fraction < TOKEN_FRACTIONS; fraction++) {
		uint64_t timestamp = (uint64_t)1700000000 << 16 | fraction, back;
		assert_int_equal(token_timestamp_set(&back, token_timestamp_time(timestamp), NULL), 0);
		assert_int_equal(back, timestamp);
	}
}

static void what_does_not_fit_is_refused(void **unused)
{
	(void)unused;
	static const double cases[] = {-1, -0.001, 0x1p48, 1e300, INFINITY, -INFINITY, NAN};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t timestamp = 7;
		struct error error = {0};
		assert_int_equal(token_timestamp_set(&timestamp, cases[i], &error), -1);
		assert_int_equal(error.code, ERROR_LIMIT);
		assert_int_equal(timestamp, 7);
	}
}

static void a_person_can_read_it(void **unused)
{
	(void)unused;
	char text[TOKEN_TIMESTAMP_TEXT_LIMIT];
	token_timestamp_text(1410984813, text); // RFC 7635 Appendix A
	assert_string_equal(text, "2014-09-17T20:13:33Z");
	token_timestamp_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	token_timestamp_text(253402300800, text);
	assert_string_equal(text, "+10000-01-01T00:00:00Z");
	token_timestamp_text(0xffffffffffff, text);
	assert_string_equal(text, "+8921556-12-07T10:44:15Z");
	token_timestamp_text(UINT64_MAX, text);
	assert_string_equal(text, "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_become_units),
		cmocka_unit_test(every_fraction_comes_back),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(a_person_can_read_it),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
