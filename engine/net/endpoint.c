// SPDX-License-Identifier: BSD-3-Clause
#include "net/endpoint.h"

#include "net/loop.h"
#include "net/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void endpoint_init(struct endpoint *endpoint, const struct endpoint_kind *kind, const struct endpoint_handler *handler,
		   void *owner)
{
	*endpoint = (struct endpoint){.kind = kind, .handler = handler, .owner = owner};
}

static void tell(struct endpoint *endpoint, const struct packet *packet)
{
	if (endpoint->handler->packet)
		endpoint->handler->packet(endpoint->owner, packet);
}

static void changed(struct endpoint *endpoint)
{
	if (!endpoint->freed && endpoint->handler->changed)
		endpoint->handler->changed(endpoint->owner);
}

int endpoint_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		  struct error *error)
{
	struct packet packet = {.direction = PACKET_SENT, .octets = octets, .length = length};
	if (endpoint->state == ENDPOINT_CLOSED)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "closed");
	if (endpoint->state == ENDPOINT_OPENING)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "not connected yet");
	packet.peer = to ? *to : endpoint->remote;
	if (!packet.peer.length)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "no address to send to");
	transaction_forget(endpoint, octets, length);
	packet.time = loop_wall();
	if (endpoint->kind->send(endpoint, octets, length, &packet.peer, error) < 0)
		return -1;
	tell(endpoint, &packet);
	return 0;
}

void endpoint_close(struct endpoint *endpoint)
{
	if (endpoint->state == ENDPOINT_CLOSED)
		return;
	endpoint->state = ENDPOINT_CLOSED;
	snprintf(endpoint->ended, sizeof endpoint->ended, "closed");
	endpoint->kind->close(endpoint);
	inbox_clear(&endpoint->inbox);
	endpoint_enter(endpoint);
	transaction_fail_all(endpoint, endpoint->ended);
	changed(endpoint);
	endpoint_leave(endpoint);
}

void endpoint_free(struct endpoint *endpoint)
{
	if (!endpoint || endpoint->freed)
		return;
	endpoint->freed = true;
	endpoint_enter(endpoint);
	endpoint_close(endpoint);
	endpoint_leave(endpoint);
}

void endpoint_enter(struct endpoint *endpoint)
{
	endpoint->inside++;
}

void endpoint_leave(struct endpoint *endpoint)
{
	if (--endpoint->inside > 0 || !endpoint->freed)
		return;
	if (endpoint->kind->release)
		endpoint->kind->release(endpoint);
	free(endpoint);
}

void endpoint_received(struct endpoint *endpoint, const uint8_t *octets, size_t length, const struct address *from,
		       double time)
{
	struct packet packet = {PACKET_RECEIVED, octets, length, *from, time, NULL};
	tell(endpoint, &packet);
	if (endpoint->state == ENDPOINT_CLOSED || transaction_offer(endpoint, &packet))
		return;
	if (!endpoint->unread && inbox_put(&endpoint->inbox, octets, length, from, time))
		changed(endpoint);
}

void endpoint_icmp(struct endpoint *endpoint, const struct icmp_error *icmp, const uint8_t *octets, size_t length)
{
	struct packet packet = {PACKET_ICMP, octets, length, icmp->destination, loop_wall(), icmp};
	tell(endpoint, &packet);
	if (endpoint->state != ENDPOINT_CLOSED)
		transaction_note_icmp(endpoint, &packet);
}

void endpoint_opened(struct endpoint *endpoint)
{
	endpoint->state = ENDPOINT_OPEN;
	changed(endpoint);
}

void endpoint_ended(struct endpoint *endpoint, const char *reason)
{
	if (endpoint->state == ENDPOINT_CLOSED || endpoint->state == ENDPOINT_ENDED)
		return;
	endpoint->state = ENDPOINT_ENDED;
	snprintf(endpoint->ended, sizeof endpoint->ended, "%s", reason);
	transaction_fail_all(endpoint, endpoint->ended);
	changed(endpoint);
}
