// SPDX-License-Identifier: BSD-3-Clause
#include "lua/field.h"

#include <lauxlib.h>

void field_set_octets(lua_State *state, const char *field, const void *octets, size_t length)
{
	lua_pushlstring(state, octets ? octets : "", length);
	lua_setfield(state, -2, field);
}

void field_set_integer(lua_State *state, const char *field, lua_Integer value)
{
	lua_pushinteger(state, value);
	lua_setfield(state, -2, field);
}

void field_set_boolean(lua_State *state, const char *field, bool value)
{
	lua_pushboolean(state, value);
	lua_setfield(state, -2, field);
}

const char *field_text(lua_State *state, int table, const char *name, bool needed, size_t *length)
{
	const char *text = NULL;
	*length = 0;
	int type = lua_getfield(state, table, name);
	if (type == LUA_TSTRING)
		text = lua_tolstring(state, -1, length);
	else if (needed || type != LUA_TNIL)
		luaL_error(state, "field '%s': a string expected, got %s", name, lua_typename(state, type));
	lua_pop(state, 1);
	return text;
}

lua_Integer field_integer(lua_State *state, int table, const char *name, lua_Integer otherwise, lua_Integer least,
			  lua_Integer most)
{
	int is_integer = 1;
	lua_Integer value = otherwise;
	if (lua_getfield(state, table, name) != LUA_TNIL)
		value = lua_tointegerx(state, -1, &is_integer);
	if (!is_integer || value < least || value > most)
		luaL_error(state, "field '%s': an integer from %I to %I expected, got %s", name, least, most,
			   luaL_tolstring(state, -1, NULL));
	lua_pop(state, 1);
	return value;
}

bool field_boolean(lua_State *state, int table, const char *name)
{
	lua_getfield(state, table, name);
	bool value = lua_toboolean(state, -1);
	lua_pop(state, 1);
	return value;
}
