// SPDX-License-Identifier: BSD-3-Clause
//
// Octets of one side of a connection, in order, that were not read yet, and for each of them who brought it. It knows
// nothing of records.
#ifndef ASSAY_CAPTURE_TLS_QUEUE_H
#define ASSAY_CAPTURE_TLS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The most that waits: octets, and pieces they came in.
enum { TLS_QUEUE_OCTETS = 262144, TLS_QUEUE_PIECES = 16384 };

struct tls_queue_piece {
	int64_t tag;
	uint64_t end; // place in all that was ever queued behind its last octet
};

// Zeroed, it is empty.
struct tls_queue {
	uint8_t *data;
	size_t start, end, capacity; // of data
	uint64_t taken;              // octets dropped so far
	struct tls_queue_piece *pieces;
	size_t first, count, room; // of pieces; those before `first` are dropped
};

// Frees what it holds (as captured: no secrets); it may be used again.
void tls_queue_free(struct tls_queue *queue);
// Copies octets to the end. False when that were more than is held, or memory is out; then nothing is added.
bool tls_queue_add(struct tls_queue *queue, const uint8_t *octets, size_t length, int64_t tag);
size_t tls_queue_length(const struct tls_queue *queue);
// The octets that wait, good until the next call; NULL when there are none.
const uint8_t *tls_queue_octets(const struct tls_queue *queue);
// The tag of an octet that waits, counted from the first one.
int64_t tls_queue_tag(const struct tls_queue *queue, size_t offset);
// Drops octets from the front, no more than there are.
void tls_queue_drop(struct tls_queue *queue, size_t length);

#endif
