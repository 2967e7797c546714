// SPDX-License-Identifier: BSD-3-Clause
#include "audit/keyring.h"

#include "audit/needles.h"
#include "base/error.h"
#include "base/hash.h"
#include "stun/attribute.h"
#include "stun/credential.h"
#include "stun/integrity.h"
#include "token/open.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define CUT_LENGTH 16     // octets that some implementations keep of a mac_key
#define SHA1_OF_LENGTH 32 // octets of a mac_key that Appendix B hashes for HMAC-SHA1
#define SECRET_LIMIT 512  // octets of one form of one secret

// A long-term key and its kid, or a user and the password.
struct entry {
	enum audit_tells kind; // AUDIT_TELLS_KEY or AUDIT_TELLS_PASSWORD
	uint8_t *name;
	size_t name_length;
	struct token_key key;
	uint8_t *password;
	size_t password_length;
};

struct keyring {
	struct entry *entries;
	size_t count;
	struct hash_seed seed;
	struct token_context tokens;
	struct stun_integrity *integrity;
	struct needles needles;    // of all entries
	enum audit_integrity form; // in which a mac_key was last seen to be used; 0 at first
};

struct keyring *keyring_new(struct error *error)
{
	struct keyring *keyring = calloc(1, sizeof *keyring);
	if (!keyring) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	keyring->integrity = stun_integrity_new(error);
	if (!keyring->integrity) {
		free(keyring);
		return NULL;
	}
	keyring->seed = hash_seed(0);
	token_context_init(&keyring->tokens);
	return keyring;
}

void keyring_free(struct keyring *keyring)
{
	if (!keyring)
		return;
	for (size_t i = 0; i < keyring->count; i++) {
		struct entry *entry = &keyring->entries[i];
		token_key_wipe(&entry->key);
		OPENSSL_clear_free(entry->password, entry->password_length);
		free(entry->name);
	}
	free(keyring->entries);
	token_context_free(&keyring->tokens);
	stun_integrity_free(keyring->integrity);
	OPENSSL_clear_free(keyring, sizeof *keyring);
}

