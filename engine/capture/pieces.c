// SPDX-License-Identifier: BSD-3-Clause
#include "capture/pieces.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PIECES 16384

void pieces_release(struct pieces *pieces)
{
	free(pieces->done);
	pieces->done = NULL;
}

void pieces_drop(struct pieces *pieces)
{
	pieces_release(pieces);
	for (size_t i = pieces->first; i < pieces->count; i++)
		free(pieces->list[i].owned);
	pieces->first = pieces->count = 0;
	pieces->held = 0;
	pieces->read = 0;
}

void pieces_free(struct pieces *pieces)
{
	pieces_drop(pieces);
	free(pieces->list);
	pieces->list = NULL;
	pieces->capacity = 0;
}

// Only of the first piece anything can be lent.
bool pieces_keep(struct pieces *pieces)
{
	if (pieces->first == pieces->count || pieces->list[pieces->first].owned)
		return true;
	struct piece *piece = &pieces->list[pieces->first];
	uint8_t *copy = malloc(piece->length);
	if (!copy)
		return false;
	memcpy(copy, &piece->data[piece->spent], piece->length);
	piece->data = piece->owned = copy;
	piece->spent = 0;
	return true;
}

static const char *insert(struct pieces *pieces, size_t index, const struct piece *piece, bool lent)
{
	if (pieces->count == pieces->capacity) {
		size_t capacity = pieces->capacity ? pieces->capacity * 2 : 16;
		struct piece *list = realloc(pieces->list, capacity * sizeof *list);
		if (!list)
			return "segments";
		pieces->list = list;
		pieces->capacity = capacity;
	}
	uint8_t *copy = NULL;
	if (!lent || pieces->first < pieces->count || piece->offset != pieces->read) {
		copy = malloc(piece->length);
		if (!copy)
			return "octets";
		memcpy(copy, piece->data, piece->length);
	}
	struct piece *place = &pieces->list[index];
	memmove(&pieces->list[index + 1], place, (pieces->count - index) * sizeof *place);
	*place = *piece;
	place->owned = copy;
	if (copy)
		place->data = copy;
	pieces->count++;
	pieces->held += piece->length;
	return NULL;
}

// Moves the pieces to the front when the spent ones are many, so that the array stays as large as what it holds.
static void close_ranks(struct pieces *pieces)
{
	if (pieces->first == pieces->count)
		pieces->first = pieces->count = 0;
	if (pieces->first < 64 || pieces->first < pieces->count / 2)
		return;
	memmove(pieces->list, &pieces->list[pieces->first], (pieces->count - pieces->first) * sizeof *pieces->list);
	pieces->count -= pieces->first;
	pieces->first = 0;
}

