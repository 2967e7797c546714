// SPDX-License-Identifier: BSD-3-Clause
#include "audit/presentation.h"

#include "audit/moment.h"
#include "audit/names.h"
#include "audit/proof.h"
#include "audit/recall.h"
#include "stun/attribute.h"

static struct stun_octets announced_name(const struct session_world *world, const struct session_place *place,
					 uint32_t number)
{
	uint64_t known = number;
	if (!number)
		recall_get(world->servers, place->server, &known);
	return names_of(world->names, (uint32_t)known);
}

// Under the name that the 401s tell; where they tell none, or another than the server seals for, under the one given.
static enum audit_token open_token(const struct session_world *world, const struct session_place *place,
				   const struct stun_message *message, struct stun_octets token,
				   const struct presentation_before *before, struct opened_token *opened)
{
	struct stun_octets kid = stun_message_octets(message, STUN_USERNAME), given = world->server_name;
	struct stun_octets announced = announced_name(world, place, before->told);
	*before->by_given = !announced.data && given.data;
	if (*before->by_given)
		return keyring_open(world->keyring, kid, given, token, opened);
	enum audit_token outcome = keyring_open(world->keyring, kid, announced, token, opened);
	if (outcome == AUDIT_TOKEN_REFUSED && given.data && !stun_octets_equal(announced, given)) {
		outcome = keyring_open(world->keyring, kid, given, token, opened);
		*before->by_given = outcome == AUDIT_TOKEN_OPENED;
	}
	return outcome;
}

// Whether a token has been used before on this flow. Remembers it.
static bool used_here(struct session_world *world, const struct session_place *place, uint64_t digest)
{
	if (!place->asker)
		return false;
	uint64_t parts[4] = {place->client, place->server, digest, UINT64_C(1) << 32 | place->asker->port};
	uint64_t key = keyring_hash(world->keyring, parts, sizeof parts);
	if (recall_get(world->tokens, key, NULL))
		return true;
	recall_put(world->tokens, key, 1);
	return false;
}

// How often this client has used this token at this server, and whether it had gone on to another.
static enum audit_token_use use_of(struct session_world *world, const struct session_place *place, uint64_t digest)
{
	uint64_t pair[3] = {place->client, place->server, digest}, last;
	uint64_t client = keyring_hash(world->keyring, pair, sizeof pair[0] * 2);
	uint64_t used = keyring_hash(world->keyring, pair, sizeof pair);
	bool before = recall_get(world->clients, client, &last);
	bool here = used_here(world, place, digest);
	bool again = recall_get(world->tokens, used, NULL);
	if (before && last == digest)
		return AUDIT_USE_SAME;
	if (again)
		return here ? AUDIT_USE_EARLIER : AUDIT_USE_TURNS;
	recall_put(world->tokens, used, 1);
	recall_put(world->clients, client, digest);
	return before ? AUDIT_USE_NEWER : AUDIT_USE_FIRST;
}

static void keep_token_facts(struct session_world *world, const struct session_place *place,
			     const struct opened_token *opened, struct audit_message_facts *facts)
{
	facts->token_time = (uint8_t)moment_of(place->time, opened->timestamp, opened->lifetime, world->far);
	if (moment_is_absurd(place->time, opened->timestamp))
		facts->flags |= AUDIT_TOKEN_TIMESTAMP;
	if (!opened->lifetime)
		facts->flags |= AUDIT_TOKEN_ENDLESS;
	if (opened->nonce_length != opened->algorithm->nonce_length)
		facts->flags |= AUDIT_TOKEN_NONCE_LENGTH;
	if (opened->extra)
		facts->flags |= AUDIT_TOKEN_EXTRA;
	if (opened->key_length != 20 && opened->key_length != 32)
		facts->flags |= AUDIT_TOKEN_KEY_LENGTH;
	uint64_t other;
	if (!opened->nonce_length)
		return;
	if (!recall_get(world->sealings, opened->nonce, &other))
		recall_put(world->sealings, opened->nonce, opened->digest);
	else if (other != opened->digest)
		facts->flags |= AUDIT_TOKEN_NONCE_REPEATED;
}

bool presentation_look(struct session_world *world, const struct session_place *place,
		       const struct stun_message *message, uint64_t kid, const struct presentation_before *before,
		       struct opened_token *opened, struct audit_message_facts *facts)
{
	struct stun_octets token = stun_message_octets(message, STUN_ACCESS_TOKEN);
	if (!token.data)
		return false;
	facts->token = (uint8_t)open_token(world, place, message, token, before, opened);
	if (facts->token == AUDIT_TOKEN_OPENED)
		keep_token_facts(world, place, opened, facts);
	else if (facts->token == AUDIT_TOKEN_REFUSED && opened->shaped)
		facts->marks |= AUDIT_TOKEN_SHAPED;
	proof_of_token(world, place, kid, opened->digest, facts);
	facts->token_use = (uint8_t)use_of(world, place, opened->digest);
	// Others on that host may have tokens of their own in between.
	if (*before->last == opened->digest) {
		facts->token_use = AUDIT_USE_SAME;
	} else if (facts->token_use == AUDIT_USE_EARLIER && place->time < *before->since + MOMENT_EDGE) {
		facts->token_use = AUDIT_USE_CROSSED;
	} else {
		*before->last = opened->digest;
		*before->since = place->time;
	}
	return true;
}
