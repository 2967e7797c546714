// SPDX-License-Identifier: BSD-3-Clause
#include "lua/net_support.h"

#include "lua/state.h"
#include "lua/task.h"
#include "net/loop.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#define SIGNAL "net.signal"
#define SIGNALS "assay.signals" // in the registry: those that are not closed
#define RESOLVED_MOST 32

enum signal_value { SIGNAL_FUNCTION = 1, SIGNAL_VALUES = SIGNAL_FUNCTION };

void net_push_address(lua_State *state, const struct address *address)
{
	char text[ADDRESS_TEXT];
	if (!address->length) {
		lua_pushnil(state);
		return;
	}
	lua_createtable(state, 0, 2);
	lua_pushstring(state, address_text(address, text));
	lua_setfield(state, -2, "address");
	lua_pushinteger(state, address_port(address));
	lua_setfield(state, -2, "port");
}

// Throws what is wrong with the address at the top of the stack: `name` is that of the field it came from, or NULL.
static void read_address(lua_State *state, int argument, const char *name, struct address *address)
{
	struct error error;
	int is_integer = 1;
	lua_Integer port = 0;
	const char *where = name ? name : "address";
	if (!lua_istable(state, -1))
		luaL_argerror(state, argument, lua_pushfstring(state, "%s: {address=, port=} expected", where));
	if (lua_getfield(state, -1, "port") != LUA_TNIL)
		port = lua_tointegerx(state, -1, &is_integer);
	if (!is_integer || port < 0 || port > UINT16_MAX)
		luaL_argerror(state, argument, lua_pushfstring(state, "%s: a port from 0 to 65535 expected", where));
	lua_pop(state, 1);
	if (lua_getfield(state, -1, "address") != LUA_TSTRING)
		luaL_argerror(state, argument, lua_pushfstring(state, "%s: {address=, port=} expected", where));
	if (address_parse(address, lua_tostring(state, -1), (uint16_t)port, &error) < 0)
		luaL_argerror(state, argument, lua_pushfstring(state, "%s: %s", where, error.text));
	lua_pop(state, 1);
}

void net_check_address(lua_State *state, int index, struct address *address)
{
	lua_pushvalue(state, index);
	read_address(state, index, NULL, address);
	lua_pop(state, 1);
}

bool net_opt_address(lua_State *state, int index, const char *name, struct address *address)
{
	bool there = lua_getfield(state, index, name) != LUA_TNIL;
	if (there)
		read_address(state, index, name, address);
	lua_pop(state, 1);
	return there;
}

double net_opt_seconds(lua_State *state, int index, const char *name, double standard)
{
	int is_number = 1;
	if (lua_getfield(state, index, name) != LUA_TNIL)
		standard = lua_tonumberx(state, -1, &is_number);
	// `standard` alone may be 0, for none.
	if (!is_number || (!lua_isnil(state, -1) && !(standard > 0)))
		luaL_argerror(state, index, lua_pushfstring(state, "%s: a time of more than 0 seconds expected", name));
	lua_pop(state, 1);
	return standard;
}

void net_push_deadline(lua_State *state, int index)
{
	double timeout = task_check_timeout(state, index);
	lua_settop(state, 1);
	if (timeout < 0)
		lua_pushnil(state);
	else
		lua_pushnumber(state, loop_monotonic() + timeout);
}

double net_time_left(lua_State *state, int index)
{
	if (lua_isnil(state, index))
		return -1;
	double left = lua_tonumber(state, index) - loop_monotonic();
	return left > 0 ? left : 0;
}

