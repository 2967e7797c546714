// SPDX-License-Identifier: BSD-3-Clause
#include "audit/tally.h"

#include "stun/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static struct packet_address host(uint8_t last, uint16_t port)
{
	return (struct packet_address){.family = 4, .octets = {192, 0, 2, last}, .port = port};
}

// What a test says of one message, and its octets.
struct made {
	struct audit_facts facts;
	struct session_view view;
	struct stun_message message;
	uint8_t octets[512];
};

static void begin(struct made *made, enum audit_class class, uint16_t method)
{
	memset(made, 0, sizeof *made);
	uint16_t type = stun_type((enum stun_class) class, method);
	made->octets[0] = (uint8_t)(type >> 8);
	made->octets[1] = (uint8_t)type;
	memcpy(&made->octets[4], "\x21\x12\xA4\x42", 4);
}

static void add(struct made *made, uint16_t type, const void *value, uint16_t length)
{
	uint16_t body = (uint16_t)(made->octets[2] << 8 | made->octets[3]);
	uint8_t *place = &made->octets[STUN_HEADER_SIZE + body];
	place[0] = (uint8_t)(type >> 8), place[1] = (uint8_t)type;
	place[2] = (uint8_t)(length >> 8), place[3] = (uint8_t)length;
	memcpy(&place[4], value, length);
	body = (uint16_t)(body + 4 + (length + 3) / 4 * 4);
	made->octets[2] = (uint8_t)(body >> 8), made->octets[3] = (uint8_t)body;
}

static void finish(struct made *made, enum audit_transport transport)
{
	size_t length = STUN_HEADER_SIZE + (size_t)(made->octets[2] << 8 | made->octets[3]);
	assert_int_equal(stun_message_parse(&made->message, made->octets, length, NULL), 0);
	audit_facts_read(&made->facts.message, &made->message);
	made->facts.message.transport = (uint8_t)transport;
	made->facts.message.sender = made->facts.message.class == AUDIT_REQUEST ? AUDIT_CLIENT : AUDIT_SERVER;
	if (made->facts.message.class == AUDIT_REQUEST)
		made->facts.message.transaction = AUDIT_TRANSACTION_NEW;
}

static void feed(struct tally *tally, struct tally_flow *flow, struct made *made, uint8_t client, uint64_t frame,
		 uint64_t time, uint64_t number)
{
	struct packet_address from = host(client, 4000), to = host(100, 3478);
	struct tally_sighting sighting = {
		.facts = &made->facts,
		.message = &made->message,
		.view = &made->view,
		.client = &from,
		.server = &to,
		.time = time,
		.frame = frame,
		.flow = number,
	};
	tally_message(tally, flow, &sighting);
	stun_message_free(&made->message);
	made->message = (struct stun_message){0};
}

static void parties_and_flows(void **state)
{
	(void)state;
	struct tally *tally = tally_new();
	struct tally_flow flows[3] = {0};
	struct made made;
	for (uint8_t i = 0; i < 3; i++)
		for (uint64_t round = 0; round < 2; round++) {
			begin(&made, AUDIT_REQUEST, 1);
			finish(&made, AUDIT_UDP);
			feed(tally, &flows[i], &made, i == 2 ? 2 : 1, 10 * round + i + 1, (5 + round) * SECOND, i + 1u);
		}
	assert_int_equal(tally_party(tally, 0)->flows, 2);
	assert_int_equal(tally_party(tally, 0)->messages, 4);
	assert_int_equal(tally_party(tally, 0)->client.port, 0);
	assert_int_equal(tally_party(tally, 0)->first_frame, 1);
	assert_int_equal(tally_party(tally, 0)->last_frame, 12);
	assert_int_equal(tally_party(tally, 1)->flows, 1);
	assert_null(tally_party(tally, 2));
	// ChannelData is added when the flow says so, once.
	flows[2].channel_data = 7;
	flows[2].last_frame = 99;
	flows[2].last_time = 9 * SECOND;
	tally_settle(tally, &flows[2]);
	tally_settle(tally, &flows[2]);
	assert_int_equal(tally_party(tally, 1)->channel_data, 7);
	assert_int_equal(tally_party(tally, 1)->last_frame, 99);
	assert_int_equal(tally_party(tally, 1)->last_time, 9 * SECOND);
	tally_free(tally);
}

