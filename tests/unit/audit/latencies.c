// SPDX-License-Identifier: BSD-3-Clause
//
// Latencies: every one has its bucket, no bucket is wider than it may be, and quantiles are as near as that.
#include "audit/latencies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void buckets_follow_each_other(void **state)
{
	(void)state;
	size_t last = 0;
	for (uint64_t value = 0; value < 100000; value++) {
		size_t bucket = latencies_bucket(value);
		assert_true(bucket == last || bucket == last + 1);
		assert_true(latencies_start(bucket) <= value);
		assert_true(value - latencies_start(bucket) <= value / LATENCIES_STEPS);
		last = bucket;
	}
	for (unsigned bit = 5; bit < 64; bit++) {
		uint64_t value = UINT64_C(1) << bit;
		assert_int_equal(latencies_start(latencies_bucket(value)), value);
		assert_int_equal(latencies_bucket(value - 1) + 1, latencies_bucket(value));
	}
	assert_int_equal(latencies_bucket(UINT64_MAX), LATENCIES_BUCKETS - 1);
}

static void quantiles_are_as_near_as_a_bucket(void **state)
{
	(void)state;
	struct latencies latencies = {0};
	assert_int_equal(latencies_quantile(&latencies, 0.5), 0);
	for (uint64_t value = 1000; value > 0; value--)
		latencies_add(&latencies, value * 10);
	assert_int_equal(latencies.count, 1000);
	assert_int_equal(latencies.longest, 10000);
	for (uint64_t percent = 1; percent <= 100; percent++) {
		uint64_t exact = percent * 100, told = latencies_quantile(&latencies, (double)percent / 100);
		assert_true(told <= exact && exact - told <= exact / LATENCIES_STEPS);
	}
	latencies_free(&latencies);
	assert_int_equal(latencies.count, 0);
	assert_null(latencies.buckets);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other),
		cmocka_unit_test(quantiles_are_as_near_as_a_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
