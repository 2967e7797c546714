// SPDX-License-Identifier: BSD-3-Clause
#include "audit/kinds.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct kinds {
	struct hash_seed seed;
	struct kind **slots; // by hash, twice as many as kinds fit
	struct kind *last;   // found last: messages of one kind often follow each other
	size_t slot_count, count, most;
	uint64_t emptied;
	struct finding *findings; // by number
	size_t finding_count;
};

struct kinds *kinds_new(size_t most)
{
	struct kinds *kinds = calloc(1, sizeof *kinds);
	if (!kinds)
		return NULL;
	kinds->seed = hash_seed(0);
	kinds->most = most;
	kinds->slot_count = 1;
	while (kinds->slot_count < most * 2)
		kinds->slot_count *= 2;
	kinds->slots = calloc(kinds->slot_count, sizeof *kinds->slots);
	if (!kinds->slots) {
		free(kinds);
		return NULL;
	}
	return kinds;
}

static void empty(struct kinds *kinds)
{
	for (size_t i = 0; i < kinds->slot_count; i++) {
		if (!kinds->slots[i])
			continue;
		free(kinds->slots[i]->findings);
		free(kinds->slots[i]);
		kinds->slots[i] = NULL;
	}
	kinds->count = 0;
	kinds->last = NULL;
}

void kinds_free(struct kinds *kinds)
{
	if (!kinds)
		return;
	empty(kinds);
	free(kinds->slots);
	free(kinds->findings);
	free(kinds);
}

struct kind *kinds_of(struct kinds *kinds, const struct audit_facts *facts)
{
	if (kinds->last && memcmp(&kinds->last->facts, facts, sizeof *facts) == 0)
		return kinds->last;
	size_t slot = hash_octets(&kinds->seed, facts, sizeof *facts) & (kinds->slot_count - 1);
	size_t first = slot;
	for (; kinds->slots[slot]; slot = (slot + 1) & (kinds->slot_count - 1))
		if (memcmp(&kinds->slots[slot]->facts, facts, sizeof *facts) == 0)
			return kinds->last = kinds->slots[slot];
	if (kinds->count == kinds->most) {
		empty(kinds);
		kinds->emptied++;
		slot = first;
	}
	struct kind *kind = calloc(1, sizeof *kind);
	if (!kind)
		return NULL;
	kind->facts = *facts;
	kinds->slots[slot] = kind;
	kinds->count++;
	return kinds->last = kind;
}

void kind_settle(struct kind *kind, const uint16_t *findings, size_t count, bool each)
{
	free(kind->findings);
	kind->findings = NULL;
	kind->finding_count = 0;
	if (count > KINDS_FINDINGS)
		count = KINDS_FINDINGS;
	if (count)
		kind->findings = malloc(count * sizeof *findings);
	if (kind->findings) {
		memcpy(kind->findings, findings, count * sizeof *findings);
		kind->finding_count = count;
	}
	kind->each = each;
	kind->settled = count == 0 || kind->findings;
}

static struct finding *finding_at(struct kinds *kinds, uint16_t number)
{
	if (number > kinds->finding_count) {
		size_t count = kinds->finding_count ? kinds->finding_count : 64;
		while (count < number)
			count *= 2;
		struct finding *grown = reallocarray(kinds->findings, count, sizeof *grown);
		if (!grown)
			return NULL;
		memset(&grown[kinds->finding_count], 0, (count - kinds->finding_count) * sizeof *grown);
		kinds->findings = grown;
		kinds->finding_count = count;
	}
	return &kinds->findings[number - 1];
}

bool kinds_count(struct kinds *kinds, uint16_t number, const struct finding_place *place)
{
	struct finding *finding = number ? finding_at(kinds, number) : NULL;
	if (!finding)
		return false;
	finding->count++;
	if (finding->place_count < FINDING_PLACES)
		finding->places[finding->place_count++] = *place;
	for (size_t i = 0; i < finding->flow_place_count; i++)
		if (finding->flows[i] == place->flow)
			return false;
	finding->more_flows = finding->flow_place_count == FINDING_PLACES;
	if (finding->more_flows)
		return false;
	finding->flows[finding->flow_place_count++] = place->flow;
	return true;
}

const struct finding *kinds_finding(const struct kinds *kinds, uint16_t number)
{
	if (!number || number > kinds->finding_count || !kinds->findings[number - 1].count)
		return NULL;
	return &kinds->findings[number - 1];
}

size_t kinds_number(const struct kinds *kinds, uint64_t *emptied)
{
	if (emptied)
		*emptied = kinds->emptied;
	return kinds->count;
}
