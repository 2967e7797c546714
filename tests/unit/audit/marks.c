// SPDX-License-Identifier: BSD-3-Clause
//
// Marks: the last packets are found again by their tags or frames, and no other is.
#include "audit/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_last_are_found_by_their_tags(void **state)
{
	(void)state;
	struct marks marks = {0};
	assert_null(marks_find(&marks, 0));
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(marks_tag(&marks, &(struct mark){i + 1, i * 10, i * 100}), i);
	for (int64_t tag = 3000 - 1024; tag < 3000; tag++) {
		const struct mark *found = marks_find(&marks, tag);
		assert_non_null(found);
		assert_int_equal(found->frame, tag + 1);
		assert_int_equal(found->time, tag * 10);
		assert_int_equal(found->offset, tag * 100);
	}
	assert_null(marks_find(&marks, 3000 - 1024 - 1));
	assert_null(marks_find(&marks, 3000));
	assert_null(marks_find(&marks, -1));
	marks_free(&marks);
	assert_null(marks_find(&marks, 0));
}

static void the_last_that_are_held_are_found_by_their_frames(void **state)
{
	(void)state;
	struct marks marks = {0};
	assert_null(marks_held(&marks, 1));
	for (uint64_t frame = 1; frame <= 600; frame++)
		marks_hold(&marks, &(struct mark){frame, frame * 10, 0});
	for (uint64_t frame = 600 - 255; frame <= 600; frame++) {
		const struct mark *found = marks_held(&marks, frame);
		assert_non_null(found);
		assert_int_equal(found->time, frame * 10);
	}
	assert_null(marks_held(&marks, 600 - 256));
	assert_null(marks_held(&marks, 601));
	marks_free(&marks);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_are_found_by_their_tags),
		cmocka_unit_test(the_last_that_are_held_are_found_by_their_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
