// SPDX-License-Identifier: BSD-3-Clause
//
// The module "token": access tokens sealed, opened, and taken apart. Octet strings are Lua strings, not base64.
// What fails at run time returns nil and a text; a call that makes no sense throws.
#include "lua/modules.h"

#include "base/bytes.h"
#include "base/error.h"
#include "lua/field.h"
#include "lua/state.h"
#include "token/open.h"
#include "token/seal.h"
#include "token/timestamp.h"

#include <lauxlib.h>
#include <openssl/rand.h>
#include <string.h>

#define WORKSHOP "token.workshop"

// One for all calls of a state, their first upvalue. What is sealed lies in `output` until Lua has its own copy, so
// that an error thrown on the way loses no memory.
struct workshop {
	struct token_context context;
	struct writer output;
};

static struct workshop *workshop(lua_State *state)
{
	return lua_touserdata(state, lua_upvalueindex(1));
}

static int workshop_close(lua_State *state)
{
	struct workshop *shop = luaL_checkudata(state, 1, WORKSHOP);
	token_context_free(&shop->context);
	writer_free(&shop->output);
	return 0;
}

static int system_random(void *owner, uint8_t *octets, size_t length)
{
	(void)owner;
	return RAND_bytes(octets, (int)length) == 1 ? 0 : -1;
}

// The table of fields at 1 may have these only: a mistyped name would otherwise leave a token right that was to be
// wrong.
static void check_fields(lua_State *state, const char *call, const char *const *names)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_checkstack(state, 32, call);
	for (lua_pushnil(state); lua_next(state, 1); lua_pop(state, 1)) {
		const char *const *name = names;
		if (lua_type(state, -2) == LUA_TSTRING)
			while (*name && strcmp(*name, lua_tostring(state, -2)) != 0)
				name++;
		if (lua_type(state, -2) != LUA_TSTRING || !*name)
			luaL_error(state, "%s: there is no field '%s'", call, luaL_tolstring(state, -2, NULL));
	}
}

// The octets of a field, which stay on the stack as long as the call lasts; NULL data when it is absent.
static struct token_text octets_field(lua_State *state, const char *call, const char *name, bool wanted)
{
	struct token_text text = {0};
	int type = lua_getfield(state, 1, name);
	if (type == LUA_TSTRING)
		text.data = lua_tolstring(state, -1, &text.length);
	else if (type != LUA_TNIL || wanted)
		luaL_error(state, "%s: field '%s' must be a string, it is %s", call, name, lua_typename(state, type));
	return text;
}

// Whether the field is there; then it is an integer from 0 to `most`.
static bool integer_field(lua_State *state, const char *call, const char *name, lua_Integer most, lua_Integer *value)
{
	int exact, type = lua_getfield(state, 1, name);
	*value = lua_tointegerx(state, -1, &exact);
	lua_pop(state, 1);
	if (type == LUA_TNIL)
		return false;
	if (type != LUA_TNUMBER || !exact || *value < 0 || *value > most)
		luaL_error(state, "%s: field '%s' must be an integer from 0 to %I", call, name, most);
	return true;
}

// The fields algorithm and key. Success, or false with nil and the text pushed.
static bool key_fields(lua_State *state, const char *call, struct token_key *key)
{
	struct error error;
	struct token_text name = octets_field(state, call, "algorithm", true);
	struct token_text octets = octets_field(state, call, "key", true);
	const struct token_algorithm *algorithm = token_algorithm_find(name.data, name.length, &error);
	if (algorithm && token_key_set(key, algorithm, octets.data, octets.length, &error) == 0)
		return true;
	state_push_error(state, &error);
	return false;
}

static void push_algorithm(lua_State *state, const struct token_algorithm *algorithm)
{
	lua_createtable(state, 0, 5);
	lua_pushstring(state, algorithm->name);
	lua_setfield(state, -2, "name");
	lua_pushstring(state, token_algorithm_kind(algorithm));
	lua_setfield(state, -2, "kind");
	lua_pushinteger(state, (lua_Integer)algorithm->key_length);
	lua_setfield(state, -2, "key_length");
	lua_pushinteger(state, (lua_Integer)algorithm->nonce_length);
	lua_setfield(state, -2, "nonce_length");
	lua_pushinteger(state, (lua_Integer)algorithm->tag_length);
	lua_setfield(state, -2, "tag_length");
}

