// SPDX-License-Identifier: BSD-3-Clause
#include "capture/flow.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_MOST 65536
#define FIRST_BUCKETS 1024

// The two ends in an order that does not depend on who sends.
struct key {
	uint64_t words[5];
};

struct entry {
	struct flow flow; // the first, so that one pointer is both
	struct key key;
	bool swapped; // the ends of the key stand the other way round than those of the flow
	uint64_t hash;
	struct entry *chain;                     // of the bucket
	struct entry *begun_before, *begun_next; // all flows, as they began
	struct entry *idler, *busier;            // all flows, by their last packet
};

struct flow_table {
	struct flow_table_options options;
	struct hash_seed seed;
	struct entry **buckets;
	size_t bucket_count;            // a power of two
	struct entry *first, *last;     // as they began
	struct entry *idlest, *busiest; // by their last packet
	struct flow_table_statistics statistics;
};

struct flow_table *flow_table_new(const struct flow_table_options *options)
{
	struct flow_table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->options = *options;
	if (!table->options.most)
		table->options.most = DEFAULT_MOST;
	table->seed = hash_seed(options->seed);
	table->bucket_count = FIRST_BUCKETS;
	table->buckets = calloc(table->bucket_count, sizeof *table->buckets);
	if (!table->buckets) {
		free(table);
		return NULL;
	}
	return table;
}

static void end_words(const struct packet_address *address, uint64_t words[2])
{
	words[0] = words[1] = 0;
	memcpy(words, address->octets, address->family == 4 ? 4 : 16);
}

// True when the ends had to be exchanged.
static bool make_key(enum packet_protocol protocol, const struct packet_address *source,
		     const struct packet_address *destination, struct key *key)
{
	uint64_t one[2], other[2];
	end_words(source, one);
	end_words(destination, other);
	bool swap = one[0] != other[0]   ? one[0] > other[0]
		    : one[1] != other[1] ? one[1] > other[1]
					 : source->port > destination->port;
	uint64_t low = swap ? destination->port : source->port;
	uint64_t high = swap ? source->port : destination->port;
	memcpy(&key->words[swap ? 3 : 1], one, sizeof one);
	memcpy(&key->words[swap ? 1 : 3], other, sizeof other);
	key->words[0] = (uint64_t)protocol | (uint64_t)source->family << 8 | low << 16 | high << 32;
	return swap;
}

static struct entry *look_up(const struct flow_table *table, const struct key *key, uint64_t hash)
{
	struct entry *entry = table->buckets[hash & (table->bucket_count - 1)];
	while (entry && (entry->hash != hash || memcmp(&entry->key, key, sizeof *key) != 0))
		entry = entry->chain;
	return entry;
}

static void leave_idle_list(struct flow_table *table, struct entry *entry)
{
	*(entry->idler ? &entry->idler->busier : &table->idlest) = entry->busier;
	*(entry->busier ? &entry->busier->idler : &table->busiest) = entry->idler;
}

static void join_idle_list(struct flow_table *table, struct entry *entry)
{
	entry->busier = NULL;
	entry->idler = table->busiest;
	*(table->busiest ? &table->busiest->busier : &table->idlest) = entry;
	table->busiest = entry;
}

static void let_go(struct flow_table *table, struct entry *entry, enum flow_end why)
{
	struct entry **place = &table->buckets[entry->hash & (table->bucket_count - 1)];
	while (*place != entry)
		place = &(*place)->chain;
	*place = entry->chain;
	leave_idle_list(table, entry);
	*(entry->begun_before ? &entry->begun_before->begun_next : &table->first) = entry->begun_next;
	*(entry->begun_next ? &entry->begun_next->begun_before : &table->last) = entry->begun_before;
	table->statistics.count--;
	table->statistics.idle += why == FLOW_IDLE;
	table->statistics.crowded += why == FLOW_CROWDED;
	if (table->options.gone)
		table->options.gone(&entry->flow, why, table->options.context);
	free(entry);
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	while (table->first)
		let_go(table, table->first, FLOW_OVER);
	free(table->buckets);
	free(table);
}

