// SPDX-License-Identifier: BSD-3-Clause
//
// The token that a request presents: what opens, what stands in it, and whether this client has used it before.
#ifndef ASSAY_AUDIT_PRESENTATION_H
#define ASSAY_AUDIT_PRESENTATION_H

#include "audit/facts.h"
#include "audit/keyring.h"
#include "audit/session.h"

#include <stdbool.h>
#include <stdint.h>

// What is known of a session before a token is presented.
struct presentation_before {
	uint32_t told;   // number of the name that the session was told; 0 where it was not
	bool *by_given;  // set: it opened under the name that was given (session_world), not under the one that is told
	uint64_t *last;  // a hash of the token presented last on this flow, 0 for none; brought up to date
	uint64_t *since; // when that was presented after another one, nanoseconds since 1970; likewise
};

// Opens the token of a request, if it can be opened, and adds what it tells to the facts. kid: a hash of server and
// USERNAME. *opened, which is empty, is filled as keyring_open does it. False when there is no token.
bool presentation_look(struct session_world *world, const struct session_place *place,
		       const struct stun_message *message, uint64_t kid, const struct presentation_before *before,
		       struct opened_token *opened, struct audit_message_facts *facts);

#endif
