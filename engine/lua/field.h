// SPDX-License-Identifier: BSD-3-Clause
//
// The fields of a table that a script gives to a binding or gets from one. It knows no field by name.
#ifndef ASSAY_LUA_FIELD_H
#define ASSAY_LUA_FIELD_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

// Set a field of the table on top of the stack. NULL octets count as none.
void field_set_octets(lua_State *state, const char *field, const void *octets, size_t length);
void field_set_integer(lua_State *state, const char *field, lua_Integer value);
void field_set_boolean(lua_State *state, const char *field, bool value);

// Read a field of the table at index `table` (not relative to the top), and throw an error that names the field when
// it is not what is expected.
//
// A string, NULL when it is absent and not `needed`. It is owned by the table; numbers are refused, for they would be
// converted to a string that nothing holds.
const char *field_text(lua_State *state, int table, const char *name, bool needed, size_t *length);
// An integer from `least` to `most`; `otherwise` when it is absent. One out of that range makes the field needed.
lua_Integer field_integer(lua_State *state, int table, const char *name, lua_Integer otherwise, lua_Integer least,
			  lua_Integer most);
// Whether it is there and true.
bool field_boolean(lua_State *state, int table, const char *name);

#endif
