// SPDX-License-Identifier: BSD-3-Clause
//
// assay token: one token made, or one looked into. The token is base64 text here, as an authorization server hands it
// out; its fields are JSON on stdout.
#include "command/command.h"

#include "base/bytes.h"
#include "base/error.h"
#include "command/keys.h"
#include "command/options.h"
#include "command/token_report.h"
#include "token/base64.h"
#include "token/open.h"
#include "token/seal.h"
#include "token/timestamp.h"

#include <errno.h>
#include <jansson.h>
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_LIMIT 131072 // octets; the base64 of the longest token has 87380

#define KEY_ROWS \
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64", "the long-term key; @FILE reads such lines from a file"}, \
		{"kid", OPTION_TEXT, "kid", "KID", "of several keys, only this one"}, \
	{ \
		"server-name", OPTION_TEXT, "server_name", "NAME", "the STUN server's name, the associated data" \
	}

static const struct option_row seal_options[] = {
	KEY_ROWS,
	{"lifetime", OPTION_TEXT, "lifetime", "SECONDS", "0 to 4294967295 (default 3600)"},
	{"issued", OPTION_TEXT, "issued", "SECONDS|now", "since 1970, fractions allowed (default now)"},
	{"timestamp", OPTION_TEXT, "timestamp", "N", "instead of --issued: the 64 bits as one number"},
	{"mac-key", OPTION_SECRET_TEXT, "mac_key", "BASE64", "the session key (default 20 random octets)"},
	{"nonce", OPTION_TEXT, "nonce", "HEX", "any number of octets (default random, of the right length)"},
	{"form", OPTION_TEXT, "form", "FORM", "CBC only: F1 (default), F2, F3, F3-bare or F4"},
	{"key-length", OPTION_TEXT, "key_length", "N", "what key_length says, right or wrong"},
	{"nonce-length", OPTION_TEXT, "nonce_length", "N", "what nonce_length says, right or wrong"},
	{"extra", OPTION_TEXT, "extra", "HEX", "octets behind lifetime, where none belong"},
	{"with-secrets", OPTION_FLAG, "with_secrets", NULL, "print mac_key, not \"(hidden)\""},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

static const struct option_row open_options[] = {
	KEY_ROWS,
	{"with-secrets", OPTION_FLAG, "with_secrets", NULL, "print mac_key, not \"(hidden)\""},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

#define KEY_HELP \
	"The KID is what stands left of the last two colons. Keys are also taken from the\n" \
	"environment, " KEYS_ENVIRONMENT ", one a line; that and @FILE keep them off the command line.\n" \
	"ALG: A256GCM A192GCM A128GCM A128CBC-HS256 A192CBC-HS384 A256CBC-HS512.\n"

static const struct command_line seal_line = {
	.usage = "assay token seal --key KID:ALG:BASE64 --server-name NAME [OPTION]...",
	.about = "Makes an access token (RFC 7635 6.2) and prints it with its fields as JSON.\n\n" KEY_HELP
		 "A session key made here is of no use to you unless you see it: give --mac-key, or --with-secrets.\n"
		 "Exit status: 0 sealed, 2 command line or key wrong, 4 output not written.",
	.options = seal_options,
};

static const struct command_line open_line = {
	.usage = "assay token open --key KID:ALG:BASE64 --server-name NAME [OPTION]... [TOKEN]",
	.about = "Opens an access token (base64) and prints its fields as JSON. Without TOKEN, or with -, it is read\n"
		 "from stdin, which may also be JSON with a member \"token\" or \"access_token\". Of several keys the\n"
		 "first that opens it is used.\n\n" KEY_HELP
		 "Exit status: 0 opened, 1 the token does not open, 2 command line or key wrong, 4 output not written.",
	.options = open_options,
	.positional = "tokens",
};

// NULL when the option was not given. The text belongs to the state.
static const char *option(lua_State *state, const char *field)
{
	lua_getfield(state, 1, field);
	const char *text = lua_tostring(state, -1);
	lua_pop(state, 1);
	return text;
}

// Collects the keys, and the one name. -1, or the exit status.
static int take_keys(lua_State *state, const char *command, struct key_ring *ring)
{
	struct error error;
	lua_getfield(state, 1, "keys");
	for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(state, -1); i++) {
		lua_rawgeti(state, -1, i);
		if (keys_add(ring, lua_tostring(state, -1), &error) < 0)
			return token_complain(TOKEN_STATUS_USAGE, command, "--key: %s", error.text);
		lua_pop(state, 1);
	}
	lua_pop(state, 1);
	if (keys_add_environment(ring, &error) < 0)
		return token_complain(TOKEN_STATUS_USAGE, command, "%s", error.text);
	const char *kid = option(state, "kid");
	size_t kept = 0;
	for (size_t i = 0; i < ring->count; i++)
		if (!kid || strcmp(ring->keys[i].kid, kid) == 0) {
			struct named_key swapped = ring->keys[kept];
			ring->keys[kept++] = ring->keys[i];
			ring->keys[i] = swapped;
		}
	if (ring->count == 0)
		return token_complain(TOKEN_STATUS_USAGE, command,
				      "no key: give --key KID:ALG:BASE64, --key @FILE or " KEYS_ENVIRONMENT);
	if (kept == 0)
		return token_complain(TOKEN_STATUS_USAGE, command, "none of the %zu keys has the kid '%s'", ring->count,
				      kid);
	for (size_t i = kept; i < ring->count; i++)
		free(ring->keys[i].kid);
	OPENSSL_cleanse(&ring->keys[kept], (ring->count - kept) * sizeof *ring->keys);
	ring->count = kept;
	if (!option(state, "server_name"))
		return token_complain(TOKEN_STATUS_USAGE, command,
				      "--server-name is missing: it is the associated data of the token "
				      "(RFC 7635 6.2); '' stands for an empty one");
	return -1;
}

// An option that is a whole number from 0 to `most`. False, and said so, when it is another; *value stays when absent.
static bool take_number(lua_State *state, const char *field, const char *name, uint64_t most, uint64_t *value)
{
	const char *text = option(state, field);
	char *end;
	if (!text)
		return true;
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (!*text || strspn(text, "0123456789") != strlen(text) || errno || number > most) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "--%s: a whole number from 0 to %llu is expected, not '%s'",
			       name, (unsigned long long)most, text);
		return false;
	}
	*value = number;
	return true;
}

