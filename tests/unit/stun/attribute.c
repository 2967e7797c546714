// SPDX-License-Identifier: BSD-3-Clause
//
// The table of attributes: sorted, complete, and the same from both sides.
#include "stun/attribute.h"

#include "support.h"

static void types_ascend(void **state)
{
	(void)state;
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	for (size_t i = 1; i < count; i++)
		assert_true(all[i - 1].type < all[i].type);
}

static void each_is_found_by_type_and_by_name(void **state)
{
	(void)state;
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	for (size_t i = 0; i < count; i++) {
		char name[STUN_ATTRIBUTE_NAME_SIZE];
		assert_ptr_equal(stun_attribute_find(all[i].type), &all[i]);
		assert_ptr_equal(stun_attribute_find_name(all[i].name, strlen(all[i].name)), &all[i]);
		assert_string_equal(stun_attribute_name(all[i].type, name), all[i].name);
		assert_true(all[i].minimum <= all[i].maximum);
		assert_non_null(stun_kind_name(all[i].kind));
		assert_memory_equal(all[i].rfc, "RFC ", 4);
	}
}

// Types as IANA has them, written down a second time.
static void the_numbers_are_those_of_the_registry(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t type;
	} registry[] = {
		{"MAPPED-ADDRESS", 0x0001},
		{"CHANGE-REQUEST", 0x0003},
		{"USERNAME", 0x0006},
		{"MESSAGE-INTEGRITY", 0x0008},
		{"ERROR-CODE", 0x0009},
		{"UNKNOWN-ATTRIBUTES", 0x000A},
		{"CHANNEL-NUMBER", 0x000C},
		{"LIFETIME", 0x000D},
		{"XOR-PEER-ADDRESS", 0x0012},
		{"DATA", 0x0013},
		{"REALM", 0x0014},
		{"NONCE", 0x0015},
		{"XOR-RELAYED-ADDRESS", 0x0016},
		{"REQUESTED-ADDRESS-FAMILY", 0x0017},
		{"EVEN-PORT", 0x0018},
		{"REQUESTED-TRANSPORT", 0x0019},
		{"DONT-FRAGMENT", 0x001A},
		{"ACCESS-TOKEN", 0x001B},
		{"MESSAGE-INTEGRITY-SHA256", 0x001C},
		{"PASSWORD-ALGORITHM", 0x001D},
		{"USERHASH", 0x001E},
		{"XOR-MAPPED-ADDRESS", 0x0020},
		{"RESERVATION-TOKEN", 0x0022},
		{"PRIORITY", 0x0024},
		{"USE-CANDIDATE", 0x0025},
		{"PADDING", 0x0026},
		{"RESPONSE-PORT", 0x0027},
		{"CONNECTION-ID", 0x002A},
		{"ADDITIONAL-ADDRESS-FAMILY", 0x8000},
		{"ADDRESS-ERROR-CODE", 0x8001},
		{"PASSWORD-ALGORITHMS", 0x8002},
		{"ALTERNATE-DOMAIN", 0x8003},
		{"ICMP", 0x8004},
		{"SOFTWARE", 0x8022},
		{"ALTERNATE-SERVER", 0x8023},
		{"FINGERPRINT", 0x8028},
		{"ICE-CONTROLLED", 0x8029},
		{"ICE-CONTROLLING", 0x802A},
		{"RESPONSE-ORIGIN", 0x802B},
		{"OTHER-ADDRESS", 0x802C},
		{"THIRD-PARTY-AUTHORIZATION", 0x802E},
		{"MOBILITY-TICKET", 0x8030},
	};
	size_t count;
	stun_attribute_all(&count);
	assert_int_equal(count, sizeof registry / sizeof *registry);
	for (size_t i = 0; i < count; i++) {
		const struct stun_attribute *found =
			stun_attribute_find_name(registry[i].name, strlen(registry[i].name));
		assert_non_null(found);
		assert_int_equal(found->type, registry[i].type);
	}
}

static void the_unknown_is_unknown(void **state)
{
	(void)state;
	char name[STUN_ATTRIBUTE_NAME_SIZE];
	assert_null(stun_attribute_find(0x7F00));
	assert_null(stun_attribute_find(0x0000));
	assert_null(stun_attribute_find(0xFFFF));
	assert_string_equal(stun_attribute_name(0x7F00, name), "0x7F00");
	assert_null(stun_attribute_find_name("USERNAM", 7));
	assert_null(stun_attribute_find_name("USERNAME", 7));
	assert_null(stun_attribute_find_name("username", 8));
	assert_null(stun_attribute_find_name("USERNAME\0", 9));
	assert_null(stun_attribute_find_name("", 0));
}

static void the_high_bit_makes_it_optional(void **state)
{
	(void)state;
	assert_true(stun_attribute_required(0x0000));
	assert_true(stun_attribute_required(0x7FFF));
	assert_false(stun_attribute_required(0x8000));
	assert_false(stun_attribute_required(0xFFFF));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_ascend),
		cmocka_unit_test(each_is_found_by_type_and_by_name),
		cmocka_unit_test(the_numbers_are_those_of_the_registry),
		cmocka_unit_test(the_unknown_is_unknown),
		cmocka_unit_test(the_high_bit_makes_it_optional),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
