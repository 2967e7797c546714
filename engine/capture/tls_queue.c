// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_queue.h"

#include <stdlib.h>
#include <string.h>

void tls_queue_free(struct tls_queue *queue)
{
	free(queue->data);
	free(queue->pieces);
	*queue = (struct tls_queue){0};
}

size_t tls_queue_length(const struct tls_queue *queue)
{
	return queue->end - queue->start;
}

const uint8_t *tls_queue_octets(const struct tls_queue *queue)
{
	return queue->start < queue->end ? &queue->data[queue->start] : NULL;
}

// Moves what waits to the front when it lies behind more than it is long, so that moving costs no more than adding did.
static void close_ranks(struct tls_queue *queue)
{
	size_t length = tls_queue_length(queue), pieces = queue->count - queue->first;
	if (queue->start && queue->start >= length) {
		if (length)
			memmove(queue->data, &queue->data[queue->start], length);
		queue->start = 0;
		queue->end = length;
	}
	if (queue->first && queue->first >= pieces) {
		if (pieces)
			memmove(queue->pieces, &queue->pieces[queue->first], pieces * sizeof *queue->pieces);
		queue->first = 0;
		queue->count = pieces;
	}
}

static bool make_room(struct tls_queue *queue, size_t length)
{
	close_ranks(queue);
	if (length > queue->capacity - queue->end) {
		size_t capacity = queue->capacity ? queue->capacity : 1024;
		while (capacity < queue->end + length)
			capacity *= 2;
		uint8_t *data = realloc(queue->data, capacity);
		if (!data)
			return false;
		queue->data = data;
		queue->capacity = capacity;
	}
	if (queue->count == queue->room) {
		size_t room = queue->room ? queue->room * 2 : 4;
		struct tls_queue_piece *pieces = realloc(queue->pieces, room * sizeof *pieces);
		if (!pieces)
			return false;
		queue->pieces = pieces;
		queue->room = room;
	}
	return true;
}

bool tls_queue_add(struct tls_queue *queue, const uint8_t *octets, size_t length, int64_t tag)
{
	if (length == 0)
		return true;
	if (length > TLS_QUEUE_OCTETS - tls_queue_length(queue) || queue->count - queue->first >= TLS_QUEUE_PIECES ||
	    !make_room(queue, length))
		return false;
	memcpy(&queue->data[queue->end], octets, length);
	queue->end += length;
	uint64_t end = queue->taken + tls_queue_length(queue);
	if (queue->count > queue->first && queue->pieces[queue->count - 1].tag == tag)
		queue->pieces[queue->count - 1].end = end;
	else
		queue->pieces[queue->count++] = (struct tls_queue_piece){.tag = tag, .end = end};
	return true;
}

int64_t tls_queue_tag(const struct tls_queue *queue, size_t offset)
{
	// The first piece that ends behind the octet.
	size_t low = queue->first, high = queue->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (queue->pieces[middle].end > queue->taken + offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low < queue->count ? queue->pieces[low].tag : 0;
}

void tls_queue_drop(struct tls_queue *queue, size_t length)
{
	queue->start += length;
	queue->taken += length;
	while (queue->first < queue->count && queue->pieces[queue->first].end <= queue->taken)
		queue->first++;
}
