// SPDX-License-Identifier: BSD-3-Clause
#include "token/context.h"

#include "base/error.h"
#include "token/layout.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

void token_context_init(struct token_context *context)
{
	*context = (struct token_context){0};
	writer_init(&context->scratch, TOKEN_LIMIT);
}

void token_context_free(struct token_context *context)
{
	for (size_t i = 0; i < TOKEN_ALGORITHMS; i++) {
		EVP_CIPHER_CTX_free(context->engines[i].cipher);
		EVP_MAC_CTX_free(context->engines[i].mac);
		context->engines[i] = (struct token_engine){0};
	}
	writer_free(&context->scratch);
}

int token_context_complain(struct error *error, const char *what)
{
	char reason[128];
	ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
	ERR_clear_error();
	return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "OpenSSL cannot %s: %s", what, reason);
}

static EVP_CIPHER_CTX *new_cipher(const struct token_algorithm *algorithm)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, algorithm->cipher, NULL);
	if (!context || !cipher || EVP_CipherInit_ex(context, cipher, NULL, NULL, NULL, 1) != 1) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher);
	return context;
}

static EVP_MAC_CTX *new_mac(const struct token_algorithm *algorithm)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)algorithm->digest, 0),
		OSSL_PARAM_construct_end(),
	};
	if (context && EVP_MAC_CTX_set_params(context, settings) != 1) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	EVP_MAC_free(mac);
	return context;
}

struct token_engine *token_context_engine(struct token_context *context, const struct token_algorithm *algorithm,
					  struct error *error)
{
	struct token_engine *engine = &context->engines[token_algorithm_index(algorithm)];
	if (engine->cipher)
		return engine;
	engine->cipher = new_cipher(algorithm);
	engine->mac = algorithm->digest ? new_mac(algorithm) : NULL;
	if (!engine->cipher || (algorithm->digest && !engine->mac)) {
		EVP_CIPHER_CTX_free(engine->cipher);
		EVP_MAC_CTX_free(engine->mac);
		*engine = (struct token_engine){0};
		token_context_complain(error, "set up the algorithm");
		return NULL;
	}
	engine->nonce_length = algorithm->nonce_length; // OpenSSL's own default for GCM is 12 as well
	engine->padded = true;
	return engine;
}
