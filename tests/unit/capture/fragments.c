// SPDX-License-Identifier: BSD-3-Clause
#include "capture/fragments.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static uint32_t seed = 7635;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

// A fragment to be made: octets [offset, offset + length) of a datagram.
struct cut {
	bool ipv6;
	uint32_t id;
	size_t offset, length;
	bool more;
	uint8_t protocol; // 17 if 0
	uint64_t time, frame;
	uint8_t host; // of the source
};

static void write_packet(struct writer *out, const struct cut *cut, const uint8_t *octets)
{
	uint8_t protocol = cut->protocol ? cut->protocol : 17;
	if (cut->ipv6) {
		writer_u32(out, 0x60000000);
		writer_u16(out, (uint16_t)(8 + cut->length));
		writer_u8(out, 44);
		writer_u8(out, 64);
		writer_fill(out, cut->host, 16);
		writer_fill(out, 200, 16);
		writer_u8(out, protocol);
		writer_u8(out, 0);
		writer_u16(out, (uint16_t)(cut->offset | cut->more));
		writer_u32(out, cut->id);
	} else {
		writer_u16(out, 0x4500);
		writer_u16(out, (uint16_t)(20 + cut->length));
		writer_u16(out, (uint16_t)cut->id);
		writer_u16(out, (uint16_t)(cut->offset / 8 | (cut->more ? 0x2000 : 0)));
		writer_u8(out, 64);
		writer_u8(out, protocol);
		writer_u16(out, 0);
		writer_fill(out, cut->host, 4);
		writer_fill(out, 200, 4);
	}
	writer_bytes(out, octets, cut->length);
}

static int give(struct fragments *fragments, const struct cut *cut, const uint8_t *datagram,
		struct fragments_joined *joined)
{
	struct writer out;
	writer_init(&out, 1 << 17);
	write_packet(&out, cut, &datagram[cut->offset]);
	// Of exactly the right size, and gone afterwards.
	struct packet packet = {.captured = out.length, .length = out.length, .link = PACKET_LINK_RAW};
	uint8_t *copy = malloc(out.length);
	memcpy(copy, out.data, out.length);
	packet.data = copy;
	packet.time = cut->time;
	packet.frame = cut->frame;
	packet_decode(&packet);
	assert_true(packet.fragment);
	assert_int_equal(packet.part.length, cut->length);
	assert_int_equal(packet.part.offset, cut->offset);
	assert_int_equal(packet.part.more, cut->more);
	assert_int_equal(packet.part.id, cut->id);
	int outcome = fragments_add(fragments, &packet, joined);
	free(copy);
	writer_free(&out);
	return outcome;
}

static size_t make_datagram(uint8_t *octets, size_t payload)
{
	struct writer out;
	writer_init(&out, 1 << 17);
	writer_u16(&out, 5000);
	writer_u16(&out, 3478);
	writer_u16(&out, (uint16_t)(payload + 8));
	writer_u16(&out, 0);
	for (size_t i = 0; i < payload; i++)
		writer_u8(&out, (uint8_t)next_random());
	size_t length = out.length;
	memcpy(octets, out.data, length);
	writer_free(&out);
	return length;
}

static void check_joined(const struct fragments_joined *joined, const uint8_t *datagram, size_t length)
{
	const struct packet *packet = &joined->packet;
	assert_int_equal(packet->protocol, PACKET_UDP);
	assert_null(packet->problem);
	assert_false(packet->fragment);
	assert_false(packet->cut);
	assert_null(packet->part.data);
	assert_int_equal(packet->source.port, 5000);
	assert_int_equal(packet->destination.port, 3478);
	assert_int_equal(packet->destination.octets[0], 200);
	assert_int_equal(packet->captured, length);
	assert_int_equal(packet->payload_length, length - 8);
	assert_memory_equal(packet->data, datagram, length);
	assert_ptr_equal(packet->payload, packet->data + 8);
}

