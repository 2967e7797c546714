// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_keys.h"

#include "base/bytes.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define EXPLICIT_NONCE 8 // octets of the nonce that a record of TLS 1.2 brings itself, with GCM and CCM
#define MOST_CONTENT 65536

struct tls_keys {
	EVP_CIPHER_CTX *cipher;
	const struct tls_suite *suite; // of the key that is set; NULL: none
	const char *prepared;          // the cipher and the tag that the context was made for
	uint8_t prepared_tag;
	bool tls13;
	uint8_t fixed[TLS_NONCE]; // the nonce's fixed part, or what the sequence number is XORed into
	struct tls_secret secret; // of TLS 1.3, for the next one
};

struct tls_keys *tls_keys_new(void)
{
	struct tls_keys *keys = calloc(1, sizeof *keys);
	if (keys)
		keys->cipher = EVP_CIPHER_CTX_new();
	if (keys && !keys->cipher) {
		free(keys);
		keys = NULL;
	}
	return keys;
}

void tls_keys_free(struct tls_keys *keys)
{
	if (!keys)
		return;
	EVP_CIPHER_CTX_free(keys->cipher);
	OPENSSL_clear_free(keys, sizeof *keys);
}

static bool derive(const char *name, const OSSL_PARAM *parameters, uint8_t *output, size_t length)
{
	EVP_KDF *function = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *context = function ? EVP_KDF_CTX_new(function) : NULL;
	bool done = context && EVP_KDF_derive(context, output, length, parameters) == 1;
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(function);
	if (!done)
		ERR_clear_error();
	return done;
}

static OSSL_PARAM text_of(const char *name, const char *text)
{
	return OSSL_PARAM_construct_utf8_string(name, (char *)text, 0);
}

static OSSL_PARAM octets_of(const char *name, const void *octets, size_t length)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)octets, length);
}

// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
static bool expand(const struct tls_suite *suite, const struct tls_secret *secret, const char *label, uint8_t *output,
		   size_t length)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	struct writer info;
	writer_init(&info, 64);
	writer_u16(&info, (uint16_t)length);
	writer_u8(&info, (uint8_t)(strlen("tls13 ") + strlen(label)));
	writer_bytes(&info, "tls13 ", strlen("tls13 "));
	writer_bytes(&info, label, strlen(label));
	writer_u8(&info, 0);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		text_of(OSSL_KDF_PARAM_DIGEST, suite->hash),
		octets_of(OSSL_KDF_PARAM_KEY, secret->octets, secret->length),
		octets_of(OSSL_KDF_PARAM_INFO, info.data, info.length),
		OSSL_PARAM_construct_end(),
	};
	bool done = !info.failed && derive("HKDF", parameters, output, length);
	writer_free(&info);
	return done;
}

// Makes the context fit for the suite and puts the key in.
static bool set_key(struct tls_keys *keys, const struct tls_suite *suite, const uint8_t *key)
{
	bool ccm = suite->mode == TLS_MODE_CCM, done = true;
	// CCM takes the lengths of nonce and tag before the key, and no other mode needs to hear them.
	if (keys->prepared != suite->cipher || keys->prepared_tag != suite->tag_length) {
		EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, suite->cipher, NULL);
		keys->prepared = NULL;
		done = cipher && EVP_CIPHER_CTX_reset(keys->cipher) == 1 &&
		       EVP_DecryptInit_ex2(keys->cipher, cipher, NULL, NULL, NULL) == 1 &&
		       EVP_CIPHER_CTX_ctrl(keys->cipher, EVP_CTRL_AEAD_SET_IVLEN, TLS_NONCE, NULL) == 1 &&
		       (!ccm || EVP_CIPHER_CTX_ctrl(keys->cipher, EVP_CTRL_AEAD_SET_TAG, suite->tag_length, NULL) == 1);
		EVP_CIPHER_free(cipher);
	}
	done = done && EVP_DecryptInit_ex2(keys->cipher, NULL, key, NULL, NULL) == 1;
	if (!done) {
		keys->suite = NULL;
		ERR_clear_error();
		return false;
	}
	keys->prepared = suite->cipher;
	keys->prepared_tag = suite->tag_length;
	keys->suite = suite;
	return true;
}

bool tls_keys_set(struct tls_keys *keys, const struct tls_suite *suite, const struct tls_secret *master,
		  const uint8_t client_random[32], const uint8_t server_random[32], bool client)
{
	// AEAD suites have no MAC keys: the keys of client and server, then the fixed parts of their nonces.
	uint8_t block[2 * (TLS_KEY_MOST + TLS_NONCE)];
	if (suite->mode == TLS_MODE_OTHER || suite->tls13)
		return false;
	OSSL_PARAM parameters[] = {
		text_of(OSSL_KDF_PARAM_DIGEST, suite->hash),
		octets_of(OSSL_KDF_PARAM_SECRET, master->octets, master->length),
		octets_of(OSSL_KDF_PARAM_SEED, "key expansion", strlen("key expansion")),
		octets_of(OSSL_KDF_PARAM_SEED, server_random, 32),
		octets_of(OSSL_KDF_PARAM_SEED, client_random, 32),
		OSSL_PARAM_construct_end(),
	};
	size_t key = suite->key_length, fixed = suite->fixed_length, which = client ? 0 : 1;
	bool done =
		derive("TLS1-PRF", parameters, block, 2 * (key + fixed)) && set_key(keys, suite, &block[which * key]);
	if (done)
		memcpy(keys->fixed, &block[2 * key + which * fixed], fixed);
	keys->tls13 = false;
	OPENSSL_cleanse(block, sizeof block);
	return done;
}