// More buckets where there are as many flows; without memory the chains just grow longer.
static void grow(struct flow_table *table)
{
	size_t count = table->bucket_count * 2;
	struct entry **buckets = calloc(count, sizeof *buckets);
	if (!buckets)
		return;
	for (struct entry *entry = table->first; entry; entry = entry->begun_next) {
		struct entry **place = &buckets[entry->hash & (count - 1)];
		entry->chain = *place;
		*place = entry;
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static bool is_idle(const struct flow_table *table, const struct entry *entry, uint64_t now)
{
	uint64_t last = entry->flow.last_time;
	return table->options.idle && now > last && now - last > table->options.idle;
}

static struct entry *begin(struct flow_table *table, const struct packet *packet, const struct key *key, bool swapped,
			   uint64_t hash)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (!entry)
		return NULL;
	if (table->statistics.count >= table->options.most)
		let_go(table, table->idlest, FLOW_CROWDED);
	if (table->statistics.count >= table->bucket_count)
		grow(table);
	entry->flow = (struct flow){
		.protocol = packet->protocol,
		.source = packet->source,
		.destination = packet->destination,
		.number = ++table->statistics.begun,
		.first_time = packet->time,
		.first_frame = packet->frame,
	};
	entry->key = *key;
	entry->swapped = swapped;
	entry->hash = hash;
	struct entry **place = &table->buckets[hash & (table->bucket_count - 1)];
	entry->chain = *place;
	*place = entry;
	entry->begun_before = table->last;
	*(table->last ? &table->last->begun_next : &table->first) = entry;
	table->last = entry;
	join_idle_list(table, entry);
	if (++table->statistics.count > table->statistics.most)
		table->statistics.most = table->statistics.count;
	return entry;
}

struct flow *flow_table_of(struct flow_table *table, const struct packet *packet, bool *back)
{
	struct key key;
	if (packet->protocol != PACKET_UDP && packet->protocol != PACKET_TCP)
		return NULL;
	while (table->idlest && is_idle(table, table->idlest, packet->time))
		let_go(table, table->idlest, FLOW_IDLE);
	bool swapped = make_key(packet->protocol, &packet->source, &packet->destination, &key);
	uint64_t hash = hash_words(&table->seed, key.words, sizeof key.words / sizeof *key.words);
	struct entry *entry = look_up(table, &key, hash);
	// One with a time in the future may stand before idle ones in the list.
	if (entry && is_idle(table, entry, packet->time)) {
		let_go(table, entry, FLOW_IDLE);
		entry = NULL;
	}
	if (!entry)
		entry = begin(table, packet, &key, swapped, hash);
	if (!entry)
		return NULL;
	if (entry != table->busiest) {
		leave_idle_list(table, entry);
		join_idle_list(table, entry);
	}
	if (packet->time > entry->flow.last_time)
		entry->flow.last_time = packet->time;
	entry->flow.last_frame = packet->frame;
	*back = swapped != entry->swapped;
	return &entry->flow;
}

struct flow *flow_table_find(const struct flow_table *table, enum packet_protocol protocol,
			     const struct packet_address *source, const struct packet_address *destination, bool *back)
{
	struct key key;
	bool swapped = make_key(protocol, source, destination, &key);
	struct entry *entry =
		look_up(table, &key, hash_words(&table->seed, key.words, sizeof key.words / sizeof *key.words));
	if (!entry)
		return NULL;
	*back = swapped != entry->swapped;
	return &entry->flow;
}

void flow_table_close(struct flow_table *table, struct flow *flow)
{
	let_go(table, (struct entry *)flow, FLOW_CLOSED);
}

struct flow *flow_table_next(const struct flow_table *table, const struct flow *flow)
{
	struct entry *next = flow ? ((const struct entry *)flow)->begun_next : table->first;
	return next ? &next->flow : NULL;
}

struct flow_table_statistics flow_table_statistics(const struct flow_table *table)
{
	return table->statistics;
}
