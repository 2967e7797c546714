// SPDX-License-Identifier: BSD-3-Clause
//
// Loaded before OpenSSL (LD_PRELOAD), it has every TLS and DTLS connection of a program write its secrets to the file
// that CAPTURE_KEYLOG names, in the form that Wireshark and assay read: turnserver has no option for it. For captures
// that tests look into, and for nothing else.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

static void write_line(const SSL *connection, const char *line)
{
	(void)connection;
	const char *path = getenv("CAPTURE_KEYLOG");
	FILE *file = path ? fopen(path, "a") : NULL;
	if (file) {
		fprintf(file, "%s\n", line);
		fclose(file);
	}
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *(*original)(const SSL_METHOD *) = (SSL_CTX * (*)(const SSL_METHOD *)) dlsym(RTLD_NEXT, "SSL_CTX_new");
	SSL_CTX *context = original ? original(method) : NULL;
	if (context)
		SSL_CTX_set_keylog_callback(context, write_line);
	return context;
}
