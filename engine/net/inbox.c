// SPDX-License-Identifier: BSD-3-Clause
#include "net/inbox.h"

#include <stdlib.h>
#include <string.h>

bool inbox_put(struct inbox *inbox, const void *octets, size_t length, const struct address *from, double time)
{
	struct inbox_item *item = NULL;
	if (inbox->items < INBOX_ITEMS && length <= INBOX_OCTETS - inbox->octets)
		item = malloc(sizeof *item + length);
	if (!item) {
		inbox->dropped++;
		return false;
	}
	*item = (struct inbox_item){.from = *from, .time = time, .length = length};
	if (length)
		memcpy(item->octets, octets, length);
	if (inbox->last)
		inbox->last->next = item;
	else
		inbox->first = item;
	inbox->last = item;
	inbox->items++;
	inbox->octets += length;
	return true;
}

void inbox_drop(struct inbox *inbox)
{
	struct inbox_item *item = inbox->first;
	if (!item)
		return;
	inbox->first = item->next;
	if (!inbox->first)
		inbox->last = NULL;
	inbox->items--;
	inbox->octets -= item->length;
	free(item);
}

void inbox_clear(struct inbox *inbox)
{
	while (inbox->first)
		inbox_drop(inbox);
}
