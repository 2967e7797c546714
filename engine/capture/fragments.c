// SPDX-License-Identifier: BSD-3-Clause
#include "capture/fragments.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_OCTETS (4u << 20)
#define DEFAULT_DATAGRAMS 4096
#define DEFAULT_AGE UINT64_C(60000000000)
#define BUCKETS 4096 // a power of two
#define LARGEST 65535
// Of one datagram. The smallest packets that IPv4 asks of every link make 120; what sends more wants to keep us busy.
#define MOST_PIECES 1024

struct key {
	uint64_t words[5];
};

// Octets that one fragment brought and that none had brought before.
struct piece {
	struct piece *next; // by offset
	size_t offset, length;
	uint8_t data[];
};

struct datagram {
	struct key key;
	uint64_t hash;
	struct datagram *chain;         // of the bucket
	struct datagram *older, *newer; // all datagrams, by their first fragment
	uint64_t time;                  // of that one
	uint64_t first_frame, last_frame;
	size_t count;   // fragments
	size_t total;   // octets; 0: the last fragment is missing
	size_t reached; // the furthest octet that is there
	size_t there;   // octets
	struct piece *pieces;
	size_t piece_count;
	uint8_t protocol; // that of the first fragment, which alone counts (RFC 8200 section 4.5)
	bool begun;       // the first fragment is there
	bool conflict;
};

struct fragments {
	struct fragments_limits limits;
	struct hash_seed seed;
	struct datagram *buckets[BUCKETS];
	struct datagram *oldest, *newest;
	size_t datagrams, octets;
	uint8_t *joined;
	struct fragments_statistics statistics;
};

struct fragments *fragments_new(const struct fragments_limits *limits)
{
	struct fragments *fragments = calloc(1, sizeof *fragments);
	if (!fragments)
		return NULL;
	if (limits)
		fragments->limits = *limits;
	if (!fragments->limits.octets)
		fragments->limits.octets = DEFAULT_OCTETS;
	if (!fragments->limits.datagrams)
		fragments->limits.datagrams = DEFAULT_DATAGRAMS;
	if (!fragments->limits.age)
		fragments->limits.age = DEFAULT_AGE;
	fragments->seed = hash_seed(0);
	return fragments;
}

static void drop(struct fragments *fragments, struct datagram *datagram)
{
	struct datagram **place = &fragments->buckets[datagram->hash % BUCKETS];
	while (*place != datagram)
		place = &(*place)->chain;
	*place = datagram->chain;
	*(datagram->older ? &datagram->older->newer : &fragments->oldest) = datagram->newer;
	*(datagram->newer ? &datagram->newer->older : &fragments->newest) = datagram->older;
	while (datagram->pieces) {
		struct piece *piece = datagram->pieces;
		datagram->pieces = piece->next;
		fragments->octets -= sizeof *piece + piece->length;
		free(piece);
	}
	fragments->octets -= sizeof *datagram;
	fragments->datagrams--;
	free(datagram);
}

void fragments_free(struct fragments *fragments)
{
	if (!fragments)
		return;
	while (fragments->oldest)
		drop(fragments, fragments->oldest);
	free(fragments->joined);
	free(fragments);
}

static bool is_old(const struct fragments *fragments, const struct datagram *datagram, uint64_t now)
{
	return now > datagram->time && now - datagram->time > fragments->limits.age;
}

static struct datagram *find(struct fragments *fragments, const struct packet *packet)
{
	struct key key = {{0}};
	bool ipv4 = packet->source.family == 4;
	size_t size = ipv4 ? 4 : 16;
	memcpy(&key.words[1], packet->source.octets, size);
	memcpy(&key.words[3], packet->destination.octets, size);
	// The protocol tells datagrams apart in IPv4 only.
	key.words[0] = packet->part.id | (uint64_t)packet->source.family << 32 |
		       (ipv4 ? (uint64_t)packet->part.protocol << 40 : 0);
	uint64_t hash = hash_words(&fragments->seed, key.words, sizeof key.words / sizeof *key.words);
	struct datagram **place = &fragments->buckets[hash % BUCKETS];
	struct datagram *datagram = *place;
	while (datagram && memcmp(&datagram->key, &key, sizeof key) != 0)
		datagram = datagram->chain;
	// One with a time in the future may stand before old ones in the list.
	if (datagram && is_old(fragments, datagram, packet->time)) {
		drop(fragments, datagram);
		fragments->statistics.expired++;
		datagram = NULL;
	}
	if (datagram)
		return datagram;
	datagram = calloc(1, sizeof *datagram);
	if (!datagram)
		return NULL;
	if (fragments->datagrams >= fragments->limits.datagrams) {
		drop(fragments, fragments->oldest);
		fragments->statistics.evicted++;
	}
	datagram->key = key;
	datagram->hash = hash;
	datagram->time = packet->time;
	datagram->first_frame = packet->frame;
	datagram->chain = *place;
	*place = datagram;
	datagram->older = fragments->newest;
	*(fragments->newest ? &fragments->newest->newer : &fragments->oldest) = datagram;
	fragments->newest = datagram;
	fragments->datagrams++;
	fragments->octets += sizeof *datagram;
	return datagram;
}

