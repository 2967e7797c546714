// SPDX-License-Identifier: BSD-3-Clause
#include "audit/names.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct name {
	uint64_t hash;
	struct stun_octets octets; // owned
};

struct names {
	struct hash_seed seed;
	struct name *list;
	uint32_t *slots; // numbers by hash, twice as many as names fit; 0: free
	size_t count, most, longest, slot_count;
};

struct names *names_new(size_t most, size_t longest)
{
	struct names *names = calloc(1, sizeof *names);
	if (!names)
		return NULL;
	names->seed = hash_seed(0);
	names->most = most;
	names->longest = longest;
	names->slot_count = 1;
	while (names->slot_count < most * 2)
		names->slot_count *= 2;
	names->list = calloc(most, sizeof *names->list);
	names->slots = calloc(names->slot_count, sizeof *names->slots);
	if (!names->list || !names->slots) {
		names_free(names);
		return NULL;
	}
	return names;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->count; i++)
		free((void *)names->list[i].octets.data);
	free(names->list);
	free(names->slots);
	free(names);
}

uint32_t names_number(struct names *names, struct stun_octets name)
{
	if (name.length > names->longest)
		return 0;
	uint64_t hash = hash_octets(&names->seed, name.data, name.length);
	size_t slot = hash & (names->slot_count - 1);
	for (; names->slots[slot]; slot = (slot + 1) & (names->slot_count - 1)) {
		const struct name *there = &names->list[names->slots[slot] - 1];
		if (there->hash == hash && stun_octets_equal(there->octets, name))
			return names->slots[slot];
	}
	uint8_t *copy = names->count < names->most ? malloc(name.length + 1) : NULL;
	if (!copy)
		return 0;
	if (name.length)
		memcpy(copy, name.data, name.length);
	names->list[names->count] = (struct name){hash, {copy, name.length}};
	names->slots[slot] = (uint32_t)++names->count;
	return names->slots[slot];
}

struct stun_octets names_of(const struct names *names, uint32_t number)
{
	return number && number <= names->count ? names->list[number - 1].octets : (struct stun_octets){NULL, 0};
}
