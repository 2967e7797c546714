// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of TLS and DTLS share: certificates of their own, settings of both sides.
#ifndef ASSAY_TESTS_UNIT_NET_SECURE_H
#define ASSAY_TESTS_UNIT_NET_SECURE_H

#include "harness.h"
#include "net/certificate.h"
#include "net/secure.h"

#include <stdio.h>

static char folder[] = "/tmp/assay-unit-XXXXXX";
static char certificate_path[64], key_path[64], other_path[64], other_key[64];

static inline int make_files(void **state)
{
	static const char *const names[] = {"stun.example.org", "127.0.0.1", "::1"};
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", folder);
	snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
	snprintf(other_path, sizeof other_path, "%s/other.pem", folder);
	snprintf(other_key, sizeof other_key, "%s/other-key.pem", folder);
	assert_int_equal(certificate_make(names, 3, certificate_path, key_path, NULL), 0);
	assert_int_equal(certificate_make(names, 1, other_path, other_key, NULL), 0);
	return 0;
}

static inline int remove_files(void **state)
{
	(void)state;
	unlink(certificate_path);
	unlink(key_path);
	unlink(other_path);
	unlink(other_key);
	return rmdir(folder);
}

static inline struct secure_settings server_settings(void)
{
	return (struct secure_settings){.certificate = certificate_path, .key = key_path, .timeout = 2};
}

static inline struct secure_settings client_settings(void)
{
	return (struct secure_settings){.ca = certificate_path, .timeout = 2};
}

// The other side's endpoint of a test.
static struct endpoint *there;
static unsigned ready;

static inline void note_ready(void *owner)
{
	(void)owner;
	ready++;
}

static void ignore_change(void *owner)
{
	(void)owner;
}

static const struct endpoint_handler ignoring = {NULL, ignore_change};

static inline int begin_secure(void **state)
{
	there = NULL;
	ready = 0;
	return begin(state);
}

static inline int end_secure(void **state)
{
	endpoint_free(there);
	there = NULL;
	return end(state);
}

static inline bool holds(const struct writer *secrets, const char *label)
{
	return secrets->data && memmem(secrets->data, secrets->length, label, strlen(label)) != NULL;
}

#endif