// Whether a fragment can belong to any datagram.
static bool is_possible(const struct packet_fragment *part)
{
	if (part->cut || part->length == 0 || part->length > LARGEST || part->offset > LARGEST - part->length)
		return false;
	return !part->more || part->length % 8 == 0;
}

static bool fits(const struct datagram *datagram, const struct packet_fragment *part)
{
	size_t end = part->offset + part->length;
	if (part->more)
		return !datagram->total || end <= datagram->total;
	return datagram->total ? end == datagram->total : end >= datagram->reached;
}

static bool insert(struct fragments *fragments, struct datagram *datagram, struct piece **place, size_t offset,
		   const uint8_t *data, size_t length)
{
	if (datagram->piece_count == MOST_PIECES)
		return false;
	struct piece *piece = malloc(sizeof *piece + length);
	if (!piece)
		return false;
	piece->offset = offset;
	piece->length = length;
	memcpy(piece->data, data, length);
	piece->next = *place;
	*place = piece;
	datagram->piece_count++;
	datagram->there += length;
	fragments->octets += sizeof *piece + length;
	return true;
}

// Copies what is new of a fragment. False when not all of that could be kept.
static bool take_in(struct fragments *fragments, struct datagram *datagram, const struct packet_fragment *part)
{
	size_t offset = part->offset, end = part->offset + part->length;
	struct piece **place = &datagram->pieces;
	bool overlaps = false, all = true;
	while (offset < end && all) {
		struct piece *piece = *place;
		const uint8_t *data = &part->data[offset - part->offset];
		if (piece && piece->offset + piece->length <= offset) {
			place = &piece->next;
		} else if (piece && piece->offset <= offset) {
			size_t known = piece->offset + piece->length - offset;
			size_t length = known < end - offset ? known : end - offset;
			if (memcmp(&piece->data[offset - piece->offset], data, length) != 0)
				datagram->conflict = true;
			overlaps = true;
			offset += length;
		} else {
			size_t length = piece && piece->offset < end ? piece->offset - offset : end - offset;
			all = insert(fragments, datagram, place, offset, data, length);
			offset += length;
		}
	}
	if (end > datagram->reached)
		datagram->reached = end;
	fragments->statistics.overlaps += overlaps;
	return all;
}

static bool join(struct fragments *fragments, const struct datagram *datagram, const struct packet *packet,
		 struct fragments_joined *joined)
{
	if (!fragments->joined)
		fragments->joined = malloc(LARGEST);
	if (!fragments->joined)
		return false;
	for (const struct piece *piece = datagram->pieces; piece; piece = piece->next)
		memcpy(&fragments->joined[piece->offset], piece->data, piece->length);
	*joined = (struct fragments_joined){
		.packet = *packet,
		.first_frame = datagram->first_frame,
		.last_frame = datagram->last_frame,
		.count = datagram->count,
		.conflict = datagram->conflict,
	};
	joined->packet.data = fragments->joined;
	joined->packet.captured = joined->packet.length = datagram->total;
	packet_decode_joined(&joined->packet, datagram->protocol);
	return true;
}

int fragments_add(struct fragments *fragments, const struct packet *packet, struct fragments_joined *joined)
{
	const struct packet_fragment *part = &packet->part;
	struct fragments_statistics *statistics = &fragments->statistics;
	if (!packet->fragment || !part->data)
		return 0;
	statistics->taken++;
	while (fragments->oldest && is_old(fragments, fragments->oldest, packet->time)) {
		drop(fragments, fragments->oldest);
		statistics->expired++;
	}
	struct datagram *datagram = is_possible(part) ? find(fragments, packet) : NULL;
	if (!datagram || !fits(datagram, part) || !take_in(fragments, datagram, part)) {
		statistics->refused++;
		// Not even what was begun for it stays.
		if (datagram && !datagram->pieces)
			drop(fragments, datagram);
		return 0;
	}
	datagram->count++;
	if (packet->frame < datagram->first_frame)
		datagram->first_frame = packet->frame;
	if (packet->frame > datagram->last_frame)
		datagram->last_frame = packet->frame;
	if (part->offset == 0 && !datagram->begun) {
		datagram->begun = true;
		datagram->protocol = part->protocol;
	}
	if (!part->more)
		datagram->total = part->offset + part->length;
	int outcome = 0;
	if (datagram->total && datagram->there == datagram->total && join(fragments, datagram, packet, joined)) {
		drop(fragments, datagram);
		statistics->joined++;
		outcome = 1;
	}
	while (fragments->octets > fragments->limits.octets) {
		drop(fragments, fragments->oldest);
		statistics->evicted++;
	}
	return outcome;
}

size_t fragments_waiting(const struct fragments *fragments)
{
	return fragments->datagrams;
}

struct fragments_statistics fragments_statistics(const struct fragments *fragments)
{
	return fragments->statistics;
}
