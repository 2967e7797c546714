// SPDX-License-Identifier: BSD-3-Clause
//
// An allocation: it is there for as long as was granted, around its end nothing is certain, and what was not seen is
// not known.
#include "audit/allocation.h"

#include "audit/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW (1000 * MOMENT_SECOND)

static void what_was_not_seen_is_not_known(void **state)
{
	(void)state;
	struct allocation allocation = {0};
	assert_int_equal(allocation_at(&allocation, NOW, true), AUDIT_ALLOCATION_NONE);
	assert_int_equal(allocation_at(&allocation, NOW, false), AUDIT_ALLOCATION_UNKNOWN);
	allocation_grant(&allocation, NOW, 600);
	allocation.doubtful = true;
	assert_int_equal(allocation_at(&allocation, NOW, true), AUDIT_ALLOCATION_UNKNOWN);
}

static void it_lasts_for_as_long_as_was_granted(void **state)
{
	(void)state;
	struct allocation allocation = {0};
	for (int round = 0; round < 2; round++) {
		uint64_t begun = NOW + (uint64_t)round * 300 * MOMENT_SECOND, ends = begun + 600 * MOMENT_SECOND;
		allocation_grant(&allocation, begun, 600);
		assert_int_equal(allocation_at(&allocation, begun, false), AUDIT_ALLOCATION_HELD);
		assert_int_equal(allocation_at(&allocation, ends - MOMENT_EDGE - 1, false), AUDIT_ALLOCATION_HELD);
		assert_int_equal(allocation_at(&allocation, ends - MOMENT_EDGE, false), AUDIT_ALLOCATION_EDGE);
		assert_int_equal(allocation_at(&allocation, ends + MOMENT_EDGE - 1, false), AUDIT_ALLOCATION_EDGE);
		assert_int_equal(allocation_at(&allocation, ends + MOMENT_EDGE, false), AUDIT_ALLOCATION_OVER);
	}
}

static void it_ends_when_it_is_deleted(void **state)
{
	(void)state;
	struct allocation allocation = {0};
	allocation_grant(&allocation, NOW, 600);
	allocation_grant(&allocation, NOW, 0);
	assert_int_equal(allocation_at(&allocation, NOW, false), AUDIT_ALLOCATION_OVER);
	allocation_grant(&allocation, NOW, UINT32_MAX);
	assert_int_equal(allocation_at(&allocation, NOW + UINT32_MAX / 2 * MOMENT_SECOND, false),
			 AUDIT_ALLOCATION_HELD);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_seen_is_not_known),
		cmocka_unit_test(it_lasts_for_as_long_as_was_granted),
		cmocka_unit_test(it_ends_when_it_is_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
