// SPDX-License-Identifier: BSD-3-Clause
//
// A table of flows: what passes between two transport addresses over one protocol, in both directions. It holds a
// pointer of the caller for each, knows nothing of what it points to, and sees time only in the packets.
//
// The hash is seeded, so that a capture cannot choose collisions; nothing that is visible depends on the seed. The
// number of flows is bounded: the one that was idle longest goes first.
#ifndef ASSAY_CAPTURE_FLOW_H
#define ASSAY_CAPTURE_FLOW_H

#include "capture/packet.h"

struct flow_table;

struct flow {
	enum packet_protocol protocol;
	struct packet_address source, destination; // of the packet that began it
	uint64_t number;                           // flows are numbered from 1 as they begin
	uint64_t first_time, last_time;            // of its packets, nanoseconds since 1970
	uint64_t first_frame, last_frame;
	void *state; // the caller's; NULL at first
};

enum flow_end {
	FLOW_IDLE,    // no packet for longer than the limit
	FLOW_CROWDED, // the table was full
	FLOW_CLOSED,  // flow_table_close
	FLOW_OVER,    // flow_table_free
};

struct flow_table_options {
	size_t most;   // flows at once; 0: 65536
	uint64_t idle; // nanoseconds by the times of packets; 0: no limit
	uint64_t seed; // of the hash; 0: from the system
	// Called once for each flow before it is gone, to report and free its state; it calls nothing of the table. May
	// be NULL.
	void (*gone)(struct flow *flow, enum flow_end why, void *context);
	void *context;
};

struct flow_table_statistics {
	uint64_t begun, idle, crowded; // flows that began, and those that went for FLOW_IDLE and FLOW_CROWDED
	size_t count, most;            // flows there now, and at most at once
};

// Owned by the caller; NULL when there is no memory. flow_table_free lets every flow go first, in the order in which
// they began.
struct flow_table *flow_table_new(const struct flow_table_options *options);
void flow_table_free(struct flow_table *table);

// The flow of a decoded UDP or TCP packet, which begins if there is none, and its times and frames brought up to date.
// *back: the packet goes from flow->destination to flow->source. Good until the next call of flow_table_of,
// flow_table_close (of that flow) or flow_table_free. NULL for packets of other protocols and when there is no memory.
struct flow *flow_table_of(struct flow_table *table, const struct packet *packet, bool *back);

// The flow between two addresses, if there is one (as for the packet that an ICMP error is about); changes nothing.
struct flow *flow_table_find(const struct flow_table *table, enum packet_protocol protocol,
			     const struct packet_address *source, const struct packet_address *destination, bool *back);

// Lets one flow go (FLOW_CLOSED), as for ports that are used anew.
void flow_table_close(struct flow_table *table, struct flow *flow);

// The flow that began next after `flow`, the first one for NULL; NULL behind the last one.
struct flow *flow_table_next(const struct flow_table *table, const struct flow *flow);

struct flow_table_statistics flow_table_statistics(const struct flow_table *table);

#endif
