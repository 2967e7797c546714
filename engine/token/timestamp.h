// SPDX-License-Identifier: BSD-3-Clause
//
// The timestamp of a token (RFC 7635 6.2): 48 bits of whole seconds since 1970-01-01 00:00 UTC, then 16 bits that
// count 1/64000 of a second. Pure arithmetic; what time it is, the caller says.
#ifndef ASSAY_TOKEN_TIMESTAMP_H
#define ASSAY_TOKEN_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

struct error;

#define TOKEN_FRACTIONS 64000         // to a second; larger values of the low 16 bits have no meaning
#define TOKEN_TIMESTAMP_TEXT_LIMIT 40 // octets, with the terminator

// The timestamp nearest to `seconds` since 1970. 0, or -1 with *error filled when it does not fit (negative, not a
// number, or 2^48 and more).
int token_timestamp_set(uint64_t *timestamp, double seconds, struct error *error);

uint64_t token_timestamp_seconds(uint64_t timestamp);
uint16_t token_timestamp_fraction(uint64_t timestamp); // 0..65535, also what lies beyond 63999

// Seconds since 1970 with the fraction, one beyond 63999 taken at its face value (up to 1.024 s).
double token_timestamp_time(uint64_t timestamp);

// "2014-09-17T20:13:33Z" of whole seconds since 1970. Years past 9999 are written with a sign in front (ISO 8601).
void token_timestamp_text(uint64_t seconds, char text[TOKEN_TIMESTAMP_TEXT_LIMIT]);

#endif
