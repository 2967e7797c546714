// SPDX-License-Identifier: BSD-3-Clause
//
// What an endpoint has received and nobody has read yet: a queue that a flood cannot grow. When it is full, what
// comes is counted and let go, and what came first stays.
#ifndef ASSAY_NET_INBOX_H
#define ASSAY_NET_INBOX_H

#include "net/address.h"

#define INBOX_ITEMS 4096
#define INBOX_OCTETS ((size_t)16 << 20)

struct inbox_item {
	struct inbox_item *next;
	struct address from;
	double time; // seconds since 1970
	size_t length;
	uint8_t octets[];
};

// Zeroed, it is empty.
struct inbox {
	struct inbox_item *first, *last;
	size_t items, octets;
	uint64_t dropped; // since the start
};

// Puts a copy at the end. False if it was dropped: the limits, or memory.
bool inbox_put(struct inbox *inbox, const void *octets, size_t length, const struct address *from, double time);

// Frees the oldest item, `first`, if there is one.
void inbox_drop(struct inbox *inbox);

// Frees every item.
void inbox_clear(struct inbox *inbox);

#endif
