// SPDX-License-Identifier: BSD-3-Clause
#include "net/tcp.h"

#include "harness.h"
#include "net/transaction.h"

#include <errno.h>

// A STUN message of 20 octets and its length field, ChannelData of 5 octets and its padding of 3, ChannelData of 4.
static const char stream[] = "\x01\x03\x00\x04\x21\x12\xa4\x42"
			     "abcdefghijkl"
			     "WXYZ"
			     "\x40\x01\x00\x05"
			     "hello"
			     "\0\0\0"
			     "\x40\x02\x00\x04"
			     "four"
			     "\x40\x03\x00\x00";
#define STREAM_LENGTH (sizeof stream - 1)
static const size_t frames[] = {24, 9, 8, 4};
#define FRAMES 4

static void ignore_connection(void *owner)
{
	(*(unsigned *)owner)++;
}

// An accepted endpoint, and the plain socket of its peer.
static int accept_peer(int family)
{
	unsigned readable = 0;
	bool nothing;
	struct error error;
	struct address address = loopback(family);
	struct tcp_listener *listener = tcp_listen(&address, ignore_connection, &readable, &error);
	assert_non_null(listener);
	assert_null(tcp_accept(listener, &noting, &told, &nothing, &error));
	assert_true(nothing);
	int peer = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(tcp_listener_watch(listener), 0);
	const struct address *there = tcp_listener_address(listener);
	assert_int_equal(connect(peer, &there->any, there->length), 0);
	turn_until(readable == 1);
	told.endpoint = tcp_accept(listener, &noting, &told, &nothing, &error);
	assert_non_null(told.endpoint);
	tcp_listener_free(listener);
	return peer;
}

static void done_with(int peer)
{
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
	close(peer);
}

static void expect_frames(void)
{
	size_t offset = 0;
	turn_until(told.endpoint->inbox.items == FRAMES);
	for (unsigned i = 0; i < FRAMES; i++) {
		assert_int_equal(told.endpoint->inbox.first->length, frames[i]);
		assert_memory_equal(told.endpoint->inbox.first->octets, &stream[offset], frames[i]);
		offset += (frames[i] + 3) & ~(size_t)3;
		inbox_drop(&told.endpoint->inbox);
	}
}

static void finds_frames_octet_by_octet(void **state)
{
	(void)state;
	int peer = accept_peer(AF_INET);
	for (size_t i = 0; i < STREAM_LENGTH; i++) {
		assert_int_equal(write(peer, &stream[i], 1), 1);
		turn_for(0.001);
	}
	expect_frames();
	done_with(peer);
}

static void finds_frames_sent_in_one_piece(void **state)
{
	(void)state;
	int peer = accept_peer(AF_INET6);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(write(peer, stream, STREAM_LENGTH), STREAM_LENGTH);
		expect_frames();
	}
	done_with(peer);
}

static void finds_the_longest_frame(void **state)
{
	(void)state;
	int peer = accept_peer(AF_INET);
	uint8_t *frame = calloc(1, 65540);
	memcpy(frame, "\x40\x00\xff\xff", 4);
	for (size_t written = 0; written < 65540; written += 4096) {
		size_t length = 65540 - written < 4096 ? 65540 - written : 4096;
		assert_int_equal(write(peer, frame + written, length), length);
		turn_for(0.001);
	}
	turn_until(told.endpoint->inbox.items == 1);
	assert_int_equal(told.endpoint->inbox.first->length, 65539);
	free(frame);
	done_with(peer);
}

static void ends_on_octets_that_are_no_frame(void **state)
{
	(void)state;
	static const char *const garbage[] = {"\x80", "\xff\xff\xff\xff", "\xc0garbage"};
	for (unsigned i = 0; i < 3; i++) {
		int peer = accept_peer(AF_INET);
		assert_int_equal(write(peer, stream, STREAM_LENGTH), STREAM_LENGTH);
		assert_true(write(peer, garbage[i], strlen(garbage[i])) > 0);
		turn_until(told.endpoint->state == ENDPOINT_ENDED);
		assert_non_null(strstr(told.endpoint->ended, "framing: "));
		expect_frames();
		done_with(peer);
	}
}

