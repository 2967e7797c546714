// SPDX-License-Identifier: BSD-3-Clause
#include "audit/facts.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "stun/attribute.h"
#include "stun/integrity.h"
#include "stun/value.h"

#include <string.h>

_Static_assert(sizeof(struct audit_message_facts) == 5 * 8 + 4 + 2 * 2 + 24, "facts are compared as octets");

#define LARGE 548         // octets of a message that RFC 7635 6.2 would have kept below
#define REASON_LIMIT 128  // characters (RFC 5389 15.6)
#define MOST_COMPARED 64  // attributes of a message
#define FIRST_FREE 0x0040 // of the types up to here all may have been given to somebody

int audit_facts_place(uint16_t type)
{
	size_t count;
	const struct stun_attribute *known = stun_attribute_find(type);
	return known ? (int)(known - stun_attribute_all(&count)) : -1;
}

bool audit_facts_has(const struct audit_message_facts *facts, uint16_t type)
{
	int place = audit_facts_place(type);
	return place >= 0 && (facts->has >> place & 1);
}

// The characters of UTF-8, -1 when it is none.
static long utf8_length(const uint8_t *text, size_t length)
{
	long characters = 0;
	uint32_t value;
	struct reader reader;
	reader_init(&reader, text, length);
	while (reader_left(&reader)) {
		size_t octets = utf8_character(&reader, &value);
		if (!octets)
			return -1;
		reader_bytes(&reader, octets);
		characters++;
	}
	return characters;
}

static void read_error_code(struct audit_message_facts *facts, const struct stun_error_code *error)
{
	facts->code = (uint16_t)(error->class * 100 + error->number);
	if (error->class < 3 || error->class > 6 || error->number > 99)
		facts->flags |= AUDIT_REASON_UNREADABLE;
	if (error->reserved)
		facts->flags |= AUDIT_REASON_RESERVED;
	long characters = utf8_length(error->reason.data, error->reason.length);
	if (characters < 0)
		facts->flags |= AUDIT_REASON_NOT_UTF8;
	if ((characters < 0 ? (long)error->reason.length : characters) >= REASON_LIMIT)
		facts->flags |= AUDIT_REASON_LONG;
	if (error->reason.length && memchr(error->reason.data, 0, error->reason.length))
		facts->flags |= AUDIT_REASON_NUL;
}

// Values that nothing is asked of but their length need not be taken apart.
static bool is_octets(enum stun_kind kind)
{
	return kind == STUN_KIND_OPAQUE || kind == STUN_KIND_TEXT || kind == STUN_KIND_INTEGRITY ||
	       kind == STUN_KIND_INTEGRITY_SHA256 || kind == STUN_KIND_FINGERPRINT;
}

static void read_value(struct audit_message_facts *facts, const struct stun_message *message,
		       const struct stun_view *view, const struct stun_attribute *known, uint64_t bit)
{
	if (view->length == 0)
		facts->empty |= bit;
	if (view->length < known->minimum || view->length > known->maximum)
		facts->malformed |= bit;
	if (is_octets(known->kind))
		return;
	struct stun_value value;
	if (stun_value_decode(known->kind, stun_view_value(message, view), view->length, message->header.transaction,
			      &value, NULL) < 0)
		facts->malformed |= bit;
	else if (known->kind == STUN_KIND_ERROR)
		read_error_code(facts, &value.as.error);
}

static void read_padding(struct audit_message_facts *facts, const struct stun_message *message,
			 const struct stun_view *view)
{
	size_t length;
	const uint8_t *padding = stun_view_padding(message, view, &length);
	if (!length)
		return;
	facts->flags |= AUDIT_PADDED;
	for (size_t i = 0; i < length; i++)
		if (padding[i])
			facts->flags |= AUDIT_GARBAGE;
}