// Index of the first piece that ends behind `offset`.
static size_t piece_behind(const struct pieces *pieces, uint64_t offset)
{
	size_t low = pieces->first, high = pieces->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct piece *piece = &pieces->list[middle];
		if (piece->offset + piece->length > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

// Whether there is room for what is new among `length` octets. It is asked before anything is taken, so that of octets
// that are refused nothing stays.
static const char *check_room(const struct pieces *pieces, uint64_t offset, size_t length)
{
	size_t fresh = length, count = 1;
	uint64_t end = offset + length;
	for (size_t i = piece_behind(pieces, offset); i < pieces->count && pieces->list[i].offset < end; i++) {
		const struct piece *piece = &pieces->list[i];
		uint64_t from = piece->offset > offset ? piece->offset : offset;
		uint64_t to = piece->offset + piece->length < end ? piece->offset + piece->length : end;
		fresh -= (size_t)(to - from);
		count++;
	}
	if (fresh > pieces->limit - pieces->held)
		return "octets";
	return fresh && pieces->count - pieces->first + count > MOST_PIECES ? "segments" : NULL;
}

const char *pieces_add(struct pieces *pieces, uint64_t offset, struct reader *octets, int64_t tag, bool lent)
{
	close_ranks(pieces);
	const char *excess = check_room(pieces, offset, reader_left(octets));
	size_t index = piece_behind(pieces, offset);
	while (!excess && reader_left(octets)) {
		size_t length = reader_left(octets);
		const struct piece *next = index < pieces->count ? &pieces->list[index] : NULL;
		if (next && next->offset <= offset) {
			uint64_t known = next->offset + next->length - offset;
			length = known < length ? (size_t)known : length;
			reader_bytes(octets, length);
		} else {
			if (next && next->offset - offset < length)
				length = (size_t)(next->offset - offset);
			struct piece piece = {offset, length, tag, reader_bytes(octets, length), NULL, 0};
			excess = insert(pieces, index, &piece, lent);
		}
		offset += length;
		index++;
	}
	return excess;
}

const struct piece *pieces_behind_gap(const struct pieces *pieces, uint64_t *offset, size_t *count)
{
	uint64_t end = pieces->read;
	size_t i = pieces->first;
	while (i < pieces->count && pieces->list[i].offset == end)
		end += pieces->list[i++].length;
	*offset = end;
	if (count)
		*count = pieces->count - i;
	return i < pieces->count ? &pieces->list[i] : NULL;
}

size_t pieces_ready(const struct pieces *pieces)
{
	uint64_t end;
	pieces_behind_gap(pieces, &end, NULL);
	return (size_t)(end - pieces->read);
}

size_t pieces_peek(const struct pieces *pieces, uint8_t octets[4])
{
	uint64_t end = pieces->read;
	size_t count = 0;
	for (size_t i = pieces->first; i < pieces->count && pieces->list[i].offset == end && count < 4; i++) {
		const struct piece *piece = &pieces->list[i];
		size_t length = piece->length < 4 - count ? piece->length : 4 - count;
		memcpy(octets + count, &piece->data[piece->spent], length);
		count += length;
		end += piece->length;
	}
	return count;
}

// The first piece, if the next octet is in it.
static struct piece *next_piece(const struct pieces *pieces)
{
	struct piece *piece = pieces->first < pieces->count ? &pieces->list[pieces->first] : NULL;
	return piece && piece->offset == pieces->read ? piece : NULL;
}

// Marks octets of the first piece as read. What becomes empty is freed later, since it may be in somebody's hands.
static void spend(struct pieces *pieces, struct piece *piece, size_t length)
{
	pieces->read += length;
	pieces->held -= length;
	piece->spent += length;
	piece->offset += length;
	piece->length -= length;
	if (piece->length == 0) {
		pieces_release(pieces);
		pieces->done = piece->owned;
		pieces->first++;
	}
}

size_t pieces_read(struct pieces *pieces, uint8_t *octets, size_t most, int64_t *tag)
{
	struct piece *piece = next_piece(pieces);
	if (!piece || most == 0)
		return 0;
	size_t length = piece->length < most ? piece->length : most;
	memcpy(octets, &piece->data[piece->spent], length);
	*tag = piece->tag;
	spend(pieces, piece, length);
	return length;
}

const uint8_t *pieces_take(struct pieces *pieces, size_t length, int64_t *tag)
{
	struct piece *piece = next_piece(pieces);
	pieces_release(pieces); // what was passed over or read before must not be taken for what is taken now
	*tag = piece->tag;
	if (piece->length < length)
		return NULL;
	const uint8_t *octets = &piece->data[piece->spent];
	spend(pieces, piece, length);
	return octets;
}

void pieces_pass(struct pieces *pieces, uint64_t offset)
{
	struct piece *piece;
	while (pieces->read < offset && (piece = next_piece(pieces)) != NULL) {
		uint64_t left = offset - pieces->read;
		spend(pieces, piece, left < piece->length ? (size_t)left : piece->length);
	}
}

// What was taken last lies in the piece that became empty first, be it by that or by what is passed over now.
void pieces_pass_behind(struct pieces *pieces, uint64_t offset)
{
	uint8_t *taken = pieces->done;
	struct piece *piece;
	pieces->done = NULL;
	while (pieces->read < offset && (piece = next_piece(pieces)) != NULL) {
		uint64_t left = offset - pieces->read;
		spend(pieces, piece, left < piece->length ? (size_t)left : piece->length);
		if (taken)
			pieces_release(pieces);
		else
			taken = pieces->done;
		pieces->done = NULL;
	}
	pieces->done = taken;
}
