// SPDX-License-Identifier: BSD-3-Clause
#include "audit/audit.h"

#include "audit/conversation.h"
#include "audit/dialogue.h"
#include "audit/names.h"
#include "audit/noted_flows.h"
#include "audit/recall.h"
#include "base/error.h"
#include "capture/flow.h"
#include "capture/fragments.h"
#include "capture/tls_secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS 12288
#define KINDS 16384
#define SERVER_NAMES 1024
#define NAME_LIMIT 763               // octets (as REALM, RFC 8489 14.9)
#define RECALL_SMALL 8192            // servers, clients
#define RECALL_LARGE 131072          // tokens, nonces
#define RECALL_HEARD 65536           // messages
#define IDLE UINT64_C(7200000000000) // nanoseconds: twice as long as servers let allocations live
#define PACKET_FINDINGS 256          // of one packet, for whoever wants them

// What is kept of a flow.
struct flow_state {
	struct conversation *conversation;
	struct dialogue dialogue;
	struct tally_flow tally;
};

struct audit {
	struct audit_options options;
	struct audit_count count;
	struct kinds *kinds;
	struct tally *tally;
	struct session_world world;
	struct keyring *own_keyring; // when none was given
	struct tls_secrets *own_secrets;
	struct flow_table *flows;
	struct fragments *fragments;
	struct stun_message message; // its memory is used again and again
	struct noted_flows noted;
	struct audit_opaque opaques[AUDIT_OPAQUES];
	size_t opaque_count;
	const struct flow *flow; // of the packet that is taken
	bool ended;              // the judge has enough
	bool let_go;             // a flow was, before it ended; it may go on
	struct audit_packet_finding packet_findings[PACKET_FINDINGS];
	size_t packet_finding_count;
};

static void flow_gone(struct flow *flow, enum flow_end why, void *context);

static bool make_world(struct audit *audit, struct error *error)
{
	struct session_world *world = &audit->world;
	if (!audit->options.keyring && !(audit->own_keyring = keyring_new(error)))
		return false;
	world->keyring = audit->own_keyring ? audit->own_keyring : audit->options.keyring;
	world->server_name = audit->options.server_name;
	world->delta = audit->options.delta;
	world->far = audit->options.far;
	world->identities = audit->options.identities;
	world->identity_count = audit->options.identity_count;
	world->names = names_new(SERVER_NAMES, NAME_LIMIT);
	world->servers = recall_new(RECALL_SMALL);
	world->clients = recall_new(RECALL_SMALL);
	world->tokens = recall_new(RECALL_LARGE);
	world->nonces = recall_new(RECALL_LARGE);
	world->sealings = recall_new(RECALL_LARGE);
	world->heard = recall_new(RECALL_HEARD);
	return world->names && world->servers && world->clients && world->tokens && world->nonces && world->sealings &&
	       world->heard;
}

struct audit *audit_new(const struct audit_options *options, struct error *error)
{
	struct audit *audit = calloc(1, sizeof *audit);
	if (!audit)
		goto no_memory;
	audit->options = *options;
	*error = (struct error){0};
	if (!make_world(audit, error))
		goto no_memory;
	if (!options->secrets && !(audit->own_secrets = tls_secrets_new(0)))
		goto no_memory;
	const struct flow_table_options flows = {
		.most = options->flows ? options->flows : FLOWS,
		.idle = IDLE,
		.gone = flow_gone,
		.context = audit,
	};
	audit->kinds = kinds_new(KINDS);
	audit->tally = tally_new();
	audit->fragments = fragments_new(NULL);
	audit->flows = flow_table_new(&flows);
	if (audit->kinds && audit->tally && audit->fragments && audit->flows)
		return audit;
no_memory:
	if (!audit || error->code == ERROR_NONE)
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	audit_free(audit);
	return NULL;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	audit->ended = true; // nothing is judged any more
	if (audit->flows)
		flow_table_free(audit->flows);
	fragments_free(audit->fragments);
	kinds_free(audit->kinds);
	tally_free(audit->tally);
	keyring_free(audit->own_keyring);
	tls_secrets_free(audit->own_secrets);
	names_free(audit->world.names);
	recall_free(audit->world.servers);
	recall_free(audit->world.clients);
	recall_free(audit->world.tokens);
	recall_free(audit->world.nonces);
	recall_free(audit->world.sealings);
	recall_free(audit->world.heard);
	stun_message_free(&audit->message);
	noted_flows_free(&audit->noted);
	free(audit);
}

