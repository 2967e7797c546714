// SPDX-License-Identifier: BSD-3-Clause
#include "net/secure.h"

#include "net/dtls.h"
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define SECRETS_MOST 65536 // octets: a handful of lines a handshake, and nothing makes more than a few of them

// The reason of the oldest error of OpenSSL's queue, which is emptied.
static void take_reason(char *text, size_t size)
{
	const char *data = NULL;
	int flags = 0;
	unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	const char *reason = ERR_reason_error_string(code);
	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	snprintf(text, size, "%s", reason ? reason : "no reason given");
	ERR_clear_error();
}

static int refuse(struct error *error, const char *what, const char *path)
{
	char reason[128];
	take_reason(reason, sizeof reason);
	return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "%s %s: %s", what, path, reason);
}

static void keep_secret(const SSL *ssl, const char *line)
{
	struct secure *secure = SSL_get_app_data(ssl);
	if (!secure)
		return;
	writer_bytes(&secure->secrets, line, strlen(line));
	writer_u8(&secure->secrets, '\n');
}

static int version_number(enum secure_version version, bool datagrams)
{
	static const int numbers[] = {[SECURE_ANY] = 0, [SECURE_1_2] = TLS1_2_VERSION, [SECURE_1_3] = TLS1_3_VERSION};
	if (datagrams)
		return version == SECURE_ANY ? 0 : DTLS1_2_VERSION;
	return numbers[version];
}

static int load_server_files(SSL_CTX *context, const struct secure_settings *settings, struct error *error)
{
	if (SSL_CTX_use_certificate_chain_file(context, settings->certificate) != 1)
		return refuse(error, "the certificate", settings->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, settings->key, SSL_FILETYPE_PEM) != 1)
		return refuse(error, "the private key", settings->key);
	if (SSL_CTX_check_private_key(context) != 1)
		return refuse(error, "the private key does not belong to the certificate", settings->certificate);
	return 0;
}

static int load_trust(SSL_CTX *context, const struct secure_settings *settings, struct error *error)
{
	SSL_CTX_set_verify(context, settings->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (settings->insecure)
		return 0;
	if (settings->ca && SSL_CTX_load_verify_file(context, settings->ca) != 1)
		return refuse(error, "the CA file", settings->ca);
	if (!settings->ca && SSL_CTX_set_default_verify_paths(context) != 1)
		return refuse(error, "the certificates that the system trusts", "");
	return 0;
}

SSL_CTX *secure_context(const struct secure_settings *settings, bool datagrams, bool server, struct error *error)
{
	const SSL_METHOD *method = datagrams ? (server ? DTLS_server_method() : DTLS_client_method())
					     : (server ? TLS_server_method() : TLS_client_method());
	int least = settings->minimum ? version_number(settings->minimum, datagrams)
				      : version_number(SECURE_1_2, datagrams);
	if (datagrams && settings->minimum == SECURE_1_3) {
		error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "DTLS is spoken in version 1.2 only");
		return NULL;
	}
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(method);
	if (!context) {
		refuse(error, "no TLS:", "");
		return NULL;
	}
	// The end of a connection without close_notify is an end. No renegotiation, so that only reads wait for reads.
	// No tickets: a session that is resumed leaves no certificate and no complete handshake in a capture.
	SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					     SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_keylog_callback(context, keep_secret);
	if (SSL_CTX_set_min_proto_version(context, least) != 1 ||
	    SSL_CTX_set_max_proto_version(context, version_number(settings->maximum, datagrams)) != 1) {
		refuse(error, "no such version:", "");
		goto failed;
	}
	if ((server ? load_server_files(context, settings, error) : load_trust(context, settings, error)) == 0)
		return context;
failed:
	SSL_CTX_free(context);
	return NULL;
}

