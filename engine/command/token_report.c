// SPDX-License-Identifier: BSD-3-Clause
#include "command/token_report.h"

#include "base/bytes.h"
#include "token/base64.h"
#include "token/layout.h"
#include "token/timestamp.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DELTA 5 // seconds, RFC 7635 7

int token_complain(int status, const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(stderr, "assay token %s: ", command);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return status;
}

static json_t *hex(struct token_text octets)
{
	static const char digits[] = "0123456789abcdef";
	struct reader reader;
	struct writer text;
	reader_init(&reader, octets.data, octets.length);
	writer_init(&text, 4 * TOKEN_LIMIT);
	while (reader_left(&reader)) {
		uint8_t octet = reader_u8(&reader);
		writer_u8(&text, (uint8_t)digits[octet >> 4]);
		writer_u8(&text, (uint8_t)digits[octet & 15]);
	}
	json_t *json = json_stringn(text.data ? (char *)text.data : "", text.length);
	writer_free(&text);
	return json;
}

static json_t *base64(const void *data, size_t length)
{
	struct writer text;
	writer_init(&text, 2 * TOKEN_LIMIT);
	token_base64_encode(&text, data, length);
	json_t *json = json_stringn(text.data ? (char *)text.data : "", text.length);
	writer_free(&text);
	return json;
}

// Command lines need not be UTF-8, JSON has to be.
static json_t *printable(const char *octets, size_t length)
{
	json_t *json = json_stringn(octets, length);
	return json ? json : hex((struct token_text){octets, length});
}

static json_t *moment(uint64_t seconds)
{
	char text[TOKEN_TIMESTAMP_TEXT_LIMIT];
	token_timestamp_text(seconds, text);
	return json_string(text);
}

double token_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void remark_form(json_t *remarks, enum token_form form)
{
	static const char *const texts[TOKEN_FORMS] = {
		[TOKEN_FORM_F2] =
			"form F2: the MAC also covers a vector of 16 zero octets, which RFC 7635 6.2 leaves out",
		[TOKEN_FORM_F3] = "form F3: the vector stands as nonce and the MAC covers it, as RFC 7518 5.2 has it; "
				  "RFC 7635 6.2 has neither",
		[TOKEN_FORM_F3_BARE] =
			"form F3-bare: the vector stands as nonce and nothing protects it; RFC 7635 6.2 has none",
		[TOKEN_FORM_F4] = "form F4: no nonce_length, and keys from HKDF, as drafts of RFC 7635 had it",
	};
	if (texts[form])
		json_array_append_new(remarks, json_string(texts[form]));
}

static json_t *remarks_on(const struct token_report *about)
{
	json_t *remarks = json_array();
	const struct token_plain *plain = &about->plain;
	const struct token_algorithm *algorithm = about->key->key.algorithm;
	double age = token_now() - token_timestamp_time(plain->timestamp), limit = (double)plain->lifetime + DELTA;
	remark_form(remarks, about->form);
	if (about->form == TOKEN_FORM_GCM && about->nonce.length != algorithm->nonce_length)
		json_array_append_new(remarks, json_sprintf("the nonce has %zu octets; RFC 5116 has %zu",
							    about->nonce.length, algorithm->nonce_length));
	if (plain->key_length != plain->mac_key_length)
		json_array_append_new(
			remarks, json_sprintf("key_length is wrong: mac_key has %zu octets", plain->mac_key_length));
	else if (plain->mac_key_length != TOKEN_MAC_KEY_LENGTH)
		json_array_append_new(remarks,
				      json_sprintf("mac_key has %zu octets; 20 (160 bits) is the length that all "
						   "have to support",
						   plain->mac_key_length));
	if (token_timestamp_fraction(plain->timestamp) >= TOKEN_FRACTIONS)
		json_array_append_new(remarks,
				      json_string("fraction counts 1/64000 s, so 63999 is the largest with a meaning"));
	if (plain->extra_length)
		json_array_append_new(remarks,
				      json_sprintf("%zu octets stand behind lifetime, where RFC 7635 6.2 has none",
						   plain->extra_length));
	if (plain->lifetime == 0)
		json_array_append_new(remarks, json_string("lifetime is 0, which is not unlimited (RFC 7635 7)"));
	if (age >= limit)
		json_array_append_new(remarks, json_string("expired: lifetime and 5 s more have passed"));
	else if (-age >= limit)
		json_array_append_new(remarks,
				      json_string("from the future: timestamp is ahead by more than lifetime and 5 s"));
	if (about->remark)
		json_array_append_new(remarks, json_string(about->remark));
	return remarks;
}

int token_report_print(const char *command, const struct token_report *about)
{
	const struct token_plain *plain = &about->plain;
	uint64_t seconds = token_timestamp_seconds(plain->timestamp);
	json_t *json = json_object();
	if (about->token)
		json_object_set_new(json, "token", json_string(about->token));
	json_object_set_new(json, "form", json_string(token_form_name(about->form)));
	json_object_set_new(json, "kid", printable(about->key->kid, about->key->kid_length));
	json_object_set_new(json, "algorithm", json_string(about->key->key.algorithm->name));
	json_object_set_new(json, "nonce", hex(about->nonce));
	json_object_set_new(json, "key_length", json_integer(plain->key_length));
	// JSON integers of jansson and of many others end at 2^63 - 1.
	json_object_set_new(json, "timestamp",
			    plain->timestamp <= INT64_MAX ? json_integer((json_int_t)plain->timestamp)
							  : json_sprintf("%llu", (unsigned long long)plain->timestamp));
	json_object_set_new(json, "issued", moment(seconds));
	json_object_set_new(json, "seconds", json_integer((json_int_t)seconds));
	json_object_set_new(json, "fraction", json_integer(token_timestamp_fraction(plain->timestamp)));
	json_object_set_new(json, "lifetime", json_integer(plain->lifetime));
	json_object_set_new(json, "expires", moment(seconds + plain->lifetime));
	json_object_set_new(json, "extra", hex((struct token_text){plain->extra, plain->extra_length}));
	json_object_set_new(json, "mac_key",
			    about->with_secrets ? base64(plain->mac_key, plain->mac_key_length)
						: json_string("(hidden)"));
	json_object_set_new(json, "remarks", remarks_on(about));
	char *text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	if (!text)
		return token_complain(TOKEN_STATUS_OUTPUT, command, "out of memory");
	errno = 0;
	bool written = fputs(text, stdout) >= 0 && fputc('\n', stdout) >= 0 && fflush(stdout) == 0 && !ferror(stdout);
	int reason = errno;
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return written ? TOKEN_STATUS_OK
		       : token_complain(TOKEN_STATUS_OUTPUT, command, "cannot write to stdout: %s", strerror(reason));
}
