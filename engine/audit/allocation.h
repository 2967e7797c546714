// SPDX-License-Identifier: BSD-3-Clause
//
// The allocation of one session, as far as what the server grants tells of it (RFC 8656 sections 7 and 8). A capture
// may lack an answer, so near its end, and behind a challenge, nothing is certain.
#ifndef ASSAY_AUDIT_ALLOCATION_H
#define ASSAY_AUDIT_ALLOCATION_H

#include "audit/facts.h"

#include <stdbool.h>
#include <stdint.h>

// All zero: none was seen.
struct allocation {
	bool made, deleted;
	bool doubtful; // a challenge came since anything was granted
	uint64_t ends; // nanoseconds since 1970
};

// An Allocate or Refresh is granted at that time for so many seconds; 0: it is deleted.
void allocation_grant(struct allocation *allocation, uint64_t time, uint32_t lifetime);

// How it stands at that time. complete: the session was seen from its beginning, so that what is not there never was.
enum audit_allocation allocation_at(const struct allocation *allocation, uint64_t time, bool complete);

#endif
