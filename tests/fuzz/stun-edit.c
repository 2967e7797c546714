// SPDX-License-Identifier: BSD-3-Clause
//
// Messages that are built, and broken by edits. The input lists attributes and edits. Without edits a message is right,
// and parses to what it was built from; each edit by itself changes something or is refused; all together do no harm.
#include "fuzz.h"
#include "stun/edit.h"

#define ATTRIBUTES 12
#define EDITS 8

static struct stun_integrity *integrity;

static const uint16_t types[] = {0x0006, 0x0009, 0x8028, 0x0008, 0x001C, 0x001B, 0x0020, 0x7F00};

static uint16_t take_type(struct reader *input)
{
	uint8_t choice = fuzz_octet(input);
	return choice < 0xF0 ? types[choice % 8] : fuzz_u16(input);
}

static struct stun_octets take_octets(struct reader *input)
{
	struct stun_octets octets;
	uint8_t length = fuzz_octet(input);
	// A few are very long, so that limits are met.
	if (length == 0xFF) {
		static uint8_t many[70000];
		return (struct stun_octets){many, (size_t)fuzz_u16(input) + 4464};
	}
	octets.data = fuzz_take(input, length, &octets.length);
	return octets;
}

static struct stun_draft_attribute take_attribute(struct reader *input, bool overrides)
{
	uint8_t flags = fuzz_octet(input);
	struct stun_draft_attribute attribute = {.type = take_type(input)};
	if (attribute.type == STUN_MESSAGE_INTEGRITY || attribute.type == STUN_MESSAGE_INTEGRITY_SHA256)
		attribute.role = flags & 1 ? STUN_ROLE_VALUE : STUN_ROLE_INTEGRITY;
	if (attribute.type == STUN_FINGERPRINT)
		attribute.role = flags & 1 ? STUN_ROLE_VALUE : STUN_ROLE_FINGERPRINT;
	if (attribute.role == STUN_ROLE_VALUE)
		attribute.value = take_octets(input);
	if (attribute.role == STUN_ROLE_INTEGRITY)
		attribute.key = take_octets(input);
	if (overrides && flags & 2)
		attribute.size = fuzz_octet(input) % 40;
	attribute.has_length = overrides && flags & 4;
	attribute.length = attribute.has_length ? fuzz_u16(input) : 0;
	attribute.has_padding = overrides && flags & 8;
	if (attribute.has_padding)
		attribute.padding = take_octets(input);
	return attribute;
}

static size_t take_number(struct reader *input)
{
	uint8_t choice = fuzz_octet(input);
	return choice < 0x80 ? choice : choice == 0xFF ? SIZE_MAX : fuzz_u16(input) + (size_t)(choice & 1) * 65536;
}

static struct stun_edit take_edit(struct reader *input, struct stun_draft_attribute *insert)
{
	struct stun_edit edit = {.verb = (enum stun_edit_verb)(fuzz_octet(input) % (STUN_EDIT_APPEND + 1))};
	uint8_t choice = fuzz_octet(input);
	edit.place = (enum stun_edit_place)(choice % 3);
	edit.has_octets = choice & 0x80;
	edit.attribute = take_type(input);
	edit.anchor = take_type(input);
	edit.number = take_number(input);
	edit.octets = take_octets(input);
	if (edit.verb == STUN_EDIT_INSERT)
		*insert = take_attribute(input, true);
	edit.insert = insert;
	return edit;
}

static void make(struct stun_draft *draft, const struct stun_draft_attribute *attributes, size_t count)
{
	static const uint8_t transaction[STUN_TRANSACTION_SIZE] = "transaction";
	stun_draft_init(draft, 0x0003, STUN_MAGIC_COOKIE, transaction);
	for (size_t i = 0; i < count; i++)
		claim(stun_draft_insert(draft, i, &attributes[i], NULL) == 0);
}

// Builds with these edits; false when it was refused, with a reason.
static bool build(struct writer *message, const struct stun_draft_attribute *attributes, size_t attribute_count,
		  const struct stun_edit *edits, size_t count)
{
	struct stun_draft draft;
	struct error error = {0};
	writer_init(message, STUN_SIZE_LIMIT);
	make(&draft, attributes, attribute_count);
	int outcome = stun_edit_build(&draft, edits, count, integrity, message, &error);
	if (outcome < 0)
		claim((error.code == ERROR_NOT_ALLOWED || error.code == ERROR_LIMIT) && error.text[0]);
	else
		claim(!message->failed && message->length <= STUN_SIZE_LIMIT);
	stun_draft_free(&draft);
	return outcome == 0;
}

