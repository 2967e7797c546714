// SPDX-License-Identifier: BSD-3-Clause
#include "net/udp.h"

#include "harness.h"

static int families[] = {AF_INET, AF_INET6};
#define each_family(family) for (int *family = families; family < families + 2; family++)

static struct address open_towards(int family, int *peer)
{
	struct address remote;
	struct error error;
	*peer = open_peer(family, SOCK_DGRAM, &remote);
	told.endpoint = udp_open(&remote, NULL, &noting, &told, &error);
	assert_non_null(told.endpoint);
	return told.endpoint->local;
}

static void done_with(int peer)
{
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
	close(peer);
}

static void sends_and_receives(void **state)
{
	(void)state;
	each_family (family) {
		static uint8_t large[65507], got[65536];
		int peer;
		struct address local = open_towards(*family, &peer), expected = loopback(*family);
		address_set_port(&expected, address_port(&local));
		assert_true(address_equal(&local, &expected));
		large[65506] = 7;
		assert_int_equal(endpoint_send(told.endpoint, large, sizeof large, NULL, NULL), 0);
		assert_int_equal(recv(peer, got, sizeof got, 0), sizeof large);
		assert_memory_equal(got, large, sizeof large);
		double before = loop_wall();
		assert_int_equal(sendto(peer, large, sizeof large, 0, &local.any, local.length), sizeof large);
		assert_int_equal(sendto(peer, "", 0, 0, &local.any, local.length), 0);
		double between = loop_wall();
		usleep(20000);
		turn_until(told.endpoint->inbox.items == 2);
		const struct inbox_item *item = told.endpoint->inbox.first;
		assert_int_equal(item->length, sizeof large);
		assert_memory_equal(item->octets, large, sizeof large);
		assert_true(address_equal(&item->from, &told.endpoint->remote));
		// The time of its arrival, not that of its being read.
		assert_true(item->time >= before && item->time <= between + 0.01);
		assert_int_equal(item->next->length, 0);
		done_with(peer);
	}
}

static void shows_answers_from_another_port(void **state)
{
	(void)state;
	int peer;
	struct address local = open_towards(AF_INET, &peer), other_address;
	int other = open_peer(AF_INET, SOCK_DGRAM, &other_address);
	assert_int_equal(sendto(other, "x", 1, 0, &local.any, local.length), 1);
	turn_until(told.endpoint->inbox.items == 1);
	assert_true(address_equal(&told.endpoint->inbox.first->from, &other_address));
	close(other);
	done_with(peer);
}

static void tells_of_icmp_errors_and_goes_on(void **state)
{
	(void)state;
	each_family (family) {
		int peer;
		told.icmp = 0;
		open_towards(*family, &peer);
		struct address remote = told.endpoint->remote;
		close(peer);
		assert_int_equal(endpoint_send(told.endpoint, "hello", 5, NULL, NULL), 0);
		turn_until(told.icmp == 1);
		assert_int_equal(told.last_icmp.type, *family == AF_INET ? 3 : 1);
		assert_int_equal(told.last_icmp.code, *family == AF_INET ? 3 : 4);
		assert_true(address_equal(&told.last_icmp.destination, &remote));
		struct address reporter = loopback(*family);
		assert_true(address_equal(&told.last_icmp.reporter, &reporter));
		assert_non_null(strstr(told.last_icmp.text, "port unreachable"));
		// The errors of these wait in the socket when the next is sent, and must not stop it.
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(endpoint_send(told.endpoint, "hello", 5, NULL, NULL), 0);
		turn_until(told.icmp == 6);
		peer = socket(*family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(peer, &remote.any, remote.length), 0);
		assert_int_equal(endpoint_send(told.endpoint, "again", 5, NULL, NULL), 0);
		char got[8];
		assert_int_equal(recv(peer, got, sizeof got, 0), 5);
		assert_int_equal(told.endpoint->state, ENDPOINT_OPEN);
		done_with(peer);
	}
}

static unsigned ticks;

static void tick(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what, (void)context;
	ticks++;
}

static void survives_a_flood(void **state)
{
	(void)state;
	int peer, sent = 0;
	struct address local = open_towards(AF_INET, &peer);
	struct timeval at_once = {0, 1};
	struct event *clock = event_new(loop_base(), -1, EV_PERSIST, tick, NULL);
	event_add(clock, &at_once);
	ticks = 0;
	uint8_t octets[100] = {0};
	for (; sent < 5000; sent++) {
		if (sent % 500 == 0)
			event_base_loop(loop_base(), EVLOOP_ONCE);
		assert_int_equal(sendto(peer, octets, sizeof octets, 0, &local.any, local.length), sizeof octets);
	}
	unsigned before = ticks, received = told.received;
	// A wake-up takes no more than its share, and a timer beside has its turn between them.
	for (unsigned i = 0; i < 5; i++)
		event_base_loop(loop_base(), EVLOOP_ONCE);
	assert_in_range(told.received - received, 1, 5 * 64);
	assert_true(ticks > before);
	for (unsigned last = 0; last != told.received;) {
		last = told.received;
		for (unsigned i = 0; i < 50; i++)
			event_base_loop(loop_base(), EVLOOP_ONCE);
	}
	event_free(clock);
	const struct inbox *inbox = &told.endpoint->inbox;
	assert_true(told.received > 500);
	assert_true(inbox->items <= INBOX_ITEMS);
	assert_int_equal(inbox->items + inbox->dropped, told.received);
	done_with(peer);
}

static void may_be_closed_or_freed_by_the_one_it_tells(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int peer;
		struct address local = open_towards(AF_INET, &peer);
		*(i ? &told.close_on_packet : &told.free_on_packet) = true;
		told.received = 0;
		for (unsigned n = 0; n < 10; n++)
			assert_int_equal(sendto(peer, "x", 1, 0, &local.any, local.length), 1);
		turn_until(told.received > 0);
		turn_for(0.01);
		assert_int_equal(told.received, 1);
		told.close_on_packet = told.free_on_packet = false;
		done_with(peer);
	}
}

static void refuses_after_close_and_without_a_destination(void **state)
{
	(void)state;
	struct error error;
	struct address local = loopback(AF_INET), other = loopback(AF_INET6);
	assert_null(udp_open(NULL, NULL, &noting, &told, &error));
	assert_null(udp_open(&other, &local, &noting, &told, &error));
	told.endpoint = udp_open(NULL, &local, &noting, &told, &error);
	assert_non_null(told.endpoint);
	assert_null(udp_open(NULL, &told.endpoint->local, &noting, &told, &error));
	assert_int_equal(endpoint_send(told.endpoint, "x", 1, NULL, &error), -1);
	uint8_t *huge = calloc(1, 70000);
	assert_int_equal(endpoint_send(told.endpoint, huge, 70000, &told.endpoint->local, &error), -1);
	free(huge);
	assert_int_equal(told.sent, 0);
	endpoint_close(told.endpoint);
	endpoint_close(told.endpoint);
	assert_int_equal(endpoint_send(told.endpoint, "x", 1, &local, &error), -1);
	assert_string_equal(error.text, "closed");
	assert_int_equal(told.changed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sends_and_receives, begin, end),
		cmocka_unit_test_setup_teardown(shows_answers_from_another_port, begin, end),
		cmocka_unit_test_setup_teardown(tells_of_icmp_errors_and_goes_on, begin, end),
		cmocka_unit_test_setup_teardown(survives_a_flood, begin, end),
		cmocka_unit_test_setup_teardown(may_be_closed_or_freed_by_the_one_it_tells, begin, end),
		cmocka_unit_test_setup_teardown(refuses_after_close_and_without_a_destination, begin, end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