static bool take_hex(lua_State *state, const char *name, struct writer *octets, struct token_text *value)
{
	const char *text = option(state, name);
	if (!text)
		return true;
	if (strlen(text) % 2 || strspn(text, "0123456789abcdefABCDEF") != strlen(text)) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "--%s: an even number of hexadecimal digits is expected",
			       name);
		return false;
	}
	writer_reserve(octets, 0); // so that no octets at all have a place, too
	for (size_t i = 0; text[i]; i += 2)
		writer_u8(octets, (uint8_t)strtoul((char[]){text[i], text[i + 1], 0}, NULL, 16));
	*value = (struct token_text){octets->data, octets->length};
	if (octets->failed)
		token_complain(TOKEN_STATUS_USAGE, "seal", "--%s: more than the %zu octets there is room for", name,
			       octets->limit);
	return !octets->failed;
}

static bool take_timestamp(lua_State *state, uint64_t *timestamp)
{
	const char *issued = option(state, "issued");
	struct error error;
	char *end;
	if (option(state, "timestamp")) {
		if (issued)
			token_complain(TOKEN_STATUS_USAGE, "seal",
				       "--issued and --timestamp say the same thing; give one of them");
		return !issued && take_number(state, "timestamp", "timestamp", UINT64_MAX, timestamp);
	}
	double seconds = issued && strcmp(issued, "now") != 0 ? strtod(issued, &end) : token_now();
	if (issued && strcmp(issued, "now") != 0 &&
	    (!*issued || *end || strspn(issued, "0123456789.eE+") != strlen(issued))) {
		token_complain(TOKEN_STATUS_USAGE, "seal",
			       "--issued: seconds since 1970 or 'now' are expected, not '%s'", issued);
		return false;
	}
	if (token_timestamp_set(timestamp, seconds, &error) < 0) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "--issued: %s", error.text);
		return false;
	}
	return true;
}

