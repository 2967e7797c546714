// SPDX-License-Identifier: BSD-3-Clause
//
// A message that is to be built: a header and an ordered list of attributes, each with what may be wrong about it.
// Encoding writes exactly what the draft says, right or wrong: a length field that lies, padding that is missing,
// integrity in any place and any number. Without such overrides the result is a correct message.
#ifndef ASSAY_STUN_DRAFT_H
#define ASSAY_STUN_DRAFT_H

#include "stun/integrity.h"
#include "stun/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stun_role {
	STUN_ROLE_VALUE,       // the value is given
	STUN_ROLE_INTEGRITY,   // computed in place over what precedes, by type, with `key`
	STUN_ROLE_FINGERPRINT, // computed in place over what precedes
};

// In a draft the octets are owned by it; what is handed to stun_draft_insert is copied, and need not live on.
struct stun_draft_attribute {
	uint16_t type;
	enum stun_role role;
	struct stun_octets value; // of STUN_ROLE_VALUE
	struct stun_octets key;   // of STUN_ROLE_INTEGRITY; wiped when it is dropped
	size_t size;              // of STUN_ROLE_INTEGRITY: octets of the HMAC that are written; 0 for all of them
	bool has_length;          // the length field says `length`, whatever the value has
	uint16_t length;
	bool has_padding; // exactly these octets follow the value; else zeros up to a multiple of four
	struct stun_octets padding;
};

struct stun_draft {
	uint16_t type;
	uint32_t cookie;
	uint8_t transaction[STUN_TRANSACTION_SIZE];
	struct stun_draft_attribute *attributes; // owned
	size_t count;
	size_t capacity;
};

// Where an attribute came to lie when it was encoded.
struct stun_placement {
	uint16_t type;
	size_t offset; // of its header, from the start of the message
	size_t length; // octets of value really written
};

// What stun_draft_find yields when there is no such attribute.
#define STUN_NOWHERE ((size_t)-1)

// An empty draft with this type, cookie and transaction id (STUN_TRANSACTION_SIZE octets). Free with stun_draft_free.
void stun_draft_init(struct stun_draft *draft, uint16_t type, uint32_t cookie,
		     const uint8_t transaction[STUN_TRANSACTION_SIZE]);
// Wipes and frees all attributes.
void stun_draft_free(struct stun_draft *draft);

// Puts a copy of the attribute before the one at `index`, or at the end when index is the count. Fails with
// ERROR_NOT_ALLOWED behind the end, ERROR_SYSTEM out of memory; the draft is then as it was.
int stun_draft_insert(struct stun_draft *draft, size_t index, const struct stun_draft_attribute *attribute,
		      struct error *error);
// Drops the attribute at an index that exists.
void stun_draft_remove(struct stun_draft *draft, size_t index);

// The index of the first attribute of a type, or STUN_NOWHERE.
size_t stun_draft_find(const struct stun_draft *draft, uint16_t type);

// Replaces octets that the draft owns by a copy of others, wiping the old. Fails with ERROR_SYSTEM.
int stun_draft_assign(struct stun_octets *owned, struct stun_octets octets, struct error *error);

// Writes the message to an empty writer. Integrity and FINGERPRINT are computed when their turn comes, the header's
// length then ending with them (RFC 8489 14.5 to 14.7); at the end the length is that of the whole. placements, unless
// NULL, gets one entry an attribute. Fails with ERROR_LIMIT when it does not fit into 65535 octets or the writer,
// ERROR_NOT_ALLOWED when the writer is not empty or an HMAC of more octets is asked for than there are, ERROR_LIBRARY.
int stun_draft_encode(const struct stun_draft *draft, struct stun_integrity *integrity, struct writer *writer,
		      struct stun_placement *placements, struct error *error);

#endif