static int expect_name(SSL *ssl, const struct endpoint *endpoint, const struct secure_settings *settings)
{
	char text[ADDRESS_TEXT];
	const char *name = settings->server_name;
	struct address numeric;
	X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
	if (!name)
		name = address_text(&endpoint->remote, text);
	if (address_parse(&numeric, name, 0, NULL) == 0)
		return X509_VERIFY_PARAM_set1_ip_asc(parameters, name);
	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

int secure_init(struct secure *secure, SSL_CTX *context, const struct secure_settings *settings, bool server,
		struct error *error)
{
	writer_init(&secure->secrets, SECRETS_MOST);
	ERR_clear_error();
	secure->ssl = SSL_new(context);
	if (!secure->ssl || SSL_set_app_data(secure->ssl, secure) != 1)
		return refuse(error, "no TLS session:", "");
	if (server)
		SSL_set_accept_state(secure->ssl);
	else
		SSL_set_connect_state(secure->ssl);
	if (!server && expect_name(secure->ssl, &secure->endpoint, settings) != 1)
		return refuse(error, "no certificate can be expected for",
			      settings->server_name ? settings->server_name : "this address");
	return 0;
}

void secure_end(struct secure *secure)
{
	SSL_free(secure->ssl);
	secure->ssl = NULL;
}

void secure_release(struct secure *secure)
{
	secure_end(secure);
	writer_free(&secure->secrets);
}

struct secure *secure_of(struct endpoint *endpoint)
{
	bool is_secure = endpoint->kind == &tls_kind || endpoint->kind == &dtls_kind;
	return is_secure ? (struct secure *)endpoint : NULL;
}

bool secure_describe(const struct secure *secure, struct secure_facts *facts)
{
	*facts = (struct secure_facts){0};
	if (!secure->ssl || !SSL_is_init_finished(secure->ssl))
		return false;
	snprintf(facts->version, sizeof facts->version, "%s", SSL_get_version(secure->ssl));
	snprintf(facts->cipher, sizeof facts->cipher, "%s", SSL_get_cipher_name(secure->ssl));
	X509 *certificate = SSL_get0_peer_certificate(secure->ssl);
	if (certificate)
		X509_NAME_oneline(X509_get_subject_name(certificate), facts->peer, sizeof facts->peer);
	return true;
}

int secure_rekey(struct secure *secure, struct error *error)
{
	char reason[SECURE_TEXT];
	if (!secure->ssl || !SSL_is_init_finished(secure->ssl) || secure->endpoint.state != ENDPOINT_OPEN)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "the session is not open");
	ERR_clear_error();
	errno = 0;
	SSL_clear_options(secure->ssl, SSL_OP_NO_RENEGOTIATION);
	int done = SSL_version(secure->ssl) == TLS1_3_VERSION ? SSL_key_update(secure->ssl, SSL_KEY_UPDATE_REQUESTED)
							      : SSL_renegotiate(secure->ssl);
	if (done == 1)
		done = SSL_do_handshake(secure->ssl);
	int outcome = SSL_get_error(secure->ssl, done);
	if (done == 1 || outcome == SSL_ERROR_WANT_READ || outcome == SSL_ERROR_WANT_WRITE)
		return 0;
	secure_explain(secure, outcome, "fresh keys", reason);
	return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "%s", reason);
}

void secure_explain(const struct secure *secure, int outcome, const char *doing, char text[SECURE_TEXT])
{
	int number = errno;
	char reason[128] = "the peer closed the connection";
	long verified = SSL_get_verify_result(secure->ssl);
	bool refused = ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK;
	if (outcome == SSL_ERROR_SSL || ERR_peek_error())
		take_reason(reason, sizeof reason);
	else if (outcome == SSL_ERROR_SYSCALL && number)
		snprintf(reason, sizeof reason, "%s", strerror(number));
	if (refused)
		snprintf(text, SECURE_TEXT, "%s: the certificate is not trusted: %s", doing,
			 X509_verify_cert_error_string(verified));
	else
		snprintf(text, SECURE_TEXT, "%s: %s", doing, reason);
	ERR_clear_error();
}