static bool take_mac_key(lua_State *state, struct writer *octets, struct token_plain *plain)
{
	const char *text = option(state, "mac_key");
	struct error error;
	if (text && token_base64_decode(octets, text, strlen(text), &error) < 0) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "--mac-key: %s", error.text);
		return false;
	}
	uint8_t *place = text ? NULL : writer_reserve(octets, TOKEN_MAC_KEY_LENGTH);
	if (!text && (!place || RAND_bytes(place, TOKEN_MAC_KEY_LENGTH) != 1)) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "no random octets for the mac_key");
		return false;
	}
	plain->mac_key = octets->data;
	plain->mac_key_length = octets->length;
	return true;
}

static bool take_form(lua_State *state, struct token_request *request)
{
	const char *name = option(state, "form");
	struct error error;
	if ((name && token_form_find(&request->form, name, &error) < 0) ||
	    token_form_settle(&request->form, request->key->algorithm, &error) < 0) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "--form: %s", error.text);
		return false;
	}
	return true;
}

// A nonce of the right length is made here and not by the sealer, so that it can be shown.
static bool make_nonce(struct token_request *request, struct writer *octets)
{
	bool f3 = request->form == TOKEN_FORM_F3 || request->form == TOKEN_FORM_F3_BARE;
	size_t length = f3 ? TOKEN_BLOCK : request->form == TOKEN_FORM_GCM ? request->key->algorithm->nonce_length : 0;
	if (request->nonce.data || length == 0)
		return true;
	uint8_t *place = writer_reserve(octets, length);
	if (!place || RAND_bytes(place, (int)length) != 1) {
		token_complain(TOKEN_STATUS_USAGE, "seal", "no random octets for the nonce");
		return false;
	}
	request->nonce = (struct token_text){place, length};
	return true;
}

static int seal_with(lua_State *state, const struct named_key *key, struct token_context *context)
{
	int status = TOKEN_STATUS_USAGE;
	uint64_t lifetime = 3600, timestamp = 0, key_length = 0, nonce_length = 0;
	uint16_t said_key_length, said_nonce_length;
	struct error error;
	struct token_text extra = {0};
	struct writer mac_key, nonce, behind, token, text;
	writer_init(&mac_key, TOKEN_LIMIT);
	writer_init(&nonce, TOKEN_LIMIT);
	writer_init(&behind, TOKEN_LIMIT);
	writer_init(&token, TOKEN_LIMIT);
	writer_init(&text, 2 * TOKEN_LIMIT);
	const char *name = option(state, "server_name");
	struct token_request request = {.key = &key->key, .server_name = {name, strlen(name)}};

	if (!take_number(state, "lifetime", "lifetime", UINT32_MAX, &lifetime) || !take_timestamp(state, &timestamp) ||
	    !take_number(state, "key_length", "key-length", UINT16_MAX, &key_length) ||
	    !take_number(state, "nonce_length", "nonce-length", UINT16_MAX, &nonce_length) ||
	    !take_mac_key(state, &mac_key, &request.plain) || !take_form(state, &request) ||
	    !take_hex(state, "nonce", &nonce, &request.nonce) || !make_nonce(&request, &nonce) ||
	    !take_hex(state, "extra", &behind, &extra))
		goto done;
	said_key_length = (uint16_t)key_length;
	said_nonce_length = (uint16_t)nonce_length;
	request.plain.timestamp = timestamp;
	request.plain.lifetime = (uint32_t)lifetime;
	request.plain.extra = extra.data;
	request.plain.extra_length = extra.length;
	if (option(state, "key_length"))
		request.key_length = &said_key_length;
	if (option(state, "nonce_length"))
		request.nonce_length = &said_nonce_length;
	if (token_seal(context, &request, &token, &error) < 0) {
		token_complain(status, "seal", "%s", error.text);
		goto done;
	}
	token_base64_encode(&text, token.data, token.length);
	writer_u8(&text, 0);
	struct token_report about = {
		.key = key,
		.form = request.form,
		.nonce = request.nonce,
		.plain = request.plain,
		.token = (const char *)text.data,
		.with_secrets = lua_getfield(state, 1, "with_secrets") == LUA_TBOOLEAN,
	};
	about.plain.key_length = request.key_length ? said_key_length : (uint16_t)request.plain.mac_key_length;
	if (!option(state, "mac_key") && !about.with_secrets)
		about.remark = "mac_key is random and hidden: give --mac-key, or --with-secrets to see it";
	status = token_report_print("seal", &about);
done:
	writer_free(&mac_key);
	writer_free(&nonce);
	writer_free(&behind);
	writer_free(&token);
	writer_free(&text);
	return status;
}

