// SPDX-License-Identifier: BSD-3-Clause
//
// What holds for every packet that was decoded, whatever was in its frame.
#ifndef ASSAY_TESTS_FUZZ_PACKET_H
#define ASSAY_TESTS_FUZZ_PACKET_H

#include "capture/packet.h"
#include "fuzz.h"

static inline bool fuzz_is_inside(const struct packet *packet, const uint8_t *octets, size_t length)
{
	if (!octets)
		return length == 0;
	uintptr_t start = (uintptr_t)packet->data, at = (uintptr_t)octets;
	// What has no octets may be the reader's own nothing.
	return length == 0 || (at >= start && at + length <= start + packet->captured);
}

// FNV-1a over octets, so that every one of them is read, and two packets can be compared.
static inline uint64_t fuzz_sum(uint64_t sum, const void *octets, size_t length)
{
	const uint8_t *place = octets;
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ place[i]) * 0x100000001B3u;
	return sum;
}

static inline void fuzz_claim_address(const struct packet_address *address)
{
	char text[INET6_ADDRSTRLEN];
	struct packet_address again = {.port = address->port};
	packet_address_text(address, text);
	claim(address->family == 0 || address->family == 4 || address->family == 6);
	claim((address->family == 0) == (text[0] == 0));
	if (!address->family)
		return;
	claim(packet_address_parse(text, &again));
	claim(again.family == address->family);
	claim(memcmp(again.octets, address->octets, address->family == 4 ? 4 : 16) == 0);
}

static inline void fuzz_claim_packet(const struct packet *packet)
{
	const struct packet_inner *inner = &packet->inner;
	bool has_ports = packet->protocol == PACKET_UDP || packet->protocol == PACKET_TCP;
	claim(fuzz_is_inside(packet, packet->payload, packet->payload_length));
	claim(fuzz_is_inside(packet, inner->payload, inner->payload_length));
	claim(packet->protocol != PACKET_OTHER || (packet->problem && !packet->payload));
	claim(!packet->problem || fuzz_is_printable(packet->problem, strlen(packet->problem), false));
	claim(packet->source.family == packet->destination.family);
	claim(packet->source.family || packet->protocol == PACKET_OTHER);
	claim(has_ports || (packet->source.port == 0 && packet->destination.port == 0));
	claim(!packet->cut || packet->problem);
	claim(!inner->source.family || packet->protocol == PACKET_ICMP);
	claim(inner->protocol == PACKET_OTHER || inner->source.family);
	claim(packet_icmp_text(packet->source.family, packet->icmp_type, packet->icmp_code)[0]);
	fuzz_claim_address(&packet->source);
	fuzz_claim_address(&packet->destination);
	fuzz_claim_address(&inner->source);
	fuzz_claim_address(&inner->destination);
}

#endif
