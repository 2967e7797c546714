// SPDX-License-Identifier: BSD-3-Clause
//
// How much of the speed of OpenSSL is left of it: tokens sealed and opened and messages verified per second, beside the
// same work done by bare OpenSSL calls. Both sides reuse their contexts, set the key each time and are given the nonce.
// The two take turns in short rounds, so that what else the machine does hits both; the medians are printed.
//
//     cc -std=c11 -O2 -D_GNU_SOURCE -Iengine scripts/bench/crypto.c LIB/token.a LIB/stun.a LIB/base.a -lcrypto -lz
#include "base/bytes.h"
#include "base/error.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "token/open.h"
#include "token/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 41
#define ROUND_CALLS 5000
#define PLAIN_LENGTH 34 // octets of the encrypted block with a mac_key of 20

// What both sides work on.
struct bench {
	struct token_context context;
	struct token_key key;
	struct token_request request;
	struct writer token;
	struct stun_integrity *integrity;
	struct stun_message message;
	uint16_t integrity_type;
	size_t signed_length; // octets before the attribute
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
};

static const uint8_t octets[64] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde";
static const char server_name[] = "turn1.example.org";

static void need(bool fine, const char *what)
{
	if (!fine) {
		fprintf(stderr, "bench: %s failed\n", what);
		exit(1);
	}
}

static EVP_MAC_CTX *new_hmac(const char *digest)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	OSSL_PARAM settings[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
				 OSSL_PARAM_construct_end()};
	need(EVP_MAC_CTX_set_params(context, settings) == 1, "HMAC");
	EVP_MAC_free(mac);
	return context;
}

static void seal(struct bench *bench)
{
	writer_reset(&bench->token);
	need(token_seal(&bench->context, &bench->request, &bench->token, NULL) == 0, "sealing");
}

static void open_token(struct bench *bench)
{
	struct token_opened opened;
	struct token_text token = {bench->token.data, bench->token.length};
	need(token_open(&bench->context, &bench->key, bench->request.server_name, token, &opened, NULL) == 0,
	     "opening");
	token_open_done(&bench->context, &opened);
}

static void verify(struct bench *bench)
{
	need(stun_integrity_verify(bench->integrity, &bench->message, bench->integrity_type, octets, 20) == STUN_VALID,
	     "verifying");
}

static void bare_gcm_seal(struct bench *bench)
{
	int length;
	uint8_t output[64];
	EVP_CIPHER_CTX *cipher = bench->cipher;
	need(EVP_EncryptInit_ex(cipher, NULL, NULL, bench->key.octets, octets) == 1 &&
		     EVP_EncryptUpdate(cipher, NULL, &length, (const uint8_t *)server_name, sizeof server_name - 1) ==
			     1 &&
		     EVP_EncryptUpdate(cipher, output, &length, octets, PLAIN_LENGTH) == 1 &&
		     EVP_EncryptFinal_ex(cipher, &output[PLAIN_LENGTH], &length) == 1 &&
		     EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, &output[PLAIN_LENGTH]) == 1,
	     "OpenSSL");
}

static void bare_gcm_open(struct bench *bench)
{
	int length;
	uint8_t output[64], *body = &bench->token.data[14];
	EVP_CIPHER_CTX *cipher = bench->cipher;
	need(EVP_DecryptInit_ex(cipher, NULL, NULL, bench->key.octets, &bench->token.data[2]) == 1 &&
		     EVP_DecryptUpdate(cipher, NULL, &length, (const uint8_t *)server_name, sizeof server_name - 1) ==
			     1 &&
		     EVP_DecryptUpdate(cipher, output, &length, body, PLAIN_LENGTH) == 1 &&
		     EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, 16, &body[PLAIN_LENGTH]) == 1 &&
		     EVP_DecryptFinal_ex(cipher, output, &length) == 1,
	     "OpenSSL");
}

