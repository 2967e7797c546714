// SPDX-License-Identifier: BSD-3-Clause
#include "net/tls.h"

#include "net/tcp.h"
#include "secure.h"

#include <sys/socket.h>

static struct tls_listener *listener;

static void listen_with(const struct secure_settings *settings, int family)
{
	struct error error;
	struct address address = loopback(family);
	listener = tls_listen(&address, settings, note_ready, NULL, &error);
	if (!listener)
		fail_msg("%s", error.text);
}

static void start_listener(int family)
{
	struct secure_settings settings = server_settings();
	listen_with(&settings, family);
}

static int end_listener(void **state)
{
	tls_listener_free(listener);
	listener = NULL;
	return end_secure(state);
}

static void start_client(const struct secure_settings *settings)
{
	struct error error;
	told.endpoint = tls_connect(tls_listener_address(listener), NULL, settings, &noting, &told, &error);
	if (!told.endpoint)
		fail_msg("%s", error.text);
}

static void connect_with(const struct secure_settings *settings)
{
	start_client(settings);
	turn_until(told.endpoint->state != ENDPOINT_OPENING);
	if (told.endpoint->state != ENDPOINT_OPEN)
		fail_msg("%s", told.endpoint->ended);
	turn_until(ready == 1);
	there = tls_accept(listener, &ignoring, NULL);
	assert_non_null(there);
	assert_null(tls_accept(listener, &ignoring, NULL));
}

static void connect_both(int family)
{
	struct secure_settings settings = client_settings();
	start_listener(family);
	connect_with(&settings);
}

static void carries_frames_both_ways(void **state)
{
	(void)state;
	connect_both(AF_INET);
	// Two frames in one record, one in two.
	uint8_t two[40];
	memcpy(two, message(REQUEST, 'a'), 20);
	memcpy(two + 20, message(REQUEST, 'b'), 20);
	assert_int_equal(endpoint_send(told.endpoint, two, 40, NULL, NULL), 0);
	turn_until(there->inbox.items == 2);
	assert_memory_equal(there->inbox.first->octets, two, 20);
	assert_int_equal(endpoint_send(there, two, 7, NULL, NULL), 0);
	turn_for(0.01);
	assert_int_equal(told.endpoint->inbox.items, 0);
	assert_int_equal(endpoint_send(there, two + 7, 13, NULL, NULL), 0);
	turn_until(told.endpoint->inbox.items == 1);
	assert_int_equal(told.received, 1);
	assert_int_equal(told.sent, 1);
	assert_true(address_equal(&told.endpoint->local, &there->remote));
}

static void carries_the_longest_frames(void **state)
{
	(void)state;
	connect_both(AF_INET6);
	uint8_t *frame = calloc(1, 65540);
	memcpy(frame, "\x40\x00\xff\xff", 4);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(endpoint_send(told.endpoint, frame, 65540, NULL, NULL), 0);
	turn_until(there->inbox.items == 40);
	assert_int_equal(there->inbox.last->length, 65539);
	free(frame);
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
	assert_string_equal(facts.version, "TLSv1.3");
	assert_non_null(strstr(facts.cipher, "TLS_"));
	assert_string_equal(facts.peer, "/CN=stun.example.org");
	assert_string_equal(SSL_get_servername(secure_of(there)->ssl, TLSEXT_NAMETYPE_host_name), "stun.example.org");
	assert_true(holds(&mine->secrets, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
	assert_true(holds(&mine->secrets, "SERVER_TRAFFIC_SECRET_0 "));
	assert_int_equal(mine->secrets.data[mine->secrets.length - 1], '\n');
	endpoint_close(told.endpoint);
	assert_false(secure_describe(mine, &facts));
	assert_true(holds(&mine->secrets, "CLIENT_TRAFFIC_SECRET_0 "));
}

static void speaks_the_versions_asked_for(void **state)
{
	(void)state;
	struct secure_facts facts;
	struct secure_settings settings = client_settings();
	settings.maximum = SECURE_1_2;
	start_listener(AF_INET);
	connect_with(&settings);
	assert_true(secure_describe(secure_of(told.endpoint), &facts));
	assert_string_equal(facts.version, "TLSv1.2");
	assert_true(holds(&secure_of(told.endpoint)->secrets, "CLIENT_RANDOM "));
	assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, 1), 20, NULL, NULL), 0);
	turn_until(there->inbox.items == 1);
}

