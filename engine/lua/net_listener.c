// SPDX-License-Identifier: BSD-3-Clause
//
// Listeners of every transport that has them, part of the module net.
#include "lua/net_endpoint.h"
#include "lua/net_support.h"
#include "lua/state.h"
#include "lua/task.h"
#include "net/tcp.h"

#include <string.h>

#define LISTENER "net.listener"

struct listening {
	const struct net_listener_kind *kind;
	void *listener; // NULL once closed
	struct task_wait waiting;
};

void *net_push_listener(lua_State *state, const struct net_listener_kind *kind)
{
	struct listening *listening = lua_newuserdatauv(state, sizeof *listening, 0);
	*listening = (struct listening){.kind = kind};
	luaL_setmetatable(state, LISTENER);
	return listening;
}

void net_set_listener(void *owner, void *listener)
{
	struct listening *listening = owner;
	listening->listener = listener;
}

void net_tell_listener(void *owner)
{
	struct listening *listening = owner;
	task_wake(&listening->waiting);
}

static struct endpoint *accept_tcp(void *listener, const struct endpoint_handler *handler, void *owner, bool *nothing,
				   struct error *error)
{
	return tcp_accept(listener, handler, owner, nothing, error);
}

static int watch_tcp(void *listener)
{
	return tcp_listener_watch(listener);
}

static const struct address *address_of_tcp(void *listener)
{
	return tcp_listener_address(listener);
}

static void free_tcp(void *listener)
{
	tcp_listener_free(listener);
}

static const struct net_listener_kind tcp_listener_kind = {accept_tcp, watch_tcp, address_of_tcp, free_tcp};

// net.tcp_listener{ address=address } -> listener | nil, text
static int net_tcp_listener(lua_State *state)
{
	struct address address;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_argcheck(state, net_opt_address(state, 1, "address", &address), 1, "address expected");
	void *owner = net_push_listener(state, &tcp_listener_kind);
	struct tcp_listener *listener = tcp_listen(&address, net_tell_listener, owner, &error);
	net_set_listener(owner, listener);
	return listener ? 1 : state_push_error(state, &error);
}

enum { ACCEPT_DEADLINE = 2 };

static int accept_one(lua_State *state, int outcome, lua_KContext context)
{
	struct listening *listening = luaL_checkudata(state, 1, LISTENER);
	struct error error;
	bool nothing;
	if (!listening->listener)
		return net_push_failure(state, "closed");
	void *owner = net_push_owner(state);
	struct endpoint *endpoint =
		listening->kind->accept(listening->listener, &net_endpoint_handler, owner, &nothing, &error);
	net_set_endpoint(owner, endpoint);
	if (endpoint)
		return 1;
	if (!nothing)
		return state_push_error(state, &error);
	if (outcome == TASK_TIMEOUT)
		return net_push_failure(state, "timeout");
	lua_pop(state, 1);
	if (listening->kind->watch && listening->kind->watch(listening->listener) < 0)
		return net_push_failure(state, "the event loop takes no more sockets");
	return task_wait(state, &listening->waiting, net_time_left(state, ACCEPT_DEADLINE), accept_one, context);
}

// listener:accept([timeout]) * -> endpoint | nil, text
//
// TLS, DTLS: one whose handshake succeeded; those that fail are not told of.
static int listener_accept(lua_State *state)
{
	luaL_checkudata(state, 1, LISTENER);
	net_push_deadline(state, 2);
	return accept_one(state, TASK_WOKEN, 0);
}

// listener:address() -> the address it listens on | nil once closed
static int listener_address(lua_State *state)
{
	struct listening *listening = luaL_checkudata(state, 1, LISTENER);
	if (listening->listener)
		net_push_address(state, listening->kind->address(listening->listener));
	else
		lua_pushnil(state);
	return 1;
}

// listener:close(): whoever waits in accept gets nil, "closed"; connections that were accepted live on
static int listener_close(lua_State *state)
{
	struct listening *listening = luaL_checkudata(state, 1, LISTENER);
	if (listening->listener)
		listening->kind->free(listening->listener);
	listening->listener = NULL;
	task_wake(&listening->waiting);
	return 0;
}

void net_listener_open(lua_State *state)
{
	static const luaL_Reg functions[] = {{"tcp_listener", net_tcp_listener}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"accept", listener_accept}, {"address", listener_address}, {"close", listener_close},
		{"__close", listener_close}, {"__gc", listener_close},      {NULL, NULL},
	};
	state_make_class(state, LISTENER, methods);
	luaL_setfuncs(state, functions, 0);
}
