// SPDX-License-Identifier: BSD-3-Clause
//
// What somebody who audits a capture may know: long-term keys by kid, passwords by user name. It opens the tokens of a
// capture and tries the keys that a message may be signed with; it remembers nothing of the messages.
#ifndef ASSAY_AUDIT_KEYRING_H
#define ASSAY_AUDIT_KEYRING_H

#include "audit/facts.h"
#include "stun/message.h"
#include "stun/value.h"
#include "token/key.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct keyring;

// A longer mac_key is never tried: none that is met in practice has more than 32 octets.
#define KEYRING_MAC_KEY_LIMIT 64

// A key that messages of a session are signed with. Its owner wipes it.
struct signing_key {
	uint8_t octets[KEYRING_MAC_KEY_LIMIT];
	uint8_t length;   // 0: none is known
	uint8_t form;     // enum audit_integrity under which it was last seen to verify; 0 at first
	uint8_t password; // 1: made of a password, so it has one form only
};

// What a token holds, once opened. The mac_key is part of it: wipe it.
struct opened_token {
	struct signing_key key;
	const struct token_algorithm *algorithm;
	uint64_t timestamp;
	uint32_t lifetime;     // seconds
	uint16_t key_length;   // octets of mac_key, as the token says
	uint16_t nonce_length; // octets
	uint64_t nonce;        // a hash of algorithm, kid and nonce
	uint64_t digest;       // a hash of the whole token
	size_t extra;          // octets behind the lifetime
	bool shaped;           // one that does not open: it has the form of a token of its algorithm, which is AES-GCM
};

// An empty one, owned by the caller. NULL with *error filled when OpenSSL or memory fails.
struct keyring *keyring_new(struct error *error);
// Wipes and frees it. NULL is fine.
void keyring_free(struct keyring *keyring);

// Adds a key under its kid, or the password of a user; the octets are copied. Several keys may have one kid: each is
// tried. 0, or -1 with *error filled.
int keyring_add(struct keyring *keyring, struct stun_octets kid, const struct token_key *key, struct error *error);
int keyring_add_user(struct keyring *keyring, struct stun_octets name, struct stun_octets password,
		     struct error *error);

// Opens a token under the keys of its kid. The outcome is SEALED, KID_UNKNOWN, REFUSED or OPENED; *opened is filled
// for the last only (digest and shaped always).
enum audit_token keyring_open(struct keyring *keyring, struct stun_octets kid, struct stun_octets server_name,
			      struct stun_octets token, struct opened_token *opened);

// The key of a user's password in a realm (RFC 5389 15.4); false when the user is not known.
bool keyring_password_key(struct keyring *keyring, struct stun_octets name, struct stun_octets realm,
			  struct signing_key *key);

// Tries a key in all its forms on the first integrity attribute of the type (STUN_MESSAGE_INTEGRITY or
// STUN_MESSAGE_INTEGRITY_SHA256): ABSENT, UNKNOWN (no key), WHOLE, SHA1, CUT, PASSWORD or INVALID. What is found is
// kept in key->form, to be tried first the next time.
enum audit_integrity keyring_verify(struct keyring *keyring, const struct stun_message *message, uint16_t type,
				    struct signing_key *key);

// Whether one of the secrets known to the keyring, or the mac_key given (may be NULL), stands in the octets as it is,
// in hex or in base64. Secrets of less than 8 octets may stand anywhere by chance and are not looked for.
enum audit_tells keyring_tells(struct keyring *keyring, const struct signing_key *key, const void *octets,
			       size_t length);

// A hash of octets that an attacker cannot steer; _of: of what is also told apart by another number.
uint64_t keyring_hash(const struct keyring *keyring, const void *octets, size_t length);
uint64_t keyring_hash_of(const struct keyring *keyring, uint64_t number, struct stun_octets octets);

#endif
