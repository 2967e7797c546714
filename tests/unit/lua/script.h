// SPDX-License-Identifier: BSD-3-Clause
//
// Tests of modules by pieces of Lua: one state for all tests of a program, with the modules as globals, and `same`.
#ifndef ASSAY_TESTS_SCRIPT_H
#define ASSAY_TESTS_SCRIPT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static lua_State *lua;

// Opens the state and runs the prelude with an argument (NULL: none). modules ends with an empty row. Returns what a
// group set-up does: 0 when all is well.
static inline int script_open(const luaL_Reg *modules, const char *prelude, const char *argument)
{
	lua = luaL_newstate();
	luaL_openlibs(lua);
	for (; modules->name; modules++)
		luaL_requiref(lua, modules->name, modules->func, 1);
	lua_settop(lua, 0);
	if (luaL_dostring(lua, "function same(a, b)\n"
			       "  if a ~= b then error(('%q is not %q'):format(tostring(a), tostring(b)), 2) end\n"
			       "end\n") ||
	    luaL_loadstring(lua, prelude))
		return -1;
	lua_pushstring(lua, argument);
	return lua_pcall(lua, 1, 0, 0);
}

// The group tear-down.
static int script_close(void **state)
{
	(void)state;
	lua_close(lua);
	return 0;
}

// Runs a chunk; an error of it fails the test.
static void run(const char *chunk)
{
	if (luaL_dostring(lua, chunk))
		fail_msg("%s", lua_tostring(lua, -1));
	lua_settop(lua, 0);
}

#endif