static void read_unknown(struct audit_message_facts *facts, const struct stun_message *message, uint16_t type)
{
	if (type < FIRST_FREE)
		facts->marks |= AUDIT_REQUIRED_GIVEN;
	else
		facts->flags |= stun_attribute_required(type) ? AUDIT_REQUIRED_UNKNOWN : AUDIT_OPTIONAL_UNKNOWN;
	// A message of nothing but unknown attributes is not worth the time that comparing all of them takes.
	if (message->count <= MOST_COMPARED && stun_message_count(message, type) > 1)
		facts->flags |= AUDIT_UNKNOWN_TWICE;
}

static void read_fingerprint(struct audit_message_facts *facts, const struct stun_message *message)
{
	const struct stun_view *view = stun_message_find(message, STUN_FINGERPRINT, 1);
	if (!view)
		return;
	if (view != &message->attributes[message->count - 1])
		facts->fingerprint = AUDIT_FINGERPRINT_NOT_LAST;
	else
		facts->fingerprint = stun_fingerprint_verify(message) == STUN_VALID ? AUDIT_FINGERPRINT_VALID
										    : AUDIT_FINGERPRINT_WRONG;
}

void audit_facts_read(struct audit_message_facts *facts, const struct stun_message *message)
{
	facts->class = (uint8_t)stun_type_class(message->header.type);
	facts->method = stun_type_method(message->header.type);
	if (message->header.cookie != STUN_MAGIC_COOKIE)
		facts->flags |= AUDIT_COOKIE_WRONG;
	if (message->length >= LARGE)
		facts->flags |= AUDIT_LARGE;
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	bool protected = true; // in front of MESSAGE-INTEGRITY
	uint64_t in_front = 0;
	for (size_t i = 0; i < message->count; i++) {
		const struct stun_view *view = &message->attributes[i];
		read_padding(facts, message, view);
		const struct stun_attribute *known = stun_attribute_find(view->type);
		if (known) {
			uint64_t bit = UINT64_C(1) << (known - all);
			// Of attributes that come more than once the first one counts (RFC 8489 14).
			if (facts->has & bit)
				facts->twice |= bit;
			else
				read_value(facts, message, view, known, bit);
			facts->has |= bit;
			if (protected)
				in_front |= bit;
		} else {
			read_unknown(facts, message, view->type);
		}
		if (!protected && view->type != STUN_MESSAGE_INTEGRITY_SHA256 && view->type != STUN_FINGERPRINT)
			facts->flags |= AUDIT_UNPROTECTED;
		if (view->type == STUN_MESSAGE_INTEGRITY) {
			protected = false;
			facts->integrity = AUDIT_INTEGRITY_UNKNOWN;
		}
	}
	facts->behind = facts->has & ~in_front;
	const struct stun_view *sha256 = stun_message_find(message, STUN_MESSAGE_INTEGRITY_SHA256, 1);
	if (sha256) {
		facts->integrity_sha256 = AUDIT_INTEGRITY_UNKNOWN;
		facts->sha256_size = (uint8_t)(sha256->length < UINT8_MAX ? sha256->length : UINT8_MAX);
	}
	read_fingerprint(facts, message);
}

enum audit_sender audit_facts_sender(const struct audit_message_facts *facts)
{
	switch (facts->class) {
	case AUDIT_REQUEST:
		return AUDIT_CLIENT;
	case AUDIT_SUCCESS:
	case AUDIT_ERROR:
		return AUDIT_SERVER;
	default:
		return facts->method == STUN_METHOD_SEND                 ? AUDIT_CLIENT
		       : facts->method == STUN_METHOD_DATA               ? AUDIT_SERVER
		       : facts->method == STUN_METHOD_CONNECTION_ATTEMPT ? AUDIT_SERVER
									 : AUDIT_ANYONE;
	}
}

// --- words -----------------------------------------------------------------------------------------------------------

#define WORDS 9

