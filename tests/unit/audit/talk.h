// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of this room share: messages made of attributes, tokens under one key, a keyring that has it.
#ifndef ASSAY_TESTS_AUDIT_TALK_H
#define ASSAY_TESTS_AUDIT_TALK_H

#include "audit/keyring.h"
#include "base/bytes.h"
#include "stun/draft.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "token/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KID "north"
#define NAME "turn.example.org"
#define REALM "example.org"
#define LONG_TERM_KEY "0123456789abcdef0123456789abcdef"
#define SECOND UINT64_C(1000000000)
#define NOW UINT64_C(1700000000)

enum {
	ALLOCATE = 0x0003,
	ALLOCATE_SUCCESS = 0x0103,
	ALLOCATE_ERROR = 0x0113,
	REFRESH = 0x0004,
	REFRESH_SUCCESS = 0x0104
};

// One message being made. Begin with message_begin, end with message_end, which parses it.
struct made {
	struct stun_draft draft;
	struct writer writer;
	struct stun_message message;
};

static inline void message_begin(struct made *made, uint16_t type, uint8_t transaction)
{
	uint8_t id[STUN_TRANSACTION_SIZE] = {transaction};
	*made = (struct made){0};
	stun_draft_init(&made->draft, type, STUN_MAGIC_COOKIE, id);
	writer_init(&made->writer, 65536);
}

static inline void message_add(struct made *made, uint16_t type, const void *value, size_t length)
{
	struct stun_draft_attribute one = {.type = type, .value = {value, length}};
	assert_int_equal(stun_draft_insert(&made->draft, made->draft.count, &one, NULL), 0);
}

static inline void message_text(struct made *made, uint16_t type, const char *text)
{
	message_add(made, type, text, strlen(text));
}

static inline void message_number(struct made *made, uint16_t type, uint32_t number)
{
	const uint8_t octets[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				   (uint8_t)number};
	message_add(made, type, octets, sizeof octets);
}

static inline void message_sign(struct made *made, uint16_t type, const void *key, size_t length)
{
	struct stun_draft_attribute one = {.type = type, .role = STUN_ROLE_INTEGRITY, .key = {key, length}};
	assert_int_equal(stun_draft_insert(&made->draft, made->draft.count, &one, NULL), 0);
}

static inline struct stun_message *message_end(struct made *made)
{
	struct stun_integrity *integrity = stun_integrity_new(NULL);
	assert_int_equal(stun_draft_encode(&made->draft, integrity, &made->writer, NULL, NULL), 0);
	stun_integrity_free(integrity);
	assert_int_equal(stun_message_parse(&made->message, made->writer.data, made->writer.length, NULL), 0);
	return &made->message;
}

static inline void message_free(struct made *made)
{
	stun_message_free(&made->message);
	stun_draft_free(&made->draft);
	writer_free(&made->writer);
}

static inline int counting_nonce(void *owner, uint8_t *octets, size_t length)
{
	memset(octets, ++*(uint8_t *)owner, length);
	return 0;
}

struct sealed {
	uint8_t octets[256];
	size_t length;
};

// A token of that mac_key, issued so many seconds before NOW.
static inline struct sealed seal(const char *mac_key, int64_t age, uint32_t lifetime)
{
	static uint8_t count;
	struct sealed sealed = {.length = 0};
	struct token_key key;
	struct token_context context;
	struct writer writer;
	assert_int_equal(token_key_set(&key, token_algorithm_find("A256GCM", 7, NULL), LONG_TERM_KEY, 32, NULL), 0);
	token_context_init(&context);
	writer_init(&writer, sizeof sealed.octets);
	struct token_request request = {
		.key = &key,
		.server_name = {NAME, strlen(NAME)},
		.plain = {.mac_key = (const uint8_t *)mac_key,
			  .mac_key_length = strlen(mac_key),
			  .timestamp = (uint64_t)((int64_t)NOW - age) << 16,
			  .lifetime = lifetime},
		.random = counting_nonce,
		.random_owner = &count,
	};
	assert_int_equal(token_seal(&context, &request, &writer, NULL), 0);
	sealed.length = writer.length;
	memcpy(sealed.octets, writer.data, writer.length);
	writer_free(&writer);
	token_context_free(&context);
	token_key_wipe(&key);
	return sealed;
}

static inline struct stun_octets text_octets(const char *text)
{
	return (struct stun_octets){(const uint8_t *)text, strlen(text)};
}

static inline struct keyring *keyring_with_key(void)
{
	struct token_key key;
	struct keyring *keyring = keyring_new(NULL);
	assert_non_null(keyring);
	assert_int_equal(token_key_set(&key, token_algorithm_find("A256GCM", 7, NULL), LONG_TERM_KEY, 32, NULL), 0);
	assert_int_equal(keyring_add(keyring, text_octets(KID), &key, NULL), 0);
	token_key_wipe(&key);
	return keyring;
}

#endif
