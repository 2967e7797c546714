// SPDX-License-Identifier: BSD-3-Clause
//
// The module "json": Lua values to one line of JSON text (json_encode.c) and back. Reading is jansson's; writing is our
// own, because reports need an order of members, and octets of a hostile peer in them must neither break the text nor
// be lost.
#include "lua/modules.h"

#include "base/error.h"
#include "lua/json_encode.h"
#include "lua/state.h"

#include <jansson.h>
#include <lauxlib.h>

#define DOCUMENT "json.document"

static int document_close(lua_State *state)
{
	json_t **document = luaL_checkudata(state, 1, DOCUMENT);
	json_decref(*document);
	*document = NULL;
	return 0;
}

// Pushes the value; false when it is nested too deep.
static bool push_json(lua_State *state, json_t *json, int depth)
{
	size_t index;
	const char *name;
	json_t *item;
	if (depth > JSON_LUA_DEPTH)
		return false;
	luaL_checkstack(state, 8, "json.decode");
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		lua_createtable(state, 0, (int)json_object_size(json));
		for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
			name = json_object_iter_key(at);
			lua_pushlstring(state, name, json_object_iter_key_len(at));
			if (!push_json(state, json_object_iter_value(at), depth + 1))
				return false;
			lua_rawset(state, -3);
		}
		return true;
	case JSON_ARRAY:
		lua_createtable(state, (int)json_array_size(json), 0);
		luaL_setmetatable(state, JSON_LUA_ARRAY);
		json_array_foreach(json, index, item)
		{
			if (!push_json(state, item, depth + 1))
				return false;
			lua_rawseti(state, -2, (lua_Integer)index + 1);
		}
		return true;
	case JSON_STRING:
		lua_pushlstring(state, json_string_value(json), json_string_length(json));
		return true;
	case JSON_INTEGER:
		lua_pushinteger(state, json_integer_value(json));
		return true;
	case JSON_REAL:
		lua_pushnumber(state, json_real_value(json));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(state, json_is_true(json));
		return true;
	case JSON_NULL:
	default:
		lua_pushlightuserdata(state, (void *)&json_lua_null);
		return true;
	}
}

// json.decode(text) -> value | nil, err, offset
// null is json.null, so that a member that is there stays there. Arrays are marked as json.array does it.
static int decode(lua_State *state)
{
	size_t length;
	json_error_t error;
	const char *text = luaL_checklstring(state, 1, &length);
	json_t **document = lua_newuserdatauv(state, sizeof *document, 0);
	*document = NULL;
	luaL_setmetatable(state, DOCUMENT);
	*document = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	int top = lua_gettop(state);
	struct error failure;
	if (!*document)
		error_set(&failure, ERROR_MALFORMED, error.position > 0 ? (size_t)error.position : 0,
			  "no JSON: %s (line %d, column %d)", error.text, error.line, error.column);
	else if (!push_json(state, *document, 0))
		error_set(&failure, ERROR_LIMIT, ERROR_NO_OFFSET, "JSON nested deeper than %d", JSON_LUA_DEPTH);
	else {
		json_decref(*document);
		*document = NULL;
		return 1;
	}
	json_decref(*document);
	*document = NULL;
	lua_settop(state, top);
	return state_push_error(state, &failure);
}

// json.array([table]) -> the same table, or a new one, marked so that it is an array also when it is empty
static int array(lua_State *state)
{
	lua_settop(state, 1);
	if (lua_isnil(state, 1)) {
		lua_newtable(state);
		lua_replace(state, 1);
	}
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_setmetatable(state, JSON_LUA_ARRAY);
	return 1;
}

int luaopen_json(lua_State *state)
{
	static const luaL_Reg calls[] = {
		{"array", array}, {"decode", decode}, {"encode", json_lua_encode}, {NULL, NULL}};
	luaL_newmetatable(state, JSON_LUA_ARRAY);
	if (luaL_newmetatable(state, DOCUMENT)) {
		lua_pushcfunction(state, document_close);
		lua_setfield(state, -2, "__gc");
	}
	lua_pop(state, 2);
	json_lua_encode_open(state);
	luaL_newlib(state, calls);
	lua_pushlightuserdata(state, (void *)&json_lua_null);
	lua_setfield(state, -2, "null");
	return 1;
}
