// SPDX-License-Identifier: BSD-3-Clause
//
// Certificates for a day: a server that is started for a test needs one, and a private key has no place in a source
// tree. It makes no authority and no request; the certificate vouches for itself.
#ifndef ASSAY_NET_CERTIFICATE_H
#define ASSAY_NET_CERTIFICATE_H

#include "base/error.h"

// Writes a self-signed certificate with a new key on P-256, valid from an hour ago for a day, as two files in PEM: the
// certificate, which is also the CA file for its clients, and the private key, which only the owner may read. `names`
// are the `count` host names or IP addresses it is for; the first is its subject. -1 with *error, and then neither file
// is of use.
int certificate_make(const char *const *names, size_t count, const char *certificate_path, const char *key_path,
		     struct error *error);

#endif
