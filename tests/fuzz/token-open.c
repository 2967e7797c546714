// SPDX-License-Identifier: BSD-3-Clause
//
// Tokens. The first octet chooses algorithm, form and mode, the second how long the server name is that follows it; the
// rest is a token as it comes, or what is sealed under a key known here, so that what lies behind the tag is reached.
#include "fuzz.h"
#include "token/open.h"
#include "token/seal.h"
#include "token/timestamp.h"

enum { RAW, PLAINTEXT, FIELDS, DAMAGED };

static struct token_context context;
static struct token_key key;
static struct token_text server_name;

static int count_up(void *owner, uint8_t *octets, size_t length)
{
	uint8_t *next = owner;
	for (size_t i = 0; i < length; i++)
		octets[i] = (*next)++;
	return 0;
}

static struct token_text copy_of(const uint8_t *data, size_t length)
{
	return (struct token_text){fuzz_copy(data, length), length};
}

static void check_layout(struct token_text token)
{
	struct token_layout layout;
	struct error error = {0};
	for (size_t i = 0; i < TOKEN_ALGORITHMS; i++) {
		const struct token_algorithm *algorithm = token_algorithm_at(i);
		if (token_layout(&layout, algorithm, token.data, token.length, &error) == 0) {
			claim(layout.nonce.offset == 2);
			claim(layout.nonce.offset + layout.nonce.length == layout.ciphertext.offset);
			claim(layout.ciphertext.offset + layout.ciphertext.length == layout.tag.offset);
			claim(layout.tag.offset + layout.tag.length == token.length);
		} else {
			fuzz_claim_told(&error, token.length);
		}
		if (token_layout_bare(&layout, algorithm, token.length, &error) == 0)
			claim(layout.ciphertext.length + layout.tag.length == token.length);
	}
}

static void check_time(uint64_t timestamp)
{
	char text[TOKEN_TIMESTAMP_TEXT_LIMIT];
	uint64_t again;
	memset(text, 'x', sizeof text);
	token_timestamp_text(token_timestamp_seconds(timestamp), text);
	claim(memchr(text, 0, sizeof text) && text[0]);
	double time = token_timestamp_time(timestamp);
	claim(time >= (double)token_timestamp_seconds(timestamp));
	if (token_timestamp_set(&again, time, NULL) == 0 && token_timestamp_fraction(timestamp) < TOKEN_FRACTIONS &&
	    token_timestamp_seconds(timestamp) < (uint64_t)1 << 36)
		claim(again == timestamp);
	// Any octets are a double too, and most of those are no time.
	double any;
	memcpy(&any, &timestamp, sizeof any);
	if (token_timestamp_set(&again, any, NULL) == 0)
		claim(token_timestamp_fraction(again) < TOKEN_FRACTIONS);
	else
		claim(!(any >= 0 && any < 281474976710656.0));
}

// The fields of an opened token are the plaintext, every octet of it.
static void check_plain(const struct token_plain *plain, struct token_text plaintext)
{
	struct writer again;
	writer_init(&again, plaintext.length);
	token_plain_encode(&again, plain);
	claim(!again.failed && again.length == plaintext.length);
	claim(memcmp(again.data, plaintext.data, again.length) == 0);
	check_time(plain->timestamp);
	writer_free(&again);
}

// 0 when the token opened; what is left of it in the context is wiped in either case.
static int open_token(struct token_text token, struct token_opened *opened, struct error *error)
{
	*error = (struct error){0};
	int outcome = token_open(&context, &key, server_name, token, opened, error);
	if (outcome < 0) {
		fuzz_claim_told(error, token.length);
		claim(strcmp(token_open_failure(error->code), "other") != 0);
		claim(context.scratch.length == 0);
	} else {
		claim(opened->plain.key_length == opened->plain.mac_key_length);
		claim(opened->layout.tag.offset + opened->layout.tag.length == token.length);
	}
	return outcome;
}

static void raw(struct reader *input)
{
	struct token_opened opened;
	struct error error;
	size_t length;
	const uint8_t *octets = fuzz_take(input, SIZE_MAX, &length);
	struct token_text token = copy_of(octets, length);
	check_layout(token);
	if (open_token(token, &opened, &error) == 0)
		token_open_done(&context, &opened);
	free((void *)(uintptr_t)token.data);
}

static bool is_decodable(struct token_text plaintext)
{
	struct reader reader;
	reader_init(&reader, plaintext.data, plaintext.length);
	return reader_bytes(&reader, reader_u16(&reader)) && reader_bytes(&reader, 12);
}

// Sealing and opening agree about any plaintext.
static void plaintext(struct reader *input, enum token_form form)
{
	uint8_t next = fuzz_octet(input);
	size_t length;
	const uint8_t *octets = fuzz_take(input, TOKEN_LIMIT - 200, &length);
	struct token_text text = copy_of(octets, length);
	struct token_request request = {.key = &key, .server_name = server_name, .form = form, .plaintext = text};
	struct token_opened opened;
	struct error error = {0};
	struct writer token;
	request.random = count_up;
	request.random_owner = &next;
	writer_init(&token, TOKEN_LIMIT);
	claim(token_seal(&context, &request, &token, &error) == 0);
	claim(context.scratch.length == 0);
	if (open_token((struct token_text){token.data, token.length}, &opened, &error) == 0) {
		claim(opened.form == form);
		check_plain(&opened.plain, text);
		token_open_done(&context, &opened);
		claim(context.scratch.length == 0);
	} else {
		claim(!is_decodable(text) && error.code == ERROR_TRUNCATED);
	}
	writer_free(&token);
	free((void *)(uintptr_t)text.data);
}

