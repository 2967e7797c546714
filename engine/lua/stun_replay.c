// SPDX-License-Identifier: BSD-3-Clause
#include "lua/stun_replay.h"

#include "base/error.h"
#include "lua/state.h"
#include "lua/stun_build.h"
#include "stun/attribute.h"
#include "stun/rewrite.h"

#include <lauxlib.h>
#include <stdio.h>

#define CHANGES 16

enum { USERNAME = 0x0006, ERROR_CODE = 0x0009, REALM = 0x0014, NONCE = 0x0015, ACCESS_TOKEN = 0x001B };

// stun.outline(octets) -> class, method, attributes, code, token, signed | nil, text
//
// What a message is, at a glance: class and method by name, an integer with a bit for each known attribute it has (see
// stun.names), the code of ERROR-CODE or nil, whether it has an ACCESS-TOKEN, whether it has an integrity attribute.
int stun_lua_outline(lua_State *state)
{
	size_t length, count, offset = STUN_HEADER_SIZE;
	const char *octets = luaL_checklstring(state, 1, &length);
	const struct stun_attribute *all = stun_attribute_all(&count);
	struct stun_header header;
	struct stun_view view;
	struct error error;
	uint64_t has = 0;
	unsigned code = 0;
	bool token = false, integrity = false;
	int found;
	if (stun_header_parse(octets, length, &header, &error) < 0)
		return state_push_error(state, &error);
	while ((found = stun_attribute_next(octets, length, &offset, &view, &error)) > 0) {
		const struct stun_attribute *known = stun_attribute_find(view.type);
		if (known)
			has |= UINT64_C(1) << (known - all);
		token = token || view.type == ACCESS_TOKEN;
		integrity =
			integrity || view.type == STUN_MESSAGE_INTEGRITY || view.type == STUN_MESSAGE_INTEGRITY_SHA256;
		if (view.type == ERROR_CODE && view.length >= 4 && !code) {
			const uint8_t *value = (const uint8_t *)octets + view.offset + STUN_ATTRIBUTE_HEADER_SIZE;
			code = (value[2] & 7u) * 100u + value[3];
		}
	}
	if (found < 0)
		return state_push_error(state, &error);
	uint16_t method = stun_type_method(header.type);
	char number[8];
	snprintf(number, sizeof number, "0x%03x", method);
	lua_pushstring(state, stun_class_name(stun_type_class(header.type)));
	lua_pushstring(state, stun_method_name(method) ? stun_method_name(method) : number);
	lua_pushinteger(state, (lua_Integer)has);
	if (code)
		lua_pushinteger(state, code);
	else
		lua_pushnil(state);
	lua_pushboolean(state, token);
	lua_pushboolean(state, integrity);
	return 6;
}

// stun.credentials(octets) -> username, realm, nonce, token
//
// The values of the first of each of these attributes, nil for one that is not there, as far as the lengths can be
// followed.
int stun_lua_credentials(lua_State *state)
{
	static const uint16_t types[] = {USERNAME, REALM, NONCE, ACCESS_TOKEN};
	enum { TYPES = sizeof types / sizeof *types };
	size_t length, offset = STUN_HEADER_SIZE;
	const char *octets = luaL_checklstring(state, 1, &length);
	struct stun_octets values[TYPES] = {0};
	struct stun_view view;
	struct error error;
	while (length >= STUN_HEADER_SIZE && stun_attribute_next(octets, length, &offset, &view, &error) > 0)
		for (size_t i = 0; i < TYPES; i++)
			if (view.type == types[i] && !values[i].data)
				values[i] = (struct stun_octets){(const uint8_t *)octets + view.offset +
									 STUN_ATTRIBUTE_HEADER_SIZE,
								 view.length};
	for (size_t i = 0; i < TYPES; i++)
		if (values[i].data)
			lua_pushlstring(state, (const char *)values[i].data, values[i].length);
		else
			lua_pushnil(state);
	return TYPES;
}

// stun.names(attributes) -> array of the names of attributes that have their bit in an integer of stun.outline
int stun_lua_names(lua_State *state)
{
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	uint64_t has = (uint64_t)luaL_checkinteger(state, 1);
	lua_Integer place = 0;
	lua_newtable(state);
	for (size_t i = 0; i < count; i++) {
		if (!(has >> i & 1))
			continue;
		lua_pushstring(state, all[i].name);
		lua_rawseti(state, -2, ++place);
	}
	return 1;
}

// stun.rewrite(octets, transaction, key, changes, key_sha256?) -> octets | nil, text
//
// The message made again with another transaction identifier (12 octets). changes: type -> value, put in place of the
// first attribute of that type, where there is one; at most 16. Addresses stay the same ones. MESSAGE-INTEGRITY,
// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT are computed again where they stand, under `key` (octets, "" for none);
// the second under key_sha256 where that is given.
int stun_lua_rewrite(lua_State *state)
{
	size_t length, transaction_length;
	const char *octets = luaL_checklstring(state, 1, &length);
	const char *transaction = luaL_checklstring(state, 2, &transaction_length);
	struct stun_change changes[CHANGES];
	struct stun_rewriting rewriting = {.transaction = (const uint8_t *)transaction, .changes = changes};
	luaL_argcheck(state, transaction_length == STUN_TRANSACTION_SIZE, 2, "12 octets expected");
	rewriting.key.data = (const uint8_t *)luaL_checklstring(state, 3, &rewriting.key.length);
	luaL_checktype(state, 4, LUA_TTABLE);
	rewriting.key_sha256 = rewriting.key;
	if (!lua_isnoneornil(state, 5))
		rewriting.key_sha256.data = (const uint8_t *)luaL_checklstring(state, 5, &rewriting.key_sha256.length);
	for (lua_pushnil(state); lua_next(state, 4); lua_pop(state, 1)) {
		luaL_argcheck(state, rewriting.change_count < CHANGES, 4, "too many changes");
		luaL_argcheck(state, lua_isinteger(state, -2) && lua_type(state, -1) == LUA_TSTRING, 4,
			      "a type and octets expected");
		struct stun_change *change = &changes[rewriting.change_count++];
		change->type = (uint16_t)lua_tointeger(state, -2);
		// The table holds on to the string.
		change->value.data = (const uint8_t *)lua_tolstring(state, -1, &change->value.length);
	}
	struct stun_workshop *workshop = stun_lua_workshop(state);
	struct error error;
	writer_reset(&workshop->message);
	if (stun_rewrite(workshop->integrity, octets, length, &rewriting, &workshop->message, &error) < 0)
		return state_push_error(state, &error);
	lua_pushlstring(state, (const char *)workshop->message.data, workshop->message.length);
	return 1;
}