static void any_order_and_overlap_gives_the_datagram(void **unused)
{
	static uint8_t datagram[65535];
	(void)unused;
	struct fragments *fragments = fragments_new(NULL);
	uint64_t made = 0;
	for (uint32_t round = 0; round < 600; round++) {
		struct fragments_joined joined;
		size_t length = make_datagram(datagram, round % 50 == 0 ? 65527 : 1 + next_random() % 3000);
		bool seen[65536 / 8 + 1] = {false};
		size_t units = (length + 7) / 8, missing = units, count = 0;
		uint64_t frame = 100 + round, low = UINT64_MAX, high = 0;
		struct cut cut = {.ipv6 = round % 2, .id = round / 2, .host = (uint8_t)(round % 7)};
		cut.time = round * SECOND;
		if (units == 1)
			continue;
		for (int tries = 0; missing; tries++) {
			size_t first = next_random() % units, number = 1 + next_random() % (length > 60000 ? 900 : 60);
			if (tries > 100)
				for (first = 0; seen[first]; first++)
					;
			number = number > units - first ? units - first : number;
			if (number == units)
				number--;
			cut.offset = first * 8;
			cut.more = first + number < units;
			cut.length = cut.more ? number * 8 : length - cut.offset;
			cut.frame = frame + next_random() % 1000;
			low = cut.frame < low ? cut.frame : low;
			high = cut.frame > high ? cut.frame : high;
			for (size_t i = first; i < first + number; i++) {
				missing -= !seen[i];
				seen[i] = true;
			}
			count++;
			assert_int_equal(give(fragments, &cut, datagram, &joined), missing == 0);
		}
		check_joined(&joined, datagram, length);
		assert_int_equal(joined.count, count);
		assert_int_equal(joined.first_frame, low);
		assert_int_equal(joined.last_frame, high);
		assert_int_equal(joined.packet.frame, cut.frame);
		assert_int_equal(joined.packet.time, cut.time);
		assert_int_equal(joined.packet.source.octets[0], cut.host);
		assert_false(joined.conflict);
		assert_int_equal(fragments_waiting(fragments), 0);
		made++;
	}
	assert_int_equal(fragments_statistics(fragments).joined, made);
	assert_int_equal(fragments_statistics(fragments).refused, 0);
	assert_true(fragments_statistics(fragments).overlaps > made);
	fragments_free(fragments);
}

static void datagrams_are_told_apart(void **unused)
{
	static uint8_t datagrams[6][1000];
	struct cut cuts[6] = {
		{.id = 1, .host = 1},		      {.id = 2, .host = 1},
		{.id = 1, .host = 2},		      {.ipv6 = true, .id = 1, .host = 1},
		{.ipv6 = true, .id = 65537, .host = 1}, {.id = 1, .host = 1, .protocol = 6},
	};
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(NULL);
	(void)unused;
	for (size_t i = 0; i < 6; i++) {
		make_datagram(datagrams[i], 992);
		cuts[i].length = 504;
		cuts[i].more = true;
		assert_int_equal(give(fragments, &cuts[i], datagrams[i], &joined), 0);
	}
	assert_int_equal(fragments_waiting(fragments), 6);
	for (size_t i = 0; i < 6; i++) {
		cuts[i].offset = 504;
		cuts[i].length = 496;
		cuts[i].more = false;
		// In IPv6 only the first fragment's protocol counts.
		if (cuts[i].ipv6)
			cuts[i].protocol = 99;
		assert_int_equal(give(fragments, &cuts[i], datagrams[i], &joined), 1);
		if (i < 5)
			check_joined(&joined, datagrams[i], 1000);
		else
			assert_int_equal(joined.packet.protocol, PACKET_TCP);
	}
	fragments_free(fragments);
}

