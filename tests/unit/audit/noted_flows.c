// SPDX-License-Identifier: BSD-3-Clause
//
// Noted flows: each once, with its asker in front, and no more than there is room for.
#include "audit/noted_flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct packet_address address_of(const char *text, uint16_t port)
{
	struct packet_address address = {0};
	assert_true(packet_address_parse(text, &address));
	address.port = port;
	return address;
}

static void tells_each_as_it_was_noted_first(void **state)
{
	(void)state;
	struct noted_flows noted = {0};
	struct packet_address a = address_of("192.0.2.1", 4000), b = address_of("2001:db8::1", 3478);
	assert_null(noted_flows_text(&noted, 7));
	noted_flows_add(&noted, 7, "udp", &a, &b);
	noted_flows_add(&noted, 7, "tcp", &b, &a);
	noted_flows_add(&noted, 8, "tls", &b, &a);
	assert_int_equal(noted.count, 2);
	assert_string_equal(noted_flows_text(&noted, 7), "udp 192.0.2.1:4000 > [2001:db8::1]:3478");
	assert_string_equal(noted_flows_text(&noted, 8), "tls [2001:db8::1]:3478 > 192.0.2.1:4000");
	assert_null(noted_flows_text(&noted, 9));
	noted_flows_free(&noted);
	assert_null(noted_flows_text(&noted, 7));
}

static void notes_no_more_than_a_report_can_use(void **state)
{
	(void)state;
	struct noted_flows noted = {0};
	struct packet_address a = address_of("192.0.2.1", 0);
	for (uint64_t number = 1; number <= 5000; number++)
		noted_flows_add(&noted, number, "udp", &a, &a);
	assert_int_equal(noted.count, 4096);
	assert_non_null(noted_flows_text(&noted, 4096));
	assert_null(noted_flows_text(&noted, 4097));
	noted_flows_free(&noted);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each_as_it_was_noted_first),
		cmocka_unit_test(notes_no_more_than_a_report_can_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
