// SPDX-License-Identifier: BSD-3-Clause
//
// Attribute types and values between Lua and the engine: what a script writes for an address, an error code or a list,
// and what it gets back. The stun module is built on it; nothing here can be required.
#ifndef ASSAY_LUA_STUN_VALUE_H
#define ASSAY_LUA_STUN_VALUE_H

#include "stun/value.h"

#include <lua.h>

struct writer;

// An attribute type given as name ("USERNAME"), as number, or as the text of a number ("0x7F00"), at a stack index.
// Throws an error that begins with `what` for anything else.
uint16_t stun_lua_type(lua_State *state, int index, const char *what);

// The octets of the value at a stack index for an attribute of this type. A string is taken as it is ("IPv4" and "IPv6"
// excepted, where the value is a family); other forms are those that stun_lua_push_value makes. What had to be encoded
// becomes a string that is kept alive in the table at `anchors`; else the octets are those of the string at index.
// Throws for a form the kind does not have.
struct stun_octets stun_lua_check_value(lua_State *state, int index, uint16_t type, const uint8_t *transaction,
					struct writer *scratch, int anchors);

// Pushes a field of the table at a stack index and yields its type. No metamethod is called: no script may run while
// the engine holds pointers into what the script could change.
int stun_lua_push_field(lua_State *state, int index, const char *name);

// Pushes one decoded value: string, integer, boolean or table, by its kind.
void stun_lua_push_value(lua_State *state, const struct stun_value *value);

// A non-negative integer at a stack index, at most `most`. Throws an error that begins with `what`.
lua_Integer stun_lua_number(lua_State *state, int index, lua_Integer most, const char *what);

#endif
