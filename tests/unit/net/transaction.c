// SPDX-License-Identifier: BSD-3-Clause
#include "net/transaction.h"

#include "harness.h"
#include "net/udp.h"

#include <math.h>

#define PEER_LOG 32

// A UDP peer on the loop that drops the first requests and then answers each with what it is told to.
static struct {
	int socket;
	struct address address;
	struct event *event;
	unsigned drops, seen, copies;
	double times[PEER_LOG];
	uint16_t type;
	bool hold; // answers the last two requests in the reverse order
	uint8_t held[20];
} peer;

static void on_request(evutil_socket_t socket, short what, void *context)
{
	uint8_t octets[1500];
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	(void)what, (void)context;
	ssize_t count = recvfrom(socket, octets, sizeof octets, 0, (struct sockaddr *)&from, &length);
	assert_true(count >= 20);
	if (peer.seen < PEER_LOG)
		peer.times[peer.seen] = loop_monotonic();
	if (peer.seen++ < peer.drops)
		return;
	octets[0] = (uint8_t)(peer.type >> 8);
	octets[1] = (uint8_t)peer.type;
	if (peer.hold) {
		peer.hold = false;
		memcpy(peer.held, octets, 20);
		return;
	}
	for (unsigned i = 0; i < peer.copies; i++)
		sendto(socket, octets, (size_t)count, 0, (struct sockaddr *)&from, length);
	if (peer.held[0])
		sendto(socket, peer.held, 20, 0, (struct sockaddr *)&from, length);
}

static int begin_with_peer(void **state)
{
	begin(state);
	memset(&peer, 0, sizeof peer);
	peer.copies = 1;
	peer.type = SUCCESS;
	peer.socket = open_peer(AF_INET, SOCK_DGRAM, &peer.address);
	peer.event = event_new(loop_base(), peer.socket, EV_READ | EV_PERSIST, on_request, NULL);
	event_add(peer.event, NULL);
	told.endpoint = udp_open(&peer.address, NULL, &noting, &told, NULL);
	assert_non_null(told.endpoint);
	return 0;
}

static int end_with_peer(void **state)
{
	if (peer.event)
		event_free(peer.event);
	close(peer.socket);
	return end(state);
}

static unsigned ends;

static void count_end(struct transaction *ended)
{
	assert_true(ended->done);
	ends++;
}

static const struct transaction_plan quick = {.schedule = {.rto = 0.1, .rc = 4, .rm = 4}};

static void start(struct transaction *transaction, uint8_t id)
{
	assert_int_equal(transaction_start(transaction, told.endpoint, message(REQUEST, id), 20, NULL, &quick,
					   count_end, NULL, NULL),
			 0);
}

static void sends_again_until_it_is_answered(void **state)
{
	(void)state;
	for (unsigned drops = 0; drops < 4; drops++) {
		struct transaction transaction;
		peer.seen = 0;
		peer.drops = drops;
		double before = loop_wall();
		start(&transaction, 1);
		turn_until(transaction.done);
		assert_string_equal(transaction.failure, "");
		assert_int_equal(transaction.sends, drops + 1);
		assert_memory_equal(transaction.reply, message(SUCCESS, 1), 20);
		assert_true(address_equal(&transaction.from, &peer.address));
		assert_true(before <= transaction.sent && transaction.sent <= transaction.sent_last);
		assert_true(transaction.sent_last <= transaction.received);
		for (unsigned n = 1; n <= drops; n++) {
			double late = peer.times[n] - peer.times[0] - retransmit_offset(&quick.schedule, n);
			assert_true(late > -0.01 && late < 0.5);
		}
		transaction_release(&transaction);
	}
	assert_int_equal(told.endpoint->inbox.items, 0);
}

static void fails_when_the_schedule_is_over(void **state)
{
	(void)state;
	struct transaction transaction;
	peer.drops = 100;
	double before = loop_monotonic();
	start(&transaction, 1);
	turn_until(transaction.done);
	double took = loop_monotonic() - before;
	assert_string_equal(transaction.failure, "timeout");
	assert_int_equal(transaction.sends, 4);
	assert_int_equal(peer.seen, 4);
	assert_true(took >= retransmit_end(&quick.schedule) - 0.001);
	assert_null(transaction.reply);
	transaction_release(&transaction);
	transaction_release(&transaction);
}

static void keeps_to_a_shorter_timeout(void **state)
{
	(void)state;
	struct transaction transaction;
	struct transaction_plan plan = quick;
	plan.timeout = 0.2;
	peer.drops = 100;
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 1), 20, NULL, &plan, count_end,
					   NULL, NULL),
			 0);
	turn_until(transaction.done);
	assert_int_equal(transaction.sends, 2);
	transaction_release(&transaction);
}

static void runs_side_by_side_and_out_of_order(void **state)
{
	(void)state;
	struct transaction a, b;
	peer.hold = true;
	start(&a, 1);
	start(&b, 2);
	turn_until(a.done && b.done);
	assert_memory_equal(a.reply, message(SUCCESS, 1), 20);
	assert_memory_equal(b.reply, message(SUCCESS, 2), 20);
	assert_true(b.received <= a.received);
	assert_int_equal(a.sends, 1);
	transaction_release(&a);
	transaction_release(&b);
}

