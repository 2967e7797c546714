// SPDX-License-Identifier: BSD-3-Clause
//
// What passes on one flow, cut into messages: found by its structure, whole or in parts, over UDP and TCP.
#include "audit/conversation.h"

#include "capture/synthesize.h"
#include "talk.h"

struct heard {
	size_t count;
	size_t lengths[16];
	bool channels[16];
	int sides[16];
	uint64_t first_frames[16], frames[16];
};

static bool hear(void *context, const struct conversation_piece *piece)
{
	struct heard *heard = context;
	assert_true(heard->count < 16);
	heard->lengths[heard->count] = piece->length;
	heard->channels[heard->count] = piece->channel;
	heard->sides[heard->count] = piece->side;
	heard->first_frames[heard->count] = piece->first_frame;
	heard->frames[heard->count++] = piece->frame;
	return true;
}

static void pass(struct conversation *conversation, struct heard *heard, enum packet_protocol protocol, int side,
		 uint64_t frame, uint32_t sequence, const void *payload, size_t length)
{
	struct synthesize what = {.protocol = protocol,
				  .payload = payload,
				  .payload_length = length,
				  .sequence = sequence,
				  .flags = PACKET_TCP_ACK | PACKET_TCP_PSH};
	assert_true(packet_address_parse(side ? "192.0.2.1" : "192.0.2.2", &what.source));
	assert_true(packet_address_parse(side ? "192.0.2.2" : "192.0.2.1", &what.destination));
	what.source.port = side ? 3478 : 50000;
	what.destination.port = side ? 50000 : 3478;
	struct writer out;
	writer_init(&out, 70000);
	assert_int_equal(synthesize_packet(&what, &out, NULL), 0);
	struct packet packet = {.link = PACKET_LINK_RAW,
				.data = out.data,
				.captured = out.length,
				.length = out.length,
				.frame = frame};
	packet_decode(&packet);
	assert_true(conversation_packet(conversation, side, &packet, frame, hear, heard));
	writer_free(&out);
}

static const uint8_t message[24] = {0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42, 1,    2,    3, 4,
				    5, 6, 7, 8, 9,    10,   11,   12,   0x80, 0x22, 0, 0};
static const uint8_t channel[8] = {0x40, 0, 0, 4, 'd', 'a', 't', 'a'};

static void datagrams(void **unused)
{
	(void)unused;
	struct conversation *conversation = conversation_new(PACKET_UDP, NULL);
	struct heard heard = {0};
	pass(conversation, &heard, PACKET_UDP, 0, 1, 0, message, sizeof message);
	pass(conversation, &heard, PACKET_UDP, 1, 2, 0, message, sizeof message);
	pass(conversation, &heard, PACKET_UDP, 0, 3, 0, channel, sizeof channel);
	assert_int_equal(heard.count, 3);
	assert_int_equal(heard.sides[1], 1);
	assert_int_equal(heard.frames[2], 3);
	assert_true(heard.channels[2] && !heard.channels[0]);
	assert_int_equal(conversation_kind(conversation), CONVERSATION_STUN);
	assert_null(conversation_opaque(conversation));
	conversation_free(conversation);
	conversation_free(NULL);
}

static void something_else(void **unused)
{
	(void)unused;
	struct conversation *conversation = conversation_new(PACKET_UDP, NULL);
	struct heard heard = {0};
	for (uint64_t i = 0; i < 100; i++)
		pass(conversation, &heard, PACKET_UDP, (int)(i % 2), i + 1, 0, "a question of names, say", 24);
	assert_int_equal(heard.count, 0);
	assert_int_equal(conversation_kind(conversation), CONVERSATION_UNKNOWN);
	pass(conversation, &heard, PACKET_UDP, 0, 101, 0, message, sizeof message); // datagrams may be of several kinds
	assert_int_equal(heard.count, 1);
	conversation_free(conversation);
}

static void cut_at_every_octet_of_a_stream(void **unused)
{
	(void)unused;
	uint8_t both[sizeof message + sizeof channel + sizeof message];
	memcpy(both, message, sizeof message);
	memcpy(&both[sizeof message], channel, sizeof channel);
	memcpy(&both[sizeof message + sizeof channel], message, sizeof message);
	for (size_t cut = 1; cut < sizeof both; cut++) {
		struct conversation *conversation = conversation_new(PACKET_TCP, NULL);
		struct heard heard = {0};
		pass(conversation, &heard, PACKET_TCP, 0, 1, 1000, both, cut);
		pass(conversation, &heard, PACKET_TCP, 0, 2, 1000 + (uint32_t)cut, &both[cut], sizeof both - cut);
		conversation_finish(conversation, hear, &heard);
		assert_int_equal(heard.count, 3);
		assert_int_equal(heard.lengths[0], sizeof message);
		assert_int_equal(heard.lengths[1], sizeof channel);
		assert_true(heard.channels[1]);
		assert_int_equal(heard.lengths[2], sizeof message);
		assert_int_equal(heard.frames[0], cut < sizeof message ? 2 : 1);
		assert_int_equal(heard.first_frames[0], 1);
		assert_int_equal(heard.frames[2], 2);
		assert_int_equal(conversation_lost(conversation), 0);
		conversation_free(conversation);
	}
}

static void a_part_of_a_message(void **unused)
{
	(void)unused;
	struct conversation *conversation = conversation_new(PACKET_TCP, NULL);
	struct heard heard = {0};
	pass(conversation, &heard, PACKET_TCP, 0, 1, 1000, message, sizeof message);
	pass(conversation, &heard, PACKET_TCP, 0, 2, 1024, message, 22);
	conversation_finish(conversation, hear, &heard);
	assert_int_equal(heard.count, 1);
	conversation_free(conversation);
}

// The first message behind a gap was found by a search, and may be what another one carries; the second one is heard.
static void several_gaps_at_the_end(void **unused)
{
	(void)unused;
	uint8_t two[2 * sizeof message];
	memcpy(two, message, sizeof message);
	memcpy(&two[sizeof message], message, sizeof message);
	struct conversation *conversation = conversation_new(PACKET_TCP, NULL);
	struct heard heard = {0};
	pass(conversation, &heard, PACKET_TCP, 0, 1, 1000, message, sizeof message);
	for (uint32_t i = 1; i <= 3; i++)
		pass(conversation, &heard, PACKET_TCP, 0, 1 + i, 1000 + 100 * i, two, sizeof two);
	assert_int_equal(heard.count, 1);
	conversation_finish(conversation, hear, &heard);
	assert_int_equal(heard.count, 4);
	assert_int_equal(heard.frames[3], 4);
	conversation_free(conversation);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams),
		cmocka_unit_test(something_else),
		cmocka_unit_test(cut_at_every_octet_of_a_stream),
		cmocka_unit_test(a_part_of_a_message),
		cmocka_unit_test(several_gaps_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
