// SPDX-License-Identifier: BSD-3-Clause
#include "capture/packet.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

// 192.0.2.1:49152 -> 192.0.2.2:3478, UDP, "hello", with the checksums that a sender puts there.
static const uint8_t ipv4_udp[] = {
	0x45, 0x00, 0x00, 0x21, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0xA4, 0x94, 192, 0, 2, 1, 192, 0, 2, 2,
	0xC0, 0x00, 0x0D, 0x96, 0x00, 0x0D, 0x6A, 0x67, 'h', 'e', 'l', 'l', 'o',
};

// 2001:db8::1 port 3478 -> 2001:db8::2 port 49152, TCP, SYN and ACK, behind a hop-by-hop header, with 4 octets of
// options.
static const uint8_t ipv6_tcp[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x23, 0x00, 0x40,
	0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	0x06, 0x00, 0x01, 0x04, 0, 0, 0, 0,
	0x0D, 0x96, 0xC0, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x60, 0x12, 0xFF, 0xFF, 0, 0, 0, 0,
	0x02, 0x04, 0x05, 0xB4, 'a', 'b', 'c',
};

// Port unreachable, from 192.0.2.2, about ipv4_udp.
static const uint8_t icmp_start[] = {
	0x45, 0x00, 0x00, 0x3D, 0x00, 0x00, 0x00, 0x00, 0x40, 0x01, 0x00, 0x00, 192, 0, 2, 2, 192, 0, 2, 1,
	0x03, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

// Every frame is decoded where nothing lies behind it, so that the sanitizer sees a read past its end.
static struct packet decode(uint32_t link, const struct writer *frame, size_t captured)
{
	static uint8_t *exact;
	free(exact);
	exact = malloc(captured ? captured : 1);
	if (captured)
		memcpy(exact, frame->data, captured);
	struct packet packet = {.link = link, .data = exact, .captured = captured, .length = frame->length};
	packet_decode(&packet);
	return packet;
}

static struct packet decode_octets(uint32_t link, const void *octets, size_t length)
{
	struct writer frame;
	writer_init(&frame, 1 << 20);
	writer_bytes(&frame, octets, length);
	struct packet packet = decode(link, &frame, length);
	writer_free(&frame);
	return packet;
}

static void assert_address(const struct packet_address *address, const char *text, int port)
{
	char got[INET6_ADDRSTRLEN];
	assert_string_equal(packet_address_text(address, got), text);
	assert_int_equal(address->port, port);
}

static void assert_hello(const struct packet *packet)
{
	assert_int_equal(packet->protocol, PACKET_UDP);
	assert_null(packet->problem);
	assert_address(&packet->source, "192.0.2.1", 49152);
	assert_address(&packet->destination, "192.0.2.2", 3478);
	assert_int_equal(packet->payload_length, 5);
	assert_memory_equal(packet->payload, "hello", 5);
	assert_false(packet->cut);
}

static void every_link_type_is_taken_off(void **unused)
{
	static const struct {
		uint32_t link;
		const char *name, *header;
		size_t length;
	} links[] = {
		{PACKET_LINK_RAW, "raw", "", 0},
		{PACKET_LINK_IPV4, "ipv4", "", 0},
		{PACKET_LINK_NULL, "null, little-endian", "\x02\0\0\0", 4},
		{PACKET_LINK_NULL, "null, big-endian", "\0\0\0\x02", 4},
		{PACKET_LINK_LOOP, "loop", "\0\0\0\x02", 4},
		{PACKET_LINK_ETHERNET, "ethernet", "\1\2\3\4\5\6\7\10\11\12\13\14\x08\x00", 14},
		{PACKET_LINK_ETHERNET, "a VLAN", "\1\2\3\4\5\6\7\10\11\12\13\14\x81\x00\0\x05\x08\x00", 18},
		{PACKET_LINK_ETHERNET, "two VLANs", "\1\2\3\4\5\6\7\10\11\12\13\14\x88\xA8\0\x05\x81\0\0\6\x08\0", 22},
		{PACKET_LINK_COOKED, "cooked", "\0\0\3\4\0\6\0\0\0\0\0\0\0\0\x08\x00", 16},
		{PACKET_LINK_COOKED_2, "cooked 2", "\x08\x00\0\0\0\0\0\1\3\4\0\6\0\0\0\0\0\0\0\0", 20},
	};
	(void)unused;
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		struct writer frame;
		writer_init(&frame, 1000);
		writer_bytes(&frame, links[i].header, links[i].length);
		writer_bytes(&frame, ipv4_udp, sizeof ipv4_udp);
		writer_fill(&frame, 0, 13); // Ethernet pads short frames: none of it is payload
		struct packet packet = decode(links[i].link, &frame, frame.length);
		assert_hello(&packet);
		assert_true(packet_link_known(links[i].link));
		writer_free(&frame);
	}
	struct packet packet = decode_octets(105, ipv4_udp, sizeof ipv4_udp);
	assert_int_equal(packet.protocol, PACKET_OTHER);
	assert_string_equal(packet.problem, "frames of this link type are not decoded");
	assert_false(packet_link_known(105));
	packet = decode_octets(PACKET_LINK_ETHERNET, "\1\2\3\4\5\6\7\10\11\12\13\14\x08\x06rest", 18);
	assert_string_equal(packet.problem, "not an IP packet");
}