static void takes_only_responses_with_its_id(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		bool reply;
	} cases[] = {
		{SUCCESS, true},  {FAILURE, true}, {0x0101, true},  {INDICATION, false},
		{REQUEST, false}, {0x8103, false}, {0x4103, false},
	};
	struct address local = told.endpoint->local;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct transaction transaction;
		peer.drops = 100;
		start(&transaction, 5);
		uint8_t octets[20];
		memcpy(octets, message(cases[i].type, 5), 20);
		// One octet of the id is another; then one is missing.
		octets[19] ^= 1;
		sendto(peer.socket, octets, 20, 0, &local.any, local.length);
		octets[19] ^= 1;
		sendto(peer.socket, octets, 19, 0, &local.any, local.length);
		sendto(peer.socket, octets, 20, 0, &local.any, local.length);
		size_t strangers = cases[i].reply ? 2 : 3;
		turn_until(told.endpoint->inbox.items == strangers && transaction.done == cases[i].reply);
		transaction_release(&transaction);
		inbox_clear(&told.endpoint->inbox);
	}
}

static void takes_a_reply_from_another_address(void **state)
{
	(void)state;
	struct address other_address, local = told.endpoint->local;
	struct transaction transaction;
	int other = open_peer(AF_INET, SOCK_DGRAM, &other_address);
	peer.drops = 100;
	start(&transaction, 1);
	sendto(other, message(SUCCESS, 1), 20, 0, &local.any, local.length);
	turn_until(transaction.done);
	assert_true(address_equal(&transaction.from, &other_address));
	transaction_release(&transaction);
	close(other);
}

// One request sent three times is answered three times: two of them are late, a fourth is a stranger.
static void lets_late_replies_to_retransmissions_go(void **state)
{
	(void)state;
	struct transaction transaction;
	peer.drops = 2;
	peer.copies = 4;
	start(&transaction, 1);
	turn_until(transaction.done);
	assert_int_equal(transaction.sends, 3);
	transaction_release(&transaction);
	turn_until(told.endpoint->inbox.items == 1);
	assert_int_equal(told.endpoint->late, 2);

	// Sent by hand, it is asked for again.
	peer.seen = 0;
	peer.drops = 1;
	peer.copies = 1;
	start(&transaction, 2);
	turn_until(transaction.done);
	transaction_release(&transaction);
	assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, 2), 20, NULL, NULL), 0);
	turn_until(told.endpoint->inbox.items == 2);
	assert_int_equal(told.endpoint->late, 2);
}

static void notes_icmp_errors_and_goes_on(void **state)
{
	(void)state;
	struct transaction transaction, other;
	struct address elsewhere;
	int socket = open_peer(AF_INET, SOCK_DGRAM, &elsewhere);
	event_free(peer.event);
	peer.event = NULL;
	close(peer.socket);
	assert_int_equal(transaction_start(&other, told.endpoint, message(REQUEST, 9), 20, &elsewhere, &quick,
					   count_end, NULL, NULL),
			 0);
	start(&transaction, 1);
	turn_until(transaction.done);
	assert_string_equal(transaction.failure, "timeout");
	assert_int_equal(transaction.sends, 4);
	assert_int_equal(transaction.noted, 4);
	assert_non_null(strstr(transaction.notes[0], "port unreachable"));
	assert_int_equal(other.noted, 0);
	transaction_release(&transaction);
	transaction_release(&other);
	peer.socket = socket;
}

static void ends_when_the_endpoint_does(void **state)
{
	(void)state;
	struct transaction a, b, c;
	struct error error;
	peer.drops = 100;
	ends = 0;
	start(&a, 1);
	start(&b, 2);
	start(&c, 3);
	transaction_release(&b); // is not told
	endpoint_close(told.endpoint);
	assert_int_equal(ends, 2);
	assert_true(a.done && c.done);
	assert_string_equal(a.failure, "closed");
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
	transaction_release(&a);
	transaction_release(&c);

	told.endpoint = udp_open(&peer.address, NULL, &noting, &told, NULL);
	told.close_on_packet = true;
	assert_int_equal(
		transaction_start(&a, told.endpoint, message(REQUEST, 1), 20, NULL, &quick, count_end, NULL, &error),
		0);
	assert_true(a.done);
	transaction_release(&a);
	assert_int_equal(
		transaction_start(&a, told.endpoint, message(REQUEST, 1), 20, NULL, &quick, count_end, NULL, &error),
		-1);
	transaction_release(&a);
}

static void refuses_what_it_cannot_wait_for(void **state)
{
	(void)state;
	struct transaction transaction;
	struct error error;
	struct address v6 = loopback(AF_INET6);
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 1), 19, NULL, &quick,
					   count_end, NULL, &error),
			 -1);
	transaction_release(&transaction);
	struct transaction_plan plan = quick;
	plan.schedule.rc = 0;
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 1), 20, NULL, &plan, count_end,
					   NULL, &error),
			 -1);
	transaction_release(&transaction);
	address_set_port(&v6, 9);
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 1), 20, &v6, &quick, count_end,
					   NULL, &error),
			 -1);
	transaction_release(&transaction);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sends_again_until_it_is_answered, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(fails_when_the_schedule_is_over, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(keeps_to_a_shorter_timeout, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(runs_side_by_side_and_out_of_order, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(takes_only_responses_with_its_id, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(takes_a_reply_from_another_address, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(lets_late_replies_to_retransmissions_go, begin_with_peer,
						end_with_peer),
		cmocka_unit_test_setup_teardown(notes_icmp_errors_and_goes_on, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(ends_when_the_endpoint_does, begin_with_peer, end_with_peer),
		cmocka_unit_test_setup_teardown(refuses_what_it_cannot_wait_for, begin_with_peer, end_with_peer),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
