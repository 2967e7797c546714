// SPDX-License-Identifier: BSD-3-Clause
#include "audit/recall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void what_was_put_is_there(void **unused)
{
	(void)unused;
	uint64_t value;
	struct recall *recall = recall_new(1000);
	assert_false(recall_get(recall, 0, &value));
	for (uint64_t key = 0; key < 1000; key++)
		recall_put(recall, key, key * 3);
	for (uint64_t key = 0; key < 1000; key++) {
		assert_true(recall_get(recall, key, &value));
		assert_int_equal(value, key * 3);
	}
	assert_false(recall_get(recall, 1024, NULL));
	recall_put(recall, 0, 7);
	assert_true(recall_get(recall, 0, &value));
	assert_int_equal(value, 7);
	assert_true(recall_complete(recall));
	recall_free(recall);
}

// What was used longest ago goes first, and it is told that something went.
static void the_oldest_goes(void **unused)
{
	(void)unused;
	enum { ROOM = 8 };
	struct recall *recall = recall_new(ROOM);
	for (uint64_t key = 1; key <= ROOM; key++)
		recall_put(recall, key, key);
	assert_true(recall_get(recall, 1, NULL)); // is the youngest now
	assert_true(recall_complete(recall));
	recall_put(recall, ROOM + 1, 0);
	assert_false(recall_complete(recall));
	assert_false(recall_get(recall, 2, NULL));
	assert_true(recall_get(recall, 1, NULL));
	for (uint64_t key = 3; key <= ROOM + 1; key++)
		assert_true(recall_get(recall, key, NULL));
	recall_free(recall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_there),
		cmocka_unit_test(the_oldest_goes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
