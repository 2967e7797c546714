// SPDX-License-Identifier: BSD-3-Clause
#include "capture/synthesize.h"

#include "base/error.h"

#define UDP_HEADER 8
#define TCP_HEADER 20

// RFC 1071, carried over several runs of octets. Every run but the last is of an even length.
static uint32_t sum(uint32_t so_far, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		so_far += i % 2 ? octets[i] : (uint32_t)octets[i] << 8;
		so_far = (so_far & 0xFFFF) + (so_far >> 16);
	}
	return so_far;
}

static uint16_t folded(uint32_t total)
{
	total = (total & 0xFFFF) + (total >> 16);
	return (uint16_t)(~((total & 0xFFFF) + (total >> 16)));
}

static void write_ip(struct writer *out, const struct synthesize *what, uint8_t protocol, size_t body)
{
	size_t start = out->length;
	if (what->source.family == 6) {
		writer_u32(out, 6u << 28);
		writer_u16(out, (uint16_t)body);
		writer_u8(out, protocol);
		writer_u8(out, 64);
		writer_bytes(out, what->source.octets, 16);
		writer_bytes(out, what->destination.octets, 16);
		return;
	}
	writer_u16(out, 0x4500);
	writer_u16(out, (uint16_t)(20 + body));
	writer_u16(out, 0);
	writer_u16(out, 0x4000); // do not fragment, so the identification may be 0 (RFC 6864 section 4.1)
	writer_u8(out, 64);
	writer_u8(out, protocol);
	writer_u16(out, 0);
	writer_bytes(out, what->source.octets, 4);
	writer_bytes(out, what->destination.octets, 4);
	if (!out->failed)
		writer_patch_u16(out, start + 10, folded(sum(0, out->data + start, 20)));
}

int synthesize_packet(const struct synthesize *what, struct writer *out, struct error *error)
{
	bool udp = what->protocol == PACKET_UDP;
	uint8_t family = what->source.family;
	uint8_t protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	size_t header = udp ? UDP_HEADER : TCP_HEADER;
	size_t room = 65535 - header - (family == 4 ? 20 : 0);
	size_t start = out->length;

	if (what->protocol != PACKET_UDP && what->protocol != PACKET_TCP)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "only UDP and TCP packets can be made up");
	if ((family != 4 && family != 6) || family != what->destination.family)
		return error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
				 "source and destination are not both IPv4 or both IPv6");
	if (what->payload_length > room)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "a payload of %zu octets does not fit one %s packet over IPv%d, which holds %zu",
				 what->payload_length, udp ? "UDP" : "TCP", family, room);

	size_t body = header + what->payload_length;
	write_ip(out, what, protocol, body);
	size_t transport = out->length;
	writer_u16(out, what->source.port);
	writer_u16(out, what->destination.port);
	if (udp) {
		writer_u16(out, (uint16_t)body);
		writer_u16(out, 0);
	} else {
		writer_u32(out, what->sequence);
		writer_u32(out, what->acknowledgement);
		writer_u8(out, TCP_HEADER / 4 << 4);
		writer_u8(out, what->flags);
		writer_u16(out, 65535);
		writer_u32(out, 0);
	}
	writer_bytes(out, what->payload, what->payload_length);
	if (out->failed) {
		out->length = start;
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no memory for a packet of %zu octets", body);
	}

	// The pseudo-header of RFC 768, RFC 9293 section 3.1 and RFC 8200 section 8.1: they all sum to this.
	size_t size = family == 4 ? 4 : 16;
	uint32_t total = (uint32_t)protocol + (uint32_t)body;
	total = sum(total, what->source.octets, size);
	total = sum(total, what->destination.octets, size);
	uint16_t checksum = folded(sum(total, out->data + transport, body));
	// Over UDP, zero would say that there is no checksum.
	writer_patch_u16(out, transport + (udp ? 6 : 16), udp && checksum == 0 ? 0xFFFF : checksum);
	return 0;
}