// Any request, right or wrong, makes a token or is refused and leaves nothing behind.
static void fields(struct reader *input, enum token_form form)
{
	uint8_t next = 0, flags = fuzz_octet(input);
	uint16_t nonce_length = fuzz_u16(input), key_length = fuzz_u16(input);
	struct token_request request = {.key = &key, .server_name = server_name, .form = form};
	struct token_opened opened;
	struct error error = {0};
	struct writer token;
	size_t length;
	request.random = count_up;
	request.random_owner = &next;
	request.plain.timestamp = (uint64_t)fuzz_u16(input) << 48 | fuzz_u16(input);
	request.plain.lifetime = fuzz_u16(input);
	request.nonce_length = flags & 1 ? &nonce_length : NULL;
	request.key_length = flags & 2 ? &key_length : NULL;
	request.tag_cut = flags & 4 ? fuzz_octet(input) : 0;
	if (flags & 8)
		request.nonce.data = fuzz_take(input, fuzz_octet(input), &request.nonce.length);
	if (flags & 16)
		request.cbc_padding.data = fuzz_take(input, fuzz_octet(input), &request.cbc_padding.length);
	if (flags & 32)
		request.cbc_al.data = fuzz_take(input, fuzz_octet(input), &request.cbc_al.length);
	request.plain.mac_key = fuzz_take(input, fuzz_u16(input), &request.plain.mac_key_length);
	request.plain.extra = fuzz_take(input, SIZE_MAX, &length);
	request.plain.extra_length = length;
	if (flags & 64) {
		request.plaintext = (struct token_text){request.plain.extra, length};
		request.plain.extra = NULL;
	}
	writer_init(&token, flags & 128 ? 64 : TOKEN_LIMIT);
	writer_u8(&token, 0x55);
	if (token_seal(&context, &request, &token, &error) < 0) {
		fuzz_claim_told(&error, SIZE_MAX);
		claim(token.length == 1 && token.data[0] == 0x55);
	} else if (open_token((struct token_text){token.data + 1, token.length - 1}, &opened, &error) == 0) {
		if (!(flags & 0x7F)) {
			claim(opened.plain.timestamp == request.plain.timestamp);
			claim(opened.plain.lifetime == request.plain.lifetime);
			claim(opened.plain.mac_key_length == request.plain.mac_key_length);
			claim(opened.plain.extra_length == request.plain.extra_length);
		}
		token_open_done(&context, &opened);
	} else {
		claim((flags & 0x7F) != 0);
	}
	claim(context.scratch.length == 0);
	writer_free(&token);
}

// One octet of a right token is changed: what is protected no longer opens.
static void damaged(struct reader *input, enum token_form form)
{
	size_t place = fuzz_u16(input), length;
	uint8_t change = fuzz_octet(input), next = 0;
	struct token_request request = {.key = &key, .server_name = server_name, .form = form};
	struct token_opened opened;
	struct error error = {0};
	struct writer token;
	request.random = count_up;
	request.random_owner = &next;
	request.plain.mac_key = fuzz_take(input, 64, &length);
	request.plain.mac_key_length = length;
	writer_init(&token, TOKEN_LIMIT);
	claim(token_seal(&context, &request, &token, &error) == 0);
	place %= token.length;
	token.data[place] ^= change;
	// The MAC of CBC covers no nonce_length, and in F3-bare no vector (form.h).
	bool covered =
		form == TOKEN_FORM_GCM || form == TOKEN_FORM_F4 || place >= (form == TOKEN_FORM_F3_BARE ? 18 : 2);
	bool opens = open_token((struct token_text){token.data, token.length}, &opened, &error) == 0;
	claim(!(opens && change && covered));
	claim(opens || change);
	if (opens)
		token_open_done(&context, &opened);
	writer_free(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	uint8_t octets[TOKEN_KEY_LIMIT];
	reader_init(&input, data, size);
	uint8_t choice = fuzz_octet(&input);
	const struct token_algorithm *algorithm = token_algorithm_at((choice & 7u) % TOKEN_ALGORITHMS);
	enum token_form form = TOKEN_FORM_GCM;
	if (algorithm->kind == TOKEN_CBC_HMAC)
		form = (enum token_form)(TOKEN_FORM_F1 + (choice >> 3 & 7) % 5);
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 7);
	claim(token_key_set(&key, algorithm, octets, algorithm->key_length, NULL) == 0);
	server_name.data = fuzz_take(&input, fuzz_octet(&input), &server_name.length);
	token_context_init(&context);
	switch (choice >> 6) {
	case RAW:
		raw(&input);
		break;
	case PLAINTEXT:
		plaintext(&input, form);
		break;
	case FIELDS:
		fields(&input, form);
		break;
	case DAMAGED:
		damaged(&input, form);
		break;
	}
	token_context_free(&context);
	return 0;
}
