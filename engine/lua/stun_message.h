// SPDX-License-Identifier: BSD-3-Clause
//
// stun.parse and what a script may ask of the message it gets. The stun module is built on it; nothing here can be
// required.
#ifndef ASSAY_LUA_STUN_MESSAGE_H
#define ASSAY_LUA_STUN_MESSAGE_H

#include <lua.h>
#include <stddef.h>

// Makes the metatable of messages; the workshop of the module is on top of the stack, and stays there.
void stun_lua_open_message(lua_State *state);

int stun_lua_parse(lua_State *state);

// Pushes any octets as lines of text; returns 1, as a function does that a script has called.
int stun_lua_push_text(lua_State *state, const void *octets, size_t length);

#endif