static void tcp_behind_extension_headers(void **unused)
{
	(void)unused;
	struct packet packet = decode_octets(PACKET_LINK_RAW, ipv6_tcp, sizeof ipv6_tcp);
	assert_int_equal(packet.protocol, PACKET_TCP);
	assert_null(packet.problem);
	assert_address(&packet.source, "2001:db8::1", 3478);
	assert_address(&packet.destination, "2001:db8::2", 49152);
	assert_int_equal(packet.tcp_sequence, 0x01020304);
	assert_int_equal(packet.tcp_acknowledgement, 0x05060708);
	assert_int_equal(packet.tcp_flags, PACKET_TCP_SYN | PACKET_TCP_ACK);
	assert_int_equal(packet.payload_length, 3);
	assert_memory_equal(packet.payload, "abc", 3);
}

static void icmp_error_holds_the_packet_it_is_about(void **unused)
{
	struct writer frame;
	(void)unused;
	writer_init(&frame, 1000);
	writer_bytes(&frame, icmp_start, sizeof icmp_start);
	writer_bytes(&frame, ipv4_udp, sizeof ipv4_udp);
	struct packet packet = decode(PACKET_LINK_RAW, &frame, frame.length);
	assert_int_equal(packet.protocol, PACKET_ICMP);
	assert_null(packet.problem);
	assert_string_equal(packet_icmp_text(4, packet.icmp_type, packet.icmp_code), "port unreachable");
	assert_int_equal(packet.inner.protocol, PACKET_UDP);
	assert_address(&packet.inner.source, "192.0.2.1", 49152);
	assert_address(&packet.inner.destination, "192.0.2.2", 3478);
	assert_int_equal(packet.inner.payload_length, 5);
	assert_memory_equal(packet.inner.payload, "hello", 5);
	// The 8 octets behind the inner IP header that RFC 792 promises are enough for its ports.
	writer_reset(&frame);
	writer_bytes(&frame, icmp_start, sizeof icmp_start);
	writer_bytes(&frame, ipv4_udp, 28);
	packet = decode(PACKET_LINK_RAW, &frame, frame.length);
	assert_int_equal(packet.inner.protocol, PACKET_UDP);
	assert_address(&packet.inner.destination, "192.0.2.2", 3478);
	assert_int_equal(packet.inner.payload_length, 0);
	writer_free(&frame);
	assert_string_equal(packet_icmp_text(6, 1, 4), "port unreachable");
	assert_string_equal(packet_icmp_text(6, 1, 77), "destination unreachable");
	assert_string_equal(packet_icmp_text(4, 200, 0), "other");
}

static void what_the_capture_cut_is_said(void **unused)
{
	struct writer frame;
	(void)unused;
	writer_init(&frame, 1000);
	writer_bytes(&frame, ipv4_udp, sizeof ipv4_udp);
	struct packet packet = decode(PACKET_LINK_RAW, &frame, sizeof ipv4_udp - 2);
	assert_int_equal(packet.protocol, PACKET_UDP);
	assert_true(packet.cut);
	assert_string_equal(packet.problem, "cut by the snapshot length of the capture");
	assert_int_equal(packet.payload_length, 3);
	// The same octets in a frame that was no longer than them: then it is the sender who lies.
	packet = decode_octets(PACKET_LINK_RAW, ipv4_udp, sizeof ipv4_udp - 2);
	assert_true(packet.cut);
	assert_string_equal(packet.problem, "the IP packet announces more octets than its frame has");
	writer_free(&frame);
}

static void lies_about_lengths_are_said(void **unused)
{
	static const struct {
		size_t offset;
		uint8_t value;
		const char *problem;
	} lies[] = {
		{0, 0x44, "the IPv4 header announces less than its own size"},
		{0, 0x4F, "the IPv4 options are cut"},
		{0, 0x55, "neither IPv4 nor IPv6"},
		{3, 19, "the IPv4 packet announces less than its header"},
		{3, 27, "the UDP header is cut"},
		{25, 7, "the UDP datagram announces less than its header"},
		{25, 14, "the UDP datagram announces more octets than its IP packet has"},
		{9, 132, "none of UDP, TCP and ICMP"},
		{6, 0x20, "the first fragment of an IP packet"},
		{7, 0x01, "a later fragment of an IP packet"},
	};
	(void)unused;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		uint8_t octets[sizeof ipv4_udp];
		memcpy(octets, ipv4_udp, sizeof octets);
		octets[lies[i].offset] = lies[i].value;
		struct packet packet = decode_octets(PACKET_LINK_RAW, octets, sizeof octets);
		assert_non_null(packet.problem);
		assert_string_equal(packet.problem, lies[i].problem);
	}
	uint8_t segment[sizeof ipv6_tcp];
	memcpy(segment, ipv6_tcp, sizeof segment);
	segment[60] = 0x40;
	struct packet short_header = decode_octets(PACKET_LINK_RAW, segment, sizeof segment);
	assert_string_equal(short_header.problem, "the TCP header announces less than its own size");
	segment[60] = 0x80;
	short_header = decode_octets(PACKET_LINK_RAW, segment, sizeof segment);
	assert_string_equal(short_header.problem, "the TCP options are cut");
	// A segment that is still to be split by the hardware has no length, and is whole all the same.
	uint8_t octets[sizeof ipv4_udp];
	memcpy(octets, ipv4_udp, sizeof octets);
	octets[3] = 0;
	struct packet packet = decode_octets(PACKET_LINK_RAW, octets, sizeof octets);
	assert_hello(&packet);
}

