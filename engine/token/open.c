// SPDX-License-Identifier: BSD-3-Clause
#include "token/open.h"

#include "base/bytes.h"
#include "base/error.h"
#include "token/cbc.h"
#include "token/seal.h"

#include <openssl/crypto.h>

static struct token_text part(struct token_text token, struct token_part place)
{
	struct reader reader;
	reader_init(&reader, token.data, token.length);
	reader_bytes(&reader, place.offset);
	return (struct token_text){reader_bytes(&reader, place.length), place.length};
}

static int open_gcm(struct token_context *context, const struct token_key *key, struct token_text server_name,
		    struct token_text token, struct token_opened *opened, struct error *error)
{
	if (token_layout(&opened->layout, key->algorithm, token.data, token.length, error) < 0)
		return -1;
	opened->form = TOKEN_FORM_GCM;
	opened->nonce = part(token, opened->layout.nonce);
	struct token_text ciphertext = part(token, opened->layout.ciphertext), tag = part(token, opened->layout.tag);
	uint8_t *plaintext = writer_reserve(&context->scratch, ciphertext.length);
	if (!plaintext)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	if (token_gcm_decrypt(context, key, opened->nonce, server_name, ciphertext, tag.data, plaintext, error) < 0) {
		if (error && error->code == ERROR_NOT_AUTHENTIC)
			error->offset = opened->layout.tag.offset;
		return -1;
	}
	return 0;
}

// 1 when T fits the form, 0 when it does not, -1 with *error filled when it could not be computed.
static int fits(struct token_context *context, const struct token_key *key, const struct token_halves *halves,
		enum token_form form, struct token_text a, struct token_text token, const struct token_opened *opened,
		struct error *error)
{
	static const uint8_t zero[TOKEN_BLOCK];
	uint8_t bits[8], mac[TOKEN_TAG_LIMIT];
	struct token_text s = part(token, opened->layout.ciphertext), t = part(token, opened->layout.tag);
	struct token_text vector = {0}, al = {bits, sizeof bits};
	token_seal_al(bits, a.length);
	if (form == TOKEN_FORM_F3)
		vector = opened->nonce;
	else if (form == TOKEN_FORM_F2)
		vector = (struct token_text){zero, sizeof zero};
	const struct token_text texts[] = {a, vector, s, al}, draft[] = {s, a};
	bool f4 = form == TOKEN_FORM_F4;
	if (token_cbc_mac(context, key->algorithm, halves, f4 ? draft : texts, f4 ? 2 : 4, mac, error) < 0)
		return -1;
	return CRYPTO_memcmp(mac, t.data, t.length) == 0;
}

// Settles opened->form and the keys. The forms with nonce_length come first: they are the RFC's.
static int find_form(struct token_context *context, const struct token_key *key, struct token_text server_name,
		     struct token_text token, struct token_opened *opened, struct token_halves *halves,
		     struct error *error)
{
	struct error first = {0};
	int structure = token_layout(&opened->layout, key->algorithm, token.data, token.length, &first);
	size_t nonce_length = opened->layout.nonce.length;
	token_cbc_split(halves, key);
	if (structure == 0 && (nonce_length == 0 || nonce_length == TOKEN_BLOCK)) {
		const enum token_form forms[2][2] = {{TOKEN_FORM_F1, TOKEN_FORM_F2},
						     {TOKEN_FORM_F3, TOKEN_FORM_F3_BARE}};
		opened->nonce = part(token, opened->layout.nonce);
		for (size_t i = 0; i < 2; i++) {
			opened->form = forms[nonce_length != 0][i];
			int fit = fits(context, key, halves, opened->form, server_name, token, opened, error);
			if (fit)
				return fit < 0 ? -1 : 0;
		}
		error_set(&first, ERROR_NOT_AUTHENTIC, opened->layout.tag.offset,
			  "T does not fit: another key, another server name, or altered octets");
	} else if (structure == 0) {
		error_set(&first, ERROR_MALFORMED, 0,
			  "nonce_length says %zu octets; expected 0 (vector zero, RFC 7635 6.2) or 16 (the vector)",
			  nonce_length);
	}
	if (token_layout_bare(&opened->layout, key->algorithm, token.length, NULL) == 0) {
		opened->form = TOKEN_FORM_F4;
		opened->nonce = (struct token_text){0};
		if (token_cbc_derive(halves, key, error) < 0)
			return -1;
		int fit = fits(context, key, halves, TOKEN_FORM_F4, server_name, token, opened, error);
		if (fit)
			return fit < 0 ? -1 : 0;
	}
	if (error)
		*error = first;
	return -1;
}

static int open_cbc(struct token_context *context, const struct token_key *key, struct token_text server_name,
		    struct token_text token, struct token_opened *opened, struct error *error)
{
	static const uint8_t zero[TOKEN_BLOCK];
	struct token_halves halves;
	int outcome = find_form(context, key, server_name, token, opened, &halves, error);
	if (outcome < 0)
		goto done;
	outcome = -1;
	struct token_text ciphertext = part(token, opened->layout.ciphertext);
	uint8_t *plaintext = writer_reserve(&context->scratch, ciphertext.length);
	if (!plaintext) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		goto done;
	}
	size_t length;
	if (token_cbc_decrypt(context, key->algorithm, &halves, opened->nonce.length ? opened->nonce.data : zero,
			      ciphertext, plaintext, &length, error) < 0) {
		if (error && error->code == ERROR_MALFORMED)
			error->offset = opened->layout.tag.offset - TOKEN_BLOCK;
		goto done;
	}
	OPENSSL_cleanse(&plaintext[length], ciphertext.length - length);
	context->scratch.length = length;
	outcome = 0;
done:
	token_cbc_wipe(&halves);
	return outcome;
}

int token_open(struct token_context *context, const struct token_key *key, struct token_text server_name,
	       struct token_text token, struct token_opened *opened, struct error *error)
{
	struct writer *scratch = &context->scratch;
	*opened = (struct token_opened){0};
	if (token.length > TOKEN_LIMIT || server_name.length > TOKEN_LIMIT)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "%s of %zu octets; a STUN attribute holds %d at most",
				 token.length > TOKEN_LIMIT ? "a token" : "a server name",
				 token.length > TOKEN_LIMIT ? token.length : server_name.length, TOKEN_LIMIT);
	int outcome = key->algorithm->kind == TOKEN_GCM ? open_gcm(context, key, server_name, token, opened, error)
							: open_cbc(context, key, server_name, token, opened, error);
	if (outcome == 0 && token_plain_decode(&opened->plain, scratch->data, scratch->length, error) < 0) {
		if (error)
			error->offset += opened->layout.ciphertext.offset;
		outcome = -1;
	}
	if (outcome < 0)
		token_open_done(context, opened);
	return outcome;
}

void token_open_done(struct token_context *context, struct token_opened *opened)
{
	struct writer *scratch = &context->scratch;
	if (scratch->data)
		OPENSSL_cleanse(scratch->data, scratch->length);
	writer_reset(scratch);
	*opened = (struct token_opened){0};
}

const char *token_open_failure(enum error_code code)
{
	switch (code) {
	case ERROR_TRUNCATED:
		return "truncated";
	case ERROR_MALFORMED:
		return "malformed";
	case ERROR_NOT_AUTHENTIC:
		return "not-authentic";
	case ERROR_LIMIT:
		return "limit";
	default:
		return "other";
	}
}
