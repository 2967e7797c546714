// SPDX-License-Identifier: BSD-3-Clause
#include "audit/tally.h"

#include "audit/recall.h"
#include "base/hash.h"
#include "stun/attribute.h"
#include "stun/message.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS 16384       // that are remembered, to be known again
#define NO_ROOM UINT16_MAX // the party of a flow for which there is none

struct names {
	struct tally_name list[TALLY_NAMES];
	size_t count;
	uint64_t left;
};

struct tally {
	struct hash_seed seed;
	struct tally_party parties[TALLY_PARTIES];
	size_t party_count;
	uint64_t parties_left;
	struct names names[TALLY_NAME_KINDS];
	struct tally_key keys[TALLY_KEYS];
	size_t key_count;
	uint64_t keys_left;
	struct tally_method methods[TALLY_METHODS];
	size_t method_count;
	struct tally_reuse reuses[TALLY_REUSES];
	size_t reuse_count;
	struct tally_privacy privacy;
	struct recall *tokens; // hash of a token -> where it was first seen, with the bits below
};

// Of what is remembered of a token: the flow in the low bits, the number of the party above it.
#define LINKED (UINT64_C(1) << 63)
#define REUSED (UINT64_C(1) << 62)
#define PARTY_SHIFT 48
#define PARTY_MASK UINT64_C(0x3FFF)
#define FLOW_MASK ((UINT64_C(1) << PARTY_SHIFT) - 1)

struct tally *tally_new(void)
{
	struct tally *tally = calloc(1, sizeof *tally);
	if (!tally)
		return NULL;
	tally->seed = hash_seed(0);
	tally->tokens = recall_new(TOKENS);
	if (tally->tokens)
		return tally;
	free(tally);
	return NULL;
}

static void drop(struct stun_octets octets)
{
	free((void *)(uintptr_t)octets.data);
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	for (int kind = 0; kind < TALLY_NAME_KINDS; kind++)
		for (size_t i = 0; i < tally->names[kind].count; i++)
			drop(tally->names[kind].list[i].octets);
	for (size_t i = 0; i < tally->key_count; i++)
		drop(tally->keys[i].kid);
	for (size_t i = 0; i < tally->method_count; i++)
		latencies_free(&tally->methods[i].latencies);
	for (size_t i = 0; i < tally->reuse_count; i++)
		drop(tally->reuses[i].kid);
	recall_free(tally->tokens);
	free(tally);
}

// --- small things ----------------------------------------------------------------------------------------------------

// A copy whose data is never NULL; false without memory.
static bool copy(struct stun_octets *to, struct stun_octets from)
{
	uint8_t *data = malloc(from.length ? from.length : 1);
	if (!data)
		return false;
	if (from.length)
		memcpy(data, from.data, from.length);
	*to = (struct stun_octets){data, from.length};
	return true;
}

static void add_host(struct tally_hosts *hosts, const struct packet_address *host)
{
	for (size_t i = 0; i < hosts->count; i++)
		if (packet_address_same_host(&hosts->list[i], host))
			return;
	if (hosts->count == TALLY_HOSTS) {
		hosts->more = true;
		return;
	}
	hosts->list[hosts->count] = *host;
	hosts->list[hosts->count++].port = 0;
}

static bool in_clear(const struct audit_message_facts *facts)
{
	return facts->transport == AUDIT_UDP || facts->transport == AUDIT_TCP;
}

// --- parties ---------------------------------------------------------------------------------------------------------

static uint16_t find_party(struct tally *tally, const struct tally_sighting *sighting)
{
	uint8_t transport = sighting->facts->message.transport;
	for (size_t i = 0; i < tally->party_count; i++) {
		const struct tally_party *party = &tally->parties[i];
		if (party->transport == transport && party->server.port == sighting->server->port &&
		    packet_address_same_host(&party->server, sighting->server) &&
		    packet_address_same_host(&party->client, sighting->client))
			return (uint16_t)(i + 1);
	}
	if (tally->party_count == TALLY_PARTIES) {
		tally->parties_left++;
		return NO_ROOM;
	}
	struct tally_party *party = &tally->parties[tally->party_count++];
	*party = (struct tally_party){
		.client = *sighting->client,
		.server = *sighting->server,
		.transport = transport,
		.first_frame = sighting->frame,
		.first_time = sighting->time,
	};
	party->client.port = 0;
	return (uint16_t)tally->party_count;
}

