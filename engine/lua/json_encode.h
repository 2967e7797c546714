// SPDX-License-Identifier: BSD-3-Clause
//
// json.encode: a Lua value as one line of JSON text. The module json is built on it; nothing here can be required.
#ifndef ASSAY_LUA_JSON_ENCODE_H
#define ASSAY_LUA_JSON_ENCODE_H

#include <lua.h>

// The metatable that marks a table as an array, also an empty one.
#define JSON_LUA_ARRAY "json.array"

// Tables within tables, written or read.
#define JSON_LUA_DEPTH 64

// json.null is a light userdata that points to it: equal to itself and nothing else.
extern const char json_lua_null;

// Makes the metatable that encode needs, once a state.
void json_lua_encode_open(lua_State *state);

int json_lua_encode(lua_State *state);

#endif