static void first_octets_stay(void **unused)
{
	static uint8_t one[64], other[64];
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(NULL);
	(void)unused;
	make_datagram(one, 56);
	memset(other, 0xEE, sizeof other);
	struct cut cut = {.offset = 16, .length = 16, .more = true};
	give(fragments, &cut, one, &joined);
	cut = (struct cut){.offset = 0, .length = 40, .more = true};
	memcpy(other, one, 16);
	give(fragments, &cut, other, &joined); // its middle comes second
	cut = (struct cut){.offset = 40, .length = 24};
	assert_int_equal(give(fragments, &cut, one, &joined), 1);
	assert_memory_equal(joined.packet.data, one, 32);
	assert_memory_equal(joined.packet.data + 32, other + 32, 8);
	assert_memory_equal(joined.packet.data + 40, one + 40, 24);
	assert_true(joined.conflict);
	assert_int_equal(fragments_statistics(fragments).overlaps, 1);
	fragments_free(fragments);
}

static void impossible_fragments_are_refused(void **unused)
{
	static uint8_t datagram[65536 * 2];
	static const struct cut impossible[] = {
		{.offset = 8, .length = 12, .more = true},    // no multiple of 8
		{.offset = 65528, .length = 8},               // reaches behind the largest datagram
		{.offset = 65520, .length = 24, .more = true},
		{.offset = 8, .length = 0},
		{.offset = 16, .length = 24},                 // ends in front of what is there
		{.offset = 48, .length = 16, .more = true},   // behind the end
		{.offset = 48, .length = 8},                  // another end
		{.offset = 40, .length = 16, .more = true},
	};
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(NULL);
	(void)unused;
	make_datagram(datagram, 48);
	struct cut cut = {.offset = 32, .length = 16, .more = true};
	give(fragments, &cut, datagram, &joined);
	for (size_t i = 0; i < 8; i++) {
		if (i == 5) {
			cut = (struct cut){.offset = 40, .length = 8};
			assert_int_equal(give(fragments, &cut, datagram, &joined), 0);
		}
		assert_int_equal(give(fragments, &impossible[i], datagram, &joined), 0);
		assert_int_equal(fragments_statistics(fragments).refused, i + 1);
		assert_int_equal(fragments_waiting(fragments), 1);
	}
	// One that is alone leaves nothing behind, nor does one that the capture cut.
	cut = (struct cut){.id = 9, .offset = 8, .length = 12, .more = true};
	assert_int_equal(give(fragments, &cut, datagram, &joined), 0);
	struct packet packet = {.fragment = true, .part = {.data = datagram, .length = 8, .more = true, .cut = true}};
	assert_int_equal(fragments_add(fragments, &packet, &joined), 0);
	assert_int_equal(fragments_statistics(fragments).refused, 10);
	assert_int_equal(fragments_waiting(fragments), 1);
	struct packet whole = {.protocol = PACKET_UDP};
	assert_int_equal(fragments_add(fragments, &whole, &joined), 0);
	assert_int_equal(fragments_statistics(fragments).taken, 11 + 1);
	// It still becomes what it is.
	cut = (struct cut){.offset = 0, .length = 32, .more = true};
	assert_int_equal(give(fragments, &cut, datagram, &joined), 1);
	assert_memory_equal(joined.packet.data, datagram, 48);
	fragments_free(fragments);
}

