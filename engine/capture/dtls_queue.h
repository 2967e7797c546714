// SPDX-License-Identifier: BSD-3-Clause
//
// Records of one DTLS association that could not be opened yet, as they were captured, the oldest first. It opens none,
// and holds no more of them than memory is worth.
#ifndef ASSAY_CAPTURE_DTLS_QUEUE_H
#define ASSAY_CAPTURE_DTLS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTLS_QUEUE_OCTETS = 262144 }; // of records, with what holds them

struct dtls_waiting {
	struct dtls_waiting *next;
	int side;
	int64_t tag;
	uint8_t type;
	uint16_t version;
	uint64_t sequence; // with the epoch above 48 bits, as on the wire
	size_t length;
	uint8_t content[];
};

struct dtls_queue {
	struct dtls_waiting *first, **last;
	struct dtls_waiting **untried; // the place up to which all were tried; moved by whoever tries them
	size_t held;                   // octets
	size_t count[2];               // records, by side
};

void dtls_queue_init(struct dtls_queue *queue);
void dtls_queue_free(struct dtls_queue *queue);

// Adds a copy of a record, of which `next` plays no part and the content stands apart. False without memory.
bool dtls_queue_add(struct dtls_queue *queue, const struct dtls_waiting *record, const uint8_t *content);

// Whether it holds more than it may: then the first is to be dropped.
bool dtls_queue_full(const struct dtls_queue *queue);

// Drops the record at a place, where the one behind it stands then.
void dtls_queue_drop(struct dtls_queue *queue, struct dtls_waiting **place);

#endif
