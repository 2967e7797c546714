// SPDX-License-Identifier: BSD-3-Clause
#include "net/retransmit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define close_to(a, b) assert_true(fabs((a) - (b)) < 1e-9)

// The example of RFC 5389 7.2.1.
static void keeps_the_times_of_the_rfc(void **state)
{
	(void)state;
	static const double offsets[] = {0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5};
	for (unsigned n = 0; n < 7; n++)
		close_to(retransmit_offset(&retransmit_default, n), offsets[n]);
	close_to(retransmit_end(&retransmit_default), 39.5);
	close_to(RETRANSMIT_TI, 39.5);
}

static void follows_other_values(void **state)
{
	(void)state;
	struct retransmit once = {.rto = 0.1, .rc = 1, .rm = 4};
	close_to(retransmit_end(&once), 0.4);
	struct retransmit three = {.rto = 0.1, .rc = 3, .rm = 0};
	close_to(retransmit_end(&three), 0.3);
}

static void stays_finite_at_its_limit(void **state)
{
	(void)state;
	struct retransmit longest = {.rto = 1, .rc = RETRANSMIT_MOST, .rm = 16};
	assert_true(isfinite(retransmit_end(&longest)));
	assert_true(isfinite(retransmit_offset(&longest, UINT32_MAX)));
	for (unsigned n = 1; n < RETRANSMIT_MOST; n++)
		assert_true(retransmit_offset(&longest, n) > retransmit_offset(&longest, n - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_times_of_the_rfc),
		cmocka_unit_test(follows_other_values),
		cmocka_unit_test(stays_finite_at_its_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
