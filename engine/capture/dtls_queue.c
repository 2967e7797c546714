// SPDX-License-Identifier: BSD-3-Clause
#include "capture/dtls_queue.h"

#include <stdlib.h>
#include <string.h>

void dtls_queue_init(struct dtls_queue *queue)
{
	*queue = (struct dtls_queue){0};
	queue->last = queue->untried = &queue->first;
}

void dtls_queue_free(struct dtls_queue *queue)
{
	for (struct dtls_waiting *record = queue->first, *next; record; record = next) {
		next = record->next;
		free(record);
	}
	dtls_queue_init(queue);
}

static size_t size_of(const struct dtls_waiting *record)
{
	return sizeof *record + record->length;
}

bool dtls_queue_add(struct dtls_queue *queue, const struct dtls_waiting *record, const uint8_t *content)
{
	struct dtls_waiting *waiting = malloc(size_of(record));
	if (!waiting)
		return false;
	*waiting = *record;
	waiting->next = NULL;
	memcpy(waiting->content, content, record->length);
	*queue->last = waiting;
	queue->last = &waiting->next;
	queue->held += size_of(waiting);
	queue->count[waiting->side]++;
	return true;
}

bool dtls_queue_full(const struct dtls_queue *queue)
{
	return queue->held > DTLS_QUEUE_OCTETS;
}

void dtls_queue_drop(struct dtls_queue *queue, struct dtls_waiting **place)
{
	struct dtls_waiting *record = *place;
	*place = record->next;
	if (!*place)
		queue->last = place;
	if (queue->untried == &record->next)
		queue->untried = place;
	queue->count[record->side]--;
	queue->held -= size_of(record);
	free(record);
}
