// SPDX-License-Identifier: BSD-3-Clause
//
// Transactions of one session: found by their identifiers, the finished ones giving up their places first.
#include "audit/transactions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static struct transaction *begin(struct transactions *transactions, uint8_t number, uint64_t time)
{
	uint8_t id[STUN_TRANSACTION_SIZE] = {number};
	return transactions_begin(transactions, id, time);
}

static struct transaction *find(struct transactions *transactions, uint8_t number)
{
	uint8_t id[STUN_TRANSACTION_SIZE] = {number};
	return transactions_find(transactions, id);
}

static void found_by_identifier(void **unused)
{
	(void)unused;
	struct transactions transactions = {0};
	assert_null(find(&transactions, 1));
	begin(&transactions, 1, SECOND)->length = 0;
	transaction_keep(begin(&transactions, 2, 2 * SECOND), "octets", 6);
	assert_int_equal(find(&transactions, 1)->time, SECOND);
	assert_int_equal(find(&transactions, 2)->length, 6);
	assert_memory_equal(find(&transactions, 2)->octets, "octets", 6);
	assert_null(find(&transactions, 3));
	// Of two with one identifier the latter counts.
	begin(&transactions, 1, 3 * SECOND);
	assert_int_equal(find(&transactions, 1)->time, 3 * SECOND);
	transaction_keep(find(&transactions, 2), NULL, 0);
	assert_null(find(&transactions, 2)->octets);
	transactions_free(&transactions);
	assert_int_equal(transactions.count, 0);
}

static void finished_ones_give_way(void **unused)
{
	(void)unused;
	struct transactions transactions = {0};
	for (uint8_t i = 0; i < 100; i++) {
		struct transaction *one = begin(&transactions, i, i * SECOND / 10);
		transaction_keep(one, "x", 1);
		one->state = TRANSACTION_ANSWERED;
	}
	assert_int_equal(transactions.count, 8);
	assert_true(transactions.forgotten);
	assert_non_null(find(&transactions, 99));
	assert_non_null(find(&transactions, 92));
	assert_null(find(&transactions, 91));
	transactions_free(&transactions);
}

static void open_ones_are_held(void **unused)
{
	(void)unused;
	struct transactions transactions = {0};
	for (uint8_t i = 0; i < 64; i++)
		begin(&transactions, i, SECOND + i);
	assert_int_equal(transactions.count, 64);
	assert_non_null(find(&transactions, 0));
	assert_false(transactions.forgotten);
	begin(&transactions, 64, 2 * SECOND); // no room: the oldest of all
	assert_int_equal(transactions.count, 64);
	assert_null(find(&transactions, 0));
	assert_non_null(find(&transactions, 1));
	begin(&transactions, 65, 60 * SECOND); // the schedule of the others is over
	assert_int_equal(transactions.count, 64);
	assert_non_null(find(&transactions, 65));
	transactions_free(&transactions);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_identifier),
		cmocka_unit_test(finished_ones_give_way),
		cmocka_unit_test(open_ones_are_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
