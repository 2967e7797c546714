// SPDX-License-Identifier: BSD-3-Clause
//
// stun.build and stun.edit: from the tables of a script to a draft and its edits, and to octets; and what the calls of
// the module need for that.
#ifndef ASSAY_LUA_STUN_BUILD_H
#define ASSAY_LUA_STUN_BUILD_H

#include "base/bytes.h"

#include <lua.h>

struct stun_integrity;

// What the calls of the stun module share: made when the module is loaded, upvalue 1 of each of its functions.
struct stun_workshop {
	struct stun_integrity *integrity;
	struct writer message; // octets being built
	struct writer value;   // one value being encoded
};

// Pushes a new one, which the collector frees.
void stun_lua_push_workshop(lua_State *state);

// The workshop of the running function.
struct stun_workshop *stun_lua_workshop(lua_State *state);

int stun_lua_build(lua_State *state);
int stun_lua_edit(lua_State *state);

#endif
