// SPDX-License-Identifier: BSD-3-Clause
//
// What sealing and opening keep between two calls so as not to pay for it each time: the OpenSSL contexts of each
// algorithm and one scratch buffer. No key is chosen here; each call sets its own.
#ifndef ASSAY_TOKEN_CONTEXT_H
#define ASSAY_TOKEN_CONTEXT_H

#include "base/bytes.h"
#include "token/algorithm.h"

#include <openssl/evp.h>
#include <stdbool.h>

struct error;

struct token_engine {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;    // NULL for GCM
	size_t nonce_length; // octets that the cipher context is set to, GCM only
	bool padded;         // whether the cipher context does PKCS #7, CBC only
};

struct token_context {
	struct token_engine engines[TOKEN_ALGORITHMS];
	struct writer scratch; // plaintext on its way; empty and wiped between calls
};

// A context is not shared between threads. It needs no memory until it is used.
void token_context_init(struct token_context *context);

// Frees what it holds. OpenSSL wipes the key schedules, the scratch buffer is wiped here.
// It may be used again afterwards, so this is also how the last key is forgotten.
void token_context_free(struct token_context *context);

// For the files of this folder: the engine of an algorithm, made at its first use. NULL with *error filled.
struct token_engine *token_context_engine(struct token_context *context, const struct token_algorithm *algorithm,
					  struct error *error);

// Fills *error with what OpenSSL last complained of, and empties its queue. Returns -1.
int token_context_complain(struct error *error, const char *what);

#endif
