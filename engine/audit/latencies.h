// SPDX-License-Identifier: BSD-3-Clause
//
// How long answers took, counted into steps that grow with them, so that any number of them takes little room and its
// quantiles are as near as a step is wide. All are in microseconds.
#ifndef ASSAY_AUDIT_LATENCIES_H
#define ASSAY_AUDIT_LATENCIES_H

#include <stddef.h>
#include <stdint.h>

#define LATENCIES_STEPS 32 // within each power of two: 3 %
#define LATENCIES_BUCKETS ((64 - 4) * LATENCIES_STEPS)

// All zero: none yet.
struct latencies {
	uint64_t count, longest;
	uint64_t *buckets; // LATENCIES_BUCKETS of them, owned; NULL: none yet
};

void latencies_free(struct latencies *latencies);

// Counts one. Without memory for the first none is counted.
void latencies_add(struct latencies *latencies, uint64_t latency);

// The bucket of a latency, and the least latency of a bucket.
size_t latencies_bucket(uint64_t latency);
uint64_t latencies_start(size_t bucket);

// The latency that `part` (0 to 1) of them did not exceed, as near as the buckets tell.
uint64_t latencies_quantile(const struct latencies *latencies, double part);

#endif
