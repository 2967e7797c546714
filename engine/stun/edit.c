// SPDX-License-Identifier: BSD-3-Clause
#include "stun/edit.h"

#include "base/bytes.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

// clang-format off
static const char *const verbs[] = {
	[STUN_EDIT_REMOVE] = "remove",
	[STUN_EDIT_INSERT] = "insert",
	[STUN_EDIT_MOVE] = "move",
	[STUN_EDIT_DUPLICATE] = "duplicate",
	[STUN_EDIT_REPLACE] = "replace",
	[STUN_EDIT_LENGTH] = "length",
	[STUN_EDIT_PADDING] = "padding",
	[STUN_EDIT_KEY] = "key",
	[STUN_EDIT_FLIP] = "flip",
	[STUN_EDIT_VALUE] = "value",
	[STUN_EDIT_OVERWRITE] = "overwrite",
	[STUN_EDIT_HEADER_LENGTH] = "header-length",
	[STUN_EDIT_TRUNCATE] = "truncate",
	[STUN_EDIT_APPEND] = "append",
};
// clang-format on

const char *stun_edit_name(enum stun_edit_verb verb)
{
	return verbs[verb];
}

int stun_edit_find(const char *name)
{
	for (int i = STUN_EDIT_REMOVE; i <= STUN_EDIT_APPEND; i++)
		if (strcmp(verbs[i], name) == 0)
			return i;
	return -1;
}

bool stun_edit_drafts(enum stun_edit_verb verb)
{
	return verb < STUN_EDIT_FLIP;
}

bool stun_edit_names_attribute(enum stun_edit_verb verb)
{
	return verb <= STUN_EDIT_VALUE && verb != STUN_EDIT_INSERT;
}

static int refuse(const struct stun_edit *edit, const char *why, struct error *error)
{
	char name[STUN_ATTRIBUTE_NAME_SIZE];
	if (!stun_edit_names_attribute(edit->verb))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "edit '%s': %s", verbs[edit->verb], why);
	return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "edit '%s' of %s: %s", verbs[edit->verb],
			 stun_attribute_name(edit->attribute, name), why);
}

// The index at which an attribute would be inserted, or STUN_NOWHERE when the anchor is not there.
static size_t place_of(const struct stun_draft *draft, const struct stun_edit *edit)
{
	if (edit->place == STUN_EDIT_AT_END)
		return draft->count;
	size_t anchor = stun_draft_find(draft, edit->anchor);
	return anchor == STUN_NOWHERE ? anchor : anchor + (edit->place == STUN_EDIT_AFTER);
}

// Octets of value that will be written.
static size_t value_length(const struct stun_draft_attribute *attribute)
{
	if (attribute->role == STUN_ROLE_VALUE)
		return attribute->value.length;
	if (attribute->role == STUN_ROLE_FINGERPRINT)
		return 4;
	if (attribute->size)
		return attribute->size;
	return attribute->type == STUN_MESSAGE_INTEGRITY ? STUN_INTEGRITY_SIZE : STUN_INTEGRITY_SHA256_SIZE;
}

// HMAC fills a key of up to a block with zeros (RFC 2104 2), so zeros at its end make no difference.
static struct stun_octets without_fill(struct stun_octets key)
{
	const size_t block = 64; // octets, of SHA-1 and SHA-256 alike
	while (key.length > 0 && key.length <= block && key.data[key.length - 1] == 0)
		key.length--;
	return key;
}

static bool same_key(struct stun_octets a, struct stun_octets b)
{
	return stun_octets_equal(without_fill(a), without_fill(b));
}

static struct stun_octets padding_of(const struct stun_draft_attribute *attribute)
{
	static const uint8_t zeros[3];
	struct stun_octets usual = {zeros, (4 - value_length(attribute) % 4) % 4};
	return attribute->has_padding ? attribute->padding : usual;
}

static size_t length_field(const struct stun_draft_attribute *attribute)
{
	return attribute->has_length ? attribute->length : value_length(attribute);
}

// Whether both come out as the same octets in the same place; what their role does not need is not looked at.
static bool same_attribute(const struct stun_draft_attribute *a, const struct stun_draft_attribute *b)
{
	bool same_value = a->role == STUN_ROLE_VALUE       ? stun_octets_equal(a->value, b->value)
			  : a->role == STUN_ROLE_INTEGRITY ? same_key(a->key, b->key)
							   : true;
	return a->type == b->type && a->role == b->role && value_length(a) == value_length(b) && same_value &&
	       length_field(a) == length_field(b) && stun_octets_equal(padding_of(a), padding_of(b));
}

