// SPDX-License-Identifier: BSD-3-Clause
#include "audit/conversation.h"

#include "capture/tls_secrets.h"
#include "stun/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START UINT64_C(1700000000000000000)
#define PIECES 8

static const uint8_t binding[STUN_HEADER_SIZE] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 't'};

struct taken {
	struct conversation_piece pieces[PIECES];
	size_t count;
};

static bool take(void *context, const struct conversation_piece *piece)
{
	struct taken *taken = context;
	assert_in_range(taken->count, 0, PIECES - 1);
	taken->pieces[taken->count++] = *piece;
	return true;
}

// A segment of a stream of Binding requests that begins with sequence number 1; the packet of that number.
static void give(struct conversation *conversation, struct taken *taken, uint64_t frame, size_t start, size_t end)
{
	uint8_t octets[STUN_HEADER_SIZE * 4];
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = binding[i % STUN_HEADER_SIZE];
	const struct packet packet = {
		.protocol = PACKET_TCP,
		.tcp_sequence = (uint32_t)(start ? start + 1 : 0),
		.tcp_flags = start ? 0 : PACKET_TCP_SYN,
		.payload = &octets[start],
		.payload_length = end - start,
		.frame = frame,
		.time = START + frame,
		.offset = frame * 100,
	};
	assert_true(conversation_packet(conversation, 0, &packet, frame, take, taken));
}

static void check(const struct conversation_piece *piece, uint64_t first, uint64_t frame)
{
	assert_int_equal(piece->first_frame, first);
	assert_int_equal(piece->frame, frame);
	assert_int_equal(piece->time, START + frame);
	assert_int_equal(piece->offset, frame * 100);
}

// Frame, time and offset are those of one packet, also where octets came out of order.
static void a_piece_has_the_time_of_its_packet(void **unused)
{
	(void)unused;
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct conversation *conversation = conversation_new(PACKET_TCP, secrets);
	struct taken taken = {0};
	give(conversation, &taken, 1, 0, 10);
	give(conversation, &taken, 2, 40, 60); // the third request
	give(conversation, &taken, 3, 30, 40); // the end of the second
	give(conversation, &taken, 4, 10, 30);
	assert_int_equal(taken.count, 3);
	check(&taken.pieces[0], 1, 4);
	check(&taken.pieces[1], 3, 4);
	check(&taken.pieces[2], 2, 2);
	conversation_free(conversation);
	tls_secrets_free(secrets);
}

// What waits for octets to the end is handed out then, and keeps the time at which it came.
static void what_waited_to_the_end_has_its_time(void **unused)
{
	(void)unused;
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct conversation *conversation = conversation_new(PACKET_TCP, secrets);
	struct taken taken = {0};
	give(conversation, &taken, 1, 0, 20);
	give(conversation, &taken, 2, 40, 60);
	give(conversation, &taken, 3, 60, 80);
	assert_int_equal(taken.count, 1);
	assert_true(conversation_finish(conversation, take, &taken));
	assert_int_equal(taken.count, 2); // what is found right behind the gap may be the content of another one
	check(&taken.pieces[1], 3, 3);
	assert_int_equal(conversation_lost(conversation), 40);
	conversation_free(conversation);
	tls_secrets_free(secrets);
}

// What does not look like STUN is left unread for the time being, and the packet that brought it is gone then.
static void octets_left_unread_are_kept(void **unused)
{
	(void)unused;
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct conversation *conversation = conversation_new(PACKET_TCP, secrets);
	struct taken taken = {0};
	// ChannelData and requests, and the beginning of one, on a stream not seen from its start: neither ChannelData
	// proves anything, nor what was found by a search, so that a part is looked at with the next packet only.
	static const char order[] = "DRDDRD";
	const uint8_t data[] = {0x40, 0, 0, 4, 'd', 'a', 't', 'a'};
	uint8_t first[4 * sizeof data + 2 * STUN_HEADER_SIZE + 6];
	size_t length = 0;
	for (const char *at = order; *at; at++) {
		size_t size = *at == 'D' ? sizeof data : STUN_HEADER_SIZE;
		memcpy(&first[length], *at == 'D' ? data : binding, size);
		length += size;
	}
	memcpy(&first[length], binding, 6);
	uint8_t *octets = malloc(sizeof first);
	assert_non_null(octets);
	memcpy(octets, first, sizeof first);
	struct packet packet = {.protocol = PACKET_TCP,
				.tcp_sequence = 100,
				.payload = octets,
				.frame = 1,
				.payload_length = sizeof first};
	assert_true(conversation_packet(conversation, 0, &packet, 1, take, &taken));
	memset(octets, 0x80, sizeof first);
	free(octets);
	uint8_t rest[STUN_HEADER_SIZE + STUN_HEADER_SIZE - 6];
	memcpy(rest, &binding[6], STUN_HEADER_SIZE - 6);
	memcpy(&rest[STUN_HEADER_SIZE - 6], binding, STUN_HEADER_SIZE);
	packet = (struct packet){.protocol = PACKET_TCP,
				 .tcp_sequence = 100 + sizeof first,
				 .payload = rest,
				 .payload_length = sizeof rest,
				 .frame = 2};
	assert_true(conversation_packet(conversation, 0, &packet, 2, take, &taken));
	assert_int_equal(conversation_kind(conversation), CONVERSATION_STUN);
	assert_int_equal(taken.count, 2);
	conversation_free(conversation);
	tls_secrets_free(secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_has_the_time_of_its_packet),
		cmocka_unit_test(what_waited_to_the_end_has_its_time),
		cmocka_unit_test(octets_left_unread_are_kept),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