const struct audit_count *audit_count(const struct audit *audit)
{
	return &audit->count;
}

const struct kinds *audit_kinds(const struct audit *audit)
{
	return audit->kinds;
}

const struct tally *audit_tally(const struct audit *audit)
{
	return audit->tally;
}

const struct audit_opaque *audit_opaques(const struct audit *audit, size_t *count)
{
	*count = audit->opaque_count;
	return audit->opaques;
}

const char *audit_flow(const struct audit *audit, uint64_t number)
{
	return noted_flows_text(&audit->noted, number);
}

// --- flows -----------------------------------------------------------------------------------------------------------

static void note_flow(struct audit *audit, const struct flow *flow)
{
	const struct flow_state *state = flow->state;
	bool back = state && !state->dialogue.sessions[0] && state->dialogue.sessions[1];
	enum conversation_kind kind = state ? conversation_kind(state->conversation) : CONVERSATION_UNKNOWN;
	const char *transport = kind == CONVERSATION_TLS       ? "tls"
				: kind == CONVERSATION_DTLS    ? "dtls"
				: flow->protocol == PACKET_UDP ? "udp"
							       : "tcp";
	noted_flows_add(&audit->noted, flow->number, transport, back ? &flow->destination : &flow->source,
			back ? &flow->source : &flow->destination);
}

static void note_opaque(struct audit *audit, const struct flow *flow, const char *reason)
{
	audit->count.tls_opaque++;
	if (audit->opaque_count == AUDIT_OPAQUES)
		return;
	note_flow(audit, flow);
	struct audit_opaque *opaque = &audit->opaques[audit->opaque_count++];
	opaque->flow = flow->number;
	snprintf(opaque->reason, sizeof opaque->reason, "%s", reason);
}

static bool take_piece(void *context, const struct conversation_piece *piece);

static void flow_gone(struct flow *flow, enum flow_end why, void *context)
{
	struct audit *audit = context;
	struct flow_state *state = flow->state;
	if (!state)
		return;
	const struct flow *current = audit->flow;
	audit->flow = flow;
	if (!audit->ended)
		conversation_finish(state->conversation, take_piece, audit);
	audit->flow = current;
	enum conversation_kind kind = conversation_kind(state->conversation);
	if (kind == CONVERSATION_TLS || kind == CONVERSATION_DTLS) {
		const char *reason = conversation_opaque(state->conversation);
		audit->count.tls++;
		if (reason)
			note_opaque(audit, flow, reason);
	}
	audit->count.cut += conversation_cut(state->conversation);
	if (kind != CONVERSATION_OTHER && kind != CONVERSATION_UNKNOWN)
		audit->count.stream_lost += conversation_lost(state->conversation);
	tally_settle(audit->tally, &state->tally);
	audit->let_go = audit->let_go || (state->dialogue.spoken && (why == FLOW_CROWDED || why == FLOW_IDLE));
	if (why == FLOW_CROWDED && state->dialogue.spoken)
		audit->count.crowded++;
	audit->count.unanswered += dialogue_unanswered(&state->dialogue);
	const struct audit_judge *judge = &audit->options.judge;
	if (!audit->ended && state->dialogue.spoken && judge->gone)
		audit->ended = judge->gone(judge->context, flow->number) < 0;
	dialogue_free(&state->dialogue);
	conversation_free(state->conversation);
	free(state);
	flow->state = NULL;
}

// --- messages --------------------------------------------------------------------------------------------------------

// Counts what was found on a message.
static void count_findings(struct audit *audit, const struct finding_place *place, const uint16_t *findings,
			   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (kinds_count(audit->kinds, findings[i], place))
			note_flow(audit, audit->flow);
		if (audit->packet_finding_count < PACKET_FINDINGS)
			audit->packet_findings[audit->packet_finding_count++] =
				(struct audit_packet_finding){findings[i], place->frame};
	}
}

static bool judge(struct audit *audit, struct audit_sighting *sighting)
{
	const struct audit_judge *judge = &audit->options.judge;
	if (judge->message && judge->message(judge->context, sighting) < 0)
		return false;
	struct kind *kind = kinds_of(audit->kinds, sighting->facts);
	if (!kind)
		return true;
	kind->count++;
	uint16_t findings[KINDS_FINDINGS];
	int count;
	if (!kind->settled || audit->options.every) {
		bool each = false;
		count = judge->kind(judge->context, sighting, findings, &each);
		if (count < 0)
			return false;
		kind_settle(kind, findings, (size_t)count, each);
	}
	if (kind->finding_count)
		count_findings(audit, &sighting->place, kind->findings, kind->finding_count);
	if (kind->each) {
		count = judge->each(judge->context, sighting, findings);
		if (count < 0)
			return false;
		count_findings(audit, &sighting->place, findings, (size_t)count);
	}
	return true;
}

