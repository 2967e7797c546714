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
		.protocol = PACKET_TCP, .tcp_sequence = (uint32_t)(start ? start + 1 : 0),
		.tcp_flags = start ? 0 : PACKET_TCP_SYN, .payload = &octets[start], .payload_length = end - start,
		.frame = frame, .time = START + frame, .offset = frame * 100,
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_piece_has_the_time_of_its_packet),
		cmocka_unit_test(what_waited_to_the_end_has_its_time),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