// token.algorithms() -> array of {name="A256GCM", kind="gcm"|"cbc-hmac", key_length=32, nonce_length=12, tag_length=16}
// All lengths are octets. nonce_length is 0 for CBC, whose vector is zero.
static int algorithms(lua_State *state)
{
	const struct token_algorithm *algorithm;
	lua_createtable(state, TOKEN_ALGORITHMS, 0);
	for (size_t i = 0; (algorithm = token_algorithm_at(i)); i++) {
		push_algorithm(state, algorithm);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	return 1;
}

// token.algorithm(name) -> one entry of token.algorithms() | nil, err
static int algorithm_named(lua_State *state)
{
	size_t length;
	struct error error;
	const char *name = luaL_checklstring(state, 1, &length);
	const struct token_algorithm *algorithm = token_algorithm_find(name, length, &error);
	if (!algorithm)
		return state_push_error(state, &error);
	push_algorithm(state, algorithm);
	return 1;
}

// token.forms() -> {"GCM", "F1", "F2", "F3", "F3-bare", "F4"}
// F1 to F4 are the readings of what a CBC token looks like; engine/token/form.h tells them apart.
static int forms(lua_State *state)
{
	lua_createtable(state, TOKEN_FORMS - 1, 0);
	for (int form = TOKEN_FORM_GCM; form < TOKEN_FORMS; form++) {
		lua_pushstring(state, token_form_name((enum token_form)form));
		lua_rawseti(state, -2, form);
	}
	return 1;
}

// token.check_key(algorithm, key) -> true | nil, "A256GCM takes a key of 32 octets, this one has 31"
static int check_key(lua_State *state)
{
	size_t length, key_length;
	struct error error;
	struct token_key key;
	const char *name = luaL_checklstring(state, 1, &length), *octets = luaL_checklstring(state, 2, &key_length);
	const struct token_algorithm *algorithm = token_algorithm_find(name, length, &error);
	if (!algorithm || token_key_set(&key, algorithm, octets, key_length, &error) < 0)
		return state_push_error(state, &error);
	token_key_wipe(&key);
	lua_pushboolean(state, true);
	return 1;
}

// token.parse_key("KID:ALGORITHM:BASE64") -> {kid=, algorithm=, key=octets} | nil, err, offset
// The kid is what stands left of the last two colons. The error quotes no part of the key.
static int parse_key(lua_State *state)
{
	size_t length, kid_length;
	struct error error;
	struct token_key key;
	const char *text = luaL_checklstring(state, 1, &length);
	if (token_key_parse(&key, &kid_length, text, length, &error) < 0)
		return state_push_error(state, &error);
	lua_createtable(state, 0, 3);
	lua_pushlstring(state, text, kid_length);
	lua_setfield(state, -2, "kid");
	lua_pushstring(state, key.algorithm->name);
	lua_setfield(state, -2, "algorithm");
	lua_pushlstring(state, (const char *)key.octets, key.algorithm->key_length);
	lua_setfield(state, -2, "key");
	token_key_wipe(&key);
	return 1;
}

// token.timestamp(seconds) -> 48 bits of seconds since 1970 and 16 of 1/64000 s as one integer | nil, err
static int timestamp(lua_State *state)
{
	uint64_t value;
	struct error error;
	if (token_timestamp_set(&value, luaL_checknumber(state, 1), &error) < 0)
		return state_push_error(state, &error);
	lua_pushinteger(state, (lua_Integer)value);
	return 1;
}

// The field timestamp or issued.
static uint64_t timestamp_field(lua_State *state, bool wanted)
{
	uint64_t value = 0;
	struct error error;
	int exact = 1, stamp = lua_getfield(state, 1, "timestamp"), issued = lua_getfield(state, 1, "issued");
	if ((stamp != LUA_TNIL) + (issued != LUA_TNIL) > wanted)
		luaL_error(state, "token.seal: %s",
			   wanted ? "timestamp and issued say the same thing, so one of them"
				  : "a plaintext given whole has no timestamp");
	if (wanted && stamp == LUA_TNIL && issued == LUA_TNIL)
		luaL_error(state, "token.seal: field 'issued' (seconds since 1970) or 'timestamp' is missing");
	if (stamp != LUA_TNIL) {
		value = (uint64_t)lua_tointegerx(state, -2, &exact);
		if (stamp != LUA_TNUMBER || !exact)
			luaL_error(state, "token.seal: field 'timestamp' must be an integer, the 64 bits of it");
	} else if (issued != LUA_TNIL) {
		if (issued != LUA_TNUMBER)
			luaL_error(state, "token.seal: field 'issued' must be a number of seconds since 1970");
		if (token_timestamp_set(&value, lua_tonumber(state, -1), &error) < 0)
			luaL_error(state, "token.seal: issued: %s", error.text);
	}
	lua_pop(state, 2);
	return value;
}

// token.seal{...} -> token octets | nil, err
//   algorithm, key      the name, and K of just the length it takes
//   server_name         A, the associated data
//   mac_key, lifetime   octets; seconds, 0 to 2^32 - 1
//   issued | timestamp  seconds since 1970 as a float, or the 64 bits as an integer
//   nonce               octets; else fresh random ones of the right length. Form F3 takes its vector here
// What makes it wrong, or other than usual:
//   form                for CBC "F2", "F3", "F3-bare" or "F4" instead of "F1"
//   key_length, nonce_length   what the fields say, 0 to 65535, whatever follows them
//   extra               octets behind lifetime
//   plaintext           octets instead of the whole block (no mac_key, lifetime, issued, extra, key_length then)
//   tag_length          so many octets of the tag are left, 0 to all
//   padding, al         CBC: octets instead of PKCS #7 (whole blocks with the plaintext), instead of AL
// Throws for a missing, unknown or mistyped field. nil: unknown algorithm or form, key of the wrong length, what makes
// no token at all.
static int seal(lua_State *state)
{
	static const char *const call = "token.seal";
	static const char *const names[] = {
		"algorithm",  "key",   "server_name", "mac_key",      "lifetime", "timestamp",
		"issued",     "nonce", "key_length",  "nonce_length", "extra",    "plaintext",
		"tag_length", "form",  "padding",     "al",           NULL,
	};
	struct workshop *shop = workshop(state);
	struct error error;
	struct token_key key;
	lua_Integer number;
	uint16_t nonce_length, key_length;
	check_fields(state, call, names);
	struct token_request request = {
		.key = &key,
		.random = system_random,
		.server_name = octets_field(state, call, "server_name", true),
		.plaintext = octets_field(state, call, "plaintext", false),
		.nonce = octets_field(state, call, "nonce", false),
		.cbc_padding = octets_field(state, call, "padding", false),
		.cbc_al = octets_field(state, call, "al", false),
	};
	bool fields = !request.plaintext.data;
	struct token_text mac_key = octets_field(state, call, "mac_key", fields);
	struct token_text extra = octets_field(state, call, "extra", false);
	request.plain = (struct token_plain){.mac_key = mac_key.data,
					     .mac_key_length = mac_key.length,
					     .extra = extra.data,
					     .extra_length = extra.length};
	if (integer_field(state, call, "lifetime", UINT32_MAX, &number) != fields)
		return luaL_error(state, "token.seal: %s",
				  fields ? "field 'lifetime' (seconds) is missing"
					 : "a plaintext given whole has no lifetime");
	request.plain.lifetime = (uint32_t)number;
	request.plain.timestamp = timestamp_field(state, fields);
	if (integer_field(state, call, "nonce_length", UINT16_MAX, &number)) {
		nonce_length = (uint16_t)number;
		request.nonce_length = &nonce_length;
	}
	if (integer_field(state, call, "key_length", UINT16_MAX, &number)) {
		key_length = (uint16_t)number;
		request.key_length = &key_length;
	}
	bool cut = integer_field(state, call, "tag_length", TOKEN_TAG_LIMIT, &number);
	struct token_text form = octets_field(state, call, "form", false);
	if (form.data && token_form_find(&request.form, form.data, &error) < 0)
		return state_push_error(state, &error);
	if (!key_fields(state, call, &key))
		return 2;
	// From here to the wiping of the key nothing may throw.
	int outcome = -1;
	if (cut && (size_t)number > key.algorithm->tag_length)
		error_set(&error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
			  "the tag of %s has %zu octets, so none of %lld can be left", key.algorithm->name,
			  key.algorithm->tag_length, (long long)number);
	else {
		request.tag_cut = cut ? key.algorithm->tag_length - (size_t)number : 0;
		writer_reset(&shop->output);
		outcome = token_seal(&shop->context, &request, &shop->output, &error);
	}
	token_key_wipe(&key);
	if (outcome < 0)
		return state_push_error(state, &error);
	lua_pushlstring(state, (const char *)shop->output.data, shop->output.length);
	return 1;
}

// token.open{algorithm=, key=, server_name=, token=octets}
//   -> {form=, nonce=, mac_key=, key_length=, timestamp=, seconds=, fraction=, lifetime=, extra=}
//    | nil, err, offset | nil, kind
// timestamp is the 64 bits, seconds and fraction (0 to 65535, in 1/64000 s) its parts. extra holds what stands behind
// lifetime, "" in a right token. kind is "truncated", "malformed", "not-authentic" or "limit"; the offset counts from
// the start of the token. A wrong key or algorithm returns nil, err. Whether the token is still good is not asked.
static int open_token(lua_State *state)
{
	static const char *const call = "token.open";
	static const char *const names[] = {"algorithm", "key", "server_name", "token", NULL};
	struct workshop *shop = workshop(state);
	struct error error;
	struct token_key key;
	struct token_opened opened;
	check_fields(state, call, names);
	struct token_text name = octets_field(state, call, "server_name", true);
	struct token_text token = octets_field(state, call, "token", true);
	if (!key_fields(state, call, &key))
		return 2;
	int outcome = token_open(&shop->context, &key, name, token, &opened, &error);
	token_key_wipe(&key);
	if (outcome < 0) {
		if (state_push_error(state, &error) == 2)
			lua_pushnil(state);
		lua_pushstring(state, token_open_failure(error.code));
		return 4;
	}
	lua_createtable(state, 0, 9);
	lua_pushstring(state, token_form_name(opened.form));
	lua_setfield(state, -2, "form");
	field_set_octets(state, "nonce", opened.nonce.data, opened.nonce.length);
	field_set_octets(state, "mac_key", opened.plain.mac_key, opened.plain.mac_key_length);
	field_set_octets(state, "extra", opened.plain.extra, opened.plain.extra_length);
	field_set_integer(state, "key_length", (lua_Integer)opened.plain.key_length);
	field_set_integer(state, "timestamp", (lua_Integer)opened.plain.timestamp);
	field_set_integer(state, "seconds", (lua_Integer)token_timestamp_seconds(opened.plain.timestamp));
	field_set_integer(state, "fraction", (lua_Integer)token_timestamp_fraction(opened.plain.timestamp));
	field_set_integer(state, "lifetime", (lua_Integer)opened.plain.lifetime);
	token_open_done(&shop->context, &opened);
	return 1;
}

static void add_part(lua_State *state, const char *name, struct token_part part)
{
	lua_createtable(state, 0, 3);
	lua_pushstring(state, name);
	lua_setfield(state, -2, "name");
	field_set_integer(state, "offset", (lua_Integer)part.offset);
	field_set_integer(state, "length", (lua_Integer)part.length);
	lua_rawseti(state, -2, (lua_Integer)lua_rawlen(state, -2) + 1);
}

// token.layout{algorithm=, token=octets} -> array of {name=, offset=, length=} | nil, err, offset
// The names are nonce_length, nonce, ciphertext, tag, in this order, every octet in one of them. No key is needed, and
// a CBC token of form F4 cannot be told from another that is wrong.
static int layout(lua_State *state)
{
	static const char *const call = "token.layout";
	static const char *const names[] = {"algorithm", "token", NULL};
	struct error error;
	struct token_layout parts;
	check_fields(state, call, names);
	struct token_text name = octets_field(state, call, "algorithm", true);
	struct token_text token = octets_field(state, call, "token", true);
	const struct token_algorithm *algorithm = token_algorithm_find(name.data, name.length, &error);
	if (!algorithm || token_layout(&parts, algorithm, token.data, token.length, &error) < 0)
		return state_push_error(state, &error);
	lua_createtable(state, 4, 0);
	add_part(state, "nonce_length", (struct token_part){0, 2});
	add_part(state, "nonce", parts.nonce);
	add_part(state, "ciphertext", parts.ciphertext);
	add_part(state, "tag", parts.tag);
	return 1;
}

int luaopen_token(lua_State *state)
{
	static const luaL_Reg calls[] = {
		{"algorithm", algorithm_named},
		{"algorithms", algorithms},
		{"check_key", check_key},
		{"forms", forms},
		{"layout", layout},
		{"open", open_token},
		{"parse_key", parse_key},
		{"seal", seal},
		{"timestamp", timestamp},
		{NULL, NULL},
	};
	luaL_newlibtable(state, calls);
	struct workshop *shop = lua_newuserdatauv(state, sizeof *shop, 0);
	token_context_init(&shop->context);
	writer_init(&shop->output, 2 * TOKEN_LIMIT);
	if (luaL_newmetatable(state, WORKSHOP)) {
		lua_pushcfunction(state, workshop_close);
		lua_setfield(state, -2, "__gc");
	}
	lua_setmetatable(state, -2);
	luaL_setfuncs(state, calls, 1);
	lua_pushinteger(state, TOKEN_FRACTIONS);
	lua_setfield(state, -2, "FRACTIONS");
	return 1;
}
