// SPDX-License-Identifier: BSD-3-Clause
//
// The door to Lua: one state with the standard libraries a suite needs and the engine's modules in package.preload,
// and one protected call with a traceback through which all of C enters Lua.
#ifndef ASSAY_LUA_STATE_H
#define ASSAY_LUA_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

struct error;

// A new state, owned by the caller (lua_close). `require` finds suites/ and reports/ beside the running program,
// wherever it is called from. NULL with *error filled when memory ran out or those folders are not there.
lua_State *state_new(struct error *error);

// Like lua_call(state, arguments, results), but an error leaves one string with its traceback on the stack
// and yields false. Every entry from C into Lua goes through here.
bool state_call(lua_State *state, int arguments, int results);

// The conventions of all modules: a failure at run time returns nil, text[, offset]; misuse is luaL_error.
// Pushes nil, the error's text and, where it has one, its offset; returns the number of values pushed.
int state_push_error(lua_State *state, const struct error *error);

// Makes the metatable of a noun, once a state: its methods are found in it, and its __gc and __close are among them.
void state_make_class(lua_State *state, const char *name, const luaL_Reg *methods);

#endif