static void tables_are_bounded(void **state)
{
	(void)state;
	struct tally *tally = tally_new();
	struct made made;
	for (unsigned i = 0; i < 1000; i++) {
		struct tally_flow flow = {0};
		char name[8];
		memcpy(name, &i, sizeof i);
		memcpy(&name[4], "user", 4);
		for (int twice = 0; twice < 2; twice++) {
			begin(&made, AUDIT_REQUEST, (uint16_t)(i % 0xFFF));
			add(&made, 0x0006, name, 8);
			add(&made, 0x001B, name, 8);
			finish(&made, AUDIT_UDP);
			made.facts.message.token = AUDIT_TOKEN_SEALED;
			struct packet_address from = {.family = 4, .octets = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
			struct packet_address to = host(100, 3478);
			struct tally_sighting sighting = {.facts = &made.facts,
							  .message = &made.message,
							  .view = &made.view,
							  .client = &from,
							  .server = &to,
							  .time = SECOND,
							  .frame = i + 1,
							  .flow = i + 1};
			tally_message(tally, &flow, &sighting);
			stun_message_free(&made.message);
		}
	}
	assert_non_null(tally_party(tally, TALLY_PARTIES - 1));
	assert_null(tally_party(tally, TALLY_PARTIES));
	assert_int_equal(tally_parties_left(tally), 1000 - TALLY_PARTIES); // flows, not messages
	assert_non_null(tally_name(tally, TALLY_USERNAME, TALLY_NAMES - 1));
	assert_null(tally_name(tally, TALLY_USERNAME, TALLY_NAMES));
	assert_int_equal(tally_names_left(tally, TALLY_USERNAME), 2 * (1000 - TALLY_NAMES));
	assert_null(tally_key(tally, TALLY_KEYS));
	assert_int_equal(tally_keys_left(tally), 2 * (1000 - TALLY_KEYS));
	assert_null(tally_method(tally, TALLY_METHODS));
	tally_free(tally);
}

static void ask(struct tally *tally, struct tally_flow *flow, uint8_t client, uint64_t number, const char *token,
		enum audit_transport transport, enum audit_transaction transaction)
{
	struct made made;
	begin(&made, AUDIT_REQUEST, 3);
	add(&made, 0x0006, "alice", 5);
	add(&made, 0x001B, token, (uint16_t)strlen(token));
	finish(&made, transport);
	made.facts.message.transaction = (uint8_t)transaction;
	made.facts.message.token = AUDIT_TOKEN_REFUSED;
	feed(tally, flow, &made, client, number, number * SECOND, number);
}

static void tokens_that_travel(void **state)
{
	(void)state;
	struct tally *tally = tally_new();
	struct tally_flow flows[8] = {0};
	ask(tally, &flows[0], 1, 1, "token one", AUDIT_UDP, AUDIT_TRANSACTION_NEW);
	ask(tally, &flows[0], 1, 1, "token one", AUDIT_UDP, AUDIT_TRANSACTION_NEW);
	assert_int_equal(tally_privacy(tally)->linking, 0);
	ask(tally, &flows[1], 1, 2, "token one", AUDIT_UDP, AUDIT_TRANSACTION_NEW);
	assert_int_equal(tally_privacy(tally)->linking, 1);
	assert_int_equal(tally_privacy(tally)->reuses, 0);
	ask(tally, &flows[2], 2, 3, "token one", AUDIT_UDP, AUDIT_TRANSACTION_NEW);
	ask(tally, &flows[2], 2, 3, "token one", AUDIT_UDP, AUDIT_TRANSACTION_AGAIN); // a retransmission is nothing new
	assert_int_equal(tally_privacy(tally)->linking, 1);
	assert_int_equal(tally_privacy(tally)->reuses, 1);
	const struct tally_reuse *reuse = tally_reuse(tally, 0);
	assert_int_equal(reuse->requests, 1);
	assert_int_equal(reuse->hosts.count, 2);
	assert_int_equal(reuse->first_frame, 3);
	assert_null(tally_reuse(tally, 1));
	// What is encrypted tells nobody anything.
	ask(tally, &flows[3], 1, 4, "token two", AUDIT_TLS, AUDIT_TRANSACTION_NEW);
	ask(tally, &flows[4], 2, 5, "token two", AUDIT_DTLS, AUDIT_TRANSACTION_NEW);
	assert_int_equal(tally_privacy(tally)->reuses, 1);
	assert_int_equal(tally_privacy(tally)->tokens_clear, 4);
	const struct tally_name *name = tally_name(tally, TALLY_USERNAME, 0);
	assert_int_equal(name->messages, 7);
	assert_int_equal(name->clear, 5);
	assert_int_equal(name->flows, 5);
	assert_int_equal(name->clear_flows, 3);
	assert_int_equal(name->hosts.count, 2);
	const struct tally_key *key = tally_key(tally, 0);
	assert_int_equal(key->requests, 6);
	assert_int_equal(key->refused, 6);
	assert_int_equal(key->first_refused, 1);
	assert_null(key->algorithm);
	tally_free(tally);
}

// A flow counts once for each name, though they come by turns.
static void names_by_turns(void **state)
{
	(void)state;
	struct tally *tally = tally_new();
	struct tally_flow flows[2] = {0};
	struct made made;
	for (unsigned i = 0; i < 12; i++) {
		begin(&made, AUDIT_REQUEST, 1);
		add(&made, 0x0006, i % 2 ? "alice" : "frank", 5);
		finish(&made, AUDIT_UDP);
		feed(tally, &flows[i % 3 == 0], &made, 1, i + 1, i * SECOND, i % 3 == 0);
	}
	for (size_t i = 0; i < 2; i++) {
		const struct tally_name *name = tally_name(tally, TALLY_USERNAME, i);
		assert_int_equal(name->messages, 6);
		assert_int_equal(name->flows, 2);
		assert_int_equal(name->clear_flows, 2);
	}
	tally_free(tally);
}

static void answers_and_their_times(void **state)
{
	(void)state;
	struct tally *tally = tally_new();
	struct tally_flow flow = {0};
	struct made made;
	for (uint64_t i = 1; i <= 100; i++) {
		begin(&made, i == 7 ? AUDIT_ERROR : AUDIT_SUCCESS, 3);
		finish(&made, AUDIT_UDP);
		made.facts.message.code = i == 7 ? 437 : 0;
		made.facts.message.asked = AUDIT_ASKED_SEEN;
		made.view.first_answer = true;
		made.view.request_time = SECOND;
		feed(tally, &flow, &made, 1, i, SECOND + i * 1000000, 1);
	}
	// Repeated answers, and those before their request (a clock was set back), are not timed.
	begin(&made, AUDIT_SUCCESS, 3);
	finish(&made, AUDIT_UDP);
	made.facts.message.repeated = AUDIT_REPEATED_ALIKE;
	feed(tally, &flow, &made, 1, 200, 50 * SECOND, 1);
	begin(&made, AUDIT_SUCCESS, 3);
	finish(&made, AUDIT_UDP);
	made.view.first_answer = true;
	made.view.request_time = 60 * SECOND;
	feed(tally, &flow, &made, 1, 201, 51 * SECOND, 1);
	const struct tally_method *method = tally_method(tally, 0);
	assert_int_equal(method->answers, 101);
	assert_int_equal(method->latencies.count, 100);
	assert_int_equal(method->latencies.longest, 100000);
	assert_in_range(latencies_quantile(&method->latencies, 0.5), 48500, 50000);
	assert_in_range(latencies_quantile(&method->latencies, 0.95), 92000, 95000);
	assert_int_equal(method->outcome_count, 2);
	assert_int_equal(method->outcomes[0].count, 100);
	assert_int_equal(method->outcomes[1].code, 437);
	assert_int_equal(method->outcomes[1].count, 1);
	tally_free(tally);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parties_and_flows),       cmocka_unit_test(tables_are_bounded),
		cmocka_unit_test(tokens_that_travel),      cmocka_unit_test(names_by_turns),
		cmocka_unit_test(answers_and_their_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