static void bare_mac(struct bench *bench, const uint8_t *s, size_t length, uint8_t mac[64])
{
	static const uint8_t al[8] = {0, 0, 0, 0, 0, 0, 0, (sizeof server_name - 1) * 8};
	size_t written;
	need(EVP_MAC_init(bench->mac, bench->key.octets, bench->key.algorithm->mac_key_length, NULL) == 1 &&
		     EVP_MAC_update(bench->mac, (const uint8_t *)server_name, sizeof server_name - 1) == 1 &&
		     EVP_MAC_update(bench->mac, s, length) == 1 && EVP_MAC_update(bench->mac, al, sizeof al) == 1 &&
		     EVP_MAC_final(bench->mac, mac, &written, 64) == 1,
	     "OpenSSL");
}

static void bare_cbc_seal(struct bench *bench)
{
	static const uint8_t zero[16];
	int first = 0, last = 0;
	uint8_t output[64], mac[64];
	const uint8_t *key = &bench->key.octets[bench->key.algorithm->mac_key_length];
	need(EVP_EncryptInit_ex(bench->cipher, NULL, NULL, key, zero) == 1 &&
		     EVP_EncryptUpdate(bench->cipher, output, &first, octets, PLAIN_LENGTH) == 1 &&
		     EVP_EncryptFinal_ex(bench->cipher, &output[first], &last) == 1,
	     "OpenSSL");
	bare_mac(bench, output, (size_t)first + (size_t)last, mac);
}

static void bare_cbc_open(struct bench *bench)
{
	static const uint8_t zero[16];
	int first = 0, last = 0;
	size_t tag = bench->key.algorithm->tag_length, length = bench->token.length - 2 - tag;
	uint8_t output[64], mac[64];
	const uint8_t *s = &bench->token.data[2], *key = &bench->key.octets[bench->key.algorithm->mac_key_length];
	bare_mac(bench, s, length, mac);
	need(CRYPTO_memcmp(mac, &s[length], tag) == 0 &&
		     EVP_DecryptInit_ex(bench->cipher, NULL, NULL, key, zero) == 1 &&
		     EVP_DecryptUpdate(bench->cipher, output, &first, s, (int)length) == 1 &&
		     EVP_DecryptFinal_ex(bench->cipher, &output[first], &last) == 1,
	     "OpenSSL");
}

// The length field already ends with the attribute, so one pass over the octets before it does.
static void bare_verify(struct bench *bench)
{
	size_t written;
	uint8_t mac[64];
	need(EVP_MAC_init(bench->mac, octets, 20, NULL) == 1 &&
		     EVP_MAC_update(bench->mac, bench->message.data, bench->signed_length) == 1 &&
		     EVP_MAC_final(bench->mac, mac, &written, sizeof mac) == 1 &&
		     CRYPTO_memcmp(mac, &bench->message.data[bench->signed_length + 4], written) == 0,
	     "OpenSSL");
}

static double calls_per_second(void (*call)(struct bench *bench), struct bench *bench)
{
	struct timespec from, to;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int i = 0; i < ROUND_CALLS; i++)
		call(bench);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return ROUND_CALLS / ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, compare);
	return values[ROUNDS / 2];
}

static void report(const char *name, struct bench *bench, void (*own)(struct bench *), void (*bare)(struct bench *))
{
	double owns[ROUNDS], bares[ROUNDS], shares[ROUNDS];
	calls_per_second(own, bench);
	calls_per_second(bare, bench);
	for (int i = 0; i < ROUNDS; i++) {
		owns[i] = calls_per_second(own, bench);
		bares[i] = calls_per_second(bare, bench);
		shares[i] = owns[i] / bares[i];
	}
	printf("%-34s %9.0f /s  bare OpenSSL %9.0f /s  %3.0f %%\n", name, median(owns), median(bares),
	       100 * median(shares));
}

