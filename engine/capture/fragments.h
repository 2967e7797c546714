// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments of IPv4 and IPv6 packets, joined again (RFC 791 section 3.2, RFC 8200 section 4.5). It knows nothing of
// files or flows, and sees time only in the packets.
//
// Where two fragments bring different octets for one place, those that came first stay; what both bring is counted as
// an overlap. What is held is bounded in octets, in datagrams and in age; what has waited longest goes first.
#ifndef ASSAY_CAPTURE_FRAGMENTS_H
#define ASSAY_CAPTURE_FRAGMENTS_H

#include "capture/packet.h"

struct fragments;

struct fragments_limits {
	size_t octets;    // held in all; 0: 4 MiB
	size_t datagrams; // held at once; 0: 4096
	uint64_t age;     // nanoseconds from a datagram's first fragment to its last; 0: 60 seconds (RFC 8200)
};

struct fragments_joined {
	struct packet packet; // see fragments_add
	uint64_t first_frame; // the lowest and the highest of the frames it was made of
	uint64_t last_frame;
	size_t count;  // of these frames, those that brought nothing new included
	bool conflict; // two of them brought different octets for one place
};

struct fragments_statistics {
	uint64_t taken;    // fragments
	uint64_t joined;   // datagrams
	uint64_t overlaps; // fragments that brought octets a second time, the same or others
	uint64_t expired;  // datagrams given up because of their age
	uint64_t evicted;  // datagrams given up because of the limits
	uint64_t refused;  // fragments of impossible place or length, cut by the capture, or too many of a datagram
};

// `limits` may be NULL. The hash is seeded by the system, so that a capture cannot choose collisions. Owned by the
// caller; NULL when there is no memory.
struct fragments *fragments_new(const struct fragments_limits *limits);
void fragments_free(struct fragments *fragments);

// Takes the fragment of a decoded packet (packet->fragment; any other is left alone) and copies its octets. 1: it was
// the last one missing, and *joined is the whole: its packet is decoded (protocol, addresses, payload, problem), has
// time, link, frame and comment of the fragment just given, and its data is what follows the IP header (IPv6: the
// Fragment header), good until the next call. 0: the rest is still missing, or the fragment was refused.
int fragments_add(struct fragments *fragments, const struct packet *packet, struct fragments_joined *joined);

// Datagrams that wait for their missing fragments.
size_t fragments_waiting(const struct fragments *fragments);

// Counted since fragments_new.
struct fragments_statistics fragments_statistics(const struct fragments *fragments);

#endif
