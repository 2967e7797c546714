// SPDX-License-Identifier: BSD-3-Clause
#include "token/seal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "token/cbc.h"
#include "token/layout.h"

#include <openssl/crypto.h>

void token_seal_al(uint8_t al[8], size_t server_name_length)
{
	uint64_t bits = (uint64_t)server_name_length * 8;
	for (size_t i = 0; i < 8; i++)
		al[i] = (uint8_t)(bits >> (56 - 8 * i));
}

// The nonce that stands in the token: as given, none, or fresh octets in `room`.
static int choose_nonce(struct token_text *nonce, const struct token_request *request, enum token_form form,
			uint8_t room[TOKEN_BLOCK], struct error *error)
{
	bool f3 = form == TOKEN_FORM_F3 || form == TOKEN_FORM_F3_BARE;
	size_t length = f3 ? TOKEN_BLOCK : form == TOKEN_FORM_GCM ? request->key->algorithm->nonce_length : 0;
	*nonce = request->nonce;
	if (nonce->data) {
		if (f3 && nonce->length != length)
			return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
					 "form %s takes a nonce of 16 octets, its vector; this one has %zu",
					 token_form_name(form), nonce->length);
		if (form == TOKEN_FORM_F4)
			return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "form F4 has no nonce");
		return 0;
	}
	*nonce = (struct token_text){.data = room, .length = length};
	if (length && (!request->random || request->random(request->random_owner, room, length) < 0))
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "no random octets for the nonce");
	return 0;
}

static int seal_gcm(struct token_context *context, const struct token_request *request, struct token_text nonce,
		    struct token_text plaintext, struct writer *output, struct error *error)
{
	size_t tag_length = request->key->algorithm->tag_length;
	uint8_t *body = writer_reserve(output, plaintext.length + tag_length);
	if (!body)
		return 0;
	return token_gcm_encrypt(context, request->key, nonce, request->server_name, plaintext, body,
				 &body[plaintext.length], error);
}

static int seal_cbc(struct token_context *context, const struct token_request *request, enum token_form form,
		    struct token_text nonce, struct token_text plaintext, struct writer *output, struct error *error)
{
	static const uint8_t zero[TOKEN_BLOCK];
	const struct token_algorithm *algorithm = request->key->algorithm;
	struct token_text padding = request->cbc_padding, al = request->cbc_al;
	struct token_halves halves;
	uint8_t bits[8];
	int outcome = -1;
	if (!al.data) {
		token_seal_al(bits, request->server_name.length);
		al = (struct token_text){.data = bits, .length = sizeof bits};
	}
	if (form == TOKEN_FORM_F4) {
		if (token_cbc_derive(&halves, request->key, error) < 0)
			goto done;
	} else {
		token_cbc_split(&halves, request->key);
	}
	size_t length = padding.data ? plaintext.length + padding.length : token_cbc_length(plaintext.length);
	uint8_t *body = writer_reserve(output, length + algorithm->tag_length);
	if (!body) {
		outcome = 0;
		goto done;
	}
	bool f3 = form == TOKEN_FORM_F3 || form == TOKEN_FORM_F3_BARE;
	if (token_cbc_encrypt(context, algorithm, &halves, f3 ? nonce.data : zero, plaintext, padding, body, error) < 0)
		goto done;
	struct token_text s = {body, length}, a = request->server_name, vector = {0};
	if (form == TOKEN_FORM_F3)
		vector = nonce;
	else if (form == TOKEN_FORM_F2)
		vector = (struct token_text){zero, sizeof zero};
	const struct token_text texts[] = {a, vector, s, al}, draft[] = {s, a};
	bool f4 = form == TOKEN_FORM_F4;
	outcome = token_cbc_mac(context, algorithm, &halves, f4 ? draft : texts, f4 ? 2 : 4, &body[length], error);
done:
	token_cbc_wipe(&halves);
	return outcome;
}

// What makes no token, wrong or right, is refused: an edit that would be without effect is a mistake of the caller's.
static int check_request(const struct token_request *request, enum token_form form, struct token_text nonce,
			 struct error *error)
{
	const struct token_algorithm *algorithm = request->key->algorithm;
	if (request->tag_cut > algorithm->tag_length)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "the tag of %s has %zu octets, no %zu to cut", algorithm->name, algorithm->tag_length,
				 request->tag_cut);
	if (form == TOKEN_FORM_GCM && (request->cbc_padding.data || request->cbc_al.data))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "%s has neither padding nor AL",
				 algorithm->name);
	if (form == TOKEN_FORM_F4 && (request->nonce_length || request->cbc_al.data))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "form F4 has neither nonce_length nor AL");
	if (request->plaintext.data && (request->key_length || request->plain.mac_key || request->plain.extra))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "a plaintext given whole leaves no place for its fields");
	if (nonce.length > UINT16_MAX || request->plaintext.length > TOKEN_LIMIT ||
	    request->plain.mac_key_length > UINT16_MAX || request->plain.extra_length > TOKEN_LIMIT ||
	    request->server_name.length > TOKEN_LIMIT || request->cbc_padding.length > TOKEN_LIMIT)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "a part of the token is longer than %d octets",
				 TOKEN_LIMIT);
	return 0;
}

int token_seal(struct token_context *context, const struct token_request *request, struct writer *output,
	       struct error *error)
{
	struct writer *scratch = &context->scratch;
	enum token_form form = request->form;
	struct token_text nonce, plaintext = request->plaintext;
	uint8_t room[TOKEN_BLOCK];
	size_t before = output->length;
	int outcome = -1;

	if (token_form_settle(&form, request->key->algorithm, error) < 0 ||
	    choose_nonce(&nonce, request, form, room, error) < 0)
		return -1;
	if (check_request(request, form, nonce, error) < 0)
		return -1;
	if (!plaintext.data) {
		struct token_plain plain = request->plain;
		plain.key_length = request->key_length ? *request->key_length : (uint16_t)plain.mac_key_length;
		token_plain_encode(scratch, &plain);
		plaintext = (struct token_text){scratch->data, scratch->length};
	}
	if (form != TOKEN_FORM_F4) {
		writer_u16(output, request->nonce_length ? *request->nonce_length : (uint16_t)nonce.length);
		writer_bytes(output, nonce.data, nonce.length);
	}
	outcome = form == TOKEN_FORM_GCM ? seal_gcm(context, request, nonce, plaintext, output, error)
					 : seal_cbc(context, request, form, nonce, plaintext, output, error);
	if (outcome == 0 && (scratch->failed || output->failed))
		outcome = error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				    "the token does not fit the %zu octets allowed", output->limit);
	if (outcome == 0)
		output->length -= request->tag_cut;
	else if (output->data) {
		OPENSSL_cleanse(&output->data[before], output->length - before);
		output->length = before;
	}
	if (scratch->data)
		OPENSSL_cleanse(scratch->data, scratch->length);
	writer_reset(scratch);
	return outcome;
}
