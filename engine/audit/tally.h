// SPDX-License-Identifier: BSD-3-Clause
//
// What a capture tells besides breaches: who talked to whom, under which names, with which tokens, how fast and with
// what outcome, and what of all that anybody on the way could read. It is fed message by message, counts into tables
// of fixed size, and says of each how much found no room. It judges nothing.
#ifndef ASSAY_AUDIT_TALLY_H
#define ASSAY_AUDIT_TALLY_H

#include "audit/facts.h"
#include "audit/latencies.h"
#include "audit/session.h"
#include "capture/packet.h"
#include "stun/value.h"
#include "token/algorithm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;

// The members that end in _time are nanoseconds since 1970, frames count from 1.

#define TALLY_PARTIES 512
struct tally_party {
	struct packet_address client, server; // the client without its port
	uint8_t transport;                    // enum audit_transport
	uint64_t flows, messages, channel_data;
	uint64_t first_frame, last_frame, first_time, last_time;
};

enum tally_name_kind {
	TALLY_USERNAME, // with a token in the same message: the kid
	TALLY_REALM,
	TALLY_SERVER_NAME,
	TALLY_CLIENT_SOFTWARE,
	TALLY_SERVER_SOFTWARE,
	TALLY_NAME_KINDS,
};

#define TALLY_NAMES 128      // of each kind
#define TALLY_NAME_LIMIT 763 // octets; longer ones find no room
#define TALLY_HOSTS 4        // that are remembered
struct tally_hosts {
	struct packet_address list[TALLY_HOSTS];
	uint8_t count;
	bool more; // there were others
};
struct tally_name {
	struct stun_octets octets;   // owned by the tally
	uint64_t messages, clear;    // those with it, and of them those that were not encrypted
	uint64_t flows, clear_flows; // likewise
	uint64_t first_frame;
	struct tally_hosts hosts; // clients in whose conversation it was readable
};

// Tokens by the kid they came with.
#define TALLY_KEYS 128
struct tally_key {
	struct stun_octets kid;                    // owned by the tally
	const struct token_algorithm *algorithm;   // NULL: none was opened
	uint64_t requests;                         // with a token
	uint64_t opened, refused, unknown, sealed; // of them, by enum audit_token
	uint64_t first_refused;                    // frame
	uint32_t least, most;                      // lifetimes of those opened, seconds
};

// Answers of one method by outcome, and how long they took from the first transmission of the request.
#define TALLY_METHODS 16
#define TALLY_OUTCOMES 32 // of a method
struct tally_outcome {
	uint16_t code; // 0: success
	uint64_t count;
};
struct tally_method {
	uint16_t method;
	uint64_t requests, repeated, indications;
	uint64_t answers, unanswerable; // answers whose request is not in the capture
	size_t outcome_count;
	struct tally_outcome outcomes[TALLY_OUTCOMES]; // others are only counted in answers
	struct latencies latencies;
};

// One token that came from several client hosts.
#define TALLY_REUSES 32
struct tally_reuse {
	uint64_t digest;
	struct stun_octets kid;         // owned by the tally
	uint64_t requests, first_frame; // since it was noticed
	struct tally_hosts hosts;
};

struct tally_privacy {
	uint64_t tokens_clear; // requests whose token anybody on the way could copy
	uint64_t linking;      // different tokens that were so seen on more than one flow: each links these
	uint64_t reuses;       // different tokens so seen from more than one host
	uint64_t mac_keys, keys, passwords; // messages that tell one in the clear
	uint64_t first_secret;              // frame of the first of these
};

// What a flow remembers for the tally; all zero at first.
struct tally_flow {
	uint16_t party;                                     // from 1 on; the greatest number: there was no room
	uint16_t names[TALLY_NAME_KINDS];                   // the last of each kind, from 1 on
	uint64_t with[TALLY_NAME_KINDS][TALLY_NAMES / 64];  // a bit for each name that was in it
	uint64_t clear[TALLY_NAME_KINDS][TALLY_NAMES / 64]; // and for each that was readable in it
	uint64_t channel_data, last_frame, last_time;       // since it was settled
};

// A message with all that is known of it; `message` is NULL where it is malformed.
struct tally_sighting {
	const struct audit_facts *facts;
	const struct stun_message *message;
	const struct session_view *view;
	const struct packet_address *client, *server;
	uint64_t time, frame, flow;
};

// NULL without memory.
struct tally *tally_new(void);
void tally_free(struct tally *tally); // NULL is fine

void tally_message(struct tally *tally, struct tally_flow *flow, const struct tally_sighting *sighting);
// Adds the ChannelData that the flow has counted by itself, for which a look-up each would take too long.
void tally_settle(struct tally *tally, struct tally_flow *flow);

// What was counted: one a call, from index 0 on, in the order of the first sighting; NULL behind the last.
const struct tally_party *tally_party(const struct tally *tally, size_t index);
const struct tally_name *tally_name(const struct tally *tally, enum tally_name_kind kind, size_t index);
const struct tally_key *tally_key(const struct tally *tally, size_t index);
const struct tally_method *tally_method(const struct tally *tally, size_t index);
const struct tally_reuse *tally_reuse(const struct tally *tally, size_t index);
const struct tally_privacy *tally_privacy(const struct tally *tally);

// What found no room: flows for parties, messages for names of a kind, requests for keys.
uint64_t tally_parties_left(const struct tally *tally);
uint64_t tally_names_left(const struct tally *tally, enum tally_name_kind kind);
uint64_t tally_keys_left(const struct tally *tally);

#endif