static int seal(lua_State *state, struct key_ring *ring)
{
	struct token_context context;
	int status = take_keys(state, "seal", ring);
	if (status >= 0)
		return status;
	if (ring->count > 1)
		return token_complain(TOKEN_STATUS_USAGE, "seal", "%zu keys; --kid says which of them", ring->count);
	token_context_init(&context);
	status = seal_with(state, &ring->keys[0], &context);
	token_context_free(&context);
	return status;
}

// The token as text: the argument, or what stdin has. False, and said so, when there is none.
static bool take_token(lua_State *state, struct writer *text, int *status)
{
	lua_getfield(state, 1, "tokens");
	size_t count = (size_t)lua_rawlen(state, -1);
	lua_rawgeti(state, -1, 1);
	const char *argument = lua_tostring(state, -1);
	lua_pop(state, 2);
	*status = TOKEN_STATUS_USAGE;
	if (count > 1) {
		token_complain(*status, "open", "one token is expected, not %zu", count);
		return false;
	}
	if (argument && strcmp(argument, "-") != 0) {
		writer_bytes(text, argument, strlen(argument));
		return true;
	}
	uint8_t *place = writer_reserve(text, INPUT_LIMIT);
	size_t length = place ? fread(place, 1, INPUT_LIMIT, stdin) : 0;
	text->length = length;
	if (place && ferror(stdin)) {
		token_complain(*status, "open", "cannot read stdin: %s", strerror(errno));
		return false;
	}
	if (!place || length == INPUT_LIMIT) {
		*status = TOKEN_STATUS_NOT_OPENED;
		token_complain(*status, "open", "stdin has %d octets or more; a token has 87380 characters at most",
			       INPUT_LIMIT);
		return false;
	}
	return true;
}

// Strips white space around the text, and takes the token out of JSON.
static bool find_token(struct writer *text, struct token_text *token, json_t **document)
{
	struct reader reader;
	json_error_t error;
	size_t start = 0, length = text->length;
	while (length > 0 && strchr(" \t\r\n", text->data[length - 1]) && text->data[length - 1])
		length--;
	while (start < length && strchr(" \t\r\n", text->data[start]) && text->data[start])
		start++;
	reader_init(&reader, text->data, length);
	reader_bytes(&reader, start);
	*token = (struct token_text){reader_bytes(&reader, length - start), length - start};
	if (token->length == 0 || text->data[start] != '{')
		return true;
	*document = json_loadb(token->data, token->length, 0, &error);
	json_t *member = json_object_get(*document, "token");
	if (!member)
		member = json_object_get(*document, "access_token");
	*token = (struct token_text){json_string_value(member), json_string_length(member)};
	if (!*document)
		token_complain(TOKEN_STATUS_NOT_OPENED, "open", "this begins like JSON and is none: %s (line %d)",
			       error.text, error.line);
	else if (!token->data)
		token_complain(TOKEN_STATUS_NOT_OPENED, "open", "the JSON has no text \"token\" or \"access_token\"");
	return token->data;
}