bool tls_keys_set_13(struct tls_keys *keys, const struct tls_suite *suite, const struct tls_secret *secret)
{
	uint8_t key[TLS_KEY_MOST];
	if (!suite->tls13 || secret->length != suite->hash_length)
		return false;
	bool done = expand(suite, secret, "key", key, suite->key_length) &&
		    expand(suite, secret, "iv", keys->fixed, TLS_NONCE) && set_key(keys, suite, key);
	keys->tls13 = true;
	if (done && secret != &keys->secret)
		keys->secret = *secret;
	OPENSSL_cleanse(key, sizeof key);
	return done;
}

bool tls_keys_update(struct tls_keys *keys)
{
	struct tls_secret next = {.length = keys->secret.length};
	bool done = keys->suite && keys->tls13 &&
		    expand(keys->suite, &keys->secret, "traffic upd", next.octets, next.length) &&
		    tls_keys_set_13(keys, keys->suite, &next);
	OPENSSL_cleanse(&next, sizeof next);
	return done;
}

static void put_u64(uint8_t place[8], uint64_t value)
{
	for (int i = 7; i >= 0; i--, value >>= 8)
		place[i] = (uint8_t)value;
}

static bool open_record(EVP_CIPHER_CTX *cipher, const struct tls_suite *suite, const uint8_t nonce[TLS_NONCE],
			const uint8_t *associated, int associated_length, const uint8_t *content, int length,
			const uint8_t *tag, uint8_t *plain)
{
	int written;
	uint8_t rest[TLS_TAG_MOST];
	if (EVP_DecryptInit_ex2(cipher, NULL, NULL, nonce, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, suite->tag_length, (void *)tag) != 1)
		return false;
	// CCM wants the whole length first, verifies in the one call that decrypts, and has no final call.
	if (suite->mode == TLS_MODE_CCM)
		return EVP_DecryptUpdate(cipher, NULL, &written, NULL, length) == 1 &&
		       EVP_DecryptUpdate(cipher, NULL, &written, associated, associated_length) == 1 &&
		       EVP_DecryptUpdate(cipher, plain, &written, content, length) == 1;
	return EVP_DecryptUpdate(cipher, NULL, &written, associated, associated_length) == 1 &&
	       (length == 0 || EVP_DecryptUpdate(cipher, plain, &written, content, length) == 1) &&
	       EVP_DecryptFinal_ex(cipher, rest, &written) == 1;
}

bool tls_keys_open(struct tls_keys *keys, const uint8_t header[5], uint64_t sequence, const uint8_t *content,
		   size_t length, uint8_t *plain, size_t *plain_length)
{
	uint8_t nonce[TLS_NONCE], associated[13];
	int associated_length;
	struct reader reader;
	*plain_length = 0;
	if (!keys->suite || length > MOST_CONTENT)
		return false;
	reader_init(&reader, content, length);
	memcpy(nonce, keys->fixed, sizeof nonce);
	if (keys->suite->fixed_length == TLS_NONCE) {
		uint8_t number[8];
		put_u64(number, sequence);
		for (size_t i = 0; i < sizeof number; i++)
			nonce[TLS_NONCE - sizeof number + i] ^= number[i];
	} else {
		const uint8_t *brought = reader_bytes(&reader, EXPLICIT_NONCE);
		if (!brought)
			return false;
		memcpy(&nonce[keys->suite->fixed_length], brought, EXPLICIT_NONCE);
	}
	if (reader_left(&reader) < keys->suite->tag_length)
		return false;
	size_t inside = reader_left(&reader) - keys->suite->tag_length;
	const uint8_t *text = reader_bytes(&reader, inside), *tag = reader_bytes(&reader, keys->suite->tag_length);
	if (keys->tls13) {
		associated_length = 5;
		memcpy(associated, header, 5);
	} else {
		associated_length = 13;
		put_u64(associated, sequence);
		memcpy(&associated[8], header, 3);
		associated[11] = (uint8_t)(inside >> 8);
		associated[12] = (uint8_t)inside;
	}
	if (!open_record(keys->cipher, keys->suite, nonce, associated, associated_length, text, (int)inside, tag,
			 plain)) {
		// What a cipher has let out before it saw the tag is nothing.
		OPENSSL_cleanse(plain, inside);
		ERR_clear_error();
		return false;
	}
	*plain_length = inside;
	return true;
}
