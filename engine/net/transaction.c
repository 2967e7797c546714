// SPDX-License-Identifier: BSD-3-Clause
#include "net/transaction.h"

#include "base/bytes.h"
#include "net/loop.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_RESPONSE 0x0100 // the bit that success and error have, and request and indication have not

// Where a transaction id stands, and whether it is one of a response. NULL if there are too few octets.
static const uint8_t *find_id(const void *octets, size_t length, bool *response)
{
	struct reader reader;
	reader_init(&reader, octets, length);
	unsigned type = reader_u16(&reader);
	reader_u16(&reader);
	reader_u32(&reader);
	*response = type >> 14 == 0 && (type & CLASS_RESPONSE);
	return reader_bytes(&reader, ENDPOINT_TRANSACTION);
}

static const uint8_t *own_id(const struct transaction *transaction)
{
	bool response;
	return find_id(transaction->request, transaction->length, &response);
}

static void note(struct transaction *transaction, const char *text)
{
	if (transaction->noted < TRANSACTION_NOTES)
		snprintf(transaction->notes[transaction->noted++], sizeof transaction->notes[0], "%s", text);
}

// What was sent n times may be answered n times, and the answers that nobody waits for any more are known by this.
static void remember(struct endpoint *endpoint, const struct transaction *transaction)
{
	unsigned owed = transaction->sends - (transaction->reply ? 1 : 0);
	if (owed == 0 || endpoint->kind->reliable)
		return;
	unsigned slot = endpoint->next_remembered++ % ENDPOINT_REMEMBERED;
	memcpy(endpoint->remembered[slot].id, own_id(transaction), ENDPOINT_TRANSACTION);
	endpoint->remembered[slot].owed = owed;
}

static void leave_endpoint(struct transaction *transaction)
{
	struct endpoint *endpoint = transaction->endpoint;
	if (transaction->timer)
		event_free(transaction->timer);
	transaction->timer = NULL;
	transaction->endpoint = NULL;
	if (!endpoint)
		return;
	struct transaction **place = &endpoint->transactions;
	while (*place != transaction)
		place = &(*place)->next;
	*place = transaction->next;
	remember(endpoint, transaction);
}

static void finish(struct transaction *transaction, const char *failure)
{
	snprintf(transaction->failure, sizeof transaction->failure, "%s", failure);
	leave_endpoint(transaction);
	transaction->done = true;
	transaction->ended(transaction);
}

static double end_of(const struct transaction *transaction)
{
	const struct transaction_plan *plan = &transaction->plan;
	if (transaction->endpoint->kind->reliable)
		return plan->timeout > 0 ? plan->timeout : RETRANSMIT_TI;
	double end = retransmit_end(&plan->schedule);
	return plan->timeout > 0 && plan->timeout < end ? plan->timeout : end;
}

// Seconds from the start to the next sending, or to the end when there is none; *again tells which.
static double next_step(const struct transaction *transaction, bool *again)
{
	double end = end_of(transaction);
	double offset = retransmit_offset(&transaction->plan.schedule, transaction->attempts);
	*again = !transaction->endpoint->kind->reliable && transaction->attempts < transaction->plan.schedule.rc &&
		 offset < end;
	return *again ? offset : end;
}

// Counted from the start, so that a late timer does not delay those behind it.
static void arm(struct transaction *transaction)
{
	bool again;
	struct timeval span = loop_span(transaction->started + next_step(transaction, &again) - loop_monotonic());
	event_add(transaction->timer, &span);
}

static int send_once(struct transaction *transaction, struct error *error)
{
	double now = loop_wall();
	transaction->attempts++;
	// The owner, told of the packet, may close the endpoint; by then it has been sent.
	transaction->sends++;
	int sent = endpoint_send(transaction->endpoint, transaction->request, transaction->length, &transaction->to,
				 error);
	if (sent < 0) {
		transaction->sends--;
		return -1;
	}
	if (transaction->sends == 1)
		transaction->sent = now;
	transaction->sent_last = now;
	return 0;
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct transaction *transaction = context;
	struct endpoint *endpoint = transaction->endpoint;
	struct error error;
	bool again;
	endpoint_enter(endpoint);
	next_step(transaction, &again);
	if (again && send_once(transaction, &error) < 0)
		note(transaction, error.text);
	if (!again)
		finish(transaction, "timeout");
	else if (!transaction->done)
		arm(transaction);
	endpoint_leave(endpoint);
}