static void reach(struct tally_party *party, uint64_t frame, uint64_t time)
{
	if (frame > party->last_frame)
		party->last_frame = frame;
	if (time > party->last_time)
		party->last_time = time;
	if (time < party->first_time)
		party->first_time = time;
}

void tally_settle(struct tally *tally, struct tally_flow *flow)
{
	if (!flow->channel_data || !flow->party || flow->party > tally->party_count)
		return;
	struct tally_party *party = &tally->parties[flow->party - 1];
	party->channel_data += flow->channel_data;
	reach(party, flow->last_frame, flow->last_time);
	flow->channel_data = 0;
}

// --- names -----------------------------------------------------------------------------------------------------------

static uint16_t find_name(struct names *names, struct stun_octets octets, uint16_t last, uint64_t frame)
{
	if (last && stun_octets_equal(names->list[last - 1].octets, octets))
		return last;
	for (size_t i = 0; i < names->count; i++)
		if (stun_octets_equal(names->list[i].octets, octets))
			return (uint16_t)(i + 1);
	struct tally_name *name = &names->list[names->count];
	if (names->count == TALLY_NAMES || octets.length > TALLY_NAME_LIMIT || !copy(&name->octets, octets)) {
		names->left++;
		return 0;
	}
	name->first_frame = frame;
	return (uint16_t)++names->count;
}

// Whether the bit of that name was not set. It is then.
static bool is_new(uint64_t bits[TALLY_NAMES / 64], uint16_t number)
{
	uint64_t *word = &bits[(number - 1) / 64], bit = UINT64_C(1) << (number - 1) % 64;
	bool was = *word & bit;
	*word |= bit;
	return !was;
}

static void add_name(struct tally *tally, struct tally_flow *flow, const struct tally_sighting *sighting,
		     enum tally_name_kind kind, uint16_t type)
{
	const struct audit_message_facts *facts = &sighting->facts->message;
	if (!audit_facts_has(facts, type))
		return;
	struct stun_octets octets = stun_message_octets(sighting->message, type);
	if (!octets.data)
		return;
	uint16_t number = find_name(&tally->names[kind], octets, flow->names[kind], sighting->frame);
	if (!number)
		return;
	struct tally_name *name = &tally->names[kind].list[number - 1];
	bool clear = in_clear(facts);
	name->messages++;
	name->clear += clear;
	flow->names[kind] = number;
	name->flows += is_new(flow->with[kind], number);
	if (clear && is_new(flow->clear[kind], number)) {
		name->clear_flows++;
		add_host(&name->hosts, sighting->client);
	}
}

static void add_names(struct tally *tally, struct tally_flow *flow, const struct tally_sighting *sighting)
{
	bool server = sighting->facts->message.sender == AUDIT_SERVER;
	add_name(tally, flow, sighting, TALLY_USERNAME, STUN_USERNAME);
	add_name(tally, flow, sighting, TALLY_REALM, STUN_REALM);
	add_name(tally, flow, sighting, TALLY_SERVER_NAME, STUN_THIRD_PARTY_AUTHORIZATION);
	add_name(tally, flow, sighting, server ? TALLY_SERVER_SOFTWARE : TALLY_CLIENT_SOFTWARE, STUN_SOFTWARE);
}

// --- tokens ----------------------------------------------------------------------------------------------------------

static struct tally_key *find_key(struct tally *tally, struct stun_octets kid)
{
	for (size_t i = 0; i < tally->key_count; i++)
		if (stun_octets_equal(tally->keys[i].kid, kid))
			return &tally->keys[i];
	struct tally_key *key = &tally->keys[tally->key_count];
	if (tally->key_count == TALLY_KEYS || kid.length > TALLY_NAME_LIMIT || !copy(&key->kid, kid)) {
		tally->keys_left++;
		return NULL;
	}
	tally->key_count++;
	return key;
}

