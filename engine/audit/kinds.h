// SPDX-License-Identifier: BSD-3-Clause
//
// Messages with the same facts are of one kind, and what was found of one of them holds for all. This is the table of
// kinds and of their findings; what a finding says is known to whoever made it and not here. A finding counts the
// messages it was made on and remembers where the first ones stood.
#ifndef ASSAY_AUDIT_KINDS_H
#define ASSAY_AUDIT_KINDS_H

#include "audit/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kinds;

#define KINDS_FINDINGS 64 // of one kind
#define FINDING_PLACES 8  // the first of a finding

struct kind {
	struct audit_facts facts;
	uint64_t count;
	bool each;    // some of its messages' findings are to be asked for again each time
	bool settled; // its findings are known
	size_t finding_count;
	uint16_t *findings; // numbers, owned
};

struct finding_place {
	uint64_t first_frame, frame; // of the packets that began and completed the message
	uint64_t offset;             // of the latter's record in the file, octets
	uint64_t flow;
};

struct finding {
	uint64_t count;
	bool more_flows; // it was met on others than those kept here
	size_t place_count, flow_place_count;
	struct finding_place places[FINDING_PLACES];
	uint64_t flows[FINDING_PLACES]; // different ones
};

// Room for so many kinds at once; when it is full all of them are forgotten (their findings are not) and judged anew.
// NULL without memory.
struct kinds *kinds_new(size_t most);
void kinds_free(struct kinds *kinds); // NULL is fine

// The kind of these facts, which begins unsettled when it is new. Good until the next call. NULL without memory.
struct kind *kinds_of(struct kinds *kinds, const struct audit_facts *facts);

// Says what is found on every message of the kind; numbers are from 1 to KINDS_MOST_FINDINGS, others are left out.
#define KINDS_MOST_FINDINGS 65535
void kind_settle(struct kind *kind, const uint16_t *findings, size_t count, bool each);

// Counts one message for a finding. True when its flow is one that was kept just now.
bool kinds_count(struct kinds *kinds, uint16_t finding, const struct finding_place *place);

// What is known of a finding; NULL when it was never counted.
const struct finding *kinds_finding(const struct kinds *kinds, uint16_t finding);

// How many kinds there are now, and how often the table was full.
size_t kinds_number(const struct kinds *kinds, uint64_t *emptied);

#endif