static bool is_plain(const struct stun_draft_attribute *attribute)
{
	return !attribute->has_length && !attribute->has_padding;
}

static void check_right(const struct writer *built, const struct stun_draft_attribute *attributes, size_t count)
{
	struct stun_message message = {0};
	for (size_t i = 0; i < count; i++)
		if (!is_plain(&attributes[i]))
			return;
	claim(stun_message_parse(&message, built->data, built->length, NULL) == 0);
	claim(message.count == count);
	for (size_t i = 0; i < count; i++) {
		const struct stun_view *view = &message.attributes[i];
		const struct stun_draft_attribute *attribute = &attributes[i];
		claim(view->type == attribute->type);
		if (attribute->role == STUN_ROLE_VALUE)
			claim(view->length == attribute->value.length &&
			      (!view->length ||
			       memcmp(stun_view_value(&message, view), attribute->value.data, view->length) == 0));
		bool first = stun_message_find(&message, view->type, 1) == view;
		bool whole = attribute->size == 0 || (attribute->size >= 16 && attribute->size % 4 == 0);
		if (attribute->role == STUN_ROLE_INTEGRITY && first && whole &&
		    (view->type != STUN_MESSAGE_INTEGRITY || view->length == STUN_INTEGRITY_SIZE))
			claim(stun_integrity_verify(integrity, &message, view->type, attribute->key.data,
						    attribute->key.length) == STUN_VALID);
		if (attribute->role == STUN_ROLE_FINGERPRINT && first && i == count - 1)
			claim(stun_fingerprint_verify(&message) == STUN_VALID);
	}
	stun_message_free(&message);
}

static bool is_same(const struct writer *a, const struct writer *b)
{
	return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

static void check_effect(const struct stun_edit *edit, const struct writer *before, const struct writer *after)
{
	size_t changed = 0;
	if (is_same(before, after))
		fprintf(stderr, "edit %s of 0x%04X, %zu octets, number %zu, changes nothing\n",
			stun_edit_name(edit->verb), edit->attribute, edit->octets.length, edit->number);
	claim(!is_same(before, after));
	if (edit->verb == STUN_EDIT_TRUNCATE)
		claim(after->length == edit->number && memcmp(before->data, after->data, after->length) == 0);
	if (edit->verb == STUN_EDIT_APPEND)
		claim(after->length == before->length + edit->octets.length);
	if (edit->verb != STUN_EDIT_FLIP && edit->verb != STUN_EDIT_HEADER_LENGTH)
		return;
	claim(after->length == before->length);
	for (size_t i = 0; i < after->length; i++)
		changed += (unsigned)__builtin_popcount(before->data[i] ^ after->data[i]);
	claim(edit->verb == STUN_EDIT_FLIP ? changed == 1 : changed <= 16);
}

// The octets of a message that exists take the same edits, with the same effect.
static void check_applied(const struct stun_edit *edit, const struct writer *before)
{
	struct writer after;
	struct error error = {0};
	writer_init(&after, STUN_SIZE_LIMIT);
	writer_bytes(&after, before->data, before->length);
	if (stun_edit_apply(&after, edit, 1, &error) < 0)
		claim((error.code == ERROR_NOT_ALLOWED || error.code == ERROR_LIMIT) && error.text[0]);
	else
		check_effect(edit, before, &after);
	writer_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	struct stun_draft_attribute attributes[ATTRIBUTES], inserted[EDITS];
	struct stun_edit edits[EDITS];
	struct writer plain, edited;
	if (!integrity)
		integrity = stun_integrity_new(NULL);
	claim(integrity);
	reader_init(&input, data, size);
	uint8_t counts = fuzz_octet(&input);
	size_t attribute_count = (counts & 15u) % (ATTRIBUTES + 1), count = (size_t)(counts >> 4) % (EDITS + 1);
	bool overrides = fuzz_octet(&input) & 1;
	for (size_t i = 0; i < attribute_count; i++)
		attributes[i] = take_attribute(&input, overrides);
	for (size_t i = 0; i < count; i++)
		edits[i] = take_edit(&input, &inserted[i]);
	if (build(&plain, attributes, attribute_count, NULL, 0)) {
		check_right(&plain, attributes, attribute_count);
		for (size_t i = 0; i < count; i++) {
			if (build(&edited, attributes, attribute_count, &edits[i], 1))
				check_effect(&edits[i], &plain, &edited);
			writer_free(&edited);
			check_applied(&edits[i], &plain);
		}
	}
	writer_free(&plain);
	build(&edited, attributes, attribute_count, edits, count);
	writer_free(&edited);
	return 0;
}
