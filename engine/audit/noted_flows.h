// SPDX-License-Identifier: BSD-3-Clause
//
// The flows that a report names, by their numbers, as text; no more of them than a report can use.
#ifndef ASSAY_AUDIT_NOTED_FLOWS_H
#define ASSAY_AUDIT_NOTED_FLOWS_H

#include "capture/packet_address.h"

#include <stddef.h>
#include <stdint.h>

// All zero: none.
struct noted_flows {
	struct noted_flow *list; // owned
	size_t count;
};

void noted_flows_free(struct noted_flows *noted);

// Notes a flow, unless it is noted already or there are enough. transport is "udp" or the like; `asker` stands first.
void noted_flows_add(struct noted_flows *noted, uint64_t number, const char *transport,
		     const struct packet_address *asker, const struct packet_address *other);

// "udp 192.0.2.1:4000 > 192.0.2.2:3478", owned by them; NULL for a flow that is not noted.
const char *noted_flows_text(const struct noted_flows *noted, uint64_t number);

#endif