static void add_session(struct audit *audit, struct audit_sighting *sighting, struct audit_facts *facts, int side)
{
	struct flow_state *state = audit->flow->state;
	uint8_t sender = facts->message.sender;
	if (sender == AUDIT_ANYONE)
		return;
	int asker = sender == AUDIT_CLIENT ? side : !side;
	bool asks = facts->message.class == AUDIT_REQUEST;
	struct session *session =
		dialogue_session(&state->dialogue, &audit->world, audit->flow, asker, asks, audit->let_go);
	if (!session)
		return;
	struct session_place place = state->dialogue.places[asker];
	place.time = sighting->time;
	place.frame = sighting->place.frame;
	if (asks)
		session_request(session, &audit->world, &place, sighting->message, facts, &sighting->view);
	else if (facts->message.class == AUDIT_INDICATION)
		session_indication(session, &audit->world, &place, sighting->message, facts, &sighting->view);
	else
		session_answer(session, &audit->world, &place, sighting->message, facts, &sighting->view);
	sighting->server_name = names_of(audit->world.names, sighting->view.server_name);
	if (!sighting->server_name.data)
		sighting->server_name = audit->world.server_name;
}

static void count_message(struct audit *audit, const struct audit_sighting *sighting, int side)
{
	struct flow_state *state = audit->flow->state;
	uint8_t sender = sighting->facts->message.sender;
	bool back = sender == AUDIT_SERVER || (sender == AUDIT_ANYONE && side && !state->dialogue.sessions[1]);
	const struct tally_sighting counted = {
		.facts = sighting->facts,
		.message = sighting->message,
		.view = &sighting->view,
		.client = back ? &sighting->to : &sighting->from,
		.server = back ? &sighting->from : &sighting->to,
		.time = sighting->time,
		.frame = sighting->place.frame,
		.flow = sighting->place.flow,
	};
	tally_message(audit->tally, &state->tally, &counted);
}

static bool take_message(struct audit *audit, struct audit_sighting *sighting, struct audit_facts *facts, int side)
{
	struct error problem = {0};
	struct audit_message_facts *own = &facts->message;
	if (stun_message_parse(&audit->message, sighting->octets, sighting->length, &problem) < 0) {
		struct stun_header header = {0};
		stun_header_parse(sighting->octets, sighting->length, &header, NULL);
		own->class = (uint8_t)stun_type_class(header.type);
		own->method = stun_type_method(header.type);
		own->sender = (uint8_t)audit_facts_sender(own);
		own->class = AUDIT_MALFORMED;
		sighting->problem = &problem;
		audit->count.malformed++;
	} else {
		sighting->message = &audit->message;
		audit_facts_read(own, &audit->message);
		own->sender = (uint8_t)audit_facts_sender(own);
		add_session(audit, sighting, facts, side);
	}
	audit->count.messages++;
	count_message(audit, sighting, side);
	((struct flow_state *)audit->flow->state)->dialogue.spoken = true;
	return judge(audit, sighting);
}

static bool take_channel_data(struct audit *audit, struct audit_sighting *sighting, struct audit_facts *facts, int side)
{
	struct flow_state *state = audit->flow->state;
	audit->count.channel_data++;
	state->tally.channel_data++;
	state->tally.last_frame = sighting->place.frame;
	state->tally.last_time = sighting->time;
	uint16_t number = (uint16_t)(sighting->octets[0] << 8 | sighting->octets[1]);
	int asker;
	enum audit_channel channel = dialogue_channel(&state->dialogue, number, sighting->time, &asker);
	state->dialogue.spoken = true;
	facts->message.class = AUDIT_CHANNEL;
	facts->message.channel = (uint8_t)channel;
	facts->message.sender = side == asker ? AUDIT_CLIENT : AUDIT_SERVER;
	const struct audit_judge *judge_of_all = &audit->options.judge;
	if (judge_of_all->data && judge_of_all->data(judge_of_all->context, sighting) < 0)
		return false;
	if (channel == AUDIT_CHANNEL_BOUND)
		return true;
	audit->count.channel_unbound += channel != AUDIT_CHANNEL_UNKNOWN;
	return judge(audit, sighting);
}

