// SPDX-License-Identifier: BSD-3-Clause
//
// UDP endpoints. The socket is bound and never connected, so that an answer from an address or port that was not
// asked is received, and seen to be one. ICMP errors are read from the socket's error queue and told to the owner.
#ifndef ASSAY_NET_UDP_H
#define ASSAY_NET_UDP_H

#include "net/endpoint.h"

// An open endpoint that sends to `remote` (NULL: every sending names its destination), bound to `local` (NULL: the
// address from which the kernel routes to `remote`, any port; one of both must be given). Freed by endpoint_free.
// NULL with *error when the kernel refuses.
struct endpoint *udp_open(const struct address *remote, const struct address *local,
			  const struct endpoint_handler *handler, void *owner, struct error *error);

#endif