static void asks_for_fresh_keys(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	connect_with(&settings);
	assert_int_equal(secure_rekey(secure_of(told.endpoint), NULL), 0); // of TLS 1.3
	assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, 'a'), 20, NULL, NULL), 0);
	turn_until(there->inbox.items == 1);
	assert_int_equal(endpoint_send(there, message(SUCCESS, 'a'), 20, NULL, NULL), 0);
	turn_until(told.endpoint->inbox.items == 1);
	endpoint_free(told.endpoint);
	endpoint_free(there);
	told.endpoint = there = NULL;
	ready = 0;
	settings.maximum = SECURE_1_2;
	connect_with(&settings);
	assert_int_equal(secure_rekey(secure_of(told.endpoint), NULL), 0);
	turn_until(told.endpoint->state == ENDPOINT_ENDED); // our own side takes no handshake within a session
	assert_non_null(strstr(told.endpoint->ended, "no renegotiation"));
	assert_int_equal(secure_rekey(secure_of(told.endpoint), NULL), -1);
}

static void expect_refusal(const struct secure_settings *settings, const char *reason)
{
	start_client(settings);
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
	settings.server_name = "127.0.0.2";
	expect_refusal(&settings, "IP address mismatch");
	settings.server_name = NULL;
	settings.ca = other_path;
	expect_refusal(&settings, "the certificate is not trusted: ");
	settings.ca = NULL;
	expect_refusal(&settings, "self-signed certificate");
	settings.insecure = true;
	connect_with(&settings);
}

static void refuses_versions_that_do_not_meet(void **state)
{
	(void)state;
	struct secure_settings settings = server_settings();
	settings.minimum = SECURE_1_3;
	listen_with(&settings, AF_INET);
	settings = client_settings();
	settings.maximum = SECURE_1_2;
	expect_refusal(&settings, "protocol version");
}

static void names_the_file_that_is_of_no_use(void **state)
{
	(void)state;
	struct error error;
	struct address address = loopback(AF_INET);
	struct secure_settings settings = server_settings();
	settings.certificate = "/nowhere/certificate.pem";
	assert_null(tls_listen(&address, &settings, note_ready, NULL, &error));
	assert_non_null(strstr(error.text, "/nowhere/certificate.pem: No such file"));
	settings = server_settings();
	settings.key = other_key;
	assert_null(tls_listen(&address, &settings, note_ready, NULL, &error));
	assert_non_null(strstr(error.text, "key"));
	settings = client_settings();
	settings.ca = key_path;
	assert_null(tls_connect(&address, NULL, &settings, &noting, &told, &error));
	assert_non_null(strstr(error.text, key_path));
}

static void takes_an_end_without_close_notify_for_an_end(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	for (unsigned orderly = 0; orderly < 2; orderly++) {
		start_listener(AF_INET);
		connect_with(&settings);
		SSL *ssl = secure_of(told.endpoint)->ssl;
		if (!orderly)
			SSL_set_quiet_shutdown(ssl, 1);
		endpoint_close(told.endpoint);
		turn_until(there->state == ENDPOINT_ENDED);
		assert_string_equal(there->ended, "closed");
		endpoint_free(told.endpoint);
		endpoint_free(there);
		told.endpoint = there = NULL;
		tls_listener_free(listener);
		listener = NULL;
		ready = 0;
	}
}

static void tells_a_frame_that_broke_off(void **state)
{
	(void)state;
	connect_both(AF_INET);
	assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, 1), 10, NULL, NULL), 0);
	endpoint_close(told.endpoint);
	turn_until(there->state == ENDPOINT_ENDED);
	assert_non_null(strstr(there->ended, "10 octets into a frame"));
}

static void ends_on_octets_that_are_no_frame(void **state)
{
	(void)state;
	connect_both(AF_INET);
	assert_int_equal(endpoint_send(told.endpoint, "\xff\xff\xff\xff", 4, NULL, NULL), 0);
	turn_until(there->state == ENDPOINT_ENDED);
	assert_non_null(strstr(there->ended, "framing: "));
}

