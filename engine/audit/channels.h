// SPDX-License-Identifier: BSD-3-Clause
//
// The channels that one session has bound, and until when (RFC 8656 section 12). Their number is bounded.
#ifndef ASSAY_AUDIT_CHANNELS_H
#define ASSAY_AUDIT_CHANNELS_H

#include "audit/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bound_channel {
	uint16_t number;
	uint64_t ends; // nanoseconds since 1970
};

// All zero is an empty one.
struct channels {
	struct bound_channel *list; // owned
	size_t count;
	bool forgotten; // some were left out for want of room
};

void channels_free(struct channels *channels);

// A channel is bound, or bound again, at that time.
void channels_bind(struct channels *channels, uint16_t number, uint64_t time);

// Whether it is bound at that time. complete: the session was seen from its beginning, so that what is not there never
// was; else it is UNKNOWN.
enum audit_channel channels_at(struct channels *channels, uint16_t number, uint64_t time, bool complete);

#endif