static int move(struct stun_draft *draft, size_t from, const struct stun_edit *edit, struct error *error)
{
	if (edit->place != STUN_EDIT_AT_END && edit->anchor == edit->attribute)
		return refuse(edit, "it cannot be moved next to itself", error);
	size_t to = place_of(draft, edit);
	if (to == STUN_NOWHERE)
		return refuse(edit, "the attribute to move it to is not in the message", error);
	if (to == from || to == from + 1)
		return refuse(edit, "it is there already", error);
	struct stun_draft_attribute moved = draft->attributes[from];
	size_t passed = to > from ? from + 1 : to, last = to > from ? to : from;
	while (passed < last && same_attribute(&draft->attributes[passed], &moved))
		passed++;
	if (passed == last)
		return refuse(edit, "what it would pass is the same as it", error);
	if (to > from) {
		memmove(&draft->attributes[from], &draft->attributes[from + 1], (to - from - 1) * sizeof moved);
		draft->attributes[to - 1] = moved;
	} else {
		memmove(&draft->attributes[to + 1], &draft->attributes[to], (from - to) * sizeof moved);
		draft->attributes[to] = moved;
	}
	return 0;
}

static int replace(struct stun_draft_attribute *attribute, const struct stun_edit *edit, struct error *error)
{
	if (attribute->role == STUN_ROLE_VALUE && stun_octets_equal(attribute->value, edit->octets))
		return refuse(edit, "that is its value", error);
	attribute->role = STUN_ROLE_VALUE;
	return stun_draft_assign(&attribute->value, edit->octets, error);
}

int stun_edit_draft(struct stun_draft *draft, const struct stun_edit *edit, struct error *error)
{
	if (edit->verb == STUN_EDIT_INSERT) {
		size_t index = place_of(draft, edit);
		if (index == STUN_NOWHERE)
			return refuse(edit, "the attribute to insert it at is not in the message", error);
		return stun_draft_insert(draft, index, edit->insert, error);
	}
	size_t index = stun_draft_find(draft, edit->attribute);
	if (index == STUN_NOWHERE)
		return refuse(edit, "it is not in the message", error);
	struct stun_draft_attribute *attribute = &draft->attributes[index];
	switch (edit->verb) {
	case STUN_EDIT_REMOVE:
		for (; index != STUN_NOWHERE; index = stun_draft_find(draft, edit->attribute))
			stun_draft_remove(draft, index);
		return 0;
	case STUN_EDIT_MOVE:
		return move(draft, index, edit, error);
	case STUN_EDIT_DUPLICATE: {
		struct stun_draft_attribute twin = *attribute;
		if (edit->has_octets) {
			twin.role = STUN_ROLE_VALUE;
			twin.value = edit->octets;
		}
		return stun_draft_insert(draft, index + 1, &twin, error);
	}
	case STUN_EDIT_REPLACE:
		return replace(attribute, edit, error);
	case STUN_EDIT_LENGTH:
		if (edit->number > UINT16_MAX)
			return refuse(edit, "the length field ends at 65535", error);
		if (edit->number == length_field(attribute))
			return refuse(edit, "that is its length", error);
		attribute->has_length = true;
		attribute->length = (uint16_t)edit->number;
		return 0;
	case STUN_EDIT_PADDING:
		if (stun_octets_equal(edit->octets, padding_of(attribute)))
			return refuse(edit, "that is its padding", error);
		attribute->has_padding = true;
		return stun_draft_assign(&attribute->padding, edit->octets, error);
	case STUN_EDIT_KEY:
		if (attribute->role != STUN_ROLE_INTEGRITY)
			return refuse(edit, "it is not computed with a key", error);
		if (same_key(attribute->key, edit->octets))
			return refuse(edit, "that is its key", error);
		return stun_draft_assign(&attribute->key, edit->octets, error);
	default:
		return refuse(edit, "it edits octets, not a draft", error);
	}
}

