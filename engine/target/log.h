// SPDX-License-Identifier: BSD-3-Clause
//
// The end of a log that another process is writing. Its content is hostile: octets, not text.
#ifndef ASSAY_TARGET_LOG_H
#define ASSAY_TARGET_LOG_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct writer;

// Octets that are read from the end of a log at most, however many lines are asked for.
#define LOG_TAIL_LIMIT ((size_t)64 * 1024)

// The size of the log in octets now: where a process that is about to be started will begin. 0 when there is none.
uint64_t log_size(const char *path);

// Appends to *tail the last `lines` lines of the log, of what stands behind octet `from`, without the end of the last
// line. A line whose start lies before the last LOG_TAIL_LIMIT octets is left out, unless it is the only one. A log
// that was cut short behind our back is read from its start. Returns 0, or -1 with *error filled.
int log_tail(const char *path, uint64_t from, size_t lines, struct writer *tail, struct error *error);

#endif
