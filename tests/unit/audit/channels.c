// SPDX-License-Identifier: BSD-3-Clause
//
// Channels: bound for ten minutes, no more of them than there is room for.
#include "audit/channels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void bound_for_ten_minutes(void **unused)
{
	(void)unused;
	struct channels channels = {0};
	assert_int_equal(channels_at(&channels, 0x4000, 0, true), AUDIT_CHANNEL_UNBOUND);
	assert_int_equal(channels_at(&channels, 0x4000, 0, false), AUDIT_CHANNEL_UNKNOWN);
	channels_bind(&channels, 0x4000, 100 * SECOND);
	channels_bind(&channels, 0x4001, 200 * SECOND);
	assert_int_equal(channels_at(&channels, 0x4000, 100 * SECOND, false), AUDIT_CHANNEL_BOUND);
	assert_int_equal(channels_at(&channels, 0x4000, 709 * SECOND, true),
			 AUDIT_CHANNEL_BOUND); // the edge is left open
	assert_int_equal(channels_at(&channels, 0x4000, 710 * SECOND, true), AUDIT_CHANNEL_OVER);
	assert_int_equal(channels_at(&channels, 0x4001, 710 * SECOND, true), AUDIT_CHANNEL_BOUND);
	channels_bind(&channels, 0x4000, 800 * SECOND);
	assert_int_equal(channels.count, 2);
	assert_int_equal(channels_at(&channels, 0x4000, 1000 * SECOND, true), AUDIT_CHANNEL_BOUND);
	assert_int_equal(channels_at(&channels, 0x4002, 1000 * SECOND, true), AUDIT_CHANNEL_UNBOUND);
	channels_free(&channels);
	assert_int_equal(channels.count, 0);
}

static void too_many_are_not_known(void **unused)
{
	(void)unused;
	struct channels channels = {0};
	for (uint16_t i = 0; i < 64; i++)
		channels_bind(&channels, (uint16_t)(0x4000 + i), SECOND);
	assert_int_equal(channels_at(&channels, 0x5000, SECOND, true), AUDIT_CHANNEL_UNBOUND);
	channels_bind(&channels, 0x5000, SECOND);
	assert_int_equal(channels.count, 64);
	assert_int_equal(channels_at(&channels, 0x5000, SECOND, true), AUDIT_CHANNEL_UNKNOWN);
	for (uint16_t i = 0; i < 64; i++) // whatever comes first by now, all are there
		assert_int_equal(channels_at(&channels, (uint16_t)(0x4000 + i), SECOND, true), AUDIT_CHANNEL_BOUND);
	channels_free(&channels);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_for_ten_minutes),
		cmocka_unit_test(too_many_are_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
