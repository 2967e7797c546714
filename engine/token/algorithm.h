// SPDX-License-Identifier: BSD-3-Clause
//
// The authenticated encryption algorithms a token can be sealed with: one constant table, under the names of
// RFC 7518 section 5.1. It knows lengths and the names OpenSSL has for the parts; it encrypts nothing.
#ifndef ASSAY_TOKEN_ALGORITHM_H
#define ASSAY_TOKEN_ALGORITHM_H

#include <stddef.h>

struct error;

enum token_kind {
	TOKEN_GCM,      // AEAD of RFC 5116: one key, the nonce travels in the token
	TOKEN_CBC_HMAC, // RFC 7518 5.2: K is split in two, the MAC stands behind the ciphertext
};

#define TOKEN_ALGORITHMS 6
#define TOKEN_KEY_LIMIT 64 // octets, the longest K of the table
#define TOKEN_TAG_LIMIT 32 // octets, the longest tag of the table
#define TOKEN_BLOCK 16     // octets of an AES block, of a CBC initialization vector

struct token_algorithm {
	const char *name;
	enum token_kind kind;
	size_t key_length;        // octets of K
	size_t encryption_length; // octets of the AS-RS key: all of K for GCM, its rear part for CBC
	size_t mac_key_length;    // octets of the AUTH key: the front part of K for CBC, 0 for GCM
	size_t nonce_length;      // octets that the algorithm prescribes; 0 for CBC (its vector is zero, RFC 7635 6.2)
	size_t tag_length;        // octets of the tag (GCM) or of T (CBC)
	const char *cipher;       // as EVP_CIPHER_fetch wants it
	const char *digest;       // as EVP_MD_fetch wants it; NULL for GCM
};

// The algorithm of that name (`length` octets, not necessarily terminated), or NULL with *error filled
// (ERROR_UNKNOWN, and the names there are). Names are compared exactly, as RFC 7518 has them.
const struct token_algorithm *token_algorithm_find(const char *name, size_t length, struct error *error);

// The algorithm at that place of the table, NULL from TOKEN_ALGORITHMS on.
const struct token_algorithm *token_algorithm_at(size_t index);

// The place of an algorithm of the table.
size_t token_algorithm_index(const struct token_algorithm *algorithm);

// "gcm" or "cbc-hmac".
const char *token_algorithm_kind(const struct token_algorithm *algorithm);

#endif
