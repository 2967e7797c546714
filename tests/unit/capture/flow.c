// SPDX-License-Identifier: BSD-3-Clause
#include "capture/flow.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static uint64_t gone[5], last_gone; // by enum flow_end; the number of the last one
static uint64_t order[8];           // numbers of the first ones that went
static size_t order_count;

static void count_gone(struct flow *flow, enum flow_end why, void *context)
{
	assert_ptr_equal(context, gone);
	gone[why]++;
	last_gone = flow->number;
	if (order_count < sizeof order / sizeof *order)
		order[order_count++] = flow->number;
	free(flow->state);
	flow->state = NULL;
}

static struct flow_table *new_table(size_t most, uint64_t idle)
{
	memset(gone, 0, sizeof gone);
	last_gone = order_count = 0;
	struct flow_table_options options = {
		.most = most, .idle = idle, .seed = 7635, .gone = count_gone, .context = gone};
	return flow_table_new(&options);
}

static struct packet between(enum packet_protocol protocol, uint8_t family, unsigned one, unsigned other)
{
	struct packet packet = {.protocol = protocol};
	packet.source.family = packet.destination.family = family;
	// What IPv4 does not use is not looked at.
	memset(packet.source.octets, family == 4 ? (int)one : 0, 16);
	memset(packet.source.octets, 10, 4);
	memset(packet.destination.octets, 10, 4);
	packet.source.octets[2] = (uint8_t)(one >> 24);
	packet.destination.octets[2] = (uint8_t)(other >> 24);
	packet.source.octets[3] = (uint8_t)(one >> 16);
	packet.destination.octets[3] = (uint8_t)(other >> 16);
	packet.source.port = (uint16_t)one;
	packet.destination.port = (uint16_t)other;
	return packet;
}

static struct packet answer_to(const struct packet *packet)
{
	struct packet answer = *packet;
	answer.source = packet->destination;
	answer.destination = packet->source;
	return answer;
}

static struct flow *find(struct flow_table *table, const struct packet *packet, bool *back)
{
	return flow_table_find(table, packet->protocol, &packet->source, &packet->destination, back);
}

static void both_directions_are_one_flow(void **unused)
{
	static const unsigned ends[][2] = {
		{1000, 3478}, {3478, 1000}, {0x50001, 0x30001}, {0x30001, 0x50001}, {0x10005, 0x20003}, {7, 7},
	};
	struct flow_table *table = new_table(0, 0);
	uint64_t begun = 0;
	(void)unused;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		for (int kind = 0; kind < 4; kind++) {
			bool back = true;
			struct packet packet = between(kind & 1 ? PACKET_TCP : PACKET_UDP, kind & 2 ? 6 : 4,
						       ends[i][0] + 10 * (unsigned)i, ends[i][1] + 10 * (unsigned)i);
			packet.time = 5 * SECOND;
			packet.frame = 3;
			assert_null(find(table, &packet, &back));
			struct flow *flow = flow_table_of(table, &packet, &back);
			assert_non_null(flow);
			assert_false(back);
			assert_int_equal(flow->number, ++begun);
			assert_memory_equal(&flow->source, &packet.source, sizeof packet.source);
			assert_null(flow->state);
			struct packet answer = answer_to(&packet);
			answer.time = 6 * SECOND;
			answer.frame = 9;
			assert_ptr_equal(flow_table_of(table, &answer, &back), flow);
			// A packet from an address to itself has no direction.
			assert_int_equal(back, ends[i][0] != ends[i][1]);
			assert_int_equal(flow->first_frame, 3);
			assert_int_equal(flow->last_frame, 9);
			assert_int_equal(flow->first_time, 5 * SECOND);
			assert_int_equal(flow->last_time, 6 * SECOND);
			assert_ptr_equal(find(table, &answer, &back),
					 flow);
			assert_int_equal(back, ends[i][0] != ends[i][1]);
			assert_ptr_equal(find(table, &packet, &back),
					 flow);
			assert_false(back);
		}
	}
	assert_int_equal(flow_table_statistics(table).count, begun);
	struct packet other = between(PACKET_ICMP, 4, 1, 2);
	bool back;
	assert_null(flow_table_of(table, &other, &back));
	flow_table_free(table);
	assert_int_equal(gone[FLOW_OVER], begun);
}

static void the_one_idle_longest_goes_first(void **unused)
{
	struct flow_table *table = new_table(3, 0);
	struct packet packets[5];
	bool back;
	(void)unused;
	for (unsigned i = 0; i < 5; i++)
		packets[i] = between(PACKET_UDP, 4, 5000 + i, 3478);
	for (int i = 0; i < 3; i++)
		flow_table_of(table, &packets[i], &back)->state = malloc(1);
	struct packet answer = answer_to(&packets[0]);
	flow_table_of(table, &answer, &back);
	assert_int_equal(flow_table_of(table, &packets[3], &back)->number, 4);
	assert_int_equal(last_gone, 2);
	flow_table_of(table, &packets[4], &back);
	assert_int_equal(last_gone, 3);
	assert_int_equal(gone[FLOW_CROWDED], 2);
	assert_null(find(table, &packets[1], &back));
	struct flow_table_statistics statistics = flow_table_statistics(table);
	assert_int_equal(statistics.begun, 5);
	assert_int_equal(statistics.crowded, 2);
	assert_int_equal(statistics.count, 3);
	assert_int_equal(statistics.most, 3);
	// What is left, as it began.
	static const uint64_t left[] = {1, 4, 5};
	struct flow *flow = NULL;
	for (int i = 0; i < 3; i++) {
		flow = flow_table_next(table, flow);
		assert_int_equal(flow->number, left[i]);
	}
	assert_null(flow_table_next(table, flow));
	flow_table_free(table);
	assert_int_equal(order_count, 5);
	assert_int_equal(order[2], 1);
	assert_int_equal(order[3], 4);
	assert_int_equal(order[4], 5);
}

