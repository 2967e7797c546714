// SPDX-License-Identifier: BSD-3-Clause
//
// What one client and one server have said to each other on one 5-tuple: transactions, the challenge, the nonces, the
// token and its key, the allocation, the channels. Each message adds to it, and gets the facts that only history tells.
// It knows nothing of packets and files, and decides nothing.
//
// A capture may have lost messages, and may have begun after the session did. What is not certain therefore has a word
// of its own among the facts.
#ifndef ASSAY_AUDIT_SESSION_H
#define ASSAY_AUDIT_SESSION_H

#include "audit/facts.h"
#include "audit/keyring.h"
#include "stun/message.h"
#include "stun/value.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct names;
struct recall;
struct session;

// What all sessions of a capture share. The members are the caller's.
struct session_world {
	struct keyring *keyring;
	struct names *names;     // of servers
	struct recall *servers;  // hash of a server's address -> number of its name, and what it has shown (proof.h);
				 // hash of server and kid -> that a token of it was accepted
	struct recall *clients;  // hash of client host and server address -> digest of the token last used
	struct recall *tokens;   // digest of a token with client host and server address -> that it was used; with the
				 // server's address alone -> what became of it there (proof.h)
	struct recall *nonces;   // hash of server address and nonce -> that it was given
	struct recall *sealings; // hash of algorithm, kid and nonce of a token -> digest of the token
	struct recall *heard;    // hash of flow and message -> that it was there
	struct stun_octets server_name;       // for tokens that the name of the 401s does not open; data NULL: none
	uint32_t delta;                       // seconds
	uint32_t far;                         // seconds past a lifetime that no Delta explains; 0: nearly an hour
	const struct stun_octets *identities; // names that users are known by
	size_t identity_count;
};

// Where a message was met.
struct session_place {
	uint64_t time;                    // nanoseconds since 1970
	uint64_t frame;                   // of the packet that completed it
	uint64_t client;                  // hash of the client's host
	uint64_t server;                  // hash of the server's host and port
	const struct stun_address *asker; // the client's transport address as the server sees it; NULL: not known
};

// What was found out about a message and its request, good until the next call on the session.
struct session_view {
	const uint8_t *request; // the octets of the request that is answered for the first time; else NULL
	size_t request_length;
	uint64_t request_time, request_frame; // of its first transmission
	bool first_answer;                    // the transaction had none before
	const struct opened_token *token; // of the request (or of the message, if it is one); NULL: none, or not opened
	const struct signing_key *key;    // that signs; NULL: not known
	uint32_t lifetime;                // of the token of the session or message; seconds
	uint64_t timestamp;               // of the same
	bool has_token;                   // lifetime and timestamp are known
	bool presented;                   // by this very request
	uint32_t server_name;             // its number; 0: not known
};

// An empty session. beginning: nothing of the flow came before; forgotten: something may have, and is not held any
// more. NULL without memory.
struct session *session_new(bool beginning, bool forgotten);
// Wipes and frees; NULL is fine.
void session_free(struct session *session);

// Octets of memory it takes.
size_t session_size(const struct session *session);

// Takes in a request of the client, an answer of the server, or an indication of either, and adds to its facts.
// facts->message was filled by audit_facts_read; facts->request is filled here.
void session_request(struct session *session, struct session_world *world, const struct session_place *place,
		     const struct stun_message *message, struct audit_facts *facts, struct session_view *view);
void session_answer(struct session *session, struct session_world *world, const struct session_place *place,
		    const struct stun_message *message, struct audit_facts *facts, struct session_view *view);
void session_indication(struct session *session, struct session_world *world, const struct session_place *place,
			const struct stun_message *message, struct audit_facts *facts, struct session_view *view);

// Whether a channel is bound at that time.
enum audit_channel session_channel(struct session *session, uint16_t number, uint64_t time);

// Requests that are still without an answer.
size_t session_unanswered(const struct session *session);

#endif
