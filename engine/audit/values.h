// SPDX-License-Identifier: BSD-3-Clause
//
// What single attributes of a message tell by themselves, or beside the token of their session: numbers, the lifetime
// that was granted, the mapped address. It remembers nothing.
#ifndef ASSAY_AUDIT_VALUES_H
#define ASSAY_AUDIT_VALUES_H

#include "audit/session.h"

#include <stdbool.h>
#include <stdint.h>

// The 32 bits of the first attribute of a type. False where there is none, or one of another length than 4 octets.
bool values_number(const struct stun_message *message, uint16_t type, uint32_t *number);

// Adds to the facts of a request that it asks for a protocol that is neither UDP nor TCP, or for LIFETIME 0.
void values_of_request(const struct stun_message *message, struct audit_message_facts *facts);

// Adds to the facts of a success what its LIFETIME is beside the lifetime of the token in the view, and beside the
// ceiling of RFC 7635 section 9. Nothing where either is missing.
void values_granted(const struct session_world *world, const struct session_place *place,
		    const struct stun_message *message, const struct session_view *view,
		    struct audit_message_facts *facts);

// Adds to the facts of an answer that XOR-MAPPED-ADDRESS is not the address that asked; nothing where either is not
// known.
void values_mapped(const struct session_place *place, const struct stun_message *message,
		   struct audit_message_facts *facts);

#endif
