// SPDX-License-Identifier: BSD-3-Clause
//
// The contexts of clients: those of the same settings are one, those of others never, and no trust is kept that was
// taken back.
#include "net/client_context.h"

#include "secure.h"

static SSL_CTX *get(const struct secure_settings *settings, bool datagrams)
{
	struct error error;
	SSL_CTX *context = client_context_get(settings, datagrams, &error);
	if (!context)
		fail_msg("%s", error.text);
	return context;
}

// That context, which is given back: only whether it is the same counts.
static const void *identity(const struct secure_settings *settings, bool datagrams)
{
	SSL_CTX *context = get(settings, datagrams);
	SSL_CTX_free(context);
	return context;
}

static void is_shared_by_clients_of_the_same_settings(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings();
	SSL_CTX *first = get(&settings, false);
	settings.timeout = 7;
	settings.server_name = "stun.example.org";
	assert_ptr_equal(identity(&settings, false), first);
	SSL_CTX_free(first);
	assert_ptr_equal(identity(&settings, false), first);
}

static void differs_with_every_setting_that_matters(void **state)
{
	(void)state;
	struct secure_settings settings = client_settings(), other[] = {settings, settings, settings, settings};
	other[0].insecure = true;
	other[1].minimum = SECURE_1_2;
	other[2].maximum = SECURE_1_2;
	other[3].ca = other_path;
	for (size_t i = 0; i < 4; i++) {
		SSL_CTX *first = get(&settings, false);
		assert_ptr_not_equal(identity(&other[i], false), first);
		SSL_CTX_free(first);
	}
	SSL_CTX *first = get(&settings, false);
	assert_ptr_not_equal(identity(&settings, true), first);
	SSL_CTX_free(first);
	// Neither names a file, and only one of them trusts everybody.
	struct secure_settings system = {.timeout = 2}, nobody = {.insecure = true};
	first = get(&nobody, false);
	assert_ptr_not_equal(identity(&system, false), first);
	assert_int_equal(SSL_CTX_get_verify_mode(first), SSL_VERIFY_NONE);
	SSL_CTX_free(first);
	first = get(&system, false);
	assert_int_equal(SSL_CTX_get_verify_mode(first), SSL_VERIFY_PEER);
	SSL_CTX_free(first);
}

static void forgets_none_that_is_in_use(void **state)
{
	(void)state;
	struct secure_settings settings = {.insecure = true};
	SSL_CTX *used = get(&settings, false);
	for (int round = 0; round < 20; round++) {
		struct secure_settings more = client_settings();
		more.ca = round & 1 ? other_path : certificate_path;
		more.minimum = (enum secure_version)(round / 2 % 3);
		identity(&more, false);
	}
	SSL *ssl = SSL_new(used);
	assert_non_null(ssl);
	SSL_free(ssl);
	SSL_CTX_free(used);
}

static int trusted(const SSL_CTX *context)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(context)));
}

static void write_certificates(const char *path, int count)
{
	char line[4096];
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	for (int i = 0; i < count; i++) {
		FILE *from = fopen(i ? other_path : certificate_path, "r");
		assert_non_null(from);
		while (fgets(line, sizeof line, from))
			fputs(line, to);
		fclose(from);
	}
	fclose(to);
}

static void reads_a_file_anew_that_was_written_anew(void **state)
{
	(void)state;
	char path[80];
	snprintf(path, sizeof path, "%s/changing.pem", folder);
	struct secure_settings settings = {.ca = path};
	for (int count = 1; count <= 2; count++) {
		write_certificates(path, count);
		SSL_CTX *context = get(&settings, false);
		assert_int_equal(trusted(context), count);
		assert_ptr_equal(identity(&settings, false), context);
		SSL_CTX_free(context);
	}
	unlink(path);
	struct error error;
	assert_null(client_context_get(&settings, false, &error));
	assert_non_null(strstr(error.text, path));
	settings.insecure = true; // then nobody asks for it
	identity(&settings, false);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_shared_by_clients_of_the_same_settings),
		cmocka_unit_test(differs_with_every_setting_that_matters),
		cmocka_unit_test(forgets_none_that_is_in_use),
		cmocka_unit_test(reads_a_file_anew_that_was_written_anew),
	};
	return cmocka_run_group_tests(tests, make_files, remove_files);
}