static void what_waits_is_bounded(void **unused)
{
	static uint8_t datagram[65535];
	struct fragments_limits limits = {.octets = 100000, .datagrams = 50, .age = 10 * SECOND};
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(&limits);
	(void)unused;
	for (uint32_t i = 0; i < 60; i++) {
		struct cut cut = {.id = i, .length = 8, .more = true, .time = 1};
		give(fragments, &cut, datagram, &joined);
	}
	assert_int_equal(fragments_waiting(fragments), 50);
	assert_int_equal(fragments_statistics(fragments).evicted, 10);
	struct cut late = {.id = 100, .length = 8, .more = true, .time = 10 * SECOND + 1};
	give(fragments, &late, datagram, &joined);
	assert_int_equal(fragments_waiting(fragments), 50);
	late.id++;
	late.time++;
	give(fragments, &late, datagram, &joined);
	assert_int_equal(fragments_waiting(fragments), 2);
	assert_int_equal(fragments_statistics(fragments).expired, 49);
	for (uint32_t i = 0; i < 20; i++) {
		struct cut cut = {.id = 200 + i, .length = 20000, .more = true, .time = 11 * SECOND};
		give(fragments, &cut, datagram, &joined);
		assert_true(fragments_waiting(fragments) <= 6);
	}
	assert_int_equal(fragments_waiting(fragments), 4);
	// A time in the future makes nobody wait behind it for ever.
	struct cut future = {.id = 300, .length = 8, .more = true, .time = 9000000000 * SECOND};
	give(fragments, &future, datagram, &joined);
	assert_int_equal(fragments_waiting(fragments), 1);
	struct cut old = {.id = 301, .length = 8, .more = true, .time = 20 * SECOND};
	give(fragments, &old, datagram, &joined);
	old = (struct cut){.id = 301, .offset = 8, .length = 8, .time = 40 * SECOND};
	assert_int_equal(give(fragments, &old, datagram, &joined), 0);
	assert_int_equal(fragments_waiting(fragments), 2);
	fragments_free(fragments);

	// Fragments of one datagram, each as small as can be.
	fragments = fragments_new(NULL);
	for (size_t i = 0; i < 2000; i++) {
		struct cut cut = {.offset = i * 16, .length = 8, .more = true};
		give(fragments, &cut, datagram, &joined);
	}
	assert_int_equal(fragments_statistics(fragments).refused, 2000 - 1024);
	fragments_free(fragments);
}

static volatile uint8_t sink;

static void hostile_fragments_are_survived(void **unused)
{
	static uint8_t octets[65535];
	struct fragments_limits limits = {.octets = 200000, .datagrams = 20};
	struct fragments *fragments = fragments_new(&limits);
	struct fragments_joined joined;
	(void)unused;
	uint64_t made = 0;
	for (int i = 0; i < 200000; i++) {
		uint32_t r = next_random();
		size_t length = r % 3 ? 8 * (next_random() % 8) : next_random() % (r % 100 ? 50 : 65535);
		struct packet packet = {.fragment = true, .time = r % 1000 ? (uint64_t)i : next_random() * SECOND};
		packet.frame = (uint64_t)i;
		packet.source.family = packet.destination.family = r & 64 ? 4 : 6;
		packet.part = (struct packet_fragment){
			.data = octets,
			.length = length,
			.offset = r & 128 ? 8 * (next_random() % 12) : 8 * (next_random() % 8192),
			.id = next_random() % 40,
			.protocol = (uint8_t)(r & 256 ? 17 : next_random()),
			.more = next_random() % 4,
			.cut = next_random() % 50 == 0,
		};
		int outcome = fragments_add(fragments, &packet, &joined);
		assert_true(fragments_waiting(fragments) <= 20);
		made += (uint64_t)outcome;
		if (outcome)
			for (size_t k = 0; k < joined.packet.payload_length; k++)
				sink ^= joined.packet.payload[k];
	}
	struct fragments_statistics statistics = fragments_statistics(fragments);
	assert_true(made > 100);
	assert_int_equal(statistics.joined, made);
	assert_int_equal(statistics.taken, 200000);
	fragments_free(fragments);
}

