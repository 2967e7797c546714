// SPDX-License-Identifier: BSD-3-Clause
#include "audit/recall.h"

#include <stdlib.h>

#define WAYS 8 // entries that a key may stand in

// One set. Its keys stand together, since most of what is looked for is not there.
struct set {
	uint64_t keys[WAYS];
	uint64_t values[WAYS];
	uint32_t used[WAYS]; // when, counted in calls; 0: free
};

struct recall {
	struct set *sets;
	size_t count; // a power of two
	uint32_t now;
	bool forgot;
};

struct recall *recall_new(size_t entries)
{
	struct recall *recall = calloc(1, sizeof *recall);
	if (!recall)
		return NULL;
	recall->count = 1;
	while (recall->count * WAYS < entries)
		recall->count *= 2;
	recall->sets = calloc(recall->count, sizeof *recall->sets);
	if (!recall->sets) {
		free(recall);
		return NULL;
	}
	return recall;
}

void recall_free(struct recall *recall)
{
	if (!recall)
		return;
	free(recall->sets);
	free(recall);
}

static struct set *set_of(struct recall *recall, uint64_t key)
{
	return &recall->sets[key & (recall->count - 1)];
}

// The place of a key in its set, WAYS when it is not there.
static size_t find(const struct set *set, uint64_t key)
{
	for (size_t i = 0; i < WAYS; i++)
		if (set->keys[i] == key && set->used[i])
			return i;
	return WAYS;
}

// Times that have begun anew would make everything seem unused for long; once in 4 billion calls all are alike.
static uint32_t tick(struct recall *recall)
{
	if (++recall->now)
		return recall->now;
	for (size_t i = 0; i < recall->count; i++)
		for (size_t way = 0; way < WAYS; way++)
			recall->sets[i].used[way] = recall->sets[i].used[way] ? 1 : 0;
	return recall->now = 2;
}

bool recall_get(struct recall *recall, uint64_t key, uint64_t *value)
{
	struct set *set = set_of(recall, key);
	size_t way = find(set, key);
	if (way == WAYS)
		return false;
	set->used[way] = tick(recall);
	if (value)
		*value = set->values[way];
	return true;
}

void recall_put(struct recall *recall, uint64_t key, uint64_t value)
{
	struct set *set = set_of(recall, key);
	size_t way = find(set, key);
	if (way == WAYS) {
		way = 0;
		for (size_t i = 1; i < WAYS; i++)
			if (set->used[i] < set->used[way])
				way = i;
		recall->forgot = recall->forgot || set->used[way];
	}
	uint32_t now = tick(recall);
	set->keys[way] = key;
	set->values[way] = value;
	set->used[way] = now;
}

bool recall_complete(const struct recall *recall)
{
	return !recall->forgot;
}