static bool inside(const struct packet *packet, const uint8_t *octets, size_t length)
{
	return !octets || (octets >= packet->data && length <= packet->captured &&
			   (size_t)(octets - packet->data) <= packet->captured - length);
}

static volatile uint8_t sink; // makes every octet be read

static void check_bounds(const struct packet *packet)
{
	assert_true(inside(packet, packet->payload, packet->payload_length));
	assert_true(inside(packet, packet->inner.payload, packet->inner.payload_length));
	for (size_t i = 0; packet->payload && i < packet->payload_length; i++)
		sink ^= packet->payload[i];
	if (packet->protocol == PACKET_OTHER)
		assert_non_null(packet->problem);
	if (!packet->payload)
		assert_int_equal(packet->payload_length, 0);
}

static void every_cut_is_survived(void **unused)
{
	struct writer frames[3];
	(void)unused;
	for (int i = 0; i < 3; i++)
		writer_init(&frames[i], 1000);
	writer_bytes(&frames[0], ipv4_udp, sizeof ipv4_udp);
	writer_bytes(&frames[1], ipv6_tcp, sizeof ipv6_tcp);
	writer_bytes(&frames[2], icmp_start, sizeof icmp_start);
	writer_bytes(&frames[2], ipv4_udp, sizeof ipv4_udp);
	for (int i = 0; i < 3; i++) {
		for (size_t length = 0; length < frames[i].length; length++) {
			struct packet packet = decode(PACKET_LINK_RAW, &frames[i], length);
			check_bounds(&packet);
			assert_non_null(packet.problem);
		}
		writer_free(&frames[i]);
	}
}

static uint32_t seed = 7635;

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

static void hostile_frames_are_survived(void **unused)
{
	static const uint32_t links[] = {PACKET_LINK_NULL, PACKET_LINK_ETHERNET, PACKET_LINK_RAW, PACKET_LINK_COOKED,
					 PACKET_LINK_COOKED_2, 105};
	(void)unused;
	for (int i = 0; i < 100000; i++) {
		struct writer frame;
		writer_init(&frame, 1000);
		if (i % 4 == 0) {
			for (uint32_t left = next_random() % 120; left; left--)
				writer_u8(&frame, (uint8_t)next_random());
		} else {
			if (i % 4 == 1)
				writer_bytes(&frame, ipv4_udp, sizeof ipv4_udp);
			if (i % 4 == 2)
				writer_bytes(&frame, icmp_start, sizeof icmp_start);
			writer_bytes(&frame, ipv6_tcp, sizeof ipv6_tcp);
			for (uint32_t changes = next_random() % 6; changes; changes--)
				frame.data[next_random() % frame.length] = (uint8_t)next_random();
		}
		uint32_t link = i % 4 ? PACKET_LINK_RAW : links[next_random() % 6];
		struct packet packet = decode(link, &frame, next_random() % (uint32_t)(frame.length + 1));
		check_bounds(&packet);
		writer_free(&frame);
	}
}

static void address_texts(void **unused)
{
	struct packet_address address = {.port = 7};
	(void)unused;
	assert_true(packet_address_parse("2001:db8::1", &address));
	assert_address(&address, "2001:db8::1", 7);
	assert_true(packet_address_parse("127.0.0.1", &address));
	assert_address(&address, "127.0.0.1", 7);
	assert_int_equal(address.family, 4);
	assert_false(packet_address_parse("localhost", &address));
	assert_false(packet_address_parse("1.2.3", &address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_type_is_taken_off),
		cmocka_unit_test(tcp_behind_extension_headers),
		cmocka_unit_test(icmp_error_holds_the_packet_it_is_about),
		cmocka_unit_test(what_the_capture_cut_is_said),
		cmocka_unit_test(lies_about_lengths_are_said),
		cmocka_unit_test(every_cut_is_survived),
		cmocka_unit_test(hostile_frames_are_survived),
		cmocka_unit_test(address_texts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
