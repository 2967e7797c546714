// SPDX-License-Identifier: BSD-3-Clause
#include "audit/transactions.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define MOST 64                        // transactions of one session
#define MOST_ANSWERED 8                // of which this many may be over before a place is used again
#define APART UINT64_C(50000000)       // nanoseconds: nobody retransmits sooner, and copies of a packet come sooner
#define PATIENCE UINT64_C(40000000000) // nanoseconds until an open one counts as given up (RFC 5389 7.2.1: 39.5 s)

void transaction_keep(struct transaction *transaction, const void *octets, size_t length)
{
	free(transaction->octets);
	transaction->octets = NULL;
	transaction->length = 0;
	if (!length || length > UINT16_MAX)
		return;
	transaction->octets = malloc(length);
	if (!transaction->octets)
		return;
	memcpy(transaction->octets, octets, length);
	transaction->length = (uint16_t)length;
}

void transactions_free(struct transactions *transactions)
{
	for (size_t i = 0; i < transactions->count; i++)
		transaction_keep(&transactions->list[i], NULL, 0);
	OPENSSL_clear_free(transactions->list, transactions->capacity * sizeof *transactions->list);
	*transactions = (struct transactions){0};
}

void transactions_drop(struct transactions *transactions, struct transaction *transaction)
{
	struct transaction *last = &transactions->list[transactions->count - 1];
	transaction_keep(transaction, NULL, 0);
	*transaction = *last;
	OPENSSL_cleanse(last, sizeof *last);
	transactions->count--;
}

bool transaction_is_over(const struct transaction *transaction, uint64_t now)
{
	return transaction->state == TRANSACTION_ANSWERED && now > transaction->latest + PATIENCE;
}

void transaction_again(struct transaction *transaction, uint64_t now)
{
	transaction->apart = transaction->apart || now > transaction->latest + APART;
	if (transaction->asked < UINT16_MAX)
		transaction->asked++;
	transaction->latest = now > transaction->latest ? now : transaction->latest;
}

struct transaction *transactions_find(const struct transactions *transactions, const uint8_t id[STUN_TRANSACTION_SIZE])
{
	// From the end, where the latest stand.
	for (size_t i = transactions->count; i-- > 0;)
		if (memcmp(transactions->list[i].id, id, STUN_TRANSACTION_SIZE) == 0)
			return &transactions->list[i];
	return NULL;
}

// The place that can be given up best: the oldest of the answered ones if there are enough of them, one that waited too
// long, or, where no more are held, the oldest of all. Else -1.
static long place_to_reuse(struct transactions *transactions, uint64_t now)
{
	long answered = -1, late = -1, oldest = -1;
	size_t number = 0;
	for (size_t i = 0; i < transactions->count; i++) {
		struct transaction *one = &transactions->list[i];
		if (one->state == TRANSACTION_ANSWERED) {
			// Its answer was judged, and nobody asks for its octets any more.
			transaction_keep(one, NULL, 0);
			number++;
			if (answered < 0 || one->time < transactions->list[answered].time)
				answered = (long)i;
		} else if (late < 0 && one->time + PATIENCE < now) {
			late = (long)i;
		}
		if (oldest < 0 || one->time < transactions->list[oldest].time)
			oldest = (long)i;
	}
	if (number >= MOST_ANSWERED)
		return answered;
	if (late >= 0)
		return late;
	return transactions->count >= MOST ? oldest : -1;
}

struct transaction *transactions_begin(struct transactions *transactions, const uint8_t id[STUN_TRANSACTION_SIZE],
				       uint64_t time)
{
	long reused = place_to_reuse(transactions, time);
	struct transaction *place;
	if (reused >= 0) {
		place = &transactions->list[reused];
		transactions->forgotten = true;
		transaction_keep(place, NULL, 0);
	} else {
		if (transactions->count == transactions->capacity) {
			size_t capacity = transactions->capacity ? transactions->capacity * 2 : 2;
			// Moved by hand: what realloc leaves behind would still hold the keys.
			struct transaction *grown = calloc(capacity, sizeof *grown);
			if (!grown)
				return NULL;
			if (transactions->count)
				memcpy(grown, transactions->list, transactions->count * sizeof *grown);
			OPENSSL_clear_free(transactions->list, transactions->capacity * sizeof *grown);
			transactions->list = grown;
			transactions->capacity = capacity;
		}
		place = &transactions->list[transactions->count++];
	}
	*place = (struct transaction){.time = time, .latest = time, .asked = 1};
	memcpy(place->id, id, STUN_TRANSACTION_SIZE);
	return place;
}
