// SPDX-License-Identifier: BSD-3-Clause
#include "token/gcm.h"

#include "base/error.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

// Sets direction, key and nonce. The length of the nonce is only set when it differs from the last one: a control call
// costs about as much as the encryption of a token.
static struct token_engine *start(struct token_context *context, const struct token_key *key, struct token_text nonce,
				  int encrypt, struct error *error)
{
	struct token_engine *engine = token_context_engine(context, key->algorithm, error);
	if (!engine)
		return NULL;
	if (nonce.length == 0 || nonce.length > TOKEN_GCM_NONCE_LIMIT) {
		error_set(error, nonce.length ? ERROR_LIMIT : ERROR_MALFORMED, 0,
			  "a GCM nonce of %zu octets; expected 12 (RFC 5116), and OpenSSL takes 1 to %d", nonce.length,
			  TOKEN_GCM_NONCE_LIMIT);
		return NULL;
	}
	if (nonce.length != engine->nonce_length) {
		if (EVP_CIPHER_CTX_ctrl(engine->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce.length, NULL) != 1) {
			token_context_complain(error, "set the length of the nonce");
			return NULL;
		}
		engine->nonce_length = nonce.length;
	}
	if (EVP_CipherInit_ex(engine->cipher, NULL, NULL, key->octets, nonce.data, encrypt) != 1) {
		token_context_complain(error, "set key and nonce");
		return NULL;
	}
	return engine;
}

static bool update(EVP_CIPHER_CTX *cipher, uint8_t *output, struct token_text input)
{
	int written;
	return input.length == 0 || EVP_CipherUpdate(cipher, output, &written, input.data, (int)input.length) == 1;
}

int token_gcm_encrypt(struct token_context *context, const struct token_key *key, struct token_text nonce,
		      struct token_text associated, struct token_text plaintext, uint8_t *ciphertext, uint8_t *tag,
		      struct error *error)
{
	int written;
	uint8_t rest[TOKEN_BLOCK];
	struct token_engine *engine = start(context, key, nonce, 1, error);
	if (!engine)
		return -1;
	if (!update(engine->cipher, NULL, associated) || !update(engine->cipher, ciphertext, plaintext) ||
	    EVP_EncryptFinal_ex(engine->cipher, rest, &written) != 1 ||
	    EVP_CIPHER_CTX_ctrl(engine->cipher, EVP_CTRL_AEAD_GET_TAG, (int)key->algorithm->tag_length, tag) != 1)
		return token_context_complain(error, "encrypt");
	return 0;
}

int token_gcm_decrypt(struct token_context *context, const struct token_key *key, struct token_text nonce,
		      struct token_text associated, struct token_text ciphertext, const uint8_t *tag,
		      uint8_t *plaintext, struct error *error)
{
	int written;
	uint8_t rest[TOKEN_BLOCK];
	struct token_engine *engine = start(context, key, nonce, 0, error);
	if (!engine)
		return -1;
	if (!update(engine->cipher, NULL, associated) || !update(engine->cipher, plaintext, ciphertext) ||
	    EVP_CIPHER_CTX_ctrl(engine->cipher, EVP_CTRL_AEAD_SET_TAG, (int)key->algorithm->tag_length, (void *)tag) !=
		    1)
		return token_context_complain(error, "decrypt");
	if (EVP_DecryptFinal_ex(engine->cipher, rest, &written) != 1) {
		ERR_clear_error();
		return error_set(error, ERROR_NOT_AUTHENTIC, ERROR_NO_OFFSET,
				 "the tag does not fit: another key, another server name, or altered octets");
	}
	return 0;
}
