// SPDX-License-Identifier: BSD-3-Clause
#include "token/algorithm.h"

#include "base/error.h"

#include <string.h>

// clang-format off
static const struct token_algorithm algorithms[TOKEN_ALGORITHMS] = {
	// name            kind             K   AS-RS AUTH nonce tag  cipher         digest
	{"A256GCM",       TOKEN_GCM,      32, 32,  0, 12, 16, "AES-256-GCM", NULL},
	{"A192GCM",       TOKEN_GCM,      24, 24,  0, 12, 16, "AES-192-GCM", NULL},
	{"A128GCM",       TOKEN_GCM,      16, 16,  0, 12, 16, "AES-128-GCM", NULL},
	{"A128CBC-HS256", TOKEN_CBC_HMAC, 32, 16, 16,  0, 16, "AES-128-CBC", "SHA256"},
	{"A192CBC-HS384", TOKEN_CBC_HMAC, 48, 24, 24,  0, 24, "AES-192-CBC", "SHA384"},
	{"A256CBC-HS512", TOKEN_CBC_HMAC, 64, 32, 32,  0, 32, "AES-256-CBC", "SHA512"},
};
// clang-format on

const struct token_algorithm *token_algorithm_find(const char *name, size_t length, struct error *error)
{
	for (size_t i = 0; i < TOKEN_ALGORITHMS; i++)
		if (strlen(algorithms[i].name) == length && memcmp(algorithms[i].name, name, length) == 0)
			return &algorithms[i];
	error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET,
		  "unknown algorithm: expected A256GCM, A192GCM, A128GCM, A128CBC-HS256, A192CBC-HS384 or "
		  "A256CBC-HS512 (RFC 7518 5.1)");
	return NULL;
}

const struct token_algorithm *token_algorithm_at(size_t index)
{
	return index < TOKEN_ALGORITHMS ? &algorithms[index] : NULL;
}

size_t token_algorithm_index(const struct token_algorithm *algorithm)
{
	return (size_t)(algorithm - algorithms);
}

const char *token_algorithm_kind(const struct token_algorithm *algorithm)
{
	return algorithm->kind == TOKEN_GCM ? "gcm" : "cbc-hmac";
}
