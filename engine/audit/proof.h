// SPDX-License-Identifier: BSD-3-Clause
//
// What a server has shown of itself by its answers, over all of its sessions: that the keys given for it are right,
// that its clock and that of the capture agree (of late), in which form of a mac_key it takes integrity, which tokens
// it has taken and which it has refused for their time. Only with this is it certain what a later answer means.
#ifndef ASSAY_AUDIT_PROOF_H
#define ASSAY_AUDIT_PROOF_H

#include "audit/facts.h"
#include "audit/session.h"
#include "audit/transactions.h"

#include <stdbool.h>
#include <stdint.h>

// Of what is remembered of a server, beside these bits, the lower 32 are the number of its name.
#define PROOF_THIRD_PARTY (UINT64_C(1) << 63)

// An Allocate or Refresh whose token opened was let in.
void proof_let_in(struct session_world *world, const struct session_place *place,
		  const struct transaction *transaction);

// A request got an error response: 401 may be the end of its token, or show what the server looks at
// first, and 420 that it looks for what it does not know.
void proof_refused(struct session_world *world, const struct session_place *place,
		   const struct transaction *transaction, uint16_t code);

// Adds to the facts of a message what is known of its server.
void proof_of_server(struct session_world *world, const struct session_place *place, struct audit_message_facts *facts);

// Adds to the facts of a request what is known of its token. kid: a hash of server and USERNAME; digest: of the token.
void proof_of_token(struct session_world *world, const struct session_place *place, uint64_t kid, uint64_t digest,
		    struct audit_message_facts *facts);

// Adds to the facts of a request with MESSAGE-INTEGRITY under a mac_key of so many octets whether the server takes that
// form; where it does not verify, whether it is known to take any.
void proof_of_form(struct session_world *world, const struct session_place *place, size_t length,
		   struct audit_message_facts *facts);

#endif