int transaction_start(struct transaction *transaction, struct endpoint *endpoint, const void *request, size_t length,
		      const struct address *to, const struct transaction_plan *plan,
		      void (*ended)(struct transaction *transaction), void *owner, struct error *error)
{
	*transaction = (struct transaction){.plan = *plan, .length = length, .ended = ended, .owner = owner};
	if (endpoint->state == ENDPOINT_ENDED || endpoint->state == ENDPOINT_CLOSED)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "%s", endpoint->ended);
	if (length < TRANSACTION_SMALLEST)
		return error_set(error, ERROR_TRUNCATED, length, "a request of %zu octets has no transaction id",
				 length);
	if (plan->schedule.rc < 1 || plan->schedule.rc > RETRANSMIT_MOST)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "a request is sent 1 to %d times",
				 RETRANSMIT_MOST);
	transaction->to = to ? *to : endpoint->remote;
	transaction->request = malloc(length);
	transaction->timer = evtimer_new(loop_base(), on_timer, transaction);
	if (!transaction->request || !transaction->timer) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		goto failed;
	}
	memcpy(transaction->request, request, length);
	transaction->endpoint = endpoint;
	transaction->next = endpoint->transactions;
	endpoint->transactions = transaction;
	transaction->started = loop_monotonic();
	if (send_once(transaction, error) < 0)
		goto failed;
	if (!transaction->done)
		arm(transaction);
	return 0;
failed:
	transaction_release(transaction);
	return -1;
}

void transaction_release(struct transaction *transaction)
{
	leave_endpoint(transaction);
	free(transaction->request);
	free(transaction->reply);
	transaction->request = NULL;
	transaction->reply = NULL;
	transaction->reply_length = 0;
}

bool transaction_offer(struct endpoint *endpoint, const struct packet *packet)
{
	bool response;
	const uint8_t *id = find_id(packet->octets, packet->length, &response);
	if (!id || !response)
		return false;
	struct transaction *transaction = endpoint->transactions;
	while (transaction && memcmp(own_id(transaction), id, ENDPOINT_TRANSACTION) != 0)
		transaction = transaction->next;
	if (transaction) {
		transaction->reply = malloc(packet->length);
		if (transaction->reply) {
			memcpy(transaction->reply, packet->octets, packet->length);
			transaction->reply_length = packet->length;
		}
		transaction->from = packet->peer;
		transaction->received = packet->time;
		finish(transaction, transaction->reply ? "" : "out of memory");
		return true;
	}
	for (unsigned slot = 0; slot < ENDPOINT_REMEMBERED; slot++) {
		if (endpoint->remembered[slot].owed &&
		    memcmp(endpoint->remembered[slot].id, id, ENDPOINT_TRANSACTION) == 0) {
			endpoint->remembered[slot].owed--;
			endpoint->late++;
			return true;
		}
	}
	return false;
}

void transaction_note_icmp(struct endpoint *endpoint, const struct packet *packet)
{
	bool response;
	const uint8_t *id = find_id(packet->octets, packet->length, &response);
	struct transaction *transaction = endpoint->transactions;
	for (; transaction; transaction = transaction->next) {
		if (id ? memcmp(own_id(transaction), id, ENDPOINT_TRANSACTION) == 0
		       : address_equal(&transaction->to, &packet->peer))
			note(transaction, packet->icmp->text);
	}
}

void transaction_fail_all(struct endpoint *endpoint, const char *reason)
{
	while (endpoint->transactions)
		finish(endpoint->transactions, reason);
}

void transaction_forget(struct endpoint *endpoint, const void *octets, size_t length)
{
	bool response;
	const uint8_t *id = find_id(octets, length, &response);
	for (unsigned slot = 0; id && slot < ENDPOINT_REMEMBERED; slot++) {
		if (memcmp(endpoint->remembered[slot].id, id, ENDPOINT_TRANSACTION) == 0)
			endpoint->remembered[slot].owed = 0;
	}
}
