// SPDX-License-Identifier: BSD-3-Clause
//
// Keys from names and passwords: the long-term credential mechanism (RFC 8489 9.2.2) and the hash that stands for a
// user name (14.4). Strings are used as they come: preparing them (SASLprep, OpaqueString) is the caller's.
#ifndef ASSAY_STUN_CREDENTIAL_H
#define ASSAY_STUN_CREDENTIAL_H

#include "stun/value.h"

#define STUN_KEY_LIMIT 32 // octets of the longest key made here
#define STUN_USERHASH_SIZE 32

// Password algorithms (RFC 8489 18.5); the key of RFC 5389 is the one of MD5.
enum {
	STUN_PASSWORD_MD5 = 1,
	STUN_PASSWORD_SHA256 = 2,
};

// Writes the hash of "user:realm:password" to key, which the caller wipes. *length is set to 16 for MD5, 32 for
// SHA-256. Fails with ERROR_UNKNOWN for another algorithm, ERROR_LIBRARY when OpenSSL refuses.
int stun_credential_key(unsigned algorithm, struct stun_octets user, struct stun_octets realm,
			struct stun_octets password, uint8_t key[STUN_KEY_LIMIT], size_t *length, struct error *error);

// Writes SHA-256 of "user:realm", the value of USERHASH. Fails with ERROR_LIBRARY.
int stun_credential_userhash(struct stun_octets user, struct stun_octets realm, uint8_t hash[STUN_USERHASH_SIZE],
			     struct error *error);

#endif
