// SPDX-License-Identifier: BSD-3-Clause
#include "capture/ip.h"

#include "base/bytes.h"

#include <string.h>

#define MOST_EXTENSIONS 16 // IPv6 extension headers before a packet is given up

// Inline, because every packet has two of them.
static inline void read_address(struct reader *reader, uint8_t family, struct packet_address *address)
{
	size_t size = family == 4 ? 4 : 16;
	const uint8_t *octets = reader_bytes(reader, size);
	*address = (struct packet_address){.family = family};
	if (octets)
		memcpy(address->octets, octets, size);
}

static void take_body(struct ip_datagram *datagram, struct reader *reader, size_t announced)
{
	size_t left = reader_left(reader);
	datagram->cut = announced > left;
	datagram->body_length = datagram->cut ? left : announced;
	datagram->body = reader_bytes(reader, datagram->body_length);
}

static const char *read_ipv4(struct reader *reader, struct ip_datagram *datagram)
{
	size_t header = (size_t)(reader_u8(reader) & 0x0F) * 4;
	reader_u8(reader);
	size_t total = reader_u16(reader);
	datagram->part.id = reader_u16(reader);
	uint16_t fragment = reader_u16(reader);
	reader_u8(reader);
	datagram->protocol = reader_u8(reader);
	reader_u16(reader);
	struct packet_address source, destination;
	read_address(reader, 4, &source);
	read_address(reader, 4, &destination);
	if (reader->failed)
		return "the IPv4 header is cut";
	if (header < 20)
		return "the IPv4 header announces less than its own size";
	datagram->source = source;
	datagram->destination = destination;
	if (!reader_bytes(reader, header - 20))
		return "the IPv4 options are cut";
	// A segment that the hardware is still to split has no length yet.
	if (total == 0)
		total = header + reader_left(reader);
	if (total < header)
		return "the IPv4 packet announces less than its header";
	datagram->fragment = (fragment & 0x3FFF) != 0;
	datagram->first = (fragment & 0x1FFF) == 0;
	take_body(datagram, reader, total - header);
	datagram->part.protocol = datagram->protocol;
	datagram->part.offset = (size_t)(fragment & 0x1FFF) * 8;
	datagram->part.more = fragment & 0x2000;
	datagram->part.length = datagram->body_length;
	datagram->part.data = datagram->body;
	return NULL;
}

const char *ip_skip_extensions(struct ip_datagram *datagram)
{
	struct reader reader;
	reader_init(&reader, datagram->body, datagram->body_length);
	for (int count = 0;; count++) {
		size_t rest = 0;
		switch (datagram->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			datagram->protocol = reader_u8(&reader);
			rest = (size_t)reader_u8(&reader) * 8 + 6;
			break;
		case IPPROTO_AH:
			datagram->protocol = reader_u8(&reader);
			rest = (size_t)reader_u8(&reader) * 4 + 6;
			break;
		case IPPROTO_FRAGMENT: {
			// Whole or not, what is inside is not there yet.
			if (datagram->fragment)
				return "a fragment header within a fragment";
			datagram->protocol = reader_u8(&reader);
			reader_u8(&reader);
			uint16_t place = reader_u16(&reader);
			uint32_t id = reader_u32(&reader);
			if (reader.failed)
				break;
			// A fragment that is the whole (RFC 6946) is none.
			datagram->fragment = (place & 0xFFF9) != 0;
			datagram->first = (place & 0xFFF8) == 0;
			datagram->part.id = id;
			datagram->part.protocol = datagram->protocol;
			datagram->part.offset = place & 0xFFF8;
			datagram->part.more = place & 1;
			struct reader part = reader;
			datagram->part.length = reader_left(&part);
			datagram->part.data = reader_bytes(&part, datagram->part.length);
			break;
		}
		default:
			datagram->body_length = reader_left(&reader);
			datagram->body = reader_bytes(&reader, datagram->body_length);
			return NULL;
		}
		if (!reader_bytes(&reader, rest))
			return "an IPv6 extension header is cut";
		if (!datagram->first) {
			datagram->body_length = reader_left(&reader);
			datagram->body = reader_bytes(&reader, datagram->body_length);
			return NULL;
		}
		if (count == MOST_EXTENSIONS)
			return "more IPv6 extension headers than are followed";
	}
}

static const char *read_ipv6(struct reader *reader, struct ip_datagram *datagram)
{
	reader_u32(reader);
	size_t length = reader_u16(reader);
	datagram->protocol = reader_u8(reader);
	reader_u8(reader);
	struct packet_address source, destination;
	read_address(reader, 6, &source);
	read_address(reader, 6, &destination);
	if (reader->failed)
		return "the IPv6 header is cut";
	datagram->source = source;
	datagram->destination = destination;
	// No length: a jumbogram, or a segment that the hardware is still to split.
	take_body(datagram, reader, length ? length : reader_left(reader));
	return ip_skip_extensions(datagram);
}

void ip_read(const uint8_t *data, size_t length, struct ip_datagram *datagram)
{
	struct reader reader;
	*datagram = (struct ip_datagram){.first = true};
	reader_init(&reader, data, length);
	uint8_t version = reader_u8(&reader) >> 4;
	reader_init(&reader, data, length);
	if (length == 0)
		datagram->problem = "no octets of an IP packet";
	else if (version == 4)
		datagram->problem = read_ipv4(&reader, datagram);
	else if (version == 6)
		datagram->problem = read_ipv6(&reader, datagram);
	else
		datagram->problem = "neither IPv4 nor IPv6";
}
