// SPDX-License-Identifier: BSD-3-Clause
//
// One frame. The first octet chooses the link type, the second says how much more of it there was on the wire; the rest
// is what was captured. It is decoded whole and cut at some place, and what it carried is put into a packet anew.
#include "capture/synthesize.h"
#include "packet.h"

static const uint32_t links[] = {
	PACKET_LINK_ETHERNET, PACKET_LINK_RAW,  PACKET_LINK_NULL, PACKET_LINK_LOOP,
	PACKET_LINK_COOKED,   PACKET_LINK_IPV4, PACKET_LINK_IPV6, 147,
	PACKET_LINK_COOKED_2,
};

static void decode(struct packet *packet, const uint8_t *data, size_t captured, size_t length, uint32_t link)
{
	*packet = (struct packet){.data = data, .captured = captured, .length = length, .link = link, .time = 77};
	packet_decode(packet);
	claim(packet->data == data && packet->captured == captured && packet->time == 77 && packet->link == link);
	fuzz_claim_packet(packet);
	claim(packet_link_known(link) || (packet->protocol == PACKET_OTHER && !packet->source.family));
}

static void check_synthesized(const struct packet *packet)
{
	struct synthesize what = {
		.protocol = packet->protocol,
		.source = packet->source,
		.destination = packet->destination,
		.payload = packet->payload,
		.payload_length = packet->payload_length,
		.sequence = packet->tcp_sequence,
		.acknowledgement = packet->tcp_acknowledgement,
		.flags = packet->tcp_flags,
	};
	struct writer made;
	struct packet again;
	writer_init(&made, 70000);
	claim(synthesize_packet(&what, &made, NULL) == 0);
	decode(&again, made.data, made.length, made.length, PACKET_LINK_RAW);
	claim(!again.problem && !again.cut && !again.fragment && again.protocol == packet->protocol);
	claim(again.source.port == packet->source.port && again.destination.port == packet->destination.port);
	claim(memcmp(again.source.octets, packet->source.octets, 16) == 0);
	claim(memcmp(again.destination.octets, packet->destination.octets, 16) == 0);
	claim(again.payload_length == packet->payload_length);
	claim(memcmp(again.payload, packet->payload, again.payload_length) == 0);
	claim(again.tcp_sequence == packet->tcp_sequence && again.tcp_flags == packet->tcp_flags);
	writer_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet whole, part;
	struct reader input;
	size_t length;
	reader_init(&input, data, size);
	uint32_t link = links[fuzz_octet(&input) % (sizeof links / sizeof *links)];
	size_t more = fuzz_octet(&input);
	const uint8_t *octets = fuzz_take(&input, SIZE_MAX, &length);
	uint8_t *frame = fuzz_copy(octets, length);
	decode(&whole, frame, length, length + more, link);
	if ((whole.protocol == PACKET_UDP || whole.protocol == PACKET_TCP) && whole.payload &&
	    whole.payload_length < 65000)
		check_synthesized(&whole);

	// A frame that was cut shows less, and nothing else.
	size_t kept = length ? (more * 31 + length / 2) % length : 0;
	uint8_t *beginning = fuzz_copy(octets, kept);
	decode(&part, beginning, kept, length, link);
	if (part.payload && !whole.fragment) {
		claim(whole.protocol == part.protocol && whole.payload_length >= part.payload_length);
		claim(memcmp(whole.payload, part.payload, part.payload_length) == 0);
		claim(whole.source.port == part.source.port && whole.tcp_sequence == part.tcp_sequence);
	}
	free(beginning);
	free(frame);
	return 0;
}
