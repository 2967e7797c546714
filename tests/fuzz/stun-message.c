// SPDX-License-Identifier: BSD-3-Clause
//
// A datagram as it comes: parsed, every value decoded by every kind, built again, signed, verified, shown as text.
#include "fuzz.h"
#include "stun/channel.h"
#include "stun/draft.h"
#include "stun/text.h"

#define LINES 600 // the text of any message ends before that

static struct stun_integrity *integrity;

static const uint8_t key[] = "a key of no secrecy", other[] = "another key";

static void check_text(const uint8_t *data, size_t size)
{
	struct writer text;
	size_t lines = 0;
	writer_init(&text, 8u << 20);
	claim(stun_text(data, size, &text, NULL) == 0);
	claim(text.length > 0 && text.data[text.length - 1] == '\n');
	claim(fuzz_is_printable(text.data, text.length, true));
	for (size_t i = 0; i < text.length; i++)
		lines += text.data[i] == '\n';
	claim(lines < LINES);
	writer_free(&text);
}

static unsigned digit(uint8_t octet)
{
	return octet <= '9' ? octet - '0' + 0u : octet - 'A' + 10u;
}

// What is escaped can be read back, so nothing of it was lost.
static void check_escape(const uint8_t *data, size_t size)
{
	struct writer text;
	writer_init(&text, 4 * size + 1);
	stun_text_escape(data, size, &text);
	claim(!text.failed && fuzz_is_printable(text.data, text.length, false));
	size_t done = 0;
	for (size_t i = 0; i < text.length; done++) {
		unsigned octet = text.data[i++];
		if (octet == '\\' && text.data[i] == 'x') {
			octet = digit(text.data[i + 1]) << 4 | digit(text.data[i + 2]);
			i += 3;
		} else if (octet == '\\') {
			octet = text.data[i++];
		}
		claim(done < size && octet == data[done]);
	}
	claim(done == size);
	writer_free(&text);
}

static bool is_exact(enum stun_kind kind)
{
	// The first octet of an address may be anything, and padding behind an algorithm's parameters too.
	return kind != STUN_KIND_ADDRESS && kind != STUN_KIND_XOR_ADDRESS && kind != STUN_KIND_ALGORITHM;
}

// Decoding, encoding and decoding again comes to rest, for most kinds on the same octets.
static void check_value(enum stun_kind kind, const uint8_t *octets, size_t length, const uint8_t *transaction)
{
	struct error error = {0};
	struct stun_value value;
	struct writer first, second;
	if (stun_value_decode(kind, octets, length, transaction, &value, &error) < 0) {
		fuzz_claim_told(&error, length);
		return;
	}
	writer_init(&first, length + 16);
	writer_init(&second, length + 16);
	claim(stun_value_encode(&value, transaction, &first, &error) == 0);
	if (is_exact(kind))
		claim(first.length == length && (!length || memcmp(first.data, octets, length) == 0));
	claim(stun_value_decode(kind, first.data, first.length, transaction, &value, &error) == 0);
	claim(stun_value_encode(&value, transaction, &second, &error) == 0);
	claim(second.length == first.length);
	claim(!first.length || memcmp(first.data, second.data, first.length) == 0);
	writer_free(&first);
	writer_free(&second);
}

static void check_layout(const struct stun_message *message)
{
	size_t offset = STUN_HEADER_SIZE;
	claim(message->length == (size_t)STUN_HEADER_SIZE + message->header.length);
	for (size_t i = 0; i < message->count; i++) {
		const struct stun_view *view = &message->attributes[i];
		size_t padding;
		const uint8_t *value = stun_view_value(message, view);
		const uint8_t *behind = stun_view_padding(message, view, &padding);
		claim(view->offset == offset && value == message->data + offset + STUN_ATTRIBUTE_HEADER_SIZE);
		claim(behind == value + view->length);
		offset += (size_t)STUN_ATTRIBUTE_HEADER_SIZE + view->length + padding;
		size_t nth = 0;
		for (size_t j = 0; j <= i; j++)
			nth += message->attributes[j].type == view->type;
		if (i < 32)
			claim(stun_message_find(message, view->type, nth) == view);
	}
	claim(offset == message->length);
}

static void draft_of(struct stun_draft *draft, const struct stun_message *message)
{
	stun_draft_init(draft, message->header.type, message->header.cookie, message->header.transaction);
	for (size_t i = 0; i < message->count; i++) {
		const struct stun_view *view = &message->attributes[i];
		struct stun_draft_attribute attribute = {.type = view->type, .has_padding = true};
		attribute.value = (struct stun_octets){stun_view_value(message, view), view->length};
		attribute.padding.data = stun_view_padding(message, view, &attribute.padding.length);
		claim(stun_draft_insert(draft, i, &attribute, NULL) == 0);
	}
}

