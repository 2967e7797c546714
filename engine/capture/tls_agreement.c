// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_agreement.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 8 // octets of a client random

static void find_problem(struct tls_agreement *agreement, const struct tls_hello *client,
			 const struct tls_hello *server, bool dtls)
{
	const char *readable = dtls ? "DTLS 1.2 is" : "TLS 1.2 and 1.3 are";
	bool tls13 = server->version == TLS_VERSION_1_3;
	bool known = dtls ? server->version == TLS_VERSION_DTLS_1_2 : tls13 || server->version == TLS_VERSION_1_2;
	char *problem = agreement->problem;
	size_t room = sizeof agreement->problem;
	if (!known)
		snprintf(problem, room, "the version is 0x%04X (%s), and only %s decrypted", server->version,
			 tls_hello_version(server->version), readable);
	else if (!agreement->suite)
		snprintf(problem, room, "cipher suite 0x%04X is not known here", server->suite);
	else if (agreement->suite->mode == TLS_MODE_OTHER)
		snprintf(problem, room, "cipher suite %s is not an AEAD suite", agreement->suite->name);
	else if (agreement->suite->tls13 != tls13)
		snprintf(problem, room, "cipher suite %s is none of %s", agreement->suite->name,
			 tls_hello_version(server->version));
	else if (server->compression)
		snprintf(problem, room, "records are compressed (method %u)", server->compression);
	else if (dtls && client->connection_id && server->connection_id)
		snprintf(problem, room, "records carry connection ids (RFC 9146), which are not followed");
}

void tls_agreement_make(struct tls_agreement *agreement, const struct tls_hello *client, const struct tls_hello *server,
			bool dtls)
{
	*agreement = (struct tls_agreement){
		.made = true,
		.version = server->version,
		.suite_number = server->suite,
		.suite = tls_suite_find(server->suite),
	};
	memcpy(agreement->client_random, client->random, sizeof agreement->client_random);
	memcpy(agreement->server_random, server->random, sizeof agreement->server_random);
	find_problem(agreement, client, server, dtls);
}

void tls_agreement_no_secret(const struct tls_agreement *agreement, const struct tls_secrets *secrets,
			     enum tls_label label, char text[TLS_REASON])
{
	char random[2 * SHOWN + 1];
	for (size_t i = 0; i < SHOWN; i++)
		snprintf(&random[2 * i], 3, "%02x", agreement->client_random[i]);
	if (tls_secrets_left_out(secrets))
		snprintf(text, TLS_REASON,
			 "no secret (%s) for client random %s... among the first %zu of the capture and the key logs, "
			 "and no more are kept",
			 tls_secrets_label(label), random, tls_secrets_number(secrets));
	else
		snprintf(text, TLS_REASON, "no secret (%s) for client random %s... in the capture or a key log",
			 tls_secrets_label(label), random);
}