static struct entry *add_entry(struct keyring *keyring, struct stun_octets name, struct error *error)
{
	struct entry *grown = reallocarray(keyring->entries, keyring->count + 1, sizeof *grown);
	if (grown)
		keyring->entries = grown;
	uint8_t *copy = malloc(name.length + 1);
	if (!grown || !copy) {
		free(copy);
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	if (name.length)
		memcpy(copy, name.data, name.length);
	struct entry *entry = &keyring->entries[keyring->count];
	*entry = (struct entry){.name = copy, .name_length = name.length};
	return entry;
}

int keyring_add(struct keyring *keyring, struct stun_octets kid, const struct token_key *key, struct error *error)
{
	struct entry *entry = add_entry(keyring, kid, error);
	if (!entry)
		return -1;
	entry->kind = AUDIT_TELLS_KEY;
	entry->key = *key;
	needles_add(&keyring->needles, key->octets, key->algorithm->key_length);
	keyring->count++;
	return 0;
}

int keyring_add_user(struct keyring *keyring, struct stun_octets name, struct stun_octets password, struct error *error)
{
	struct entry *entry = add_entry(keyring, name, error);
	uint8_t *copy = entry ? malloc(password.length + 1) : NULL;
	if (!copy) {
		if (entry)
			free(entry->name);
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	}
	if (password.length)
		memcpy(copy, password.data, password.length);
	entry->kind = AUDIT_TELLS_PASSWORD;
	entry->password = copy;
	entry->password_length = password.length;
	needles_add(&keyring->needles, copy, password.length);
	keyring->count++;
	return 0;
}

uint64_t keyring_hash(const struct keyring *keyring, const void *octets, size_t length)
{
	return hash_octets(&keyring->seed, octets, length);
}

uint64_t keyring_hash_of(const struct keyring *keyring, uint64_t number, struct stun_octets octets)
{
	uint64_t parts[2] = {number, keyring_hash(keyring, octets.data, octets.length)};
	return keyring_hash(keyring, parts, sizeof parts);
}

static bool is_named(const struct entry *entry, struct stun_octets name)
{
	return entry->name_length == name.length && (!name.length || memcmp(entry->name, name.data, name.length) == 0);
}

static void keep_opened(const struct keyring *keyring, const struct token_key *key, struct stun_octets kid,
			const struct token_opened *from, struct opened_token *to)
{
	to->algorithm = key->algorithm;
	to->timestamp = from->plain.timestamp;
	to->lifetime = from->plain.lifetime;
	to->key_length = from->plain.key_length;
	to->nonce_length = (uint16_t)from->nonce.length;
	to->extra = from->plain.extra_length;
	uint64_t parts[3] = {
		token_algorithm_index(key->algorithm),
		keyring_hash(keyring, kid.data, kid.length),
		keyring_hash(keyring, from->nonce.data, from->nonce.length),
	};
	to->nonce = keyring_hash(keyring, parts, sizeof parts);
	if (from->plain.mac_key_length <= sizeof to->key.octets) {
		to->key.length = (uint8_t)from->plain.mac_key_length;
		if (to->key.length)
			memcpy(to->key.octets, from->plain.mac_key, to->key.length);
	}
}

// Whether the lengths are those of a token: nonce_length as prescribed, room for all that is sealed and for the tag.
static bool is_shaped(const struct token_algorithm *algorithm, struct stun_octets token)
{
	const size_t least = 2 + algorithm->nonce_length + 2 + 8 + 4 + algorithm->tag_length;
	return algorithm->kind == TOKEN_GCM && token.length >= least &&
	       ((size_t)token.data[0] << 8 | token.data[1]) == algorithm->nonce_length;
}

enum audit_token keyring_open(struct keyring *keyring, struct stun_octets kid, struct stun_octets server_name,
			      struct stun_octets token, struct opened_token *opened)
{
	*opened = (struct opened_token){.digest = keyring_hash(keyring, token.data, token.length)};
	bool any = false, named = false;
	for (size_t i = 0; i < keyring->count; i++) {
		const struct entry *entry = &keyring->entries[i];
		if (entry->kind != AUDIT_TELLS_KEY)
			continue;
		any = true;
		if (!is_named(entry, kid))
			continue;
		named = true;
		opened->shaped = opened->shaped || is_shaped(entry->key.algorithm, token);
		if (!server_name.data)
			continue;
		struct token_opened found;
		struct token_text name = {server_name.data, server_name.length}, text = {token.data, token.length};
		if (token_open(&keyring->tokens, &entry->key, name, text, &found, NULL) < 0)
			continue;
		keep_opened(keyring, &entry->key, kid, &found, opened);
		token_open_done(&keyring->tokens, &found);
		return AUDIT_TOKEN_OPENED;
	}
	if (!any || (named && !server_name.data))
		return AUDIT_TOKEN_SEALED;
	return named ? AUDIT_TOKEN_REFUSED : AUDIT_TOKEN_KID_UNKNOWN;
}

bool keyring_password_key(struct keyring *keyring, struct stun_octets name, struct stun_octets realm,
			  struct signing_key *key)
{
	for (size_t i = 0; i < keyring->count; i++) {
		const struct entry *entry = &keyring->entries[i];
		if (entry->kind != AUDIT_TELLS_PASSWORD || !is_named(entry, name))
			continue;
		struct stun_octets password = {entry->password, entry->password_length};
		size_t length;
		if (stun_credential_key(STUN_PASSWORD_MD5, name, realm, password, key->octets, &length, NULL) < 0)
			continue;
		key->length = (uint8_t)length;
		key->form = 0;
		key->password = 1;
		return true;
	}
	return false;
}

static bool verifies_as(struct keyring *keyring, const struct stun_message *message, uint16_t type,
			const struct signing_key *key, enum audit_integrity form)
{
	uint8_t hashed[SHA_DIGEST_LENGTH];
	const uint8_t *octets = key->octets;
	size_t length = key->length;
	switch (form) {
	case AUDIT_INTEGRITY_SHA1:
		if (length != SHA1_OF_LENGTH || type != STUN_MESSAGE_INTEGRITY)
			return false;
		SHA1(octets, length, hashed);
		octets = hashed;
		length = sizeof hashed;
		break;
	case AUDIT_INTEGRITY_CUT:
		if (length <= CUT_LENGTH || key->password)
			return false;
		length = CUT_LENGTH;
		break;
	default:
		break;
	}
	bool valid = stun_integrity_verify(keyring->integrity, message, type, octets, length) == STUN_VALID;
	if (octets == hashed)
		OPENSSL_cleanse(hashed, sizeof hashed);
	return valid;
}

enum audit_integrity keyring_verify(struct keyring *keyring, const struct stun_message *message, uint16_t type,
				    struct signing_key *key)
{
	if (!stun_message_find(message, type, 1))
		return AUDIT_INTEGRITY_ABSENT;
	if (!key || !key->length)
		return AUDIT_INTEGRITY_UNKNOWN;
	// First as this key was used before, or as others were: whoever deviates does so every time.
	enum audit_integrity known = key->form       ? (enum audit_integrity)key->form
				     : key->password ? AUDIT_INTEGRITY_WHOLE
						     : keyring->form;
	const enum audit_integrity forms[] = {known, AUDIT_INTEGRITY_WHOLE, AUDIT_INTEGRITY_SHA1, AUDIT_INTEGRITY_CUT};
	for (size_t i = known ? 0 : 1; i < sizeof forms / sizeof *forms; i++) {
		if ((i && forms[i] == known) || !verifies_as(keyring, message, type, key, forms[i]))
			continue;
		key->form = (uint8_t)forms[i];
		if (key->password)
			return AUDIT_INTEGRITY_PASSWORD;
		return keyring->form = forms[i];
	}
	return AUDIT_INTEGRITY_INVALID;
}

static bool contains(const void *octets, size_t length, const void *secret, size_t secret_length)
{
	return memmem(octets, length, secret, secret_length) != NULL;
}

// As it is, in hex of either case, in base64 and base64url.
static bool tells(const void *octets, size_t length, const uint8_t *secret, size_t secret_length)
{
	if (secret_length < NEEDLES_SHORTEST || secret_length > SECRET_LIMIT / 2)
		return false;
	if (contains(octets, length, secret, secret_length))
		return true;
	// The base64 of 3n octets stands at the front of that of any octets that begin so, whatever ends it.
	unsigned char text[SECRET_LIMIT + 8];
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	bool found = false;
	for (int i = 0; i < 2 && !found; i++) {
		const char *digits = i ? upper : lower;
		for (size_t at = 0; at < secret_length; at++) {
			text[2 * at] = (unsigned char)digits[secret[at] >> 4];
			text[2 * at + 1] = (unsigned char)digits[secret[at] & 15];
		}
		found = contains(octets, length, text, secret_length * 2);
	}
	if (!found) {
		EVP_EncodeBlock(text, secret, (int)(secret_length / 3 * 3));
		size_t encoded = secret_length / 3 * 4;
		found = contains(octets, length, text, encoded);
		bool other = false;
		for (size_t at = 0; at < encoded; at++) {
			unsigned char was = text[at];
			text[at] = was == '+' ? '-' : was == '/' ? '_' : was;
			other |= text[at] != was;
		}
		if (other && !found)
			found = contains(octets, length, text, encoded);
	}
	OPENSSL_cleanse(text, secret_length * 2);
	return found;
}

enum audit_tells keyring_tells(struct keyring *keyring, const struct signing_key *key, const void *octets,
			       size_t length)
{
	const struct signing_key *own = key && !key->password ? key : NULL;
	if (!needles_may_stand(&keyring->needles, own ? own->octets : NULL, own ? own->length : 0, octets, length))
		return AUDIT_TELLS_NOTHING;
	if (own && tells(octets, length, own->octets, own->length))
		return AUDIT_TELLS_MAC_KEY;
	for (size_t i = 0; i < keyring->count; i++) {
		const struct entry *entry = &keyring->entries[i];
		const uint8_t *secret = entry->kind == AUDIT_TELLS_KEY ? entry->key.octets : entry->password;
		size_t secret_length =
			entry->kind == AUDIT_TELLS_KEY ? entry->key.algorithm->key_length : entry->password_length;
		if (tells(octets, length, secret, secret_length))
			return entry->kind;
	}
	return AUDIT_TELLS_NOTHING;
}
