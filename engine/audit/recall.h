// SPDX-License-Identifier: BSD-3-Clause
//
// A memory of fixed size that forgets: numbers by keys, which are hashes. A full place gives up what was used longest
// ago. Who needs to know whether something was never there asks recall_complete.
#ifndef ASSAY_AUDIT_RECALL_H
#define ASSAY_AUDIT_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recall;

// Room for about `entries` (rounded up to a power of two; 20 octets each). NULL without memory.
struct recall *recall_new(size_t entries);
void recall_free(struct recall *recall); // NULL is fine

// True with *value (which may be NULL) filled when the key is there.
bool recall_get(struct recall *recall, uint64_t key, uint64_t *value);
void recall_put(struct recall *recall, uint64_t key, uint64_t value);

// Whether nothing was forgotten yet.
bool recall_complete(const struct recall *recall);

#endif
