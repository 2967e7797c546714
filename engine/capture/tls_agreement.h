// SPDX-License-Identifier: BSD-3-Clause
//
// What a ClientHello and the ServerHello that answers it agree on, as far as records depend on it, and whether such
// records are decrypted here. For TLS and DTLS alike.
#ifndef ASSAY_CAPTURE_TLS_AGREEMENT_H
#define ASSAY_CAPTURE_TLS_AGREEMENT_H

#include "capture/tls_hello.h"
#include "capture/tls_secrets.h"
#include "capture/tls_suite.h"

enum { TLS_REASON = 240 }; // octets of a sentence with its terminating zero

// Zeroed: nothing was agreed on.
struct tls_agreement {
	bool made;
	uint16_t version, suite_number;
	const struct tls_suite *suite; // NULL when it is not known here
	uint8_t client_random[32], server_random[32];
	char problem[TLS_REASON]; // why its records cannot be read; "" when they can, given the secret
};

void tls_agreement_make(struct tls_agreement *agreement, const struct tls_hello *client, const struct tls_hello *server,
			bool dtls);

// Says that this secret is missing among those.
void tls_agreement_no_secret(const struct tls_agreement *agreement, const struct tls_secrets *secrets,
			     enum tls_label label, char text[TLS_REASON]);

#endif
