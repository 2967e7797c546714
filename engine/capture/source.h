// SPDX-License-Identifier: BSD-3-Clause
//
// The octets of a file, one after the other, unpacked where it is gzip-compressed. It knows nothing of captures.
#ifndef ASSAY_CAPTURE_SOURCE_H
#define ASSAY_CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct error;
struct source;

// Owned by the caller. NULL with *error filled, ERROR_SYSTEM.
struct source *source_open(const char *path, struct error *error);
void source_close(struct source *source);

// The next `length` octets, fewer only at the end or in front of damage.
size_t source_read(struct source *source, void *octets, size_t length);

// Passes over `length` octets, fewer only as above; returns their number.
size_t source_skip(struct source *source, size_t length);

// Gives back the last `length` octets read (at most 16, once), so that they are read again.
void source_unread(struct source *source, const void *octets, size_t length);

// Octets read so far.
uint64_t source_position(const struct source *source);

// True when reading ended for another reason than the end of the file: *error filled with ERROR_SYSTEM or
// ERROR_TRUNCATED (the compressed data is damaged or ends early) and the position.
bool source_failed(struct source *source, struct error *error);

// The source as a stream of the C library, for a library that wants one; its position is exactly that of the source,
// which stays open when the stream is closed. NULL with *error filled.
FILE *source_stream(struct source *source, struct error *error);

#endif