static void add_token(struct tally *tally, const struct tally_sighting *sighting)
{
	const struct audit_message_facts *facts = &sighting->facts->message;
	struct tally_key *key = find_key(tally, stun_message_octets(sighting->message, STUN_USERNAME));
	if (!key)
		return;
	key->requests++;
	key->sealed += facts->token == AUDIT_TOKEN_SEALED;
	key->unknown += facts->token == AUDIT_TOKEN_KID_UNKNOWN;
	if (facts->token == AUDIT_TOKEN_REFUSED && !key->refused++)
		key->first_refused = sighting->frame;
	const struct opened_token *opened = sighting->view->token;
	if (facts->token != AUDIT_TOKEN_OPENED || !opened)
		return;
	if (!key->opened++) {
		key->algorithm = opened->algorithm;
		key->least = key->most = opened->lifetime;
	}
	if (opened->lifetime < key->least)
		key->least = opened->lifetime;
	if (opened->lifetime > key->most)
		key->most = opened->lifetime;
}

static void reuse_token(struct tally *tally, const struct tally_sighting *sighting, uint64_t digest,
			const struct packet_address *host)
{
	struct tally_reuse *reuse = NULL;
	for (size_t i = 0; i < tally->reuse_count && !reuse; i++)
		if (tally->reuses[i].digest == digest)
			reuse = &tally->reuses[i];
	if (!reuse && tally->reuse_count < TALLY_REUSES) {
		reuse = &tally->reuses[tally->reuse_count];
		struct stun_octets kid = stun_message_octets(sighting->message, STUN_USERNAME);
		kid.length = kid.length > TALLY_NAME_LIMIT ? TALLY_NAME_LIMIT : kid.length;
		if (!copy(&reuse->kid, kid))
			return;
		tally->reuse_count++;
		reuse->digest = digest;
		reuse->first_frame = sighting->frame;
		add_host(&reuse->hosts, host);
	}
	if (!reuse)
		return;
	reuse->requests++;
	add_host(&reuse->hosts, sighting->client);
}

// A token that anybody on the way could read: whoever sees it again knows that it is of the same user.
static void watch_token(struct tally *tally, const struct tally_flow *flow, const struct tally_sighting *sighting)
{
	struct stun_octets token = stun_message_octets(sighting->message, STUN_ACCESS_TOKEN);
	uint64_t digest = hash_octets(&tally->seed, token.data, token.length), before;
	tally->privacy.tokens_clear++;
	if (!recall_get(tally->tokens, digest, &before)) {
		recall_put(tally->tokens, digest,
			   (sighting->flow & FLOW_MASK) | (flow->party & PARTY_MASK) << PARTY_SHIFT);
		return;
	}
	uint64_t now = before;
	if ((before & FLOW_MASK) != (sighting->flow & FLOW_MASK) && !(before & LINKED)) {
		now |= LINKED;
		tally->privacy.linking++;
	}
	size_t party = before >> PARTY_SHIFT & PARTY_MASK;
	const struct packet_address *host = party <= tally->party_count ? &tally->parties[party - 1].client : NULL;
	if (host && (before & REUSED || !packet_address_same_host(host, sighting->client))) {
		tally->privacy.reuses += !(before & REUSED);
		now |= REUSED;
		reuse_token(tally, sighting, digest, host);
	}
	if (now != before)
		recall_put(tally->tokens, digest, now);
}

static void watch_secrets(struct tally *tally, const struct tally_sighting *sighting)
{
	struct tally_privacy *privacy = &tally->privacy;
	uint8_t tells = sighting->facts->message.tells;
	if (tells == AUDIT_TELLS_NOTHING)
		return;
	if (!privacy->first_secret)
		privacy->first_secret = sighting->frame;
	privacy->mac_keys += tells == AUDIT_TELLS_MAC_KEY;
	privacy->keys += tells == AUDIT_TELLS_KEY;
	privacy->passwords += tells == AUDIT_TELLS_PASSWORD;
}

// --- methods ---------------------------------------------------------------------------------------------------------

static struct tally_method *find_method(struct tally *tally, uint16_t number)
{
	for (size_t i = 0; i < tally->method_count; i++)
		if (tally->methods[i].method == number)
			return &tally->methods[i];
	if (tally->method_count == TALLY_METHODS)
		return NULL;
	tally->methods[tally->method_count].method = number;
	return &tally->methods[tally->method_count++];
}

