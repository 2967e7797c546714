// SPDX-License-Identifier: BSD-3-Clause
#include "audit/recall.h"

#include <stdlib.h>

#define WAYS 8 // entries that a key may stand in

struct entry {
	uint64_t key;
	uint64_t value;
	uint64_t used; // when, counted in calls; 0: free
};

struct recall {
	struct entry *entries;
	size_t sets; // a power of two
	uint64_t now;
	bool forgot;
};

struct recall *recall_new(size_t entries)
{
	struct recall *recall = calloc(1, sizeof *recall);
	if (!recall)
		return NULL;
	recall->sets = 1;
	while (recall->sets * WAYS < entries)
		recall->sets *= 2;
	recall->entries = calloc(recall->sets * WAYS, sizeof *recall->entries);
	if (!recall->entries) {
		free(recall);
		return NULL;
	}
	return recall;
}

void recall_free(struct recall *recall)
{
	if (!recall)
		return;
	free(recall->entries);
	free(recall);
}

static struct entry *set_of(struct recall *recall, uint64_t key)
{
	return &recall->entries[(key & (recall->sets - 1)) * WAYS];
}

bool recall_get(struct recall *recall, uint64_t key, uint64_t *value)
{
	struct entry *set = set_of(recall, key);
	for (size_t i = 0; i < WAYS; i++) {
		if (!set[i].used || set[i].key != key)
			continue;
		set[i].used = ++recall->now;
		if (value)
			*value = set[i].value;
		return true;
	}
	return false;
}

void recall_put(struct recall *recall, uint64_t key, uint64_t value)
{
	struct entry *set = set_of(recall, key), *oldest = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].used && set[i].key == key) {
			oldest = &set[i];
			break;
		}
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	if (oldest->used && oldest->key != key)
		recall->forgot = true;
	*oldest = (struct entry){key, value, ++recall->now};
}

bool recall_complete(const struct recall *recall)
{
	return !recall->forgot;
}
