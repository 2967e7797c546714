// SPDX-License-Identifier: BSD-3-Clause
//
// Who asks whom on one flow. Most often only one side does; each that does has a session of its own with the other.
#ifndef ASSAY_AUDIT_DIALOGUE_H
#define ASSAY_AUDIT_DIALOGUE_H

#include "audit/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow;

// All zero: nobody has said anything. The members are read by others.
struct dialogue {
	struct session *sessions[2];    // by the side that asks; NULL: it has not asked
	struct session_place places[2]; // of these; time and frame stay 0
	struct stun_address askers[2];
	bool spoken; // something of STUN was said; set by whoever saw it
};

void dialogue_free(struct dialogue *dialogue);

// The session in which this side asks; it begins when there is none. asks: with a request of this side. let_go: as
// session_new takes it. NULL without memory.
struct session *dialogue_session(struct dialogue *dialogue, const struct session_world *world, const struct flow *flow,
				 int asker, bool asks, bool let_go);

// Whether a channel is bound at that time, by either side: *asker is the one that did, or would have.
enum audit_channel dialogue_channel(const struct dialogue *dialogue, uint16_t number, uint64_t time, int *asker);

// Requests that are still without an answer.
size_t dialogue_unanswered(const struct dialogue *dialogue);

#endif
