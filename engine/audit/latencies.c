// SPDX-License-Identifier: BSD-3-Clause
#include "audit/latencies.h"

#include <stdlib.h>

void latencies_free(struct latencies *latencies)
{
	free(latencies->buckets);
	*latencies = (struct latencies){0};
}

size_t latencies_bucket(uint64_t latency)
{
	if (latency < LATENCIES_STEPS)
		return (size_t)latency;
	unsigned exponent = 63 - (unsigned)__builtin_clzll(latency);
	return (size_t)(exponent - 4) * LATENCIES_STEPS + (size_t)(latency >> (exponent - 5)) % LATENCIES_STEPS;
}

uint64_t latencies_start(size_t bucket)
{
	if (bucket < LATENCIES_STEPS)
		return bucket;
	return (uint64_t)(LATENCIES_STEPS + bucket % LATENCIES_STEPS) << (bucket / LATENCIES_STEPS - 1);
}

void latencies_add(struct latencies *latencies, uint64_t latency)
{
	if (!latencies->buckets && !(latencies->buckets = calloc(LATENCIES_BUCKETS, sizeof *latencies->buckets)))
		return;
	latencies->count++;
	latencies->buckets[latencies_bucket(latency)]++;
	if (latency > latencies->longest)
		latencies->longest = latency;
}

uint64_t latencies_quantile(const struct latencies *latencies, double part)
{
	uint64_t seen = 0;
	for (size_t i = 0; latencies->buckets && i < LATENCIES_BUCKETS; i++) {
		seen += latencies->buckets[i];
		if (latencies->buckets[i] && (double)seen >= part * (double)latencies->count)
			return latencies_start(i);
	}
	return 0;
}
