// SPDX-License-Identifier: BSD-3-Clause
#include "audit/nonces.h"

#include "audit/moment.h"

#include <string.h>

void nonces_give(struct nonces *nonces, uint64_t hash, uint64_t time, bool by_438)
{
	struct given_nonce *list = nonces->list;
	if (nonces->count && list[0].hash == hash) {
		list[0].refused = false; // it is given anew
		return;
	}
	if (nonces->count < NONCES_HELD)
		nonces->count++;
	memmove(&list[1], &list[0], (nonces->count - 1) * sizeof list[0]);
	list[0] = (struct given_nonce){.hash = hash, .time = time, .by_438 = by_438};
}

void nonces_refuse(struct nonces *nonces, uint64_t hash, uint64_t time)
{
	for (size_t i = 0; i < nonces->count; i++)
		if (nonces->list[i].hash == hash && !nonces->list[i].refused) {
			nonces->list[i].refused = true;
			nonces->list[i].refused_at = time;
		}
}

bool nonces_long_refused(const struct nonces *nonces, uint64_t hash, uint64_t time)
{
	for (size_t i = 0; i < nonces->count; i++)
		if (nonces->list[i].hash == hash)
			return nonces->list[i].refused && time > nonces->list[i].refused_at + MOMENT_EDGE;
	return false;
}

enum audit_nonce nonces_find(const struct nonces *nonces, uint64_t hash)
{
	for (size_t i = 0; i < nonces->count; i++) {
		if (nonces->list[i].hash != hash)
			continue;
		if (nonces->list[i].refused)
			return AUDIT_NONCE_REFUSED;
		return i ? AUDIT_NONCE_EARLIER : AUDIT_NONCE_CURRENT;
	}
	return AUDIT_NONCE_UNSEEN;
}

bool nonces_use(struct nonces *nonces, uint64_t time)
{
	struct given_nonce *current = &nonces->list[0];
	bool fresh = current->by_438 && time < current->time + MOMENT_EDGE;
	current->by_438 = false;
	return fresh;
}