static int overwrite(struct writer *writer, size_t offset, size_t room, const struct stun_edit *edit,
		     struct error *error)
{
	if (edit->octets.length == 0)
		return refuse(edit, "there is nothing to write", error);
	if (edit->octets.length > room || offset > writer->length || edit->octets.length > writer->length - offset)
		return refuse(edit, "it goes behind the end", error);
	if (memcmp(&writer->data[offset], edit->octets.data, edit->octets.length) == 0)
		return refuse(edit, "the same octets are there already", error);
	memcpy(&writer->data[offset], edit->octets.data, edit->octets.length);
	return 0;
}

int stun_edit_octets(struct writer *writer, const struct stun_placement *placements, size_t count,
		     const struct stun_edit *edit, struct error *error)
{
	const struct stun_placement *placement = NULL;
	if (stun_edit_names_attribute(edit->verb)) {
		for (size_t i = 0; i < count && !placement; i++)
			if (placements[i].type == edit->attribute)
				placement = &placements[i];
		if (!placement)
			return refuse(edit, "it is not in the message", error);
	}
	switch (edit->verb) {
	case STUN_EDIT_FLIP: {
		size_t offset = placement->offset + STUN_ATTRIBUTE_HEADER_SIZE + edit->number / 8;
		if (edit->number / 8 >= placement->length || offset >= writer->length)
			return refuse(edit, "that bit is behind the end of its value", error);
		writer->data[offset] ^= (uint8_t)(0x80 >> edit->number % 8);
		return 0;
	}
	case STUN_EDIT_VALUE:
		return overwrite(writer, placement->offset + STUN_ATTRIBUTE_HEADER_SIZE, placement->length, edit,
				 error);
	case STUN_EDIT_OVERWRITE:
		return overwrite(writer, edit->number, edit->octets.length, edit, error);
	case STUN_EDIT_HEADER_LENGTH:
		if (edit->number > UINT16_MAX)
			return refuse(edit, "the length field ends at 65535", error);
		if (writer->length < 4)
			return refuse(edit, "the message has lost its length field", error);
		if (writer->data[2] == edit->number >> 8 && writer->data[3] == (edit->number & 0xFF))
			return refuse(edit, "that is what it says", error);
		writer_patch_u16(writer, 2, (uint16_t)edit->number);
		return 0;
	case STUN_EDIT_TRUNCATE:
		if (edit->number >= writer->length)
			return refuse(edit, "the message has no more octets than that", error);
		writer->length = edit->number;
		return 0;
	case STUN_EDIT_APPEND:
		if (edit->octets.length == 0)
			return refuse(edit, "there is nothing to append", error);
		writer_bytes(writer, edit->octets.data, edit->octets.length);
		if (writer->failed)
			return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no room to append %zu octets",
					 edit->octets.length);
		return 0;
	default:
		return refuse(edit, "it edits a draft, and these octets are final", error);
	}
}

static int edit_all_octets(struct writer *writer, const struct stun_placement *placements, size_t placed,
			   const struct stun_edit *edits, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (!stun_edit_drafts(edits[i].verb) &&
		    stun_edit_octets(writer, placements, placed, &edits[i], error) < 0)
			return -1;
	return 0;
}

int stun_edit_build(struct stun_draft *draft, const struct stun_edit *edits, size_t count,
		    struct stun_integrity *integrity, struct writer *writer, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (stun_edit_drafts(edits[i].verb) && stun_edit_draft(draft, &edits[i], error) < 0)
			return -1;
	struct stun_placement *placements = calloc(draft->count + 1, sizeof *placements);
	if (!placements)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	int outcome = stun_draft_encode(draft, integrity, writer, placements, error);
	if (outcome == 0)
		outcome = edit_all_octets(writer, placements, draft->count, edits, count, error);
	free(placements);
	return outcome;
}

int stun_edit_apply(struct writer *writer, const struct stun_edit *edits, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++)
		if (stun_edit_drafts(edits[i].verb))
			return refuse(&edits[i], "it edits a draft, and these octets are final", error);
	// Every attribute takes at least its header.
	struct stun_placement *placements = calloc(writer->length / STUN_ATTRIBUTE_HEADER_SIZE + 1, sizeof *placements);
	if (!placements)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	size_t placed = 0, offset = STUN_HEADER_SIZE;
	struct stun_view view;
	while (stun_attribute_next(writer->data, writer->length, &offset, &view, NULL) > 0)
		placements[placed++] = (struct stun_placement){view.type, view.offset, view.length};
	int outcome = edit_all_octets(writer, placements, placed, edits, count, error);
	free(placements);
	return outcome;
}