static const struct {
	const char *name;
	size_t offset; // of the octet in the facts
	const char *words[WORDS];
} fields[] = {
	{"class",
	 offsetof(struct audit_message_facts, class),
	 {"request", "indication", "success", "error", "malformed", "channel"}},
	{"sender", offsetof(struct audit_message_facts, sender), {NULL, "client", "server"}},
	{"transport", offsetof(struct audit_message_facts, transport), {"udp", "tcp", "tls", "dtls"}},
	{"fingerprint", offsetof(struct audit_message_facts, fingerprint), {"absent", "valid", "wrong", "not-last"}},
	{"integrity",
	 offsetof(struct audit_message_facts, integrity),
	 {"absent", "unknown", "whole", "sha1", "cut", "password", "invalid"}},
	{"integrity_sha256",
	 offsetof(struct audit_message_facts, integrity_sha256),
	 {"absent", "unknown", "whole", "sha1", "cut", "password", "invalid"}},
	{"token",
	 offsetof(struct audit_message_facts, token),
	 {"absent", "sealed", "kid-unknown", "refused", "opened"}},
	{"token_time",
	 offsetof(struct audit_message_facts, token_time),
	 {NULL, "good", "edge-past", "beyond-past", "far-past", "edge-future", "beyond-future", "far-future"}},
	{"session_time",
	 offsetof(struct audit_message_facts, session_time),
	 {NULL, "good", "edge-past", "beyond-past", "far-past", "edge-future", "beyond-future", "far-future", "late"}},
	{"token_use",
	 offsetof(struct audit_message_facts, token_use),
	 {NULL, "first", "same", "newer", "earlier", "turns", "crossed"}},
	{"nonce",
	 offsetof(struct audit_message_facts, nonce),
	 {"absent", "current", "earlier", "refused", "elsewhere", "unseen"}},
	{"transaction", offsetof(struct audit_message_facts, transaction), {NULL, "new", "again", "changed", "reused"}},
	{"asked", offsetof(struct audit_message_facts, asked), {NULL, "seen", "unseen", "forgotten"}},
	{"repeated",
	 offsetof(struct audit_message_facts, repeated),
	 {NULL, "alike", "changed", "later", "soon", "copy"}},
	{"allocation", offsetof(struct audit_message_facts, allocation), {"unknown", "none", "held", "edge", "over"}},
	{"grant", offsetof(struct audit_message_facts, grant), {NULL, "zero", "within", "delta", "over"}},
	{"ceiling", offsetof(struct audit_message_facts, ceiling), {NULL, "kept", "broken", "edge"}},
	{"channel", offsetof(struct audit_message_facts, channel), {NULL, "bound", "unbound", "over", "unknown"}},
	{"tells", offsetof(struct audit_message_facts, tells), {NULL, "mac_key", "key", "password"}},
};

bool audit_facts_word(const struct audit_message_facts *facts, size_t index, struct audit_fact *fact)
{
	if (index >= sizeof fields / sizeof *fields)
		return false;
	uint8_t value = ((const uint8_t *)facts)[fields[index].offset];
	fact->name = fields[index].name;
	fact->word = value < WORDS ? fields[index].words[value] : NULL;
	return true;
}

