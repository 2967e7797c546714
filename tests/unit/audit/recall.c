// SPDX-License-Identifier: BSD-3-Clause
//
// A memory of fixed size: it says what it holds, and whether it forgot.
#include "audit/recall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void holds_and_changes(void **unused)
{
	(void)unused;
	struct recall *recall = recall_new(64);
	uint64_t value = 7;
	assert_false(recall_get(recall, 1, &value));
	assert_int_equal(value, 7);
	recall_put(recall, 1, 11);
	recall_put(recall, 2, 0);
	assert_true(recall_get(recall, 1, &value));
	assert_int_equal(value, 11);
	assert_true(recall_get(recall, 2, NULL));
	recall_put(recall, 1, 12);
	assert_true(recall_get(recall, 1, &value));
	assert_int_equal(value, 12);
	recall_put(recall, 0, 5); // no key is special
	assert_true(recall_get(recall, 0, &value));
	assert_int_equal(value, 5);
	assert_true(recall_complete(recall));
	recall_free(recall);
	recall_free(NULL);
}

static void forgets_what_was_used_longest_ago(void **unused)
{
	(void)unused;
	struct recall *recall = recall_new(8); // one place, of eight ways
	for (uint64_t key = 0; key < 8; key++)
		recall_put(recall, key << 32, key);
	assert_true(recall_complete(recall));
	assert_true(recall_get(recall, 0, NULL)); // so that the second is the oldest
	recall_put(recall, UINT64_C(99) << 32, 99);
	assert_false(recall_complete(recall));
	assert_true(recall_get(recall, 0, NULL));
	assert_false(recall_get(recall, UINT64_C(1) << 32, NULL));
	uint64_t value;
	for (uint64_t key = 2; key < 8; key++) {
		assert_true(recall_get(recall, key << 32, &value));
		assert_int_equal(value, key);
	}
	assert_true(recall_get(recall, UINT64_C(99) << 32, &value));
	assert_int_equal(value, 99);
	recall_free(recall);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_and_changes),
		cmocka_unit_test(forgets_what_was_used_longest_ago),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