static void hands_on_what_is_no_matter_of_frames(void **state)
{
	(void)state;
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28";
	int peer = accept_peer(AF_INET);
	assert_true(tcp_unframe(told.endpoint));
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(write(peer, alert, 7), 7);
		turn_until(told.endpoint->inbox.items == i);
	}
	assert_int_equal(told.endpoint->inbox.first->length, 7);
	assert_memory_equal(told.endpoint->inbox.first->octets, alert, 7);
	assert_int_equal(endpoint_send(told.endpoint, alert, 7, NULL, NULL), 0);
	shutdown(peer, SHUT_WR);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "closed");
	done_with(peer);
}

static void tells_an_orderly_end_from_a_broken_frame(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= STREAM_LENGTH; cut++) {
		int peer = accept_peer(AF_INET);
		size_t offset = 0;
		bool border = cut == 0;
		for (unsigned i = 0; i < FRAMES; i++) {
			offset += (frames[i] + 3) & ~(size_t)3;
			border = border || cut == offset;
		}
		assert_int_equal(write(peer, stream, cut), cut);
		assert_int_equal(shutdown(peer, SHUT_WR), 0);
		turn_until(told.endpoint->state == ENDPOINT_ENDED);
		if (border)
			assert_string_equal(told.endpoint->ended, "closed");
		else
			assert_non_null(strstr(told.endpoint->ended, "into a frame"));
		// Only the peer's direction is over.
		char got[4];
		assert_int_equal(endpoint_send(told.endpoint, "ok", 2, NULL, NULL), 0);
		assert_int_equal(read(peer, got, sizeof got), 2);
		done_with(peer);
	}
}

static void tells_of_a_reset(void **state)
{
	(void)state;
	struct error error;
	int peer = accept_peer(AF_INET);
	struct linger abort = {1, 0};
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), 0);
	close(peer);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, strerror(ECONNRESET));
	assert_int_equal(endpoint_send(told.endpoint, "x", 1, NULL, &error), -1);
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
}

static void connects_and_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct address remote;
		int listening = open_peer(i ? AF_INET6 : AF_INET, SOCK_STREAM, &remote);
		assert_int_equal(listen(listening, 1), 0);
		told.endpoint = tcp_connect(&remote, NULL, 1, &noting, &told, NULL);
		assert_non_null(told.endpoint);
		turn_until(told.endpoint->state == ENDPOINT_OPEN);
		assert_true(told.changed >= 1);
		int peer = accept(listening, NULL, NULL);
		assert_int_equal(endpoint_send(told.endpoint, stream, STREAM_LENGTH, NULL, NULL), 0);
		char got[sizeof stream];
		assert_int_equal(recv(peer, got, STREAM_LENGTH, MSG_WAITALL), STREAM_LENGTH);
		// What was sent just before the end still arrives.
		assert_int_equal(endpoint_send(told.endpoint, "last", 4, NULL, NULL), 0);
		endpoint_free(told.endpoint);
		assert_int_equal(recv(peer, got, 8, MSG_WAITALL), 4);
		close(peer);
		close(listening);
		struct error error;
		told.endpoint = tcp_connect(&remote, NULL, 1, &noting, &told, &error);
		if (told.endpoint) {
			turn_until(told.endpoint->state == ENDPOINT_ENDED);
			assert_string_equal(told.endpoint->ended, strerror(ECONNREFUSED));
			assert_int_equal(endpoint_send(told.endpoint, "x", 1, NULL, &error), -1);
		}
		endpoint_free(told.endpoint);
		told.endpoint = NULL;
	}
}

// A listener whose queue is full lets no connection be made, and refuses none.
static void gives_up_connecting_in_time(void **state)
{
	(void)state;
	struct address remote;
	struct endpoint *others[4];
	int listening = open_peer(AF_INET, SOCK_STREAM, &remote);
	assert_int_equal(listen(listening, 0), 0);
	for (unsigned i = 0; i < 4; i++)
		others[i] = tcp_connect(&remote, NULL, 10, &noting, &told, NULL);
	turn_for(0.02);
	told.endpoint = tcp_connect(&remote, NULL, 0.05, &noting, &told, NULL);
	assert_non_null(told.endpoint);
	struct error error;
	assert_int_equal(endpoint_send(told.endpoint, "x", 1, NULL, &error), -1);
	turn_until(told.endpoint->state == ENDPOINT_ENDED);
	assert_string_equal(told.endpoint->ended, "timeout");
	for (unsigned i = 0; i < 4; i++)
		endpoint_free(others[i]);
	close(listening);
}

