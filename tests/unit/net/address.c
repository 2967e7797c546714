// SPDX-License-Identifier: BSD-3-Clause
#include "net/address.h"

#include "harness.h"

static void reads_and_writes_numeric_addresses(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::7", "fe80::1%lo"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct address address;
		char text[ADDRESS_TEXT];
		assert_int_equal(address_parse(&address, texts[i], 65535, NULL), 0);
		assert_string_equal(address_text(&address, text), texts[i]);
		assert_int_equal(address_port(&address), 65535);
	}
}

static void refuses_what_is_no_numeric_address(void **state)
{
	(void)state;
	static const char *const texts[] = {"",         "localhost",           "127.1", "1.2.3.4.5",
					    "1.2.3.4 ", "::1%nosuchinterface", "%",     "[::1]"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct address address;
		struct error error;
		assert_int_equal(address_parse(&address, texts[i], 1, &error), -1);
		assert_true(strlen(error.text) > 0);
	}
}

static void compares_family_octets_and_port(void **state)
{
	(void)state;
	struct address a, b;
	address_parse(&a, "127.0.0.1", 1, NULL);
	address_parse(&b, "127.0.0.1", 1, NULL);
	assert_true(address_equal(&a, &b));
	address_set_port(&b, 2);
	assert_false(address_equal(&a, &b));
	address_parse(&b, "127.0.0.2", 1, NULL);
	assert_false(address_equal(&a, &b));
	address_parse(&b, "::ffff:127.0.0.1", 1, NULL);
	assert_false(address_equal(&a, &b));
	address_parse(&a, "::1", 1, NULL);
	assert_false(address_equal(&a, &b));
	address_parse(&b, "::1", 1, NULL);
	assert_true(address_equal(&a, &b));
}

static void refuses_socket_addresses_that_are_cut_or_foreign(void **state)
{
	(void)state;
	struct address address;
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct sockaddr local = {.sa_family = AF_UNIX};
	assert_true(address_from(&address, (struct sockaddr *)&v6, sizeof v6));
	assert_false(address_from(&address, (struct sockaddr *)&v6, sizeof(struct sockaddr_in)));
	assert_int_equal(address.length, 0);
	assert_false(address_from(&address, (struct sockaddr *)&v6, 0));
	assert_false(address_from(&address, &local, sizeof local));
	char text[ADDRESS_TEXT];
	assert_string_equal(address_text(&address, text), "?");
}

static void finds_the_local_address_of_a_route(void **state)
{
	(void)state;
	struct address local, remote, expected;
	char text[ADDRESS_TEXT];
	address_parse(&remote, "127.0.0.9", 0, NULL);
	assert_int_equal(address_route(&local, &remote, NULL), 0);
	assert_string_equal(address_text(&local, text), "127.0.0.1");
	assert_int_equal(address_port(&local), 0);
	address_parse(&remote, "::1", 3478, NULL);
	expected = loopback(AF_INET6);
	assert_int_equal(address_route(&local, &remote, NULL), 0);
	assert_true(address_equal(&local, &expected));
}

static void resolves_numbers_and_names_once_each(void **state)
{
	(void)state;
	struct address found[8];
	struct error error;
	assert_int_equal(address_resolve(found, 8, "127.0.0.1", 7, &error), 1);
	assert_int_equal(address_port(&found[0]), 7);
	int count = address_resolve(found, 8, "localhost", 7, &error);
	assert_true(count >= 1);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			assert_false(address_equal(&found[i], &found[j]));
	assert_int_equal(address_resolve(found, 0, "127.0.0.1", 7, &error), 0);
	assert_int_equal(address_resolve(found, 8, "no.such.name.invalid", 7, &error), -1);
}

static void finds_a_port_that_both_transports_can_bind(void **state)
{
	(void)state;
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct address address = loopback(AF_INET);
	struct error error;
	int port = address_free_port(&address, NULL, types, 2, &error);
	// Not one that the kernel may give to somebody else before it is used.
	assert_in_range(port, 1024, 32767);
	address_set_port(&address, (uint16_t)port);
	for (size_t i = 0; i < 2; i++) {
		int bound = address_socket(AF_INET, types[i], &address, &error);
		assert_true(bound >= 0);
		close(bound);
	}
	address_parse(&address, "192.0.2.1", 0, NULL);
	assert_int_equal(address_free_port(&address, NULL, types, 2, &error), -1);
	assert_true(strlen(error.text) > 0);
}

static void finds_a_port_that_two_addresses_can_bind(void **state)
{
	(void)state;
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	struct address first = loopback(AF_INET), second = loopback(AF_INET);
	struct error error;
	address_parse(&second, "127.0.0.2", 0, NULL);
	int port = address_free_port(&first, &second, types, 2, &error);
	assert_in_range(port, 1024, 32767);
	address_parse(&second, "192.0.2.1", 0, NULL);
	assert_int_equal(address_free_port(&first, &second, types, 2, &error), -1);
	assert_non_null(strstr(error.text, "192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reads_and_writes_numeric_addresses, begin, end),
		cmocka_unit_test_setup_teardown(refuses_what_is_no_numeric_address, begin, end),
		cmocka_unit_test_setup_teardown(compares_family_octets_and_port, begin, end),
		cmocka_unit_test_setup_teardown(refuses_socket_addresses_that_are_cut_or_foreign, begin, end),
		cmocka_unit_test_setup_teardown(finds_the_local_address_of_a_route, begin, end),
		cmocka_unit_test_setup_teardown(resolves_numbers_and_names_once_each, begin, end),
		cmocka_unit_test_setup_teardown(finds_a_port_that_both_transports_can_bind, begin, end),
		cmocka_unit_test_setup_teardown(finds_a_port_that_two_addresses_can_bind, begin, end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
