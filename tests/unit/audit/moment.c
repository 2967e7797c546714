// SPDX-License-Identifier: BSD-3-Clause
//
// The time of a packet against that of a token, at every edge.
#include "audit/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define NOW 1700000000

static uint64_t issued(int64_t age)
{
	return (uint64_t)(NOW - age) << 16;
}

static void every_edge_of_a_lifetime(void **unused)
{
	(void)unused;
	static const struct {
		int64_t age;
		uint32_t lifetime, far;
		enum audit_time outcome;
	} cases[] = {
		{0, 600, 0, AUDIT_TIME_GOOD},
		{600, 600, 0, AUDIT_TIME_GOOD},
		{601, 600, 0, AUDIT_TIME_EDGE_PAST},
		{610, 600, 0, AUDIT_TIME_EDGE_PAST},
		{611, 600, 0, AUDIT_TIME_BEYOND_PAST},
		{600 + 3589, 600, 0, AUDIT_TIME_BEYOND_PAST},
		{600 + 3590, 600, 0, AUDIT_TIME_FAR_PAST},
		{600 + 12, 600, 13, AUDIT_TIME_BEYOND_PAST},
		{600 + 13, 600, 13, AUDIT_TIME_FAR_PAST},
		{-600, 600, 0, AUDIT_TIME_GOOD},
		{-601, 600, 0, AUDIT_TIME_EDGE_FUTURE},
		{-611, 600, 0, AUDIT_TIME_BEYOND_FUTURE},
		{-600 - 3590, 600, 0, AUDIT_TIME_FAR_FUTURE},
		{0, 0, 0, AUDIT_TIME_GOOD},
		{1, 0, 0, AUDIT_TIME_EDGE_PAST},
		{1000000, UINT32_MAX, 0, AUDIT_TIME_GOOD},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(moment_of(NOW * SECOND, issued(cases[i].age), cases[i].lifetime, cases[i].far),
				 cases[i].outcome);
}

static void no_time_at_all(void **unused)
{
	(void)unused;
	assert_false(moment_is_absurd(NOW * SECOND, issued(86400)));
	assert_false(moment_is_absurd(NOW * SECOND, issued(300000000)));
	assert_true(moment_is_absurd(NOW * SECOND, issued(330000000)));
	assert_true(moment_is_absurd(NOW * SECOND, NOW)); // plain seconds
	assert_true(moment_is_absurd(NOW * SECOND, UINT64_MAX));
	assert_false(moment_is_absurd(86400 * SECOND, issued(0)));                         // a clock that was never set
	assert_false(moment_is_absurd(UINT64_C(1450000000) * SECOND, issued(-400000000))); // or long ago
	assert_false(moment_is_absurd((NOW + UINT64_C(2000000000)) * SECOND, issued(0)));  // or is set wrongly
	assert_true(moment_is_absurd(NOW * SECOND, issued(-2208988800)));                  // seconds since 1900
}

static void the_ceiling_of_a_grant(void **unused)
{
	(void)unused;
	// 900 + 5 - 500 = 405
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(500), 900, 405), AUDIT_CEILING_KEPT);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(500), 900, 407), AUDIT_CEILING_KEPT);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(500), 900, 408), AUDIT_CEILING_EDGE);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(500), 900, 465), AUDIT_CEILING_EDGE);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(500), 900, 466), AUDIT_CEILING_BROKEN);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(-500), 900, 407), AUDIT_CEILING_KEPT);
	assert_int_equal(moment_ceiling(NOW * SECOND, issued(1000), 900, 100), AUDIT_CEILING_BROKEN);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_edge_of_a_lifetime),
		cmocka_unit_test(no_time_at_all),
		cmocka_unit_test(the_ceiling_of_a_grant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