static int open_with(lua_State *state, const struct key_ring *ring, struct token_text token,
		     struct token_context *context)
{
	struct error first = {0}, error;
	struct token_opened opened;
	const char *name = option(state, "server_name");
	for (size_t i = 0; i < ring->count; i++) {
		if (token_open(context, &ring->keys[i].key, (struct token_text){name, strlen(name)}, token, &opened,
			       &error) == 0) {
			struct token_report about = {
				.key = &ring->keys[i],
				.form = opened.form,
				.nonce = opened.nonce,
				.plain = opened.plain,
				.with_secrets = lua_getfield(state, 1, "with_secrets") == LUA_TBOOLEAN,
			};
			int status = token_report_print("open", &about);
			token_open_done(context, &opened);
			return status;
		}
		if (i == 0)
			first = error;
	}
	char where[64] = "";
	if (first.offset != ERROR_NO_OFFSET)
		snprintf(where, sizeof where, " (octet %zu of %zu)", first.offset, token.length);
	if (ring->count > 1)
		return token_complain(TOKEN_STATUS_NOT_OPENED, "open",
				      "none of the %zu keys opens it; with '%s', %s: %s%s", ring->count,
				      ring->keys[0].kid, ring->keys[0].key.algorithm->name, first.text, where);
	return token_complain(TOKEN_STATUS_NOT_OPENED, "open", "%s%s%s", first.text, where,
			      first.code == ERROR_NOT_AUTHENTIC ? "; check --key and --server-name" : "");
}

static int open_token(lua_State *state, struct key_ring *ring)
{
	struct token_context context;
	struct writer text, octets;
	struct token_text base64_text;
	struct error error;
	json_t *document = NULL;
	int status = take_keys(state, "open", ring);
	if (status >= 0)
		return status;
	token_context_init(&context);
	writer_init(&text, INPUT_LIMIT);
	writer_init(&octets, INPUT_LIMIT);
	if (!take_token(state, &text, &status))
		goto done;
	status = TOKEN_STATUS_NOT_OPENED;
	if (!find_token(&text, &base64_text, &document))
		goto done;
	if (token_base64_decode(&octets, base64_text.data, base64_text.length, &error) < 0)
		token_complain(status, "open", "%s; a token is given as base64 text", error.text);
	else
		status = open_with(state, ring, (struct token_text){octets.data, octets.length}, &context);
done:
	json_decref(document);
	writer_free(&text);
	writer_free(&octets);
	token_context_free(&context);
	return status;
}

int command_token(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	bool sealing = strcmp(what, "seal") == 0;
	if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
		printf("usage: assay token seal|open [OPTION]...\n\n"
		       "  seal   make an access token and print it with its fields as JSON\n"
		       "  open   open one and print its fields as JSON\n\n"
		       "`assay token seal --help` and `assay token open --help` tell what they take.\n");
		return fflush(stdout) == 0 ? TOKEN_STATUS_OK : TOKEN_STATUS_OUTPUT;
	}
	if (!sealing && strcmp(what, "open") != 0) {
		fprintf(stderr,
			"assay token: 'seal' or 'open' is expected, not '%s'; `assay token --help` tells more\n", what);
		return TOKEN_STATUS_USAGE;
	}
	lua_State *state = luaL_newstate();
	if (!state)
		return token_complain(TOKEN_STATUS_USAGE, what, "out of memory");
	struct key_ring ring = {0};
	int status = options_push(state, sealing ? &seal_line : &open_line, argc - 1, argv + 1);
	if (status < 0)
		status = sealing ? seal(state, &ring) : open_token(state, &ring);
	keys_free(&ring);
	lua_close(state);
	return status;
}
