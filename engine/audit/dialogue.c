// SPDX-License-Identifier: BSD-3-Clause
#include "audit/dialogue.h"

#include "capture/flow.h"

#include <string.h>

void dialogue_free(struct dialogue *dialogue)
{
	session_free(dialogue->sessions[0]);
	session_free(dialogue->sessions[1]);
	*dialogue = (struct dialogue){0};
}

static uint64_t hash_address(const struct session_world *world, const struct packet_address *address, bool with_port)
{
	uint8_t octets[20] = {address->family};
	memcpy(&octets[1], address->octets, address->family == 4 ? 4 : 16);
	octets[17] = with_port;
	octets[18] = with_port ? (uint8_t)(address->port >> 8) : 0;
	octets[19] = with_port ? (uint8_t)address->port : 0;
	return keyring_hash(world->keyring, octets, sizeof octets);
}

struct session *dialogue_session(struct dialogue *dialogue, const struct session_world *world, const struct flow *flow,
				 int asker, bool asks, bool let_go)
{
	if (dialogue->sessions[asker])
		return dialogue->sessions[asker];
	const struct packet_address *client = asker ? &flow->destination : &flow->source;
	const struct packet_address *server = asker ? &flow->source : &flow->destination;
	struct stun_address *address = &dialogue->askers[asker];
	address->family = client->family == 4 ? STUN_IPV4 : STUN_IPV6;
	address->port = client->port;
	memcpy(address->octets, client->octets, sizeof address->octets);
	dialogue->places[asker].client = hash_address(world, client, false);
	dialogue->places[asker].server = hash_address(world, server, true);
	dialogue->places[asker].asker = address;
	dialogue->sessions[asker] = session_new(asks && !dialogue->spoken, let_go);
	return dialogue->sessions[asker];
}

enum audit_channel dialogue_channel(const struct dialogue *dialogue, uint16_t number, uint64_t time, int *asker)
{
	enum audit_channel channel = AUDIT_CHANNEL_UNKNOWN;
	*asker = dialogue->sessions[0] ? 0 : 1;
	if (dialogue->sessions[*asker])
		channel = session_channel(dialogue->sessions[*asker], number, time);
	if (channel != AUDIT_CHANNEL_BOUND && *asker == 0 && dialogue->sessions[1] &&
	    session_channel(dialogue->sessions[1], number, time) == AUDIT_CHANNEL_BOUND) {
		channel = AUDIT_CHANNEL_BOUND;
		*asker = 1;
	}
	return channel;
}

size_t dialogue_unanswered(const struct dialogue *dialogue)
{
	size_t open = 0;
	for (int i = 0; i < 2; i++)
		if (dialogue->sessions[i])
			open += session_unanswered(dialogue->sessions[i]);
	return open;
}
