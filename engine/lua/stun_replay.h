// SPDX-License-Identifier: BSD-3-Clause
//
// stun.credentials, stun.outline and stun.rewrite: what a replay asks of very many messages, each in one
// call and without a table.
#ifndef ASSAY_LUA_STUN_REPLAY_H
#define ASSAY_LUA_STUN_REPLAY_H

#include <lua.h>

int stun_lua_credentials(lua_State *state);
int stun_lua_outline(lua_State *state);
int stun_lua_rewrite(lua_State *state);
int stun_lua_names(lua_State *state);

#endif