struct retransmit net_check_schedule(lua_State *state, int index)
{
	struct retransmit schedule = retransmit_default;
	int is_number = 1;
	schedule.rto = net_opt_seconds(state, index, "rto", schedule.rto);
	if (lua_getfield(state, index, "rc") != LUA_TNIL) {
		lua_Integer rc = lua_tointegerx(state, -1, &is_number);
		if (!is_number || rc < 1 || rc > RETRANSMIT_MOST)
			luaL_argerror(state, index, "rc: a number of sendings from 1 to 32 expected");
		schedule.rc = (unsigned)rc;
	}
	if (lua_getfield(state, index, "rm") != LUA_TNIL) {
		schedule.rm = lua_tonumberx(state, -1, &is_number);
		if (!is_number || !(schedule.rm >= 0) || isinf(schedule.rm))
			luaL_argerror(state, index, "rm: a factor that is not negative expected");
	}
	lua_pop(state, 2);
	return schedule;
}

// net.retransmissions{ rto=0.5, rc=7, rm=16 } -> offsets, finish
//
// When a request over UDP is sent, in seconds from its first sending (which is 0), and when it has failed.
static int net_retransmissions(lua_State *state)
{
	if (lua_isnoneornil(state, 1)) {
		lua_settop(state, 0);
		lua_newtable(state);
	}
	luaL_checktype(state, 1, LUA_TTABLE);
	struct retransmit schedule = net_check_schedule(state, 1);
	lua_createtable(state, (int)schedule.rc, 0);
	for (unsigned n = 0; n < schedule.rc; n++) {
		lua_pushnumber(state, retransmit_offset(&schedule, n));
		lua_rawseti(state, -2, (lua_Integer)n + 1);
	}
	lua_pushnumber(state, retransmit_end(&schedule));
	return 2;
}

// net.resolve(host, port?) -> array of addresses | nil, text
//
// A numeric address or a name; in the order of the system's resolver. It blocks: not for use while packets are timed.
static int net_resolve(lua_State *state)
{
	const char *host = luaL_checkstring(state, 1);
	lua_Integer port = luaL_optinteger(state, 2, 0);
	luaL_argcheck(state, port >= 0 && port <= UINT16_MAX, 2, "a port from 0 to 65535 expected");
	struct address found[RESOLVED_MOST];
	struct error error;
	int count = address_resolve(found, RESOLVED_MOST, host, (uint16_t)port, &error);
	if (count < 0)
		return state_push_error(state, &error);
	lua_createtable(state, count, 0);
	for (int i = 0; i < count; i++) {
		net_push_address(state, &found[i]);
		lua_rawseti(state, -2, i + 1);
	}
	return 1;
}

