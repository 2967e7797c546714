// SPDX-License-Identifier: BSD-3-Clause
//
// One captured frame, from its link layer to what UDP, TCP or ICMP carries. It reads nothing past the octets that
// were captured and trusts no length it meets. It knows nothing of files, interfaces, flows or STUN: fragments are
// named, not joined (capture/fragments.h does that), and checksums are not looked at (a capture on the sending host
// sees them before the hardware fills them in).
#ifndef ASSAY_CAPTURE_PACKET_H
#define ASSAY_CAPTURE_PACKET_H

#include "capture/packet_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Link types as files number them (LINKTYPE_*; libpcap's DLT_* differ for raw IP).
enum {
	PACKET_LINK_NULL = 0,     // BSD loopback: the address family in the byte order of the host that captured
	PACKET_LINK_ETHERNET = 1, // with any VLAN tags
	PACKET_LINK_RAW = 101,    // an IPv4 or IPv6 packet
	PACKET_LINK_LOOP = 108,   // OpenBSD loopback: the address family in network byte order
	PACKET_LINK_COOKED = 113, // Linux cooked, version 1
	PACKET_LINK_IPV4 = 228,
	PACKET_LINK_IPV6 = 229,
	PACKET_LINK_COOKED_2 = 276, // Linux cooked, version 2
};

enum packet_protocol { PACKET_OTHER, PACKET_UDP, PACKET_TCP, PACKET_ICMP };

// An IP fragment, as capture/fragments.h wants it.
struct packet_fragment {
	const uint8_t *data; // inside the frame; NULL when the packet is no fragment
	size_t length;       // captured octets
	size_t offset;       // of the first in the datagram
	uint32_t id;
	uint8_t protocol; // of the datagram, IPPROTO_*
	bool more;        // it is not the last one
	bool cut;         // fewer octets were captured than it has
};

enum { PACKET_TCP_FIN = 1, PACKET_TCP_SYN = 2, PACKET_TCP_RST = 4, PACKET_TCP_PSH = 8, PACKET_TCP_ACK = 16 };

// The packet that an ICMP error is about, as much of it as the error carries.
struct packet_inner {
	enum packet_protocol protocol;
	struct packet_address source, destination; // source.family is 0 when there is no inner packet
	const uint8_t *payload;
	size_t payload_length;
};

// Where a pointer stands, what it points to is owned by whoever filled the first part.
struct packet {
	// What the capture says; set by whoever got the frame.
	const uint8_t *data;
	size_t captured;     // octets at data
	size_t length;       // octets the frame had on the wire; more than captured when the capture cut it
	uint32_t link;       // PACKET_LINK_* or any other number a file uses
	uint64_t time;       // nanoseconds since 1970
	uint64_t frame;      // its number in the capture, from 1; 0 when that is not known
	uint64_t offset;     // of its record or block, in octets of the (uncompressed) file
	const char *comment; // not terminated; NULL when there is none
	size_t comment_length;

	// What packet_decode found.
	enum packet_protocol protocol;
	struct packet_address source, destination; // family 0 when no IP header was reached
	const uint8_t *payload; // what UDP, TCP or the ICMP header carries, inside data; NULL when it was not reached
	size_t payload_length;  // of what was captured of it
	bool cut;               // less of the payload was captured than its headers announce
	bool fragment; // an IP fragment, see `part`; of one that is not the first, the protocol stays PACKET_OTHER
	const char *problem; // why decoding stopped early or what is wrong, a constant text; NULL when all is well
	uint32_t tcp_sequence, tcp_acknowledgement;
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	struct packet_inner inner;
	struct packet_fragment part;
};

// Fills the second part from the first. It cannot fail: what is not understood leaves protocol at PACKET_OTHER and
// has its reason in `problem`.
void packet_decode(struct packet *packet);

// The same for a datagram that was joined from fragments: packet->data is what follows the IP header (or the Fragment
// header), `protocol` its IPPROTO_*; source and destination are set already and stay, and so does what the capture
// says.
void packet_decode_joined(struct packet *packet, uint8_t protocol);

// Whether the frames of this link type are decoded here at all.
bool packet_link_known(uint32_t link);

// The name of an ICMP (family 4, RFC 792) or ICMPv6 (family 6, RFC 4443) type and code; a constant, never NULL.
const char *packet_icmp_text(uint8_t family, uint8_t type, uint8_t code);

#endif
