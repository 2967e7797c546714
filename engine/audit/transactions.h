// SPDX-License-Identifier: BSD-3-Clause
//
// The last transactions of one session: which request an answer belongs to, and what was known of that request. How
// many are held depends on how many are open at once; the oldest finished one gives up its place first.
#ifndef ASSAY_AUDIT_TRANSACTIONS_H
#define ASSAY_AUDIT_TRANSACTIONS_H

#include "audit/facts.h"
#include "audit/keyring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transaction_state { TRANSACTION_OPEN, TRANSACTION_ANSWERED };

struct transaction {
	uint8_t id[STUN_TRANSACTION_SIZE];
	uint8_t state;
	uint8_t fresh;      // it presented a token that opened
	uint8_t refused;    // its first answer was an error
	uint8_t apart;      // it came again, so long after the time before that no copy of a packet does
	uint16_t asked;     // how often it came
	uint16_t answered;  // how many answers came
	uint64_t latest;    // when it came last
	uint64_t time;      // of the first transmission
	uint64_t frame;     // likewise
	uint64_t digest;    // a hash of the request's octets
	uint64_t nonce;     // a hash of NONCE; 0: none
	uint64_t token;     // a hash of ACCESS-TOKEN; 0: none
	uint64_t kid;       // a hash of the server and USERNAME
	uint64_t timestamp; // of that token, where it opened
	uint32_t lifetime;  // likewise
	uint16_t channel;   // CHANNEL-NUMBER; 0: none
	uint16_t length;    // octets of the request; 0: they are not held any more
	uint64_t answer;    // a hash of class, code and relayed address of the first answer
	struct signing_key key;
	struct audit_message_facts facts;
	uint8_t *octets; // of the request, owned; NULL when length is 0
};

struct transactions {
	struct transaction *list;
	size_t count, capacity;
	bool forgotten; // one was given up, so that what is not held may have been there
};

// Wipes and frees what is held.
void transactions_free(struct transactions *transactions);

// The transaction with that identifier, NULL when it is not held.
struct transaction *transactions_find(const struct transactions *transactions, const uint8_t id[STUN_TRANSACTION_SIZE]);

// Lets go of it, as of something that never was. Pointers got before are not good any more.
void transactions_drop(struct transactions *transactions, struct transaction *transaction);

// Whether a request that comes again is a new one, though not one octet of it is: it had its answer, and too long ago
// for a copy or a retransmission. (RFC 5389 6 lets a client do that.)
bool transaction_is_over(const struct transaction *transaction, uint64_t now);

// Counts a request that came again.
void transaction_again(struct transaction *transaction, uint64_t now);

// A place for a new one, all zero but identifier and time; NULL without memory. Pointers got before are not good any
// more.
struct transaction *transactions_begin(struct transactions *transactions, const uint8_t id[STUN_TRANSACTION_SIZE],
				       uint64_t time);

// Keeps a copy of the octets of a request, or lets go of it (NULL, 0). Without memory none is kept.
void transaction_keep(struct transaction *transaction, const void *octets, size_t length);

#endif