static void bench_tokens(struct bench *bench, const char *algorithm)
{
	char name[64];
	const struct token_algorithm *found = token_algorithm_find(algorithm, strlen(algorithm), NULL);
	need(found && token_key_set(&bench->key, found, octets, found->key_length, NULL) == 0, algorithm);
	bool gcm = found->kind == TOKEN_GCM;
	bench->request = (struct token_request){
		.key = &bench->key,
		.server_name = {server_name, sizeof server_name - 1},
		.plain = {.mac_key = octets, .mac_key_length = 20, .timestamp = 1700000000ull << 16, .lifetime = 600},
		.nonce = {gcm ? octets : NULL, found->nonce_length},
	};
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, found->cipher, NULL);
	bench->cipher = EVP_CIPHER_CTX_new();
	need(EVP_EncryptInit_ex(bench->cipher, cipher, NULL, NULL, NULL) == 1, algorithm);
	bench->mac = gcm ? NULL : new_hmac(found->digest);
	snprintf(name, sizeof name, "token seal %s", algorithm);
	report(name, bench, seal, gcm ? bare_gcm_seal : bare_cbc_seal);
	snprintf(name, sizeof name, "token open %s", algorithm);
	report(name, bench, open_token, gcm ? bare_gcm_open : bare_cbc_open);
	EVP_CIPHER_CTX_free(bench->cipher);
	EVP_CIPHER_free(cipher);
	EVP_MAC_CTX_free(bench->mac);
}

static void put_attribute(struct writer *writer, uint16_t type, const void *value, size_t length)
{
	writer_u16(writer, type);
	writer_u16(writer, (uint16_t)length);
	writer_bytes(writer, value, length);
	writer_fill(writer, 0, (4 - length % 4) % 4);
}

// An Allocate request as a client with a token sends it.
static void bench_verify(struct bench *bench, uint16_t type, size_t size, const char *digest, const char *name)
{
	uint8_t mac[STUN_INTEGRITY_LIMIT];
	struct writer writer;
	writer_init(&writer, 4096);
	writer_u16(&writer, 0x0003);
	writer_u16(&writer, 0);
	writer_u32(&writer, STUN_MAGIC_COOKIE);
	writer_bytes(&writer, octets, STUN_TRANSACTION_SIZE);
	put_attribute(&writer, 0x0019, "\x11\0\0", 4);     // REQUESTED-TRANSPORT
	put_attribute(&writer, 0x0006, octets, 16);        // USERNAME
	put_attribute(&writer, 0x0014, "example.org", 11); // REALM
	put_attribute(&writer, 0x0015, octets, 32);        // NONCE
	put_attribute(&writer, 0x001b, octets, 64);        // ACCESS-TOKEN
	bench->signed_length = writer.length;
	bench->integrity_type = type;
	writer_patch_u16(&writer, 2, (uint16_t)(writer.length - STUN_HEADER_SIZE + 4 + size));
	need(stun_integrity_compute(bench->integrity, type, octets, 20, writer.data, writer.length, size, mac, NULL) ==
		     0,
	     "signing");
	put_attribute(&writer, type, mac, size);
	need(stun_message_parse(&bench->message, writer.data, writer.length, NULL) == 0, "parsing");
	bench->mac = new_hmac(digest);
	report(name, bench, verify, bare_verify);
	EVP_MAC_CTX_free(bench->mac);
	writer_free(&writer);
}

int main(void)
{
	struct bench bench = {.integrity = stun_integrity_new(NULL)};
	need(bench.integrity, "HMAC");
	token_context_init(&bench.context);
	writer_init(&bench.token, TOKEN_LIMIT);
	bench_tokens(&bench, "A256GCM");
	bench_tokens(&bench, "A128GCM");
	bench_tokens(&bench, "A256CBC-HS512");
	bench_verify(&bench, 0x0008, STUN_INTEGRITY_SIZE, "SHA1", "message verify MESSAGE-INTEGRITY");
	bench_verify(&bench, 0x001c, STUN_INTEGRITY_SHA256_SIZE, "SHA256", "message verify ... SHA256");
	stun_message_free(&bench.message);
	stun_integrity_free(bench.integrity);
	token_context_free(&bench.context);
	writer_free(&bench.token);
	return 0;
}