static size_t check_transports(lua_State *state, int index, int types[4])
{
	size_t count = 0;
	if (lua_getfield(state, index, "transports") == LUA_TNIL) {
		types[count++] = SOCK_DGRAM;
		types[count++] = SOCK_STREAM;
	} else if (lua_istable(state, -1)) {
		for (; count < 4 && lua_rawgeti(state, -1, (lua_Integer)count + 1) != LUA_TNIL; count++) {
			const char *name = lua_tostring(state, -1);
			if (!name || (strcmp(name, "udp") != 0 && strcmp(name, "tcp") != 0))
				luaL_argerror(state, index, "transports: an array of \"udp\" and \"tcp\" expected");
			types[count] = strcmp(name, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
			lua_pop(state, 1);
		}
	}
	luaL_argcheck(state, count > 0, index, "transports: an array of \"udp\" and \"tcp\" expected");
	return count;
}

// Reads a numeric address from a field; `otherwise` stands in where it is absent, and false is returned where that is
// NULL too.
static bool check_numeric(lua_State *state, const char *name, const char *otherwise, struct address *address)
{
	struct error error;
	if (lua_getfield(state, 1, name) == LUA_TNIL) {
		lua_pop(state, 1);
		lua_pushstring(state, otherwise);
	}
	bool there = !lua_isnil(state, -1);
	if (there && lua_type(state, -1) != LUA_TSTRING)
		luaL_argerror(state, 1, lua_pushfstring(state, "%s: text expected", name));
	if (there && address_parse(address, lua_tostring(state, -1), 0, &error) < 0)
		luaL_argerror(state, 1, lua_pushfstring(state, "%s: %s", name, error.text));
	lua_pop(state, 1);
	return there;
}

// net.free_port{ address="127.0.0.1", also=address?, transports={"udp","tcp"} } -> port | nil, text
//
// A port that was free for all of these a moment ago, at both addresses where there are two. Nothing holds it.
static int net_free_port(lua_State *state)
{
	int types[4];
	struct address address, also;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	check_numeric(state, "address", "127.0.0.1", &address);
	bool two = check_numeric(state, "also", NULL, &also);
	size_t count = check_transports(state, 1, types);
	int port = address_free_port(&address, two ? &also : NULL, types, count, &error);
	if (port < 0)
		return state_push_error(state, &error);
	lua_pushinteger(state, port);
	return 1;
}

struct watched_signal {
	struct event *event; // NULL once closed
	lua_State *main;
};

// Keeps the userdata at `index`, or lets go of it when that is nil.
static void keep_signal(lua_State *state, struct watched_signal *watched, int index)
{
	lua_pushvalue(state, index);
	luaL_getsubtable(state, LUA_REGISTRYINDEX, SIGNALS);
	lua_insert(state, -2);
	lua_rawsetp(state, -2, watched);
	lua_pop(state, 1);
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
	(void)number, (void)what;
	struct watched_signal *watched = context;
	lua_State *state = watched->main;
	if (!lua_checkstack(state, 8))
		return;
	int top = lua_gettop(state);
	luaL_getsubtable(state, LUA_REGISTRYINDEX, SIGNALS);
	lua_rawgetp(state, -1, watched);
	lua_getiuservalue(state, -1, SIGNAL_FUNCTION);
	if (!state_call(state, 0, 0))
		task_report(state);
	lua_settop(state, top);
}

static int signal_number(const char *name)
{
	for (int number = 1; number < 32; number++) {
		const char *other = sigabbrev_np(number);
		if (other && strcmp(name, other) == 0)
			return number;
	}
	return 0;
}

// net.on_signal(name, function) -> handle | nil, text
//
// Calls function() from the event loop when the signal "INT", "TERM", ... came, until handle:close(). It may not wait.
static int net_on_signal(lua_State *state)
{
	int number = signal_number(luaL_checkstring(state, 1));
	luaL_argcheck(state, number != 0, 1, "the name of a signal such as \"INT\" expected");
	luaL_checktype(state, 2, LUA_TFUNCTION);
	struct watched_signal *watched = lua_newuserdatauv(state, sizeof *watched, SIGNAL_VALUES);
	*watched = (struct watched_signal){.main = task_main(state)};
	luaL_setmetatable(state, SIGNAL);
	lua_pushvalue(state, 2);
	lua_setiuservalue(state, -2, SIGNAL_FUNCTION);
	// These two nobody can watch for, and libevent would say so on standard error.
	bool possible = number != SIGKILL && number != SIGSTOP && loop_base();
	watched->event = possible ? evsignal_new(loop_base(), number, on_signal, watched) : NULL;
	if (!watched->event || event_add(watched->event, NULL) < 0) {
		lua_pushnil(state);
		lua_pushfstring(state, "cannot watch for the signal %s", lua_tostring(state, 1));
		return 2;
	}
	keep_signal(state, watched, lua_gettop(state));
	return 1;
}

// handle:close(): the signal does again what it did before
static int signal_close(lua_State *state)
{
	struct watched_signal *watched = luaL_checkudata(state, 1, SIGNAL);
	if (!watched->event)
		return 0;
	event_free(watched->event);
	watched->event = NULL;
	lua_pushnil(state);
	keep_signal(state, watched, lua_gettop(state));
	return 0;
}

void net_support_open(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"retransmissions", net_retransmissions},
		{"resolve", net_resolve},
		{"free_port", net_free_port},
		{"on_signal", net_on_signal},
		{NULL, NULL},
	};
	static const luaL_Reg signal_methods[] = {
		{"close", signal_close},
		{"__close", signal_close},
		{"__gc", signal_close},
		{NULL, NULL},
	};
	state_make_class(state, SIGNAL, signal_methods);
	luaL_setfuncs(state, functions, 0);
}
