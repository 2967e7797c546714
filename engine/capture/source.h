// SPDX-License-Identifier: BSD-3-Clause
//
// The octets of a file, one after the other, unpacked where it is gzip-compressed. It reads far ahead and hands out
// places in its buffer, so that octets are copied once, from the file. It knows nothing of captures.
#ifndef ASSAY_CAPTURE_SOURCE_H
#define ASSAY_CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;
struct source;

// "-" is the standard input, of which a copy is opened. Owned by the caller. NULL with *error filled, ERROR_SYSTEM.
struct source *source_open(const char *path, struct error *error);
void source_close(struct source *source);

// The place of the next octets, without taking them: *there becomes `length`, or fewer at the end, in front of damage,
// or where memory is short. Good, taken or not, until the next call of source_look or source_skip.
const uint8_t *source_look(struct source *source, size_t length, size_t *there);

// Takes octets that source_look has shown.
void source_take(struct source *source, size_t length);

// Passes over `length` octets, fewer only at the end or in front of damage; returns their number.
uint64_t source_skip(struct source *source, uint64_t length);

// Octets taken so far.
uint64_t source_position(const struct source *source);

// True when the file could not be read to its end: *error filled with ERROR_SYSTEM, or ERROR_TRUNCATED (the compressed
// data is damaged or ends early) or ERROR_LIMIT (no memory), and the position.
bool source_failed(struct source *source, struct error *error);

// The source as a stream of the C library, for a library that wants one, at most once. It reads ahead, so that from
// here on the place of the next octet is told by ftello and failures by ferror. To be closed before the source, which
// it does not close. NULL with *error filled.
FILE *source_stream(struct source *source, struct error *error);

#endif
