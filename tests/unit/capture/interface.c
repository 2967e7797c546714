// SPDX-License-Identifier: BSD-3-Clause
#include "capture/interface.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void addresses_of_this_machine(void **unused)
{
	struct ifaddrs *list;
	struct error error;
	char name[IFNAMSIZ], text[INET6_ADDRSTRLEN];
	int seen = 0;
	(void)unused;
	assert_int_equal(getifaddrs(&list), 0);
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET)
			continue;
		const struct sockaddr_in *address = (const void *)entry->ifa_addr;
		inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
		assert_int_equal(interface_of(text, name, &error), 0);
		assert_string_equal(name, entry->ifa_name);
		// The host reaches itself over the loopback interface, whatever address it uses.
		assert_int_equal(interface_to(text, name, &error), 0);
		assert_true(interface_is_loopback(name));
		seen++;
	}
	freeifaddrs(list);
	assert_true(seen > 0);
}

static void the_loopback_network(void **unused)
{
	struct error error;
	char name[IFNAMSIZ], mapped[IFNAMSIZ];
	(void)unused;
	assert_int_equal(interface_of("127.8.9.10", name, &error), 0);
	assert_true(interface_is_loopback(name));
	assert_int_equal(interface_of("::ffff:127.0.0.1", mapped, &error), 0);
	assert_string_equal(mapped, name);
	assert_int_equal(interface_to("127.8.9.10", mapped, &error), 0);
	assert_string_equal(mapped, name);
	assert_false(interface_is_loopback("nowhere0"));
}

static void what_has_no_interface(void **unused)
{
	struct error error;
	char name[IFNAMSIZ];
	(void)unused;
	assert_int_equal(interface_of("192.0.2.77", name, &error), -1);
	assert_int_equal(error.code, ERROR_UNKNOWN);
	assert_int_equal(interface_of("localhost", name, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	assert_non_null(strstr(error.text, "'localhost' is not a numeric IP address"));
	assert_int_equal(interface_to("", name, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_this_machine),
		cmocka_unit_test(the_loopback_network),
		cmocka_unit_test(what_has_no_interface),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
