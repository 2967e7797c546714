// SPDX-License-Identifier: BSD-3-Clause
#include "net/dtls.h"

#include "net/transaction.h"
#include "secure.h"

#include <sys/socket.h>

#define RECORD_FULL 16384 // octets of the longest record

static struct dtls_listener *listener;
static struct transaction transaction;

static void start_listener(int family)
{
	struct error error;
	struct secure_settings settings = server_settings();
	struct address address = loopback(family);
	listener = dtls_listen(&address, &settings, note_ready, NULL, &error);
	if (!listener)
		fail_msg("%s", error.text);
}

static int end_listener(void **state)
{
	transaction_release(&transaction);
	dtls_listener_free(listener);
	listener = NULL;
	return end_secure(state);
}

static void start_client(const struct address *address, const struct secure_settings *settings)
{
	struct error error;
	told.endpoint = dtls_connect(address, NULL, settings, &noting, &told, &error);
	if (!told.endpoint)
		fail_msg("%s", error.text);
}

static void connect_with(const struct secure_settings *settings)
{
	start_client(dtls_listener_address(listener), settings);
	turn_until(told.endpoint->state != ENDPOINT_OPENING);
	if (told.endpoint->state != ENDPOINT_OPEN)
		fail_msg("%s", told.endpoint->ended);
	turn_until(ready == 1);
	there = dtls_accept(listener, &ignoring, NULL);
	assert_non_null(there);
	assert_null(dtls_accept(listener, &ignoring, NULL));
}

static void connect_both(int family)
{
	struct secure_settings settings = client_settings();
	start_listener(family);
	connect_with(&settings);
}

static void carries_messages_both_ways(void **state)
{
	(void)state;
	uint8_t octets[RECORD_FULL];
	for (int i = 0; i < 2; i++) {
		connect_both(i ? AF_INET6 : AF_INET);
		memset(octets, 'x', sizeof octets);
		// Any octets: a record is a message, whatever it holds.
		assert_int_equal(endpoint_send(told.endpoint, octets, 1, NULL, NULL), 0);
		assert_int_equal(endpoint_send(told.endpoint, octets, sizeof octets, NULL, NULL), 0);
		turn_until(there->inbox.items == 2);
		assert_int_equal(there->inbox.first->length, 1);
		assert_int_equal(there->inbox.last->length, sizeof octets);
		assert_int_equal(endpoint_send(there, message(INDICATION, 1), 20, NULL, NULL), 0);
		turn_until(told.endpoint->inbox.items == 1);
		assert_true(address_equal(&told.endpoint->local, &there->remote));
		assert_true(address_equal(&told.endpoint->inbox.first->from, dtls_listener_address(listener)));
		end_listener(NULL);
		begin_secure(NULL);
	}
}

