// SPDX-License-Identifier: BSD-3-Clause
#include "capture/synthesize.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct synthesize ask(enum packet_protocol protocol, const char *source, const char *destination,
			     const void *payload, size_t length)
{
	struct synthesize what = {.protocol = protocol, .payload = payload, .payload_length = length};
	assert_true(packet_address_parse(source, &what.source));
	assert_true(packet_address_parse(destination, &what.destination));
	what.source.port = 49152;
	what.destination.port = 3478;
	what.sequence = 0x01020304;
	what.acknowledgement = 0xFFFFFFFE;
	what.flags = PACKET_TCP_PSH | PACKET_TCP_ACK;
	return what;
}

// RFC 1071 as its text says it, over everything at once: a sum with its checksum in it is 0xFFFF.
static uint32_t one_complement(const uint8_t *octets, size_t length, uint64_t total)
{
	for (size_t i = 0; i < length; i++)
		total += i % 2 ? octets[i] : (uint64_t)octets[i] << 8;
	while (total >> 16)
		total = (total & 0xFFFF) + (total >> 16);
	return (uint32_t)total;
}

static void checksums_are_right_and_the_decoder_agrees(void **unused)
{
	static const char *const pairs[][2] = {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}};
	uint8_t payload[1501];
	(void)unused;
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)(i * 31);
	for (int family = 0; family < 2; family++)
		for (int tcp = 0; tcp < 2; tcp++)
			for (size_t length = 0; length <= sizeof payload; length += length < 9 ? 1 : 373) {
				struct synthesize what = ask(tcp ? PACKET_TCP : PACKET_UDP, pairs[family][0],
							     pairs[family][1], payload, length);
				struct writer out;
				writer_init(&out, 70000);
				writer_u8(&out, 0xEE); // what is there stays there
				assert_int_equal(synthesize_packet(&what, &out, NULL), 0);
				assert_int_equal(out.data[0], 0xEE);
				struct packet packet = {.link = PACKET_LINK_RAW,
							.data = &out.data[1],
							.captured = out.length - 1,
							.length = out.length - 1};
				packet_decode(&packet);
				assert_null(packet.problem);
				assert_int_equal(packet.protocol, what.protocol);
				assert_memory_equal(&packet.source, &what.source, sizeof what.source);
				assert_memory_equal(&packet.destination, &what.destination, sizeof what.source);
				assert_int_equal(packet.payload_length, length);
				assert_memory_equal(packet.payload, payload, length);
				if (tcp) {
					assert_int_equal(packet.tcp_sequence, what.sequence);
					assert_int_equal(packet.tcp_acknowledgement, what.acknowledgement);
					assert_int_equal(packet.tcp_flags, what.flags);
				}
				size_t header = family ? 40 : 20;
				size_t addresses = family ? 32 : 8;
				size_t body = packet.captured - header;
				if (!family)
					assert_int_equal(one_complement(packet.data, header, 0), 0xFFFF);
				uint64_t pseudo = one_complement(&packet.data[header - addresses], addresses, 0);
				pseudo += (tcp ? 6u : 17u) + body;
				assert_int_equal(one_complement(&packet.data[header], body, pseudo), 0xFFFF);
				writer_free(&out);
			}
}

static void a_known_packet(void **unused)
{
	static const uint8_t expected[] = {
		0x45, 0x00, 0x00, 0x21, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xB6, 0xC8, 192, 0, 2, 1, 192, 0, 2, 2,
		0xC0, 0x00, 0x0D, 0x96, 0x00, 0x0D, 0x6A, 0x67, 'h', 'e', 'l', 'l', 'o',
	};
	struct writer out;
	struct synthesize what = ask(PACKET_UDP, "192.0.2.1", "192.0.2.2", "hello", 5);
	(void)unused;
	writer_init(&out, 1000);
	assert_int_equal(synthesize_packet(&what, &out, NULL), 0);
	assert_int_equal(out.length, sizeof expected);
	assert_memory_equal(out.data, expected, sizeof expected);
	writer_free(&out);
}

static void a_udp_checksum_is_never_zero(void **unused)
{
	struct writer out;
	(void)unused;
	writer_init(&out, 1000);
	// One payload of 2 octets among them all makes the sum 0xFFFF.
	bool seen = false;
	for (uint32_t value = 0; value <= 0xFFFF; value++) {
		uint8_t payload[2] = {(uint8_t)(value >> 8), (uint8_t)value};
		struct synthesize what = ask(PACKET_UDP, "192.0.2.1", "192.0.2.2", payload, 2);
		writer_reset(&out);
		assert_int_equal(synthesize_packet(&what, &out, NULL), 0);
		assert_false(out.data[26] == 0 && out.data[27] == 0);
		seen = seen || (out.data[26] == 0xFF && out.data[27] == 0xFF);
	}
	assert_true(seen);
	writer_free(&out);
}

static void the_largest_payload_and_one_more(void **unused)
{
	static const struct {
		enum packet_protocol protocol;
		const char *source, *destination;
		size_t most;
	} cases[] = {
		{PACKET_UDP, "127.0.0.1", "127.0.0.2", 65507},
		{PACKET_TCP, "127.0.0.1", "127.0.0.2", 65495},
		{PACKET_UDP, "::1", "::2", 65527},
		{PACKET_TCP, "::1", "::2", 65515},
	};
	uint8_t *payload = calloc(1, 65528);
	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct writer out;
		struct error error;
		writer_init(&out, 70000);
		struct synthesize what =
			ask(cases[i].protocol, cases[i].source, cases[i].destination, payload, cases[i].most);
		assert_int_equal(synthesize_packet(&what, &out, &error), 0);
		struct packet packet = {
			.link = PACKET_LINK_RAW, .data = out.data, .captured = out.length, .length = out.length};
		packet_decode(&packet);
		assert_null(packet.problem);
		assert_int_equal(packet.payload_length, cases[i].most);
		writer_reset(&out);
		what.payload_length++;
		assert_int_equal(synthesize_packet(&what, &out, &error), -1);
		assert_int_equal(error.code, ERROR_LIMIT);
		assert_int_equal(out.length, 0);
		writer_free(&out);
	}
	free(payload);
}

static void what_cannot_be_made(void **unused)
{
	struct writer out;
	struct error error;
	(void)unused;
	writer_init(&out, 40);
	struct synthesize what = ask(PACKET_UDP, "192.0.2.1", "::1", "", 0);
	assert_int_equal(synthesize_packet(&what, &out, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	what = ask(PACKET_ICMP, "192.0.2.1", "192.0.2.2", "", 0);
	assert_int_equal(synthesize_packet(&what, &out, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	what = ask(PACKET_UDP, "192.0.2.1", "192.0.2.2", "more than the writer holds", 26);
	assert_int_equal(synthesize_packet(&what, &out, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(out.length, 0);
	writer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_right_and_the_decoder_agrees),
		cmocka_unit_test(a_known_packet),
		cmocka_unit_test(a_udp_checksum_is_never_zero),
		cmocka_unit_test(the_largest_payload_and_one_more),
		cmocka_unit_test(what_cannot_be_made),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