static void survives_garbage_in_place_of_a_handshake(void **state)
{
	(void)state;
	start_listener(AF_INET);
	const struct address *address = tls_listener_address(listener);
	for (unsigned i = 0; i < 3; i++) {
		int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(peer, &address->any, address->length), 0);
		assert_int_equal(write(peer, "GET / HTTP/1.0\r\n\r\n", 18), 18);
		turn_for(0.02);
		close(peer);
		turn_for(0.02);
	}
	assert_int_equal(ready, 0);
	struct secure_settings settings = client_settings();
	connect_with(&settings);
}

static void gives_up_a_peer_that_says_nothing(void **state)
{
	(void)state;
	struct address address;
	struct error error;
	int peer = open_peer(AF_INET, SOCK_STREAM, &address);
	assert_int_equal(listen(peer, 1), 0);
	struct secure_settings settings = client_settings();
	settings.timeout = 0.05;
	told.endpoint = tls_connect(&address, NULL, &settings, &noting, &told, &error);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "timeout");
	close(peer);
	// The same of a server: a client that connects and says nothing.
	settings = server_settings();
	settings.timeout = 0.05;
	listen_with(&settings, AF_INET);
	const struct address *here = tls_listener_address(listener);
	peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(peer, &here->any, here->length), 0);
	turn_for(0.2);
	char octet;
	assert_int_equal(recv(peer, &octet, 1, MSG_DONTWAIT), 0);
	close(peer);
}

static void tells_of_a_refused_connection(void **state)
{
	(void)state;
	struct address address;
	struct error error;
	close(open_peer(AF_INET, SOCK_STREAM, &address));
	struct secure_settings settings = client_settings();
	told.endpoint = tls_connect(&address, NULL, &settings, &noting, &told, &error);
	assert_non_null(told.endpoint);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "Connection refused");
	assert_int_equal(endpoint_send(told.endpoint, "x", 1, NULL, &error), -1);
}

static void keeps_what_comes_before_it_is_taken(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	start_client(&settings);
	turn_until(told.endpoint->state == ENDPOINT_OPEN);
	assert_int_equal(endpoint_send(told.endpoint, message(REQUEST, 1), 20, NULL, NULL), 0);
	turn_until(ready == 1);
	turn_for(0.02);
	struct endpoint *client = told.endpoint;
	told.endpoint = NULL;
	there = client;
	told.endpoint = tls_accept(listener, &noting, &told);
	assert_int_equal(told.received, 0);
	turn_until(told.received == 1);
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

static void lets_go_of_connections_nobody_took(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	start_listener(AF_INET);
	start_client(&settings);
	turn_until(ready == 1);
	tls_listener_free(listener);
	listener = NULL;
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "closed");
}

static void counts_as_reliable(void **state)
{
	(void)state;
	connect_both(AF_INET);
	assert_true(told.endpoint->kind->reliable);
	assert_string_equal(told.endpoint->kind->transport, "tls");
	assert_ptr_equal(secure_of(told.endpoint), told.endpoint);
	endpoint_free(told.endpoint);
	const struct address *address = tls_listener_address(listener);
	told.endpoint = tcp_connect(address, NULL, 1, &noting, &told, NULL);
	assert_null(secure_of(told.endpoint));
}

#define each(test) cmocka_unit_test_setup_teardown(test, begin_secure, end_listener)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		each(carries_frames_both_ways),
		each(carries_the_longest_frames),
		each(says_what_was_agreed_on),
		each(speaks_the_versions_asked_for),
		each(asks_for_fresh_keys),
		each(refuses_what_it_cannot_trust),
		each(refuses_versions_that_do_not_meet),
		each(names_the_file_that_is_of_no_use),
		each(takes_an_end_without_close_notify_for_an_end),
		each(tells_a_frame_that_broke_off),
		each(ends_on_octets_that_are_no_frame),
		each(survives_garbage_in_place_of_a_handshake),
		each(gives_up_a_peer_that_says_nothing),
		each(tells_of_a_refused_connection),
		each(keeps_what_comes_before_it_is_taken),
		each(may_be_freed_by_its_owner_at_any_packet),
		each(lets_go_of_connections_nobody_took),
		each(counts_as_reliable),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