static void refuses_what_no_record_carries(void **state)
{
	(void)state;
	struct error error;
	uint8_t *octets = calloc(1, RECORD_FULL + 1);
	connect_both(AF_INET);
	assert_int_equal(endpoint_send(told.endpoint, octets, RECORD_FULL + 1, NULL, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(endpoint_send(told.endpoint, octets, 0, NULL, &error), -1);
	assert_int_equal(told.sent, 0);
	free(octets);
}

static void says_what_was_agreed_on(void **state)
{
	(void)state;
	struct secure_facts facts;
	struct secure_settings settings = client_settings();
	settings.server_name = "stun.example.org";
	start_listener(AF_INET);
	connect_with(&settings);
	struct secure *mine = secure_of(told.endpoint);
	assert_true(secure_describe(mine, &facts));
	assert_string_equal(facts.version, "DTLSv1.2");
	assert_string_equal(facts.peer, "/CN=stun.example.org");
	assert_true(holds(&mine->secrets, "CLIENT_RANDOM "));
	assert_false(told.endpoint->kind->reliable);
	assert_string_equal(told.endpoint->kind->transport, "dtls");
}

static void expect_refusal(const struct secure_settings *settings, const char *reason)
{
	start_client(dtls_listener_address(listener), settings);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	if (!strstr(told.endpoint->ended, reason))
		fail_msg("%s", told.endpoint->ended);
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
}

static void refuses_what_it_cannot_trust(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	settings.server_name = "turn.example.org";
	expect_refusal(&settings, "ostname mismatch");
	settings.server_name = NULL;
	settings.ca = other_path;
	expect_refusal(&settings, "the certificate is not trusted: ");
	settings.insecure = true;
	connect_with(&settings);
}

static void speaks_no_other_version(void **state)
{
	(void)state;
	struct error error;
	struct address address = loopback(AF_INET);
	struct secure_settings settings = client_settings();
	settings.minimum = SECURE_1_3;
	assert_null(dtls_connect(&address, NULL, &settings, &noting, &told, &error));
	assert_non_null(strstr(error.text, "1.2"));
}

static void ends_with_the_other_side(void **state)
{
	(void)state;
	connect_both(AF_INET);
	endpoint_close(there);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "closed");
}

// A way between client and listener on which chosen datagrams get lost.
static struct {
	int socket;
	struct event *event;
	struct address client, server;
	unsigned passed, lose_from, lose_to; // numbers of those that are lost
	uint8_t hello[2048];                 // the third, which holds the cookie
	size_t hello_length;
} way;

static void on_way(evutil_socket_t socket, short what, void *context)
{
	uint8_t octets[2048];
	struct sockaddr_storage name;
	socklen_t length = sizeof name;
	(void)what, (void)context;
	ssize_t count = recvfrom(socket, octets, sizeof octets, MSG_DONTWAIT, (struct sockaddr *)&name, &length);
	struct address from;
	if (count < 0 || !address_from(&from, (struct sockaddr *)&name, length))
		return;
	bool back = address_equal(&from, &way.server);
	if (!back)
		way.client = from;
	unsigned number = way.passed++;
	if (number == 2) {
		way.hello_length = (size_t)count;
		memcpy(way.hello, octets, way.hello_length);
	}
	if (number >= way.lose_from && number < way.lose_to)
		return;
	const struct address *to = back ? &way.client : &way.server;
	assert_int_equal(sendto(socket, octets, (size_t)count, 0, &to->any, to->length), count);
}

static void open_way(const struct secure_settings *settings)
{
	struct address address;
	way.passed = 0;
	way.socket = open_peer(AF_INET, SOCK_DGRAM, &address);
	way.server = *dtls_listener_address(listener);
	way.event = event_new(loop_base(), way.socket, EV_READ | EV_PERSIST, on_way, NULL);
	event_add(way.event, NULL);
	start_client(&address, settings);
}

static void close_way(void)
{
	event_free(way.event);
	close(way.socket);
}

static void keeps_a_session_whose_hello_comes_twice(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	memset(&way, 0, sizeof way);
	open_way(&settings);
	turn_until(told.endpoint->state == ENDPOINT_OPEN && ready == 1);
	there = dtls_accept(listener, &ignoring, NULL);
	assert_non_null(there);
	const struct sockaddr *server = &way.server.any;
	assert_int_equal(sendto(way.socket, way.hello, way.hello_length, 0, server, way.server.length),
			 way.hello_length);
	turn_for(0.02);
	assert_int_equal(there->state, ENDPOINT_OPEN);
	assert_int_equal(ready, 1);
	assert_int_equal(endpoint_send(told.endpoint, "still here", 10, NULL, NULL), 0);
	turn_until(there->inbox.items == 1);
	close_way();
}

static void survives_the_loss_of_any_flight(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	settings.timeout = 6;
	start_listener(AF_INET);
	// Of one handshake: hello, cookie, hello, flight of the server (2 datagrams or so), of the client, Finished.
	for (unsigned first = 0; first < 6; first += 2) {
		memset(&way, 0, sizeof way);
		way.lose_from = first;
		way.lose_to = first + 2;
		open_way(&settings);
		double patience = loop_monotonic() + 6;
		while ((told.endpoint->state == ENDPOINT_OPENING || ready == 0) && loop_monotonic() < patience)
			turn_for(0.01);
		assert_int_equal(told.endpoint->state, ENDPOINT_OPEN);
		assert_true(way.passed > 6);
		there = dtls_accept(listener, &ignoring, NULL);
		assert_non_null(there);
		assert_int_equal(endpoint_send(told.endpoint, "still here", 10, NULL, NULL), 0);
		turn_until(there->inbox.items == 1);
		endpoint_free(told.endpoint);
		endpoint_free(there);
		told.endpoint = there = NULL;
		ready = 0;
		close_way();
	}
}

static void on_end(struct transaction *done)
{
	(void)done;
}

static void sends_a_request_again(void **state)
{
	(void)state;
	struct transaction_plan plan = {.schedule = {0.05, 3, 2}};
	connect_both(AF_INET);
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 7), 20, NULL, &plan, on_end,
					   NULL, NULL),
			 0);
	turn_until(there->inbox.items == 2);
	assert_int_equal(endpoint_send(there, message(SUCCESS, 7), 20, NULL, NULL), 0);
	turn_until(transaction.done);
	assert_non_null(transaction.reply);
	assert_int_equal(transaction.sends, 2);
}

static void gives_up_a_peer_that_says_nothing(void **state)
{
	(void)state;
	struct address address;
	struct secure_settings settings = client_settings();
	settings.timeout = 0.05;
	int peer = open_peer(AF_INET, SOCK_DGRAM, &address);
	start_client(&address, &settings);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "timeout");
	endpoint_free(told.endpoint);
	close(peer);
	start_client(&address, &settings);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_non_null(strstr(told.endpoint->ended, "timeout; ICMP port unreachable"));
	assert_int_equal(told.icmp, 1);
}