static void add_latency(struct tally_method *method, const struct tally_sighting *sighting)
{
	const struct session_view *view = sighting->view;
	if (!view->first_answer || view->request_time > sighting->time) // a clock that was set back says nothing
		return;
	latencies_add(&method->latencies, (sighting->time - view->request_time) / 1000);
}

static void add_answer(struct tally_method *method, const struct tally_sighting *sighting)
{
	const struct audit_message_facts *facts = &sighting->facts->message;
	if (facts->repeated != AUDIT_REPEATED_NO)
		return;
	method->answers++;
	method->unanswerable += facts->asked != AUDIT_ASKED_SEEN;
	uint16_t code = facts->class == AUDIT_SUCCESS ? 0 : facts->code;
	size_t i = 0;
	while (i < method->outcome_count && method->outcomes[i].code != code)
		i++;
	if (i == method->outcome_count && i < TALLY_OUTCOMES)
		method->outcomes[method->outcome_count++] = (struct tally_outcome){code, 0};
	if (i < TALLY_OUTCOMES)
		method->outcomes[i].count++;
	add_latency(method, sighting);
}

static void add_to_method(struct tally *tally, const struct tally_sighting *sighting)
{
	const struct audit_message_facts *facts = &sighting->facts->message;
	struct tally_method *method = find_method(tally, facts->method);
	if (!method)
		return;
	if (facts->class == AUDIT_REQUEST && facts->transaction == AUDIT_TRANSACTION_AGAIN)
		method->repeated++;
	else if (facts->class == AUDIT_REQUEST)
		method->requests++;
	else if (facts->class == AUDIT_INDICATION)
		method->indications++;
	else
		add_answer(method, sighting);
}

// --- all of it -------------------------------------------------------------------------------------------------------

void tally_message(struct tally *tally, struct tally_flow *flow, const struct tally_sighting *sighting)
{
	const struct audit_message_facts *facts = &sighting->facts->message;
	bool begins = !flow->party;
	if (begins)
		flow->party = find_party(tally, sighting);
	if (flow->party != NO_ROOM) {
		struct tally_party *party = &tally->parties[flow->party - 1];
		party->flows += begins;
		party->messages++;
		reach(party, sighting->frame, sighting->time);
	}
	if (!sighting->message)
		return;
	add_to_method(tally, sighting);
	add_names(tally, flow, sighting);
	bool token = facts->class == AUDIT_REQUEST && facts->transaction != AUDIT_TRANSACTION_AGAIN &&
		     audit_facts_has(facts, STUN_ACCESS_TOKEN);
	if (token)
		add_token(tally, sighting);
	if (!in_clear(facts))
		return;
	if (token)
		watch_token(tally, flow, sighting);
	watch_secrets(tally, sighting);
}

const struct tally_party *tally_party(const struct tally *tally, size_t index)
{
	return index < tally->party_count ? &tally->parties[index] : NULL;
}

const struct tally_name *tally_name(const struct tally *tally, enum tally_name_kind kind, size_t index)
{
	return index < tally->names[kind].count ? &tally->names[kind].list[index] : NULL;
}

const struct tally_key *tally_key(const struct tally *tally, size_t index)
{
	return index < tally->key_count ? &tally->keys[index] : NULL;
}

const struct tally_method *tally_method(const struct tally *tally, size_t index)
{
	return index < tally->method_count ? &tally->methods[index] : NULL;
}

const struct tally_reuse *tally_reuse(const struct tally *tally, size_t index)
{
	return index < tally->reuse_count ? &tally->reuses[index] : NULL;
}

const struct tally_privacy *tally_privacy(const struct tally *tally)
{
	return &tally->privacy;
}

uint64_t tally_parties_left(const struct tally *tally)
{
	return tally->parties_left;
}

uint64_t tally_names_left(const struct tally *tally, enum tally_name_kind kind)
{
	return tally->names[kind].left;
}

uint64_t tally_keys_left(const struct tally *tally)
{
	return tally->keys_left;
}
