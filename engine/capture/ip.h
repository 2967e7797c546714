// SPDX-License-Identifier: BSD-3-Clause
//
// An IP packet with its header taken off, IPv4 (RFC 791) or IPv6 (RFC 8200) with its extension headers: that of a frame
// as well as the one inside an ICMP error. It knows neither link layers nor what the body is.
#ifndef ASSAY_CAPTURE_IP_H
#define ASSAY_CAPTURE_IP_H

#include "capture/packet.h"

struct ip_datagram {
	struct packet_address source, destination; // family 0 when the header is not all there
	uint8_t protocol;                          // IPPROTO_* of the body
	const uint8_t *body;                       // inside the packet
	size_t body_length;
	bool cut; // the header announces a longer body than there is
	bool fragment;
	bool first;                  // holds the start of the datagram
	struct packet_fragment part; // of a fragment
	const char *problem;         // a constant text; NULL when all is well
};

// Reads all there is of a packet; what is wrong with it stands in datagram->problem.
void ip_read(const uint8_t *data, size_t length, struct ip_datagram *datagram);

// Takes the extension headers of IPv6 off the body, the first of which datagram->protocol tells. NULL, or a problem.
const char *ip_skip_extensions(struct ip_datagram *datagram);

#endif