// As a stranger: what it gets for a ClientHello that a real client made.
static void keeps_nothing_of_a_client_without_its_cookie(void **state)
{
	(void)state;
	uint8_t hello[2048], answer[2048];
	struct address address;
	struct secure_settings settings = client_settings();
	int peer = open_peer(AF_INET, SOCK_DGRAM, &address);
	start_client(&address, &settings);
	turn_for(0.02);
	ssize_t length = recv(peer, hello, sizeof hello, 0);
	assert_true(length > 14);
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
	start_listener(AF_INET);
	const struct address *there_address = dtls_listener_address(listener);
	int events = event_base_get_num_events(loop_base(), EVENT_BASE_COUNT_ADDED);
	for (unsigned i = 0; i < 3000; i++) {
		assert_int_equal(sendto(peer, hello, (size_t)length, 0, &there_address->any, there_address->length),
				 length);
		if (i % 32 == 0)
			turn_for(0.001);
	}
	turn_for(0.02);
	assert_int_equal(event_base_get_num_events(loop_base(), EVENT_BASE_COUNT_ADDED), events);
	length = recv(peer, answer, sizeof answer, 0);
	assert_true(length > 14);
	assert_int_equal(answer[0], 22);
	assert_int_equal(answer[13], 3); // HelloVerifyRequest
	// Garbage is not answered.
	while (recv(peer, answer, sizeof answer, MSG_DONTWAIT) > 0)
		;
	for (size_t cut = 0; cut < 60; cut++)
		sendto(peer, hello, cut, 0, &there_address->any, there_address->length);
	turn_for(0.05);
	assert_int_equal(recv(peer, answer, sizeof answer, MSG_DONTWAIT), -1);
	close(peer);
	connect_with(&settings);
}

static void serves_a_client_that_begins_anew_from_its_port(void **state)
{
	(void)state;
	struct error error;
	struct secure_settings settings = client_settings();
	connect_both(AF_INET);
	struct address local = told.endpoint->local;
	SSL_set_quiet_shutdown(secure_of(told.endpoint)->ssl, 1);
	endpoint_free(told.endpoint);
	turn_for(0.01);
	assert_int_equal(there->state, ENDPOINT_OPEN);
	told.endpoint = dtls_connect(dtls_listener_address(listener), &local, &settings, &noting, &told, &error);
	assert_non_null(told.endpoint);
	turn_until(ready == 2);
	assert_int_equal(there->state, ENDPOINT_ENDED);
	assert_string_equal(there->ended, "closed");
	endpoint_free(there);
	there = dtls_accept(listener, &ignoring, NULL);
	assert_non_null(there);
	turn_until(told.endpoint->state == ENDPOINT_OPEN);
	assert_int_equal(endpoint_send(told.endpoint, "anew", 4, NULL, NULL), 0);
	turn_until(there->inbox.items == 1);
}

static void keeps_what_comes_before_it_is_taken(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	start_client(dtls_listener_address(listener), &settings);
	turn_until(told.endpoint->state == ENDPOINT_OPEN && ready == 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, (uint8_t)i), 20, NULL, NULL), 0);
	turn_for(0.02);
	there = told.endpoint;
	told.endpoint = dtls_accept(listener, &noting, &told);
	told.received = 0;
	turn_until(told.received == 3);
	assert_int_equal(told.endpoint->inbox.first->octets[8], 0);
	assert_int_equal(told.endpoint->inbox.last->octets[8], 2);
}

static void may_be_freed_by_its_owner_at_any_packet(void **state)
{
	(void)state;
	connect_both(AF_INET);
	assert_int_equal(endpoint_send(there, message(SUCCESS, 1), 20, NULL, NULL), 0);
	assert_int_equal(endpoint_send(there, message(SUCCESS, 2), 20, NULL, NULL), 0);
	told.free_on_packet = true;
	turn_until(told.received == 1);
	assert_null(told.endpoint);
}

static void keeps_the_socket_for_the_sessions_that_were_taken(void **state)
{
	(void)state;
	connect_both(AF_INET);
	dtls_listener_free(listener);
	listener = NULL;
	assert_int_equal(endpoint_send(told.endpoint, "on", 2, NULL, NULL), 0);
	turn_until(there->inbox.items == 1);
}

static void lets_go_of_sessions_nobody_took(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	start_client(dtls_listener_address(listener), &settings);
	turn_until(ready == 1 && told.endpoint->state == ENDPOINT_OPEN);
	dtls_listener_free(listener);
	listener = NULL;
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "closed");
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin_secure, end_listener)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		each(carries_messages_both_ways),
		each(refuses_what_no_record_carries),
		each(says_what_was_agreed_on),
		each(refuses_what_it_cannot_trust),
		each(speaks_no_other_version),
		each(ends_with_the_other_side),
		each(survives_the_loss_of_any_flight),
		each(sends_a_request_again),
		each(gives_up_a_peer_that_says_nothing),
		each(keeps_nothing_of_a_client_without_its_cookie),
		each(serves_a_client_that_begins_anew_from_its_port),
		each(keeps_a_session_whose_hello_comes_twice),
		each(keeps_what_comes_before_it_is_taken),
		each(may_be_freed_by_its_owner_at_any_packet),
		each(keeps_the_socket_for_the_sessions_that_were_taken),
		each(lets_go_of_sessions_nobody_took),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
