// SPDX-License-Identifier: BSD-3-Clause
#include "audit/proof.h"

#include "audit/recall.h"
#include "stun/attribute.h"
#include "token/timestamp.h"

#define CLOCK (UINT64_C(1) << 62)
#define SAYS_420 (UINT64_C(1) << 61)
#define ASKS_FIRST (UINT64_C(1) << 60)
#define TAKES_TOKENS (UINT64_C(1) << 59)
#define FORM(form, length) (UINT64_C(1) << (50 + 2 * ((form)-AUDIT_INTEGRITY_WHOLE) + ((length) == 32)))

// A token of at most an hour that is at most half of one old, and no more than a minute ahead: the clocks are near
// enough then for what is an hour over.
#define PROVING_LIFETIME 3600
#define PROVING_AGE 1800.0
#define PROVING_AHEAD -60.0
// For so long, by the clock of the capture: it may be set, or that of another may follow, and if it jumps by less than
// this nothing that is good comes out an hour over (together with the age).
#define PROVEN_FOR (UINT64_C(1700) * 1000000000)

enum { TAKEN = 1, OVER = 2 };

static bool is_form(uint8_t integrity)
{
	return integrity == AUDIT_INTEGRITY_WHOLE || integrity == AUDIT_INTEGRITY_SHA1 ||
	       integrity == AUDIT_INTEGRITY_CUT;
}

// Where it is remembered when the clock of a server was proven.
static uint64_t clock_at(const struct session_world *world, const struct session_place *place)
{
	uint64_t pair[2] = {place->server, CLOCK};
	return keyring_hash(world->keyring, pair, sizeof pair);
}

static void learn(struct session_world *world, const struct session_place *place, uint64_t bits)
{
	uint64_t known = 0;
	recall_get(world->servers, place->server, &known);
	if ((known | bits) != known)
		recall_put(world->servers, place->server, known | bits);
}

static uint64_t token_at(const struct session_world *world, const struct session_place *place, uint64_t digest)
{
	uint64_t pair[2] = {~place->server, digest};
	return keyring_hash(world->keyring, pair, sizeof pair);
}

void proof_let_in(struct session_world *world, const struct session_place *place, const struct transaction *transaction)
{
	const struct audit_message_facts *facts = &transaction->facts;
	uint8_t integrity = facts->integrity != AUDIT_INTEGRITY_ABSENT ? facts->integrity : facts->integrity_sha256;
	// Let in under another key than that of the token: on a password perhaps, with the token passed over.
	if (!is_form(integrity))
		return;
	uint64_t bits = TAKES_TOKENS;
	recall_put(world->servers, transaction->kid, 0);
	recall_put(world->tokens, token_at(world, place, transaction->token), TAKEN);
	double age = (double)transaction->time / 1e9 - token_timestamp_time(transaction->timestamp);
	bool brief = transaction->lifetime && transaction->lifetime <= PROVING_LIFETIME;
	if (facts->token_time == AUDIT_TIME_GOOD && brief && age >= PROVING_AHEAD && age <= PROVING_AGE)
		recall_put(world->servers, clock_at(world, place), transaction->time);
	if (is_form(facts->integrity) && (transaction->key.length == 20 || transaction->key.length == 32))
		bits |= FORM(facts->integrity, transaction->key.length);
	learn(world, place, bits);
}

void proof_refused(struct session_world *world, const struct session_place *place,
		   const struct transaction *transaction, uint16_t code)
{
	if (code == 420)
		learn(world, place, SAYS_420);
	const struct audit_message_facts *facts = &transaction->facts;
	bool bare = facts->integrity == AUDIT_INTEGRITY_ABSENT && facts->integrity_sha256 == AUDIT_INTEGRITY_ABSENT;
	if (code == 401 && facts->method == STUN_METHOD_ALLOCATE && bare &&
	    !audit_facts_has(facts, STUN_REQUESTED_TRANSPORT))
		learn(world, place, ASKS_FIRST);
	bool past = facts->token_time >= AUDIT_TIME_EDGE_PAST && facts->token_time <= AUDIT_TIME_FAR_PAST;
	const uint8_t shown = AUDIT_FORM_PROVEN | AUDIT_TOKEN_PROVEN;
	bool sound = is_form(facts->integrity) && (facts->proven & shown) == shown &&
		     facts->nonce == AUDIT_NONCE_CURRENT && !(facts->flags & AUDIT_UNPROTECTED);
	if (code == 401 && facts->method == STUN_METHOD_ALLOCATE && transaction->fresh && past && sound)
		recall_put(world->tokens, token_at(world, place, transaction->token), OVER);
}

void proof_of_server(struct session_world *world, const struct session_place *place, struct audit_message_facts *facts)
{
	uint64_t known = 0;
	recall_get(world->servers, place->server, &known);
	if (known & PROOF_THIRD_PARTY)
		facts->flags |= AUDIT_THIRD_PARTY;
	if (known & SAYS_420)
		facts->proven |= AUDIT_SAYS_420;
	if (known & ASKS_FIRST)
		facts->proven |= AUDIT_ASKS_FIRST;
	if (!(known & TAKES_TOKENS))
		return;
	facts->proven |= AUDIT_TAKES_TOKENS;
	uint64_t time;
	if (recall_get(world->servers, clock_at(world, place), &time) &&
	    (place->time > time ? place->time - time : time - place->time) <= PROVEN_FOR)
		facts->proven |= AUDIT_CLOCK_PROVEN;
}

void proof_of_token(struct session_world *world, const struct session_place *place, uint64_t kid, uint64_t digest,
		    struct audit_message_facts *facts)
{
	uint64_t known = 0;
	if (recall_get(world->servers, kid, NULL))
		facts->proven |= AUDIT_KID_PROVEN;
	recall_get(world->tokens, token_at(world, place, digest), &known);
	if (known == TAKEN)
		facts->proven |= AUDIT_TOKEN_PROVEN;
	if (known == OVER)
		facts->proven |= AUDIT_TOKEN_OVER;
}

void proof_of_form(struct session_world *world, const struct session_place *place, size_t length,
		   struct audit_message_facts *facts)
{
	uint64_t known = 0, bits = 0;
	if (length != 20 && length != 32)
		return;
	recall_get(world->servers, place->server, &known);
	if (is_form(facts->integrity))
		bits = FORM(facts->integrity, length);
	else if (facts->integrity == AUDIT_INTEGRITY_INVALID)
		bits = FORM(AUDIT_INTEGRITY_WHOLE, length) | FORM(AUDIT_INTEGRITY_SHA1, length) |
		       FORM(AUDIT_INTEGRITY_CUT, length);
	if (known & bits)
		facts->proven |= AUDIT_FORM_PROVEN;
}
