// SPDX-License-Identifier: BSD-3-Clause
//
// Where packets stand whose octets may be read long after they came: those of an encrypted flow, which wait for
// secrets, and those of TCP that wait behind a gap. The last ones are remembered.
#ifndef ASSAY_AUDIT_MARKS_H
#define ASSAY_AUDIT_MARKS_H

#include <stddef.h>
#include <stdint.h>

struct mark {
	uint64_t frame, time, offset; // as in struct packet
};

// All zero is empty.
struct marks {
	struct mark *tagged; // owned, as `held`; NULL until the first
	int64_t tag_count;
	struct mark *held;
	size_t held_count;
};

void marks_free(struct marks *marks);

// A tag for a packet of an encrypted flow; tags grow.
int64_t marks_tag(struct marks *marks, const struct mark *mark);

// The packet of a tag, NULL when it is not remembered.
const struct mark *marks_find(const struct marks *marks, int64_t tag);

// Remembers a packet of TCP in the clear, whose tag is its frame.
void marks_hold(struct marks *marks, const struct mark *mark);

// The packet of that frame, NULL when it is not remembered.
const struct mark *marks_held(const struct marks *marks, uint64_t frame);

#endif
