// SPDX-License-Identifier: BSD-3-Clause
#include "lua/state.h"

#include "base/error.h"
#include "lua/modules.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const luaL_Reg modules[] = {
	{"audit", luaopen_audit},
	{"bytes", luaopen_bytes},
	{"capture", luaopen_capture},
	{"clock", luaopen_clock},
	{"json", luaopen_json},
	{"net", luaopen_net},
	{"spool", luaopen_spool},
	{"stun", luaopen_stun},
	{"system", luaopen_system},
	{"target", luaopen_target},
	{"token", luaopen_token},
	{"workers", luaopen_workers},
	{NULL, NULL},
};

// No io and no os: what a script may do to the machine goes through the engine's own modules.
static const luaL_Reg libraries[] = {
	{LUA_GNAME, luaopen_base},       {LUA_LOADLIBNAME, luaopen_package}, {LUA_COLIBNAME, luaopen_coroutine},
	{LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},   {LUA_MATHLIBNAME, luaopen_math},
	{LUA_UTF8LIBNAME, luaopen_utf8}, {LUA_DBLIBNAME, luaopen_debug},     {NULL, NULL},
};

// The folder that holds suites/ and reports/: that of the program, or a parent of it, so that build/assay and
// build/sanitized/assay find the checkout they stand in.
static int find_root(char root[PATH_MAX], struct error *error)
{
	char probe[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", root, PATH_MAX - 1);
	if (length < 0)
		return error_set_errno(error, "cannot tell where this program stands (/proc/self/exe)");
	root[length] = 0;
	for (char *slash; (slash = strrchr(root, '/')) && slash != root;) {
		*slash = 0;
		snprintf(probe, sizeof probe, "%s/suites/support", root);
		if (access(probe, R_OK) == 0)
			return 0;
	}
	return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET,
			 "no suites/ beside this program or above it: run assay from its checkout's build folder");
}

lua_State *state_new(struct error *error)
{
	char root[PATH_MAX];
	if (find_root(root, error) < 0)
		return NULL;
	lua_State *state = luaL_newstate();
	if (!state) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	for (const luaL_Reg *library = libraries; library->name; library++) {
		luaL_requiref(state, library->name, library->func, 1);
		lua_pop(state, 1);
	}
	luaL_getsubtable(state, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	luaL_setfuncs(state, modules, 0);
	lua_pop(state, 1);

	lua_getglobal(state, LUA_LOADLIBNAME);
	lua_pushfstring(state, "%s/suites/?.lua;%s/?.lua", root, root);
	lua_setfield(state, -2, "path");
	lua_pushliteral(state, "");
	lua_setfield(state, -2, "cpath");
	lua_pop(state, 1);
	lua_pushstring(state, root);
	lua_setfield(state, LUA_REGISTRYINDEX, "assay.root");
	return state;
}

static int with_traceback(lua_State *state)
{
	const char *text = lua_tostring(state, 1);
	if (!text)
		text = luaL_tolstring(state, 1, NULL);
	luaL_traceback(state, state, text, 1);
	return 1;
}

bool state_call(lua_State *state, int arguments, int results)
{
	int handler = lua_gettop(state) - arguments;
	lua_pushcfunction(state, with_traceback);
	lua_insert(state, handler);
	int outcome = lua_pcall(state, arguments, results, handler);
	lua_remove(state, handler);
	return outcome == LUA_OK;
}

int state_push_error(lua_State *state, const struct error *error)
{
	lua_pushnil(state);
	lua_pushstring(state, error->text);
	if (error->offset == ERROR_NO_OFFSET)
		return 2;
	lua_pushinteger(state, (lua_Integer)error->offset);
	return 3;
}

void state_make_class(lua_State *state, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(state, name);
	luaL_setfuncs(state, methods, 0);
	lua_pushvalue(state, -1);
	lua_setfield(state, -2, "__index");
	lua_pop(state, 1);
}
