// SPDX-License-Identifier: BSD-3-Clause
//
// Kinds of messages and what was found of them.
#include "audit/kinds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_same_facts_are_one_kind(void **unused)
{
	(void)unused;
	struct kinds *kinds = kinds_new(8);
	struct audit_facts one = {.message.code = 401}, other = {.message.code = 401, .request.marks = 1};
	struct kind *kind = kinds_of(kinds, &one);
	assert_false(kind->settled);
	assert_int_equal(kind->count, 0);
	kind_settle(kind, (const uint16_t[]){3, 9}, 2, true);
	kind->count = 5;
	struct kind *second = kinds_of(kinds, &other);
	assert_ptr_not_equal(second, kind);
	assert_false(second->settled);
	kind_settle(second, NULL, 0, false);
	assert_true(second->settled);
	kind = kinds_of(kinds, &one);
	assert_true(kind->settled && kind->each);
	assert_int_equal(kind->count, 5);
	assert_int_equal(kind->finding_count, 2);
	assert_int_equal(kind->findings[1], 9);
	uint64_t emptied;
	assert_int_equal(kinds_number(kinds, &emptied), 2);
	assert_int_equal(emptied, 0);
	kinds_free(kinds);
	kinds_free(NULL);
}

static void too_many_findings_of_one_kind(void **unused)
{
	(void)unused;
	struct kinds *kinds = kinds_new(8);
	struct audit_facts facts = {0};
	uint16_t findings[KINDS_FINDINGS + 1];
	for (size_t i = 0; i <= KINDS_FINDINGS; i++)
		findings[i] = (uint16_t)(i + 1);
	struct kind *kind = kinds_of(kinds, &facts);
	kind_settle(kind, findings, KINDS_FINDINGS + 1, false);
	assert_int_equal(kind->finding_count, KINDS_FINDINGS);
	kinds_free(kinds);
}

static void a_full_table_begins_anew(void **unused)
{
	(void)unused;
	struct kinds *kinds = kinds_new(4);
	struct audit_facts facts = {0};
	for (uint16_t i = 0; i < 4; i++) {
		facts.message.code = i;
		kind_settle(kinds_of(kinds, &facts), &i, 1, false);
	}
	struct finding_place place = {.frame = 1, .flow = 1};
	kinds_count(kinds, 7, &place);
	facts.message.code = 4;
	assert_false(kinds_of(kinds, &facts)->settled);
	uint64_t emptied;
	assert_int_equal(kinds_number(kinds, &emptied), 1);
	assert_int_equal(emptied, 1);
	facts.message.code = 0;
	assert_false(kinds_of(kinds, &facts)->settled);
	assert_int_equal(kinds_finding(kinds, 7)->count, 1); // findings stay
	kinds_free(kinds);
}

static void the_first_places_and_flows(void **unused)
{
	(void)unused;
	struct kinds *kinds = kinds_new(4);
	assert_null(kinds_finding(kinds, 1));
	struct finding_place nowhere = {0};
	assert_false(kinds_count(kinds, 0, &nowhere));
	for (uint64_t i = 1; i <= 20; i++) {
		struct finding_place place = {.frame = i, .flow = i / 2};
		bool first = kinds_count(kinds, 300, &place);
		// Flows 0, 1, 1, 2, 2, ...: each is told once, as long as there is room.
		assert_int_equal(first, (i == 1 || i % 2 == 0) && i / 2 < FINDING_PLACES);
	}
	const struct finding *finding = kinds_finding(kinds, 300);
	assert_int_equal(finding->count, 20);
	assert_int_equal(finding->place_count, FINDING_PLACES);
	assert_int_equal(finding->places[0].frame, 1);
	assert_int_equal(finding->places[FINDING_PLACES - 1].frame, FINDING_PLACES);
	assert_int_equal(finding->flow_place_count, FINDING_PLACES);
	assert_true(finding->more_flows);
	assert_null(kinds_finding(kinds, 299));
	assert_null(kinds_finding(kinds, 60000));
	kinds_free(kinds);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_facts_are_one_kind),
		cmocka_unit_test(too_many_findings_of_one_kind),
		cmocka_unit_test(a_full_table_begins_anew),
		cmocka_unit_test(the_first_places_and_flows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