static const struct {
	const char *name;
	uint32_t flag;
} flags[] = {
	{"cookie_wrong", AUDIT_COOKIE_WRONG},
	{"required_unknown", AUDIT_REQUIRED_UNKNOWN},
	{"optional_unknown", AUDIT_OPTIONAL_UNKNOWN},
	{"unknown_twice", AUDIT_UNKNOWN_TWICE},
	{"padded", AUDIT_PADDED},
	{"garbage", AUDIT_GARBAGE},
	{"large", AUDIT_LARGE},
	{"unprotected", AUDIT_UNPROTECTED},
	{"reason_unreadable", AUDIT_REASON_UNREADABLE},
	{"reason_reserved", AUDIT_REASON_RESERVED},
	{"reason_not_utf8", AUDIT_REASON_NOT_UTF8},
	{"reason_long", AUDIT_REASON_LONG},
	{"reason_nul", AUDIT_REASON_NUL},
	{"token_endless", AUDIT_TOKEN_ENDLESS},
	{"token_nonce_length", AUDIT_TOKEN_NONCE_LENGTH},
	{"token_nonce_repeated", AUDIT_TOKEN_NONCE_REPEATED},
	{"token_extra", AUDIT_TOKEN_EXTRA},
	{"token_key_length", AUDIT_TOKEN_KEY_LENGTH},
	{"other_method", AUDIT_OTHER_METHOD},
	{"first", AUDIT_FIRST},
	{"challenged", AUDIT_CHALLENGED},
	{"third_party", AUDIT_THIRD_PARTY},
	{"token_session", AUDIT_TOKEN_SESSION},
	{"server_name_changed", AUDIT_SERVER_NAME_CHANGED},
	{"name_empty", AUDIT_NAME_EMPTY},
	{"mapped_other", AUDIT_MAPPED_OTHER},
	{"protocol_other", AUDIT_PROTOCOL_OTHER},
	{"nonce_empty", AUDIT_NONCE_EMPTY},
	{"identity", AUDIT_IDENTITY},
	{"token_timestamp", AUDIT_TOKEN_TIMESTAMP},
	{"deletes", AUDIT_DELETES},
	{"server_name_other", AUDIT_SERVER_NAME_OTHER},
};

// Of the octets `proven` and `marks`.
static const struct {
	const char *name;
	size_t offset;
	uint8_t flag;
} more_flags[] = {
	{"kid_proven", offsetof(struct audit_message_facts, proven), AUDIT_KID_PROVEN},
	{"clock_proven", offsetof(struct audit_message_facts, proven), AUDIT_CLOCK_PROVEN},
	{"form_proven", offsetof(struct audit_message_facts, proven), AUDIT_FORM_PROVEN},
	{"token_proven", offsetof(struct audit_message_facts, proven), AUDIT_TOKEN_PROVEN},
	{"token_over", offsetof(struct audit_message_facts, proven), AUDIT_TOKEN_OVER},
	{"says_420", offsetof(struct audit_message_facts, proven), AUDIT_SAYS_420},
	{"asks_first", offsetof(struct audit_message_facts, proven), AUDIT_ASKS_FIRST},
	{"takes_tokens", offsetof(struct audit_message_facts, proven), AUDIT_TAKES_TOKENS},
	{"name_nul", offsetof(struct audit_message_facts, marks), AUDIT_NAME_NUL},
	{"nonce_same", offsetof(struct audit_message_facts, marks), AUDIT_NONCE_SAME},
	{"nonce_fresh", offsetof(struct audit_message_facts, marks), AUDIT_NONCE_FRESH},
	{"kid_other", offsetof(struct audit_message_facts, marks), AUDIT_KID_OTHER},
	{"token_shaped", offsetof(struct audit_message_facts, marks), AUDIT_TOKEN_SHAPED},
	{"offered_here", offsetof(struct audit_message_facts, marks), AUDIT_OFFERED_HERE},
	{"required_given", offsetof(struct audit_message_facts, marks), AUDIT_REQUIRED_GIVEN},
	{"nonce_long", offsetof(struct audit_message_facts, marks), AUDIT_NONCE_LONG},
};

bool audit_facts_flag(const struct audit_message_facts *facts, size_t index, const char **name, bool *set)
{
	const size_t count = sizeof flags / sizeof *flags;
	if (index < count) {
		*name = flags[index].name;
		*set = facts->flags & flags[index].flag;
		return true;
	}
	index -= count;
	if (index >= sizeof more_flags / sizeof *more_flags)
		return false;
	*name = more_flags[index].name;
	*set = ((const uint8_t *)facts)[more_flags[index].offset] & more_flags[index].flag;
	return true;
}
