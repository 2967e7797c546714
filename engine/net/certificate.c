// SPDX-License-Identifier: BSD-3-Clause
#include "net/certificate.h"

#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKDATED 3600 // seconds: clocks differ
#define VALID 86400

static bool add_name(GENERAL_NAMES *list, const char *name)
{
	struct address numeric;
	bool is_address = address_parse(&numeric, name, 0, NULL) == 0;
	GENERAL_NAME *entry = a2i_GENERAL_NAME(NULL, NULL, NULL, is_address ? GEN_IPADD : GEN_DNS, name, 0);
	if (entry && sk_GENERAL_NAME_push(list, entry) > 0)
		return true;
	GENERAL_NAME_free(entry);
	return false;
}

static bool add_names(X509 *certificate, const char *const *names, size_t count)
{
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	bool done = list != NULL;
	for (size_t i = 0; i < count && done; i++)
		done = add_name(list, names[i]);
	done = done && X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(list);
	return done;
}

static bool set_subject(X509 *certificate, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1;
}

static bool set_serial(X509 *certificate)
{
	uint64_t serial = 0;
	return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1;
}

static bool set_basics(X509 *certificate)
{
	// The octet goes out as it stands, and DER knows one TRUE only (X.690, 11.1): Go, for one, refuses any other.
	BASIC_CONSTRAINTS constraints = {.ca = 0xFF};
	return X509_add1_ext_i2d(certificate, NID_basic_constraints, &constraints, 1, X509V3_ADD_DEFAULT) == 1;
}

static X509 *fill(EVP_PKEY *key, const char *const *names, size_t count)
{
	X509 *certificate = X509_new();
	if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED) &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), VALID) && X509_set_pubkey(certificate, key) == 1 &&
	    set_subject(certificate, names[0]) && set_basics(certificate) && add_names(certificate, names, count) &&
	    X509_sign(certificate, key, EVP_sha256()) > 0)
		return certificate;
	X509_free(certificate);
	return NULL;
}

static FILE *create(const char *path, mode_t mode, struct error *error)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	FILE *stream = file < 0 ? NULL : fdopen(file, "w");
	if (stream && fchmod(file, mode) == 0)
		return stream;
	error_set_errno(error, "%s cannot be written", path);
	if (stream)
		fclose(stream);
	else if (file >= 0)
		close(file);
	return NULL;
}

static int finish(FILE *stream, int written, const char *path, struct error *error)
{
	if (fclose(stream) == 0 && written == 1)
		return 0;
	return error_set_errno(error, "%s cannot be written", path);
}

int certificate_make(const char *const *names, size_t count, const char *certificate_path, const char *key_path,
		     struct error *error)
{
	int outcome = -1;
	FILE *stream;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? fill(key, names, count) : NULL;
	if (!certificate) {
		error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "no certificate can be made for %s: %s", names[0],
			  ERR_reason_error_string(ERR_peek_last_error()));
		goto done;
	}
	stream = create(key_path, 0600, error);
	if (!stream ||
	    finish(stream, PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL), key_path, error) < 0)
		goto done;
	stream = create(certificate_path, 0644, error);
	if (!stream || finish(stream, PEM_write_X509(stream, certificate), certificate_path, error) < 0)
		goto done;
	outcome = 0;
done:
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return outcome;
}
