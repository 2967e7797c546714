// SPDX-License-Identifier: BSD-3-Clause
#include "net/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/asn1.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/assay-certificate-XXXXXX";
static char certificate_path[64], key_path[64];
static X509 *certificate;

static int make(void **state)
{
	(void)state;
	static const char *const names[] = {"turn.example.org", "127.0.0.1", "::1"};
	struct error error;
	if (!mkdtemp(folder))
		return -1;
	snprintf(certificate_path, sizeof certificate_path, "%s/certificate.pem", folder);
	snprintf(key_path, sizeof key_path, "%s/key.pem", folder);
	if (certificate_make(names, 3, certificate_path, key_path, &error) < 0)
		return -1;
	FILE *file = fopen(certificate_path, "r");
	certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	if (file)
		fclose(file);
	return certificate ? 0 : -1;
}

static int put_down(void **state)
{
	(void)state;
	X509_free(certificate);
	unlink(certificate_path);
	unlink(key_path);
	return rmdir(folder);
}

// OpenSSL reads any octet but zero as true; those who read DER by the letter do not.
static void writes_true_as_der_has_it(void **state)
{
	(void)state;
	static const unsigned char expected[] = {0x30, 0x03, 0x01, 0x01, 0xFF};
	int where = X509_get_ext_by_NID(certificate, NID_basic_constraints, -1);
	assert_true(where >= 0);
	X509_EXTENSION *extension = X509_get_ext(certificate, where);
	ASN1_OCTET_STRING *octets = X509_EXTENSION_get_data(extension);
	assert_true(X509_EXTENSION_get_critical(extension));
	assert_int_equal(ASN1_STRING_length(octets), sizeof expected);
	assert_memory_equal(ASN1_STRING_get0_data(octets), expected, sizeof expected);
}

static void is_for_its_names_and_no_others(void **state)
{
	(void)state;
	assert_int_equal(X509_check_host(certificate, "turn.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(certificate, "other.example.org", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
	assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.2", 0), 0);
}

static void vouches_for_itself_today(void **state)
{
	(void)state;
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	assert_int_equal(X509_verify(certificate, key), 1);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0);
}

static void hides_the_key_from_others(void **state)
{
	(void)state;
	struct stat found;
	assert_int_equal(stat(key_path, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0600);
}

static void says_which_file_cannot_be_written(void **state)
{
	(void)state;
	static const char *const names[] = {"127.0.0.1"};
	struct error error;
	assert_int_equal(certificate_make(names, 1, "/nowhere/certificate.pem", key_path, &error), -1);
	assert_non_null(strstr(error.text, "/nowhere/certificate.pem"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_true_as_der_has_it),         cmocka_unit_test(is_for_its_names_and_no_others),
		cmocka_unit_test(vouches_for_itself_today),          cmocka_unit_test(hides_the_key_from_others),
		cmocka_unit_test(says_which_file_cannot_be_written),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make, put_down);
}