static void idle_flows_end_by_the_time_of_packets(void **unused)
{
	struct flow_table *table = new_table(0, 10 * SECOND);
	struct packet one = between(PACKET_UDP, 4, 1, 2), two = between(PACKET_UDP, 4, 3, 4);
	bool back;
	(void)unused;
	one.time = 100 * SECOND;
	two.time = 105 * SECOND;
	flow_table_of(table, &one, &back);
	flow_table_of(table, &two, &back);
	two.time = 110 * SECOND;
	flow_table_of(table, &two, &back);
	assert_int_equal(gone[FLOW_IDLE], 0);
	two.time++;
	flow_table_of(table, &two, &back);
	assert_int_equal(gone[FLOW_IDLE], 1);
	assert_int_equal(last_gone, 1);
	// The same ports later are another flow.
	two.time = 200 * SECOND;
	assert_int_equal(flow_table_of(table, &two, &back)->number, 3);
	// A time in the future ends the others once and stands in nobody's way; times may run backwards.
	one.time = 9000000000 * SECOND;
	assert_int_equal(flow_table_of(table, &one, &back)->number, 4);
	assert_int_equal(gone[FLOW_IDLE], 3);
	two.time = 201 * SECOND;
	assert_int_equal(flow_table_of(table, &two, &back)->number, 5);
	two.time = 190 * SECOND;
	assert_int_equal(flow_table_of(table, &two, &back)->number, 5);
	assert_int_equal(flow_table_of(table, &two, &back)->last_time, 201 * SECOND);
	two.time = 250 * SECOND;
	assert_int_equal(flow_table_of(table, &two, &back)->number, 6);
	assert_int_equal(flow_table_statistics(table).idle, 4);
	flow_table_free(table);
}

static void a_flow_is_closed(void **unused)
{
	struct flow_table *table = new_table(0, 0);
	struct packet packets[3];
	bool back;
	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		packets[i] = between(PACKET_TCP, 6, 5000 + i, 3478);
		flow_table_of(table, &packets[i], &back);
	}
	flow_table_close(table, find(table, &packets[1], &back));
	assert_int_equal(gone[FLOW_CLOSED], 1);
	assert_int_equal(flow_table_next(table, flow_table_next(table, NULL))->number, 3);
	assert_int_equal(flow_table_of(table, &packets[1], &back)->number, 4);
	flow_table_free(table);
	assert_int_equal(gone[FLOW_OVER], 3);
}

// Against a plain list of all, with more flows than the first buckets and more than the table holds.
static void many_flows(void **unused)
{
	enum { MOST = 3000, ENDS = 4000 };
	static uint64_t used[ENDS]; // step of the last packet, 0: none
	struct flow_table *table = new_table(MOST, 0);
	uint32_t seed = 7635;
	uint64_t count = 0, begun = 0;
	(void)unused;
	for (uint64_t step = 1; step < 100000; step++) {
		seed = seed * 1664525 + 1013904223;
		unsigned which = (seed >> 8) % ENDS;
		struct packet packet = between(PACKET_UDP, which % 2 ? 4 : 6, which << 4, 3478);
		struct packet answer = answer_to(&packet);
		bool back, answers = used[which] && seed >> 31;
		struct flow *flow = flow_table_of(table, answers ? &answer : &packet, &back);
		assert_int_equal(back, answers);
		if (!used[which]) {
			assert_int_equal(flow->number, ++begun);
			if (count == MOST) {
				unsigned oldest = 0;
				for (unsigned i = 0; i < ENDS; i++)
					if (used[i] && (!used[oldest] || used[i] < used[oldest]))
						oldest = i;
				used[oldest] = 0;
			} else {
				count++;
			}
		}
		used[which] = step;
		assert_int_equal(flow_table_statistics(table).count, count);
	}
	assert_int_equal(gone[FLOW_CROWDED], begun - MOST);
	flow_table_free(table);
}

static void the_hash_is_siphash(void **unused)
{
	// Made with another implementation (which gives the vector of the SipHash paper), 1 and 3 rounds: key 00..0f,
	// input 00..07 and 00..0f.
	static const uint64_t words[] = {0x0706050403020100, 0x0F0E0D0C0B0A0908};
	const struct hash_seed seed = {{0x0706050403020100, 0x0F0E0D0C0B0A0908}};
	(void)unused;
	assert_true(hash_words(&seed, words, 1) == UINT64_C(0x369095118D299A8E));
	assert_true(hash_words(&seed, words, 2) == UINT64_C(0xCC4FDD1A7D908B66));
	struct hash_seed one = hash_seed(0), other = hash_seed(0);
	assert_memory_not_equal(&one, &other, sizeof one);
	one = hash_seed(5);
	other = hash_seed(5);
	assert_memory_equal(&one, &other, sizeof one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_one_flow),
		cmocka_unit_test(the_one_idle_longest_goes_first),
		cmocka_unit_test(idle_flows_end_by_the_time_of_packets),
		cmocka_unit_test(a_flow_is_closed),
		cmocka_unit_test(many_flows),
		cmocka_unit_test(the_hash_is_siphash),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
