// SPDX-License-Identifier: BSD-3-Clause
#include "lua/modules.h"

#include <lauxlib.h>
#include <time.h>

static int push_time(lua_State *state, clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	lua_pushnumber(state, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
	return 1;
}

// clock.now() -> seconds since the start of 1970, with their fraction: the time of day, which may be set and jump
static int now(lua_State *state)
{
	return push_time(state, CLOCK_REALTIME);
}

// clock.monotonic() -> seconds since some moment of the past, with their fraction: for intervals, it never goes back
static int monotonic(lua_State *state)
{
	return push_time(state, CLOCK_MONOTONIC);
}

// clock.utc(seconds) -> that time of day as RFC 3339 writes it, such as "2026-11-22T01:02:03Z"
static int utc(lua_State *state)
{
	lua_Number seconds = luaL_checknumber(state, 1);
	luaL_argcheck(state, seconds >= 0 && seconds < 2e11, 1, "seconds since 1970 expected");
	time_t time = (time_t)seconds;
	struct tm parts;
	char text[40];
	if (!gmtime_r(&time, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts))
		return luaL_argerror(state, 1, "no date");
	lua_pushstring(state, text);
	return 1;
}

int luaopen_clock(lua_State *state)
{
	static const luaL_Reg functions[] = {{"now", now}, {"monotonic", monotonic}, {"utc", utc}, {NULL, NULL}};
	luaL_newlib(state, functions);
	return 1;
}
