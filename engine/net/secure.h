// SPDX-License-Identifier: BSD-3-Clause
//
// What TLS (tls.c) and DTLS (dtls.c) have in common: the settings of a side, its SSL_CTX, one session with the secrets
// that decrypt a capture of it, and what to say of a handshake that failed. It knows no socket and no datagram.
#ifndef ASSAY_NET_SECURE_H
#define ASSAY_NET_SECURE_H

#include "base/bytes.h"
#include "net/endpoint.h"

#include <openssl/ssl.h>

// The version of TLS or DTLS: 1.2 or 1.3, of DTLS 1.2 alone.
enum secure_version { SECURE_ANY, SECURE_1_2, SECURE_1_3 };

struct secure_settings {
	const char *ca; // of a client: file of certificates (PEM) that it trusts, NULL for those of the system
	bool insecure;  // of a client: takes any certificate
	// Of a client: the name the certificate must have, and the server name indication; an IP address is no such
	// indication. NULL: the certificate must have the remote address.
	const char *server_name;
	const char *certificate, *key; // of a server: files (PEM), a chain and its private key
	enum secure_version minimum, maximum;
	double timeout; // seconds a handshake may take, with the connection before it
};

#define SECURE_TEXT 256

// What both kinds of endpoint begin with.
struct secure {
	struct endpoint endpoint;
	SSL *ssl;              // NULL once closed
	struct writer secrets; // lines as of SSLKEYLOGFILE
};

struct secure_facts {
	char version[32];       // "TLSv1.3", "DTLSv1.2"
	char cipher[64];        // "TLS_AES_256_GCM_SHA384"
	char peer[SECURE_TEXT]; // subject of the peer's certificate, "" without one
};

// A new SSL_CTX for a server or a client of TLS or DTLS, freed by SSL_CTX_free. NULL with *error that names the file
// which cannot be used. Clients get theirs from client_context.h, which need not be new.
SSL_CTX *secure_context(const struct secure_settings *settings, bool datagrams, bool server, struct error *error);

// Prepares a record whose endpoint is initialised: a session of its own, its secrets kept, the name to be verified set
// (client). -1 with *error.
int secure_init(struct secure *secure, SSL_CTX *context, const struct secure_settings *settings, bool server,
		struct error *error);

// Frees the session: in close; and the secrets, wiped: in release. Both are good on a zeroed record and again.
void secure_end(struct secure *secure);
void secure_release(struct secure *secure);

// The record of a TLS or DTLS endpoint, NULL for one of another kind.
struct secure *secure_of(struct endpoint *endpoint);

// What was agreed on. False before the end of the handshake and after endpoint_close.
bool secure_describe(const struct secure *secure, struct secure_facts *facts);

// Asks for fresh keys within the session: a handshake of TLS 1.2 or DTLS, a key update of TLS 1.3. What comes of it is
// seen when the session is read. -1 with *error when it is not open or OpenSSL refuses.
int secure_rekey(struct secure *secure, struct error *error);

// Why an SSL call failed with this result of SSL_get_error, from the error queue, which is emptied, and errno.
void secure_explain(const struct secure *secure, int outcome, const char *doing, char text[SECURE_TEXT]);

#endif
