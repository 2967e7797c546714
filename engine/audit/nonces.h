// SPDX-License-Identifier: BSD-3-Clause
//
// The nonces that a server has given on one session, and which of them it has refused. They are known by hashes.
#ifndef ASSAY_AUDIT_NONCES_H
#define ASSAY_AUDIT_NONCES_H

#include "audit/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONCES_HELD 8

struct given_nonce {
	uint64_t hash, time; // nanoseconds since 1970
	uint64_t refused_at; // likewise
	bool refused;
	bool by_438; // and not used since
};

// All zero is an empty one.
struct nonces {
	struct given_nonce list[NONCES_HELD]; // the latest first
	size_t count;
};

// The server gives a nonce; by_438: in an answer that refuses another.
void nonces_give(struct nonces *nonces, uint64_t hash, uint64_t time, bool by_438);

// The server has refused it.
void nonces_refuse(struct nonces *nonces, uint64_t hash, uint64_t time);

// CURRENT, EARLIER or REFUSED; UNSEEN when it is none of those held.
enum audit_nonce nonces_find(const struct nonces *nonces, uint64_t hash);

// Whether it was refused more than 10 s ago.
bool nonces_long_refused(const struct nonces *nonces, uint64_t hash, uint64_t time);

// A request came with the current one: whether that is the first to use it, and a 438 of the last 10 s gave it.
bool nonces_use(struct nonces *nonces, uint64_t time);

#endif
