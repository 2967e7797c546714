// SPDX-License-Identifier: BSD-3-Clause
#include "capture/packet.h"

#include "base/bytes.h"
#include "capture/ip.h"

#include <string.h>

#define ETHERTYPE_OF_IPV4 0x0800
#define ETHERTYPE_OF_IPV6 0x86DD
#define MOST_TAGS 4 // VLAN tags before a frame is given up

// The octets behind the link header, NULL with *problem set when it cannot be taken off. *type is the EtherType, or 0
// where the link layer has none and the IP version tells.
static const uint8_t *strip_link(const struct packet *packet, size_t *length, const char **problem)
{
	struct reader reader;
	uint16_t type = 0;
	reader_init(&reader, packet->data, packet->captured);
	switch (packet->link) {
	case PACKET_LINK_ETHERNET:
		reader_bytes(&reader, 12);
		type = reader_u16(&reader);
		break;
	case PACKET_LINK_COOKED:
		reader_bytes(&reader, 14);
		type = reader_u16(&reader);
		break;
	case PACKET_LINK_COOKED_2:
		type = reader_u16(&reader);
		reader_bytes(&reader, 18);
		break;
	case PACKET_LINK_NULL:
	case PACKET_LINK_LOOP:
		// The family's number differs from system to system; the IP version below says the same.
		reader_u32(&reader);
		break;
	case PACKET_LINK_RAW:
	case PACKET_LINK_IPV4:
	case PACKET_LINK_IPV6:
		break;
	default:
		*problem = "frames of this link type are not decoded";
		return NULL;
	}
	for (int tags = 0; tags < MOST_TAGS && (type == 0x8100 || type == 0x88A8 || type == 0x9100); tags++) {
		reader_u16(&reader);
		type = reader_u16(&reader);
	}
	if (reader.failed) {
		*problem = "the link header is cut";
		return NULL;
	}
	if (type && type != ETHERTYPE_OF_IPV4 && type != ETHERTYPE_OF_IPV6) {
		*problem = "not an IP packet";
		return NULL;
	}
	*length = reader_left(&reader);
	return reader_bytes(&reader, *length);
}

static const char *read_udp(struct packet *packet, const struct ip_datagram *datagram)
{
	struct reader reader;
	reader_init(&reader, datagram->body, datagram->body_length);
	uint16_t source = reader_u16(&reader);
	uint16_t destination = reader_u16(&reader);
	size_t announced = reader_u16(&reader);
	reader_u16(&reader);
	if (reader.failed)
		return "the UDP header is cut";
	packet->protocol = PACKET_UDP;
	packet->source.port = source;
	packet->destination.port = destination;
	if (announced < 8)
		return "the UDP datagram announces less than its header";
	size_t left = reader_left(&reader);
	size_t length = announced - 8;
	const char *problem = NULL;
	if (length > left) {
		if (!datagram->cut && !datagram->fragment)
			problem = "the UDP datagram announces more octets than its IP packet has";
		packet->cut = true;
		length = left;
	}
	packet->payload_length = length;
	packet->payload = reader_bytes(&reader, length);
	return problem;
}

static const char *read_tcp(struct packet *packet, const struct ip_datagram *datagram)
{
	struct reader reader;
	reader_init(&reader, datagram->body, datagram->body_length);
	uint16_t source = reader_u16(&reader);
	uint16_t destination = reader_u16(&reader);
	uint32_t sequence = reader_u32(&reader);
	uint32_t acknowledgement = reader_u32(&reader);
	size_t header = (size_t)(reader_u8(&reader) >> 4) * 4;
	uint8_t flags = reader_u8(&reader) & 0x3F;
	reader_bytes(&reader, 6);
	if (reader.failed)
		return "the TCP header is cut";
	packet->protocol = PACKET_TCP;
	packet->source.port = source;
	packet->destination.port = destination;
	packet->tcp_sequence = sequence;
	packet->tcp_acknowledgement = acknowledgement;
	packet->tcp_flags = flags;
	if (header < 20)
		return "the TCP header announces less than its own size";
	if (!reader_bytes(&reader, header - 20))
		return "the TCP options are cut";
	packet->payload_length = reader_left(&reader);
	packet->payload = reader_bytes(&reader, packet->payload_length);
	return NULL;
}