static bool take_piece(void *context, const struct conversation_piece *piece)
{
	struct audit *audit = context;
	const struct flow *flow = audit->flow;
	struct audit_facts facts = {0};
	facts.message.transport = (uint8_t)piece->transport;
	facts.message.family = flow->source.family;
	struct audit_sighting sighting = {
		.facts = &facts,
		.octets = piece->octets,
		.length = piece->length,
		.from = piece->side ? flow->destination : flow->source,
		.to = piece->side ? flow->source : flow->destination,
		.time = piece->time,
		.place = {piece->first_frame, piece->frame, piece->offset, flow->number},
	};
	bool go_on = piece->channel ? take_channel_data(audit, &sighting, &facts, piece->side)
				    : take_message(audit, &sighting, &facts, piece->side);
	audit->ended = audit->ended || !go_on;
	return go_on;
}

// --- packets ---------------------------------------------------------------------------------------------------------

static void take_packet(struct audit *audit, const struct packet *packet, uint64_t first_frame)
{
	bool back;
	struct flow *flow = flow_table_of(audit->flows, packet, &back);
	if (!flow)
		return;
	struct flow_state *state = flow->state;
	if (state && conversation_restarts(state->conversation, back, packet)) {
		flow_table_close(audit->flows, flow);
		flow = flow_table_of(audit->flows, packet, &back);
		if (!flow)
			return;
		state = NULL;
	}
	if (!state) {
		state = calloc(1, sizeof *state);
		struct conversation *conversation = conversation_new(
			packet->protocol, audit->own_secrets ? audit->own_secrets : audit->options.secrets);
		if (!state || !conversation) {
			free(state);
			conversation_free(conversation);
			return;
		}
		state->conversation = conversation;
		flow->state = state;
	}
	bool spoken = state->dialogue.spoken;
	audit->flow = flow;
	conversation_packet(state->conversation, back, packet, first_frame, take_piece, audit);
	audit->flow = NULL;
	audit->count.flows += state->dialogue.spoken && !spoken;
}

static void add_secrets(void *context, uint32_t type, const uint8_t *octets, size_t length)
{
	struct audit *audit = context;
	struct tls_secrets *secrets = audit->own_secrets ? audit->own_secrets : audit->options.secrets;
	const struct audit_judge *judge = &audit->options.judge;
	if (type != CAPTURE_READER_TLS_KEYS)
		return;
	tls_secrets_add(secrets, (const char *)octets, length, NULL, NULL);
	if (judge->secrets)
		judge->secrets(judge->context, (const char *)octets, length);
}

static bool tell_packet(struct audit *audit, const struct packet *packet)
{
	const struct audit_judge *judge = &audit->options.judge;
	bool go_on = !judge->packet ||
		     judge->packet(judge->context, packet, audit->packet_findings, audit->packet_finding_count) >= 0;
	audit->packet_finding_count = 0;
	return go_on;
}

int audit_run(struct audit *audit, struct capture_reader *reader, struct error *error)
{
	struct packet packet;
	struct fragments_joined joined;
	int outcome = 0;
	capture_reader_on_secrets(reader, add_secrets, audit);
	const volatile sig_atomic_t *stop = audit->options.stop;
	while (!audit->ended && !(stop && *stop) && (outcome = capture_reader_next(reader, &packet, error)) > 0) {
		if (!packet.fragment && (packet.protocol == PACKET_UDP || packet.protocol == PACKET_TCP))
			take_packet(audit, &packet, packet.frame);
		else if (packet.fragment && fragments_add(audit->fragments, &packet, &joined) > 0)
			take_packet(audit, &joined.packet, joined.first_frame);
		audit->ended = audit->ended || !tell_packet(audit, &packet);
	}
	// Now that no more of them will come, nothing waits for secrets any longer.
	tls_secrets_close(audit->own_secrets ? audit->own_secrets : audit->options.secrets);
	flow_table_free(audit->flows);
	audit->flows = NULL;
	if (!audit->ended && audit->packet_finding_count)
		audit->ended = !tell_packet(audit, NULL);
	struct fragments_statistics lost = fragments_statistics(audit->fragments);
	audit->count.fragments_lost = lost.expired + lost.evicted + fragments_waiting(audit->fragments);
	if (audit->ended)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "the judge has ended the audit");
	return stop && *stop ? 1 : outcome;
}
