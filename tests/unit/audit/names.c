// SPDX-License-Identifier: BSD-3-Clause
//
// Names by number: each once, no more and no longer ones than was said.
#include "audit/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct stun_octets octets(const char *text)
{
	return (struct stun_octets){(const uint8_t *)text, strlen(text)};
}

static void each_once(void **unused)
{
	(void)unused;
	struct names *names = names_new(4, 8);
	char text[] = "north";
	uint32_t north = names_number(names, octets(text));
	memset(text, 'x', 5); // it was copied
	assert_int_equal(north, 1);
	assert_int_equal(names_number(names, octets("south")), 2);
	assert_int_equal(names_number(names, octets("north")), 1);
	assert_int_equal(names_number(names, octets("North")), 3);
	assert_int_equal(names_number(names, octets("")), 4); // a name without octets is one
	assert_int_equal(names_number(names, octets("")), 4);
	assert_int_equal(names_of(names, 1).length, 5);
	assert_memory_equal(names_of(names, 1).data, "north", 5);
	assert_non_null(names_of(names, 4).data);
	assert_int_equal(names_of(names, 4).length, 0);
	assert_null(names_of(names, 0).data);
	assert_null(names_of(names, 5).data);
	names_free(names);
	names_free(NULL);
}

static void no_more_than_fit(void **unused)
{
	(void)unused;
	struct names *names = names_new(100, 8);
	assert_int_equal(names_number(names, octets("longer than 8")), 0);
	char text[8];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(names_number(names, octets(text)), i + 1);
	}
	assert_int_equal(names_number(names, octets("one")), 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "%u", i);
		assert_int_equal(names_number(names, octets(text)), i + 1);
	}
	names_free(names);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_once),
		cmocka_unit_test(no_more_than_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
