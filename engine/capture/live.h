// SPDX-License-Identifier: BSD-3-Clause
//
// Packets as they pass an interface, through libpcap. It waits for nothing by itself (live_settle excepted): its
// descriptor goes into an event loop, which it does not know, and it hands out one packet at a call.
//
// Packets come out up to LIVE_DELAY after they passed. libpcap's immediate mode would give them at once, but it gives
// each packet a slot of the size of the largest: a buffer of 16 MiB then holds 64 packets of a loopback interface
// where it now holds ten thousand, and a burst is exactly what a capture may not lose. Their times are the kernel's.
#ifndef ASSAY_CAPTURE_LIVE_H
#define ASSAY_CAPTURE_LIVE_H

#include "capture/packet.h"

struct error;
struct live;

#define LIVE_SNAPSHOT 262144           // octets of a packet that are kept
#define LIVE_BUFFER (16 * 1024 * 1024) // octets
#define LIVE_DELAY 0.03                // seconds

struct live_statistics {
	uint64_t received;          // passed the filter
	uint64_t dropped;           // of them, lost because the buffer was full
	uint64_t interface_dropped; // by the interface or its driver
};

// Listens on an interface, not promiscuously, for what passes `filter` (the language of pcap-filter(7); NULL or "" for
// all). `buffer`: octets, 0 for LIVE_BUFFER; it counts as memory of the process. On a loopback interface each packet
// is seen once. Owned by the caller. NULL with *error filled: ERROR_NOT_ALLOWED without the privilege to capture,
// ERROR_MALFORMED for a filter that does not compile (or not for this link type), ERROR_UNKNOWN for a link type that is
// not decoded here, ERROR_LIBRARY for all else (no such interface, it is down).
struct live *live_open(const char *interface, const char *filter, size_t buffer, struct error *error);
void live_close(struct live *live);

// Readable when live_next has something. Closed on exec, owned by `live`.
int live_descriptor(const struct live *live);

// The next packet, decoded: 1, its octets good until the next call; 0 when there is none now; -1 with *error filled,
// ERROR_LIBRARY: the capture is over (the interface went away).
int live_next(struct live *live, struct packet *packet, struct error *error);

// Waits for at most `seconds` until live_next has something: true. False, as soon as that is known, when nothing that
// passed before this call is left to be handed out. To hand out all that passed before a moment, call it in turn with
// live_next until LIVE_DELAY after that moment.
bool live_settle(struct live *live, double seconds);

// Counted since live_open. -1 with *error filled.
int live_statistics(struct live *live, struct live_statistics *statistics, struct error *error);

#endif