static void extension_headers_and_inner_fragments(void **unused)
{
	static const uint8_t options[] = {17, 0, 1, 4, 0, 0, 0, 0};
	static const uint8_t fragment[] = {17, 0, 0, 1, 0, 0, 0, 7};
	static uint8_t datagram[200];
	struct fragments_joined joined;
	struct fragments *fragments = fragments_new(NULL);
	(void)unused;
	for (int kind = 0; kind < 2; kind++) {
		memcpy(datagram, kind ? fragment : options, 8);
		make_datagram(&datagram[8], 100);
		struct cut cut = {.ipv6 = true, .protocol = kind ? 44 : 60, .length = 56, .more = true};
		// The first fragment of a fragment is not something packet_decode follows; the second is given first.
		cut.offset = 56;
		cut.length = 60;
		cut.more = false;
		assert_int_equal(give(fragments, &cut, datagram, &joined), 0);
		struct packet packet = {.fragment = true, .frame = 2};
		memset(packet.source.octets, 0, 16);
		packet.source.family = packet.destination.family = 6;
		memset(packet.destination.octets, 200, 16);
		packet.part = (struct packet_fragment){
			.data = datagram, .length = 56, .protocol = cut.protocol, .more = true};
		assert_int_equal(fragments_add(fragments, &packet, &joined), 1);
		if (kind) {
			assert_int_equal(joined.packet.protocol, PACKET_OTHER);
			assert_string_equal(joined.packet.problem, "a fragment within a fragmented IP packet");
		} else {
			assert_int_equal(joined.packet.protocol, PACKET_UDP);
			assert_memory_equal(joined.packet.payload, &datagram[16], 100);
		}
	}
	fragments_free(fragments);
}

// What follows the header of a first fragment may be anything, and it is a fragment all the same.
static void a_fragment_with_a_problem_is_one(void **unused)
{
	(void)unused;
	for (int kind = 0; kind < 2; kind++) {
		// Destination options that reach behind the fragment; and a header that makes the inside a whole again.
		const uint8_t inside[8] = {17, kind ? 0 : 200, 0, 0, 0, 0, 0, 0};
		struct cut cut = {.ipv6 = true, .id = 7, .length = 8, .more = true, .protocol = kind ? 44 : 60};
		struct writer out;
		writer_init(&out, 1000);
		write_packet(&out, &cut, inside);
		struct packet packet = {
			.data = out.data, .captured = out.length, .length = out.length, .link = PACKET_LINK_RAW};
		packet_decode(&packet);
		assert_non_null(packet.problem);
		assert_true(packet.fragment);
		assert_int_equal(packet.protocol, PACKET_OTHER);
		assert_int_equal(packet.part.length, 8);
		assert_int_equal(packet.part.id, 7);
		assert_int_equal(packet.part.protocol, kind ? 44 : 60);
		writer_free(&out);
	}
}

// A Fragment header that was itself cut tells nothing of a fragment: no octets could be joined.
static void a_cut_fragment_header_makes_no_fragment(void **unused)
{
	(void)unused;
	uint8_t header[40 + 8] = {[0] = 0x60, [5] = 8, [6] = 44, [7] = 64, [40] = 17, [42] = 0x01, [47] = 7};
	for (size_t length = 40; length <= sizeof header; length++) {
		uint8_t *copy = malloc(length);
		assert_non_null(copy);
		memcpy(copy, header, length);
		struct packet packet = {
			.data = copy, .captured = length, .length = sizeof header, .link = PACKET_LINK_RAW};
		packet_decode(&packet);
		assert_int_equal(packet.fragment, length == sizeof header);
		assert_int_equal(packet.part.data != NULL, packet.fragment);
		assert_non_null(packet.problem);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_and_overlap_gives_the_datagram),
		cmocka_unit_test(datagrams_are_told_apart),
		cmocka_unit_test(first_octets_stay),
		cmocka_unit_test(impossible_fragments_are_refused),
		cmocka_unit_test(what_waits_is_bounded),
		cmocka_unit_test(hostile_fragments_are_survived),
		cmocka_unit_test(extension_headers_and_inner_fragments),
		cmocka_unit_test(a_fragment_with_a_problem_is_one),
		cmocka_unit_test(a_cut_fragment_header_makes_no_fragment),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