// RFC 792 and RFC 4443 section 3: which messages hold the packet they are about, behind 8 octets of header.
static bool is_icmp_error(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void read_inner(struct packet *packet)
{
	struct packet_inner *inner = &packet->inner;
	struct ip_datagram datagram;
	struct reader reader;
	ip_read(packet->payload, packet->payload_length, &datagram);
	inner->source = datagram.source;
	inner->destination = datagram.destination;
	if (datagram.problem || !datagram.first)
		return;
	reader_init(&reader, datagram.body, datagram.body_length);
	uint16_t source = reader_u16(&reader);
	uint16_t destination = reader_u16(&reader);
	if (datagram.protocol == IPPROTO_UDP) {
		reader_u32(&reader);
		inner->protocol = PACKET_UDP;
	} else if (datagram.protocol == IPPROTO_TCP) {
		// 8 octets of the header are all that is promised: the ports and the sequence number.
		inner->protocol = PACKET_TCP;
		reader_u32(&reader);
	} else {
		return;
	}
	if (reader.failed) {
		inner->protocol = PACKET_OTHER;
		return;
	}
	inner->source.port = source;
	inner->destination.port = destination;
	if (inner->protocol == PACKET_TCP) {
		reader_u32(&reader);
		size_t header = (size_t)(reader_u8(&reader) >> 4) * 4;
		reader_bytes(&reader, 7);
		if (reader.failed || header < 20 || !reader_bytes(&reader, header - 20))
			return;
	}
	inner->payload_length = reader_left(&reader);
	inner->payload = reader_bytes(&reader, inner->payload_length);
}

static const char *read_icmp(struct packet *packet, const struct ip_datagram *datagram)
{
	struct reader reader;
	reader_init(&reader, datagram->body, datagram->body_length);
	uint8_t type = reader_u8(&reader);
	uint8_t code = reader_u8(&reader);
	reader_bytes(&reader, 6);
	if (reader.failed)
		return "the ICMP header is cut";
	packet->protocol = PACKET_ICMP;
	packet->icmp_type = type;
	packet->icmp_code = code;
	packet->payload_length = reader_left(&reader);
	packet->payload = reader_bytes(&reader, packet->payload_length);
	if (is_icmp_error(packet->source.family, type))
		read_inner(packet);
	return NULL;
}

static const char *read_body(struct packet *packet, const struct ip_datagram *datagram)
{
	if (datagram->protocol == IPPROTO_UDP)
		return read_udp(packet, datagram);
	if (datagram->protocol == IPPROTO_TCP)
		return read_tcp(packet, datagram);
	if (datagram->protocol == (packet->source.family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return read_icmp(packet, datagram);
	return "none of UDP, TCP and ICMP";
}

static void forget_decoded(struct packet *packet)
{
	memset(&packet->protocol, 0, sizeof *packet - offsetof(struct packet, protocol));
}

void packet_decode(struct packet *packet)
{
	size_t length = 0;
	struct ip_datagram datagram;
	forget_decoded(packet);
	const uint8_t *ip = strip_link(packet, &length, &packet->problem);
	if (!ip)
		return;
	ip_read(ip, length, &datagram);
	packet->source = datagram.source;
	packet->destination = datagram.destination;
	packet->fragment = datagram.fragment;
	packet->cut = datagram.cut;
	packet->problem = datagram.problem;
	if (datagram.fragment) {
		packet->part = datagram.part;
		packet->part.cut = datagram.cut;
	}
	if (datagram.problem)
		return;
	if (!datagram.first) {
		packet->problem = "a later fragment of an IP packet";
		return;
	}
	packet->problem = read_body(packet, &datagram);
	if (!packet->problem && datagram.cut && packet->captured >= packet->length)
		packet->problem = "the IP packet announces more octets than its frame has";
	else if (!packet->problem && datagram.fragment)
		packet->problem = "the first fragment of an IP packet";
	else if (!packet->problem && packet->cut)
		packet->problem = "cut by the snapshot length of the capture";
}

void packet_decode_joined(struct packet *packet, uint8_t protocol)
{
	struct packet_address source = packet->source, destination = packet->destination;
	struct ip_datagram datagram = {
		.protocol = protocol, .body = packet->data, .body_length = packet->captured, .first = true};
	forget_decoded(packet);
	packet->source = source;
	packet->destination = destination;
	packet->source.port = packet->destination.port = 0;
	if (source.family == 6)
		packet->problem = ip_skip_extensions(&datagram);
	if (packet->problem)
		return;
	if (datagram.fragment)
		packet->problem = "a fragment within a fragmented IP packet";
	else
		packet->problem = read_body(packet, &datagram);
}

bool packet_link_known(uint32_t link)
{
	switch (link) {
	case PACKET_LINK_NULL:
	case PACKET_LINK_ETHERNET:
	case PACKET_LINK_RAW:
	case PACKET_LINK_LOOP:
	case PACKET_LINK_COOKED:
	case PACKET_LINK_IPV4:
	case PACKET_LINK_IPV6:
	case PACKET_LINK_COOKED_2:
		return true;
	default:
		return false;
	}
}

const char *packet_icmp_text(uint8_t family, uint8_t type, uint8_t code)
{
	static const struct {
		uint8_t family, type;
		int code; // -1: any other
		const char *text;
	} names[] = {
		{4, 0, -1, "echo reply"},
		{4, 3, 0, "network unreachable"},
		{4, 3, 1, "host unreachable"},
		{4, 3, 2, "protocol unreachable"},
		{4, 3, 3, "port unreachable"},
		{4, 3, 4, "fragmentation needed"},
		{4, 3, 9, "network administratively prohibited"},
		{4, 3, 10, "host administratively prohibited"},
		{4, 3, 13, "communication administratively prohibited"},
		{4, 3, -1, "destination unreachable"},
		{4, 4, -1, "source quench"},
		{4, 5, -1, "redirect"},
		{4, 8, -1, "echo request"},
		{4, 11, 0, "time to live exceeded"},
		{4, 11, 1, "fragment reassembly time exceeded"},
		{4, 11, -1, "time exceeded"},
		{4, 12, -1, "parameter problem"},
		{6, 1, 0, "no route to destination"},
		{6, 1, 1, "communication administratively prohibited"},
		{6, 1, 3, "address unreachable"},
		{6, 1, 4, "port unreachable"},
		{6, 1, -1, "destination unreachable"},
		{6, 2, -1, "packet too big"},
		{6, 3, 0, "hop limit exceeded"},
		{6, 3, 1, "fragment reassembly time exceeded"},
		{6, 3, -1, "time exceeded"},
		{6, 4, -1, "parameter problem"},
		{6, 128, -1, "echo request"},
		{6, 129, -1, "echo reply"},
		{6, 133, -1, "router solicitation"},
		{6, 134, -1, "router advertisement"},
		{6, 135, -1, "neighbour solicitation"},
		{6, 136, -1, "neighbour advertisement"},
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].family == family && names[i].type == type && (names[i].code < 0 || names[i].code == code))
			return names[i].text;
	return "other";
}