// The same message built from its parts, and then signed.
static void check_rebuilt(const struct stun_message *message)
{
	struct stun_draft draft;
	struct writer built;
	struct error error;
	struct stun_placement *placements = calloc(message->count + 1, sizeof *placements);
	writer_init(&built, STUN_SIZE_LIMIT);
	draft_of(&draft, message);
	claim(placements && stun_draft_encode(&draft, integrity, &built, placements, &error) == 0);
	claim(built.length == message->length && memcmp(built.data, message->data, built.length) == 0);
	for (size_t i = 0; i < message->count; i++)
		claim(placements[i].offset == message->attributes[i].offset &&
		      placements[i].length == message->attributes[i].length);
	free(placements);

	static const uint16_t types[] = {STUN_MESSAGE_INTEGRITY, STUN_MESSAGE_INTEGRITY_SHA256, STUN_FINGERPRINT};
	for (size_t i = 0; i < 3; i++) {
		for (size_t at; (at = stun_draft_find(&draft, types[i])) != STUN_NOWHERE;)
			stun_draft_remove(&draft, at);
		struct stun_draft_attribute attribute = {.type = types[i], .role = STUN_ROLE_INTEGRITY};
		attribute.key = (struct stun_octets){key, sizeof key};
		if (types[i] == STUN_FINGERPRINT)
			attribute.role = STUN_ROLE_FINGERPRINT;
		claim(stun_draft_insert(&draft, draft.count, &attribute, NULL) == 0);
	}
	writer_reset(&built);
	struct stun_message signed_one = {0};
	if (stun_draft_encode(&draft, integrity, &built, NULL, &error) < 0) {
		claim(error.code == ERROR_LIMIT && message->length > STUN_LENGTH_LIMIT - 100);
	} else if (stun_message_parse(&signed_one, built.data, built.length, &error) == 0) {
		for (size_t i = 0; i < 2; i++) {
			claim(stun_integrity_verify(integrity, &signed_one, types[i], key, sizeof key) == STUN_VALID);
			claim(stun_integrity_verify(integrity, &signed_one, types[i], other, sizeof other) ==
			      STUN_INVALID);
		}
		claim(stun_fingerprint_verify(&signed_one) == STUN_VALID);
	} else {
		// The last padding may be missing, and then what is put behind it is not found.
		claim(message->length % 4 != 0);
	}
	stun_message_free(&signed_one);
	writer_free(&built);
	stun_draft_free(&draft);
}

static void check_signatures(const struct stun_message *message)
{
	static const uint16_t types[] = {STUN_MESSAGE_INTEGRITY, STUN_MESSAGE_INTEGRITY_SHA256};
	for (size_t i = 0; i < 2; i++) {
		uint8_t mac[STUN_INTEGRITY_LIMIT];
		const struct stun_view *view = stun_message_find(message, types[i], 1);
		enum stun_verdict verdict = stun_integrity_verify(integrity, message, types[i], key, sizeof key);
		claim((verdict == STUN_ABSENT) == !view);
		if (!view || verdict == STUN_INVALID)
			continue;
		claim(stun_integrity_compute(integrity, types[i], key, sizeof key, message->data, view->offset,
					     view->length, mac, NULL) == 0);
		claim(memcmp(mac, stun_view_value(message, view), view->length) == 0);
	}
	const struct stun_view *view = stun_message_find(message, STUN_FINGERPRINT, 1);
	claim((stun_fingerprint_verify(message) == STUN_ABSENT) == !view);
}

static void check_channel(const uint8_t *data, size_t size)
{
	struct error error = {0};
	struct stun_channel channel;
	struct writer built;
	if (stun_channel_parse(data, size, &channel, &error) < 0) {
		fuzz_claim_told(&error, size);
		return;
	}
	writer_init(&built, size);
	claim(stun_channel_encode(channel.number, channel.data, channel.length, &built, &error) == 0);
	claim(built.length + 3 >= size && memcmp(built.data, data, built.length) == 0);
	writer_free(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_message message = {0};
	struct error error = {0};
	if (!integrity)
		integrity = stun_integrity_new(NULL);
	claim(integrity);
	check_text(data, size);
	check_escape(data, size);
	check_channel(data, size);
	if (stun_message_parse(&message, data, size, &error) == 0) {
		check_layout(&message);
		check_rebuilt(&message);
		check_signatures(&message);
		for (size_t i = 0; i < message.count && i < 64; i++) {
			const struct stun_view *view = &message.attributes[i];
			const struct stun_attribute *known = stun_attribute_find(view->type);
			uint8_t *value = fuzz_copy(stun_view_value(&message, view), view->length);
			if (known)
				check_value(known->kind, value, view->length, message.header.transaction);
			for (int kind = 0; kind <= STUN_KIND_FINGERPRINT && i < 4; kind++)
				check_value((enum stun_kind)kind, value, view->length, message.header.transaction);
			free(value);
		}
	} else {
		fuzz_claim_told(&error, size);
	}
	stun_message_free(&message);
	return 0;
}
