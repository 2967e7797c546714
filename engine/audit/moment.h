// SPDX-License-Identifier: BSD-3-Clause
//
// The time of a packet, and against that of a token (RFC 7635 sections 7 and 9). Nothing else.
#ifndef ASSAY_AUDIT_MOMENT_H
#define ASSAY_AUDIT_MOMENT_H

#include "audit/facts.h"

#include <stdbool.h>
#include <stdint.h>

// What nanoseconds since 1970 are counted in.
#define MOMENT_SECOND UINT64_C(1000000000)
#define MOMENT_EDGE (10 * MOMENT_SECOND) // around an end within which nothing is certain

// now: nanoseconds since 1970; timestamp: as in a token; lifetime: seconds. far: seconds past the lifetime from which
// on it is far; 0: nearly an hour.
enum audit_time moment_of(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t far);

// Likewise of the token that a session rests on, with a word of its own for its last minutes.
enum audit_time moment_in_session(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t far);

// Whether a timestamp is no time in seconds since 1970: it lies before there were tokens and more than ten years before
// now, or 50 years ahead. Never where now lies before there were tokens: then nobody set the clock of the capture.
bool moment_is_absurd(uint64_t now, uint64_t timestamp);

// LIFETIME that was granted against lifetime + 5 s - |now - timestamp| (RFC 7635 section 9), with 2 s for rounding.
enum audit_ceiling moment_ceiling(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t granted);

#endif
