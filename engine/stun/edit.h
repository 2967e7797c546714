// SPDX-License-Identifier: BSD-3-Clause
//
// Deliberately broken messages. A correct draft and an ordered list of edits give a message that deviates where the
// edits say and nowhere else. There are two sorts. Edits of the draft change what is built, so that integrity and
// fingerprint are computed over the broken content: the receiver sees a defect that its sender signed. Edits of the
// octets come after signing: the receiver sees damage. All edits of the draft are done first, in their order, then the
// octet edits in theirs, so that a list may mix them freely.
//
//   remove        drafts    all attributes of the type are left out
//   insert        drafts    an attribute is added before or after another, or at the end
//   move          drafts    the first of the type goes before or after another, or to the end
//   duplicate     drafts    a second one right behind the first, with another value if one is given
//   replace       drafts    the first has this value; a computed one is no longer computed
//   length        drafts    the length field says this, the value stays
//   padding       drafts    exactly these octets follow the value, none for ""
//   key           drafts    the integrity attribute is computed with this key
//   flip          octets    one bit of the value is inverted; bit 0 is the highest of the first octet
//   value         octets    the first octets of the value are overwritten
//   overwrite     octets    octets of the message are overwritten from an offset
//   header-length octets    the length field of the header says this
//   truncate      octets    only so many octets are kept
//   append        octets    octets follow the message, whose header does not count them
//
// An edit that would change nothing is refused with ERROR_NOT_ALLOWED: an attribute that is not there, a bit or octet
// behind the end, a truncation to more than there is, a value, padding, key, octets or a length that stand there
// already, a move past attributes that are the same. A negative test that sends a correct message would be a lie.
#ifndef ASSAY_STUN_EDIT_H
#define ASSAY_STUN_EDIT_H

#include "stun/draft.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stun_edit_verb {
	STUN_EDIT_REMOVE,
	STUN_EDIT_INSERT,
	STUN_EDIT_MOVE,
	STUN_EDIT_DUPLICATE,
	STUN_EDIT_REPLACE,
	STUN_EDIT_LENGTH,
	STUN_EDIT_PADDING,
	STUN_EDIT_KEY,
	STUN_EDIT_FLIP, // the first that edits octets
	STUN_EDIT_VALUE,
	STUN_EDIT_OVERWRITE,
	STUN_EDIT_HEADER_LENGTH,
	STUN_EDIT_TRUNCATE,
	STUN_EDIT_APPEND,
};

enum stun_edit_place {
	STUN_EDIT_AT_END,
	STUN_EDIT_BEFORE, // the first attribute of the type `anchor`
	STUN_EDIT_AFTER,
};

// What a verb does not need is not looked at. Nothing is owned.
struct stun_edit {
	enum stun_edit_verb verb;
	uint16_t attribute;         // which attribute, by type; the first unless said otherwise
	enum stun_edit_place place; // of insert and move
	uint16_t anchor;
	size_t number;                             // length, bit of flip, offset of overwrite, octets kept
	bool has_octets;                           // of duplicate: octets is the value of the second one
	struct stun_octets octets;                 // value, padding, key, or what is written
	const struct stun_draft_attribute *insert; // of insert
};

// "header-length"; and back, -1 for any other word.
const char *stun_edit_name(enum stun_edit_verb verb);
int stun_edit_find(const char *name);
// Whether the verb edits the draft, not the octets.
bool stun_edit_drafts(enum stun_edit_verb verb);
// Whether the verb names an attribute in `attribute`.
bool stun_edit_names_attribute(enum stun_edit_verb verb);

// Does one edit of the draft. Fails with ERROR_NOT_ALLOWED, ERROR_SYSTEM; the draft is then not to be used further.
int stun_edit_draft(struct stun_draft *draft, const struct stun_edit *edit, struct error *error);

// Does one edit of the octets in the writer. The placements say where attributes were when they were encoded; edits
// that go by attribute count from there. Fails with ERROR_NOT_ALLOWED, or ERROR_LIMIT when the writer is full.
int stun_edit_octets(struct writer *writer, const struct stun_placement *placements, size_t count,
		     const struct stun_edit *edit, struct error *error);

// The whole of it: edits the draft, encodes it into an empty writer, edits the octets. Fails as the parts do.
int stun_edit_build(struct stun_draft *draft, const struct stun_edit *edits, size_t count,
		    struct stun_integrity *integrity, struct writer *writer, struct error *error);

// Edits the octets of a message that exists, which the writer holds; its attributes are found by following its
// lengths as far as they lead. Fails with ERROR_NOT_ALLOWED also for an edit of the draft.
int stun_edit_apply(struct writer *writer, const struct stun_edit *edits, size_t count, struct error *error);

#endif
