// SPDX-License-Identifier: BSD-3-Clause
//
// Two ends of OpenSSL that talk to each other in memory, for the tests of what reads them from outside: every write of
// either end is kept on a tape, and what they log of their secrets too.
#ifndef ASSAY_TESTS_TLS_PEERS_H
#define ASSAY_TESTS_TLS_PEERS_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TAPE_MOST 4096

struct tape_entry {
	int side; // 0 client, 1 server
	uint8_t *octets;
	size_t length;
};

struct peers {
	SSL_CTX *contexts[2];
	SSL *ends[2];
	struct tape_entry tape[TAPE_MOST];
	size_t count;
	uint8_t said[2][65536]; // application data, by side
	size_t said_length[2];
	bool dtls;
};

static char peers_log[65536]; // of all secrets since it was cleared

__attribute__((unused)) static void peers_keep(const SSL *ssl, const char *line)
{
	(void)ssl;
	size_t length = strlen(peers_log);
	snprintf(&peers_log[length], sizeof peers_log - length, "%s\n", line);
}

static void peers_certify(SSL_CTX *context, EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	assert_non_null(key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"peer", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
	X509_free(certificate);
}

static unsigned int peers_client_psk(SSL *ssl, const char *hint, char *identity, unsigned int room, unsigned char *psk,
				     unsigned int most)
{
	(void)ssl, (void)hint, (void)most;
	snprintf(identity, room, "peer");
	memset(psk, 0x35, 16);
	return 16;
}

static unsigned int peers_server_psk(SSL *ssl, const char *identity, unsigned char *psk, unsigned int most)
{
	(void)ssl, (void)identity, (void)most;
	memset(psk, 0x35, 16);
	return 16;
}

// Contexts of both ends; of an exact version (TLS1_2_VERSION, ..., 0: any).
static void peers_open(struct peers *peers, int version, bool dtls)
{
	static EVP_PKEY *rsa, *ec;
	if (!rsa) {
		rsa = EVP_RSA_gen(2048);
		ec = EVP_EC_gen("P-256");
	}
	*peers = (struct peers){.dtls = dtls};
	peers_log[0] = 0;
	for (int i = 0; i < 2; i++) {
		const SSL_METHOD *method = dtls ? DTLS_method() : TLS_method();
		SSL_CTX *context = peers->contexts[i] = SSL_CTX_new(method);
		assert_non_null(context);
		SSL_CTX_set_min_proto_version(context, version);
		SSL_CTX_set_max_proto_version(context, version);
		SSL_CTX_set_security_level(context, 0);
		if (i == 0)
			SSL_CTX_set_keylog_callback(context, peers_keep);
		SSL_CTX_set_read_ahead(context, dtls);
	}
	peers_certify(peers->contexts[1], rsa);
	peers_certify(peers->contexts[1], ec);
	SSL_CTX_set_dh_auto(peers->contexts[1], 1);
	SSL_CTX_set_session_id_context(peers->contexts[1], (const unsigned char *)"peers", 5);
}

// Fresh ends; what they say and send is forgotten.
static void peers_meet(struct peers *peers, SSL_SESSION *session)
{
	for (size_t i = 0; i < peers->count; i++)
		free(peers->tape[i].octets);
	peers->count = peers->said_length[0] = peers->said_length[1] = 0;
	for (int i = 0; i < 2; i++) {
		// A session that was not closed well is not resumed.
		if (peers->ends[i])
			SSL_set_shutdown(peers->ends[i], SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(peers->ends[i]);
		SSL *ssl = peers->ends[i] = SSL_new(peers->contexts[i]);
		SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
		BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
		if (peers->dtls) {
			SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
			SSL_set_mtu(ssl, 1400);
		}
		if (i)
			SSL_set_accept_state(ssl);
		else
			SSL_set_connect_state(ssl);
	}
	if (session)
		SSL_set_session(peers->ends[0], session);
}

__attribute__((unused)) static void peers_close(struct peers *peers)
{
	for (size_t i = 0; i < peers->count; i++)
		free(peers->tape[i].octets);
	for (int i = 0; i < 2; i++) {
		SSL_free(peers->ends[i]);
		SSL_CTX_free(peers->contexts[i]);
	}
	peers->count = 0;
}

static void peers_tape(struct peers *peers, int side, const uint8_t *octets, size_t length)
{
	assert_true(peers->count < TAPE_MOST);
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, octets, length);
	peers->tape[peers->count++] = (struct tape_entry){side, copy, length};
}

// Carries what one end has written to the other, and onto the tape: a stream at once, DTLS a record a datagram.
static bool peers_carry(struct peers *peers, int side)
{
	uint8_t octets[65536];
	int length = BIO_read(SSL_get_wbio(peers->ends[side]), octets, sizeof octets);
	if (length <= 0)
		return false;
	size_t from = 0, left = (size_t)length;
	while (left) {
		size_t part = peers->dtls ? 13u + (size_t)(octets[from + 11] << 8 | octets[from + 12]) : left;
		assert_true(part <= left);
		peers_tape(peers, side, &octets[from], part);
		from += part;
		left -= part;
	}
	BIO_write(SSL_get_rbio(peers->ends[1 - side]), octets, length);
	return true;
}

// Until both have nothing more to say. What they read is checked against what was said.
static void peers_settle(struct peers *peers)
{
	uint8_t octets[20000];
	bool moved = true;
	while (moved) {
		moved = false;
		for (int i = 0; i < 2; i++) {
			if (!SSL_is_init_finished(peers->ends[i]))
				SSL_do_handshake(peers->ends[i]);
			else
				while (SSL_read(peers->ends[i], octets, sizeof octets) > 0)
					;
			ERR_clear_error();
			moved |= peers_carry(peers, i);
		}
	}
}

__attribute__((unused)) static void peers_shake(struct peers *peers)
{
	peers_settle(peers);
	assert_true(SSL_is_init_finished(peers->ends[0]));
	assert_true(SSL_is_init_finished(peers->ends[1]));
}

__attribute__((unused)) static void peers_say(struct peers *peers, int side, size_t length)
{
	uint8_t *place = &peers->said[side][peers->said_length[side]];
	assert_true(length <= sizeof peers->said[side] - peers->said_length[side]);
	for (size_t i = 0; i < length; i++)
		place[i] = (uint8_t)(rand() >> 7);
	assert_int_equal(SSL_write(peers->ends[side], place, (int)length), (int)length);
	peers->said_length[side] += length;
	peers_settle(peers);
}

__attribute__((unused)) static void peers_talk(struct peers *peers)
{
	for (size_t i = 1; i < 5; i++) {
		peers_say(peers, 0, i * 37);
		peers_say(peers, 1, i * 150);
	}
}

__attribute__((unused)) static void peers_suite(struct peers *peers, const char *name)
{
	bool tls13 = strncmp(name, "TLS_", 4) == 0;
	for (int i = 0; i < 2; i++)
		assert_int_equal(tls13 ? SSL_CTX_set_ciphersuites(peers->contexts[i], name)
				       : SSL_CTX_set_cipher_list(peers->contexts[i], name),
				 1);
	if (strstr(name, "PSK")) {
		SSL_CTX_set_psk_client_callback(peers->contexts[0], peers_client_psk);
		SSL_CTX_set_psk_server_callback(peers->contexts[1], peers_server_psk);
	}
}

#endif
