// SPDX-License-Identifier: BSD-3-Clause
#include "net/inbox.h"

#include "harness.h"

static void keeps_order_source_and_time(void **state)
{
	(void)state;
	struct inbox inbox = {0};
	struct address from = loopback(AF_INET);
	for (unsigned i = 0; i < 3; i++) {
		address_set_port(&from, (uint16_t)(100 + i));
		assert_true(inbox_put(&inbox, "abc", i, &from, i));
	}
	assert_int_equal(inbox.items, 3);
	assert_int_equal(inbox.octets, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(inbox.first->length, i);
		assert_memory_equal(inbox.first->octets, "abc", i);
		assert_int_equal(address_port(&inbox.first->from), 100 + i);
		assert_true(inbox.first->time == i);
		inbox_drop(&inbox);
	}
	assert_null(inbox.first);
	assert_null(inbox.last);
	inbox_drop(&inbox);
	assert_int_equal(inbox.items, 0);
	assert_int_equal(inbox.octets, 0);
}

static void stops_at_its_number_of_items(void **state)
{
	(void)state;
	struct inbox inbox = {0};
	struct address from = loopback(AF_INET);
	for (unsigned i = 0; i < 2 * INBOX_ITEMS; i++)
		assert_int_equal(inbox_put(&inbox, &i, sizeof i, &from, 0), i < INBOX_ITEMS);
	assert_int_equal(inbox.items, INBOX_ITEMS);
	assert_int_equal(inbox.dropped, INBOX_ITEMS);
	unsigned first;
	memcpy(&first, inbox.first->octets, sizeof first);
	assert_int_equal(first, 0);
	inbox_drop(&inbox);
	assert_true(inbox_put(&inbox, "x", 1, &from, 0));
	inbox_clear(&inbox);
	assert_int_equal(inbox.octets, 0);
}

static void stops_at_its_number_of_octets(void **state)
{
	(void)state;
	static uint8_t large[65536];
	struct inbox inbox = {0};
	struct address from = loopback(AF_INET);
	unsigned kept = 0;
	while (inbox_put(&inbox, large, sizeof large, &from, 0))
		kept++;
	assert_int_equal(kept, INBOX_OCTETS / sizeof large);
	assert_false(inbox_put(&inbox, large, 1, &from, 0));
	assert_true(inbox_put(&inbox, large, 0, &from, 0));
	assert_int_equal(inbox.dropped, 2);
	inbox_clear(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_source_and_time),
		cmocka_unit_test(stops_at_its_number_of_items),
		cmocka_unit_test(stops_at_its_number_of_octets),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