static void queues_for_a_slow_peer_and_not_for_ever(void **state)
{
	(void)state;
	enum { PIECE = 1 << 20 };
	struct error error;
	int peer = accept_peer(AF_INET);
	uint8_t *octets = malloc(PIECE);
	size_t queued = 0, got = 0;
	for (size_t i = 0; i < PIECE; i++)
		octets[i] = (uint8_t)(i % 251);
	while (queued < 200 * (size_t)PIECE && endpoint_send(told.endpoint, octets, PIECE, NULL, &error) == 0)
		queued += PIECE;
	assert_true(queued >= 16 * (size_t)PIECE && queued < 200 * (size_t)PIECE);
	uint8_t *read_back = malloc(PIECE);
	while (got < queued) {
		turn_for(0.001);
		ssize_t count = recv(peer, read_back, PIECE, MSG_DONTWAIT);
		for (ssize_t i = 0; i < count; i++)
			if (read_back[i] != octets[(got + (size_t)i) % PIECE])
				fail_msg("octet %zu is another", got + (size_t)i);
		got += count > 0 ? (size_t)count : 0;
	}
	free(octets);
	free(read_back);
	done_with(peer);
}

static void may_be_closed_or_freed_by_the_one_it_tells(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		int peer = accept_peer(AF_INET);
		*(i ? &told.close_on_packet : &told.free_on_packet) = true;
		told.received = 0;
		assert_int_equal(write(peer, stream, STREAM_LENGTH), STREAM_LENGTH);
		turn_until(told.received == 1);
		turn_for(0.01);
		assert_int_equal(told.received, 1);
		told.close_on_packet = told.free_on_packet = false;
		done_with(peer);
	}
}

static struct transaction transaction;

static void ignore_end(struct transaction *ended)
{
	(void)ended;
}

static void sends_requests_once_and_waits(void **state)
{
	(void)state;
	struct transaction_plan plan = {.schedule = {0.005, 7, 16}, .timeout = 0.1};
	int peer = accept_peer(AF_INET);
	char got[64];
	// The peer is there and says nothing, then half of an answer.
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 1), 20, NULL, &plan,
					   ignore_end, NULL, NULL),
			 0);
	assert_int_equal(write(peer, message(SUCCESS, 1), 10), 10);
	turn_until(transaction.done);
	assert_string_equal(transaction.failure, "timeout");
	assert_int_equal(transaction.sends, 1);
	assert_int_equal(recv(peer, got, sizeof got, 0), 20);
	transaction_release(&transaction);

	assert_int_equal(write(peer, message(SUCCESS, 1) + 10, 10), 10);
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 2), 20, NULL, &plan,
					   ignore_end, NULL, NULL),
			 0);
	assert_int_equal(write(peer, message(FAILURE, 2), 20), 20);
	turn_until(transaction.done);
	assert_string_equal(transaction.failure, "");
	assert_int_equal(transaction.reply_length, 20);
	transaction_release(&transaction);

	plan.timeout = 10;
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 3), 20, NULL, &plan,
					   ignore_end, NULL, NULL),
			 0);
	shutdown(peer, SHUT_WR);
	turn_until(transaction.done);
	assert_string_equal(transaction.failure, "closed");
	transaction_release(&transaction);
	struct error error;
	assert_int_equal(transaction_start(&transaction, told.endpoint, message(REQUEST, 4), 20, NULL, &plan,
					   ignore_end, NULL, &error),
			 -1);
	transaction_release(&transaction);
	done_with(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds_frames_octet_by_octet, begin, end),
		cmocka_unit_test_setup_teardown(finds_frames_sent_in_one_piece, begin, end),
		cmocka_unit_test_setup_teardown(finds_the_longest_frame, begin, end),
		cmocka_unit_test_setup_teardown(ends_on_octets_that_are_no_frame, begin, end),
		cmocka_unit_test_setup_teardown(hands_on_what_is_no_matter_of_frames, begin, end),
		cmocka_unit_test_setup_teardown(tells_an_orderly_end_from_a_broken_frame, begin, end),
		cmocka_unit_test_setup_teardown(tells_of_a_reset, begin, end),
		cmocka_unit_test_setup_teardown(connects_and_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(gives_up_connecting_in_time, begin, end),
		cmocka_unit_test_setup_teardown(queues_for_a_slow_peer_and_not_for_ever, begin, end),
		cmocka_unit_test_setup_teardown(may_be_closed_or_freed_by_the_one_it_tells, begin, end),
		cmocka_unit_test_setup_teardown(sends_requests_once_and_waits, begin, end),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
