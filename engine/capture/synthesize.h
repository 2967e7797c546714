// SPDX-License-Identifier: BSD-3-Clause
//
// An IP packet around octets that a socket sent or received, so that a run without the privilege to capture still
// leaves a recording that other tools read. What stands in the headers and was never seen (identification, hop
// limit, window) is made up. It opens no socket and sends nothing.
#ifndef ASSAY_CAPTURE_SYNTHESIZE_H
#define ASSAY_CAPTURE_SYNTHESIZE_H

#include "base/bytes.h"
#include "capture/packet.h"

struct error;

struct synthesize {
	enum packet_protocol protocol;             // PACKET_UDP or PACKET_TCP
	struct packet_address source, destination; // of one family, with ports
	const uint8_t *payload;
	size_t payload_length;
	uint32_t sequence, acknowledgement; // TCP
	uint8_t flags;                      // TCP: PACKET_TCP_*
};

// Appends the packet, of link type PACKET_LINK_RAW, to *out. Every checksum is right. -1 with *error filled, and
// nothing appended: ERROR_LIMIT when the payload is larger than one packet holds (IPv4: 65507 octets over UDP, 65495
// over TCP; IPv6: 65527 and 65515) or than *out may grow, ERROR_MALFORMED when the two addresses are not of one family.
int synthesize_packet(const struct synthesize *what, struct writer *out, struct error *error);

#endif
