// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses, plain and XOR-ed, and their text.
#include "stun/address.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

static const uint8_t transaction[] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

static void the_samples_of_rfc_5769_are_read(void **state)
{
	(void)state;
	struct octets v4 = octets_from_hex("0001a147e112a643");
	struct octets v6 = octets_from_hex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9");
	struct stun_address address;
	char text[STUN_ADDRESS_TEXT_SIZE];
	assert_int_equal(stun_address_decode(v4.data, v4.length, transaction, &address, NULL), 0);
	assert_string_equal(stun_address_text(&address, text), "192.0.2.1:32853");
	assert_int_equal(stun_address_decode(v6.data, v6.length, transaction, &address, NULL), 0);
	assert_string_equal(stun_address_text(&address, text), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
	assert_string_equal(stun_address_host(&address, text), "2001:db8:1234:5678:11:2233:4455:6677");
	free(v4.data);
	free(v6.data);
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	static const char *const hosts[] = {"0.0.0.0",
					    "255.255.255.255",
					    "127.0.0.1",
					    "::",
					    "::1",
					    "2001:db8::ff",
					    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		for (int masked = 0; masked < 2; masked++) {
			struct stun_address address, again;
			struct writer writer;
			char text[STUN_ADDRESS_TEXT_SIZE];
			assert_true(stun_address_parse(hosts[i], (uint16_t)(i * 9999), &address));
			writer_init(&writer, 100);
			assert_int_equal(stun_address_encode(&address, masked ? transaction : NULL, &writer, NULL), 0);
			assert_int_equal(writer.length, address.family == STUN_IPV4 ? 8 : 20);
			assert_int_equal(stun_address_decode(writer.data, writer.length, masked ? transaction : NULL,
							     &again, NULL),
					 0);
			assert_int_equal(again.family, address.family);
			assert_int_equal(again.port, address.port);
			assert_string_equal(stun_address_host(&again, text), hosts[i]);
			writer_free(&writer);
		}
	}
}

static void every_other_length_is_refused(void **state)
{
	(void)state;
	uint8_t octets[32] = {0};
	for (uint8_t family = 0; family < 4; family++) {
		for (size_t length = 0; length <= sizeof octets; length++) {
			octets[1] = family;
			struct octets value = octets_copy(octets, length);
			struct stun_address address;
			struct error error = {0};
			int outcome = stun_address_decode(value.data, length, transaction, &address, &error);
			bool right = (family == 1 && length == 8) || (family == 2 && length == 20);
			assert_int_equal(outcome, right ? 0 : -1);
			if (!right)
				assert_int_equal(error.code, length >= 4 && family != 1 && family != 2
								     ? ERROR_UNKNOWN
								     : ERROR_MALFORMED);
			free(value.data);
		}
	}
}

static void the_first_octet_may_hold_anything(void **state)
{
	(void)state;
	struct octets value = octets_from_hex("ff010d967f000001");
	struct stun_address address;
	char text[STUN_ADDRESS_TEXT_SIZE];
	assert_int_equal(stun_address_decode(value.data, value.length, NULL, &address, NULL), 0);
	assert_string_equal(stun_address_text(&address, text), "127.0.0.1:3478");
	free(value.data);
}

static void only_numeric_addresses_are_taken(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",          "localhost", "1.2.3", "1.2.3.4.5",
					    "256.0.0.1", "[::1]",     ":::",   "::1%lo"};
	struct stun_address address;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(stun_address_parse(wrong[i], 1, &address));
	assert_int_equal(stun_family_find("IPv6"), STUN_IPV6);
	assert_int_equal(stun_family_find("ipv6"), 0);
	assert_null(stun_family_name(3));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_samples_of_rfc_5769_are_read), cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(every_other_length_is_refused),    cmocka_unit_test(the_first_octet_may_hold_anything),
		cmocka_unit_test(only_numeric_addresses_are_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
