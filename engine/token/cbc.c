// SPDX-License-Identifier: BSD-3-Clause
#include "token/cbc.h"

#include "base/error.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

void token_cbc_split(struct token_halves *halves, const struct token_key *key)
{
	memcpy(halves->authentication, key->octets, key->algorithm->mac_key_length);
	memcpy(halves->encryption, &key->octets[key->algorithm->mac_key_length], key->algorithm->encryption_length);
}

static bool hkdf(const struct token_key *key, uint8_t *output, size_t length)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM settings[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)key->algorithm->digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key->octets, key->algorithm->key_length),
		OSSL_PARAM_construct_end(),
	};
	bool done = context && EVP_KDF_derive(context, output, length, settings) == 1;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return done;
}

int token_cbc_derive(struct token_halves *halves, const struct token_key *key, struct error *error)
{
	if (!hkdf(key, halves->authentication, key->algorithm->mac_key_length) ||
	    !hkdf(key, halves->encryption, key->algorithm->encryption_length))
		return token_context_complain(error, "derive keys by HKDF");
	return 0;
}

void token_cbc_wipe(struct token_halves *halves)
{
	OPENSSL_cleanse(halves, sizeof *halves);
}

size_t token_cbc_length(size_t plaintext_length)
{
	return plaintext_length + TOKEN_BLOCK - plaintext_length % TOKEN_BLOCK;
}

static struct token_engine *start(struct token_context *context, const struct token_algorithm *algorithm,
				  const struct token_halves *halves, const uint8_t *vector, bool padded, int encrypt,
				  struct error *error)
{
	struct token_engine *engine = token_context_engine(context, algorithm, error);
	if (!engine)
		return NULL;
	if (EVP_CipherInit_ex(engine->cipher, NULL, NULL, halves->encryption, vector, encrypt) != 1 ||
	    (padded != engine->padded && EVP_CIPHER_CTX_set_padding(engine->cipher, padded) != 1)) {
		token_context_complain(error, "set key and vector");
		return NULL;
	}
	engine->padded = padded;
	return engine;
}

int token_cbc_encrypt(struct token_context *context, const struct token_algorithm *algorithm,
		      const struct token_halves *halves, const uint8_t vector[TOKEN_BLOCK], struct token_text plaintext,
		      struct token_text padding, uint8_t *ciphertext, struct error *error)
{
	int first = 0, second = 0, third = 0;
	bool own = padding.data;
	if (own && (plaintext.length + padding.length) % TOKEN_BLOCK != 0)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "plaintext of %zu octets and padding of %zu; CBC takes multiples of 16 together",
				 plaintext.length, padding.length);
	struct token_engine *engine = start(context, algorithm, halves, vector, !own, 1, error);
	if (!engine)
		return -1;
	if ((plaintext.length &&
	     EVP_EncryptUpdate(engine->cipher, ciphertext, &first, plaintext.data, (int)plaintext.length) != 1) ||
	    (own && padding.length &&
	     EVP_EncryptUpdate(engine->cipher, &ciphertext[first], &second, padding.data, (int)padding.length) != 1) ||
	    EVP_EncryptFinal_ex(engine->cipher, &ciphertext[first + second], &third) != 1)
		return token_context_complain(error, "encrypt");
	return 0;
}

int token_cbc_decrypt(struct token_context *context, const struct token_algorithm *algorithm,
		      const struct token_halves *halves, const uint8_t vector[TOKEN_BLOCK],
		      struct token_text ciphertext, uint8_t *plaintext, size_t *length, struct error *error)
{
	int first = 0, second = 0;
	struct token_engine *engine = start(context, algorithm, halves, vector, true, 0, error);
	if (!engine)
		return -1;
	if (EVP_DecryptUpdate(engine->cipher, plaintext, &first, ciphertext.data, (int)ciphertext.length) != 1)
		return token_context_complain(error, "decrypt");
	if (EVP_DecryptFinal_ex(engine->cipher, &plaintext[first], &second) != 1) {
		ERR_clear_error();
		return error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
				 "T fits, but the last block does not end in PKCS #7 padding (RFC 7635 6.2)");
	}
	*length = (size_t)first + (size_t)second;
	return 0;
}

int token_cbc_mac(struct token_context *context, const struct token_algorithm *algorithm,
		  const struct token_halves *halves, const struct token_text *texts, size_t count, uint8_t *tag,
		  struct error *error)
{
	uint8_t whole[EVP_MAX_MD_SIZE];
	size_t length;
	struct token_engine *engine = token_context_engine(context, algorithm, error);
	if (!engine)
		return -1;
	bool done = EVP_MAC_init(engine->mac, halves->authentication, algorithm->mac_key_length, NULL) == 1;
	for (size_t i = 0; done && i < count; i++)
		done = texts[i].length == 0 || EVP_MAC_update(engine->mac, texts[i].data, texts[i].length) == 1;
	if (!done || EVP_MAC_final(engine->mac, whole, &length, sizeof whole) != 1)
		return token_context_complain(error, "compute the MAC");
	memcpy(tag, whole, algorithm->tag_length);
	return 0;
}
