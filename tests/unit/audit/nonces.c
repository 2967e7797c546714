// SPDX-License-Identifier: BSD-3-Clause
//
// The nonces of a session: the latest is current, what was refused stays so until it is given anew, old ones are let
// go.
#include "audit/nonces.h"

#include "audit/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_latest_is_current(void **state)
{
	(void)state;
	struct nonces nonces = {0};
	assert_int_equal(nonces_find(&nonces, 1), AUDIT_NONCE_UNSEEN);
	for (uint64_t hash = 1; hash <= 2 * NONCES_HELD; hash++) {
		nonces_give(&nonces, hash, hash, false);
		assert_int_equal(nonces_find(&nonces, hash), AUDIT_NONCE_CURRENT);
		assert_int_equal(nonces.count, hash < NONCES_HELD ? hash : NONCES_HELD);
	}
	for (uint64_t hash = 1; hash < 2 * NONCES_HELD; hash++)
		assert_int_equal(nonces_find(&nonces, hash),
				 hash <= NONCES_HELD ? AUDIT_NONCE_UNSEEN : AUDIT_NONCE_EARLIER);
	nonces_give(&nonces, 2 * NONCES_HELD, 100, false);
	assert_int_equal(nonces_find(&nonces, 2 * NONCES_HELD - 1), AUDIT_NONCE_EARLIER);
	assert_int_equal(nonces_find(&nonces, NONCES_HELD + 1), AUDIT_NONCE_EARLIER);
}

static void what_is_refused_stays_so_until_it_is_given_anew(void **state)
{
	(void)state;
	struct nonces nonces = {0};
	nonces_give(&nonces, 1, 0, false);
	nonces_refuse(&nonces, 1, 5 * MOMENT_SECOND);
	nonces_refuse(&nonces, 7, 5 * MOMENT_SECOND);
	assert_int_equal(nonces_find(&nonces, 1), AUDIT_NONCE_REFUSED);
	assert_false(nonces_long_refused(&nonces, 1, 15 * MOMENT_SECOND));
	assert_true(nonces_long_refused(&nonces, 1, 16 * MOMENT_SECOND));
	nonces_give(&nonces, 2, 0, true);
	assert_int_equal(nonces_find(&nonces, 1), AUDIT_NONCE_REFUSED);
	assert_int_equal(nonces_find(&nonces, 2), AUDIT_NONCE_CURRENT);
	nonces_refuse(&nonces, 2, 5 * MOMENT_SECOND);
	nonces_give(&nonces, 2, 0, false);
	assert_int_equal(nonces_find(&nonces, 2), AUDIT_NONCE_CURRENT);
}

static void that_of_a_438_is_fresh_once_and_for_a_while(void **state)
{
	(void)state;
	struct nonces nonces = {0};
	nonces_give(&nonces, 1, 1000, false);
	assert_false(nonces_use(&nonces, 1001));
	nonces_give(&nonces, 2, 1000, true);
	assert_true(nonces_use(&nonces, 1000 + MOMENT_EDGE - 1));
	assert_false(nonces_use(&nonces, 1001));
	nonces_give(&nonces, 3, 1000, true);
	assert_false(nonces_use(&nonces, 1000 + MOMENT_EDGE));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_is_current),
		cmocka_unit_test(what_is_refused_stays_so_until_it_is_given_anew),
		cmocka_unit_test(that_of_a_438_is_fresh_once_and_for_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
