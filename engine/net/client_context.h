// SPDX-License-Identifier: BSD-3-Clause
//
// The SSL_CTX that clients of the same settings share: to read the certificates that a system trusts takes longer than
// many handshakes, and would hold up everything else on the loop. The last few are kept; nothing of a session is.
#ifndef ASSAY_NET_CLIENT_CONTEXT_H
#define ASSAY_NET_CLIENT_CONTEXT_H

#include "net/secure.h"

// The context for these settings of a client, of TLS or DTLS: given back with SSL_CTX_free. A settings->ca that has
// changed on disk is read anew; what the system trusts is read once. NULL with *error that names the file which cannot
// be used.
SSL_CTX *client_context_get(const struct secure_settings *settings, bool datagrams, struct error *error);

#endif
