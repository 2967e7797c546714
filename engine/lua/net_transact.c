// SPDX-License-Identifier: BSD-3-Clause
//
// endpoint:transact, part of the module net.
#include "lua/net_support.h"
#include "lua/state.h"
#include "lua/task.h"
#include "net/transaction.h"

#include <lauxlib.h>
#include <string.h>

#define TRANSACTION "net.transaction"

struct exchange {
	struct transaction transaction;
	struct task_wait waiting;
};

static void on_transaction_end(struct transaction *transaction)
{
	struct exchange *exchange = transaction->owner;
	task_wake(&exchange->waiting);
}

static void set_time(lua_State *state, const char *name, double time)
{
	if (time <= 0)
		return;
	lua_pushnumber(state, time);
	lua_setfield(state, -2, name);
}

static void push_info(lua_State *state, const struct transaction *transaction)
{
	lua_createtable(state, 0, 7);
	if (transaction->reply) {
		net_push_address(state, &transaction->from);
		lua_setfield(state, -2, "from");
	}
	if (transaction->to.length) {
		net_push_address(state, &transaction->to);
		lua_setfield(state, -2, "to");
	}
	set_time(state, "sent", transaction->sent);
	set_time(state, "sent_last", transaction->sent_last);
	set_time(state, "received", transaction->received);
	lua_pushinteger(state, (lua_Integer)transaction->sends);
	lua_setfield(state, -2, "sends");
	lua_createtable(state, (int)transaction->noted, 0);
	for (unsigned i = 0; i < transaction->noted; i++) {
		lua_pushstring(state, transaction->notes[i]);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "icmp");
}

static int transacted(lua_State *state, int outcome, lua_KContext context)
{
	struct exchange *exchange = luaL_checkudata(state, (int)context, TRANSACTION);
	const struct transaction *transaction = &exchange->transaction;
	(void)outcome;
	if (!transaction->done)
		return task_wait(state, &exchange->waiting, -1, transacted, context);
	if (transaction->reply) {
		lua_pushlstring(state, (const char *)transaction->reply, transaction->reply_length);
		push_info(state, transaction);
		return 2;
	}
	net_push_failure(state, transaction->failure);
	push_info(state, transaction);
	return 3;
}

static struct transaction_plan check_plan(lua_State *state, int index)
{
	struct transaction_plan plan = {.schedule = retransmit_default};
	if (lua_isnoneornil(state, index))
		return plan;
	luaL_checktype(state, index, LUA_TTABLE);
	plan.schedule = net_check_schedule(state, index);
	plan.timeout = net_opt_seconds(state, index, "timeout", 0);
	return plan;
}

// endpoint:transact(request, { to=address?, rto=0.5, rc=7, rm=16, timeout= }?) * -> reply, info | nil, text, info
//
// Sends a STUN request and waits for the reply: a success or error response with the request's transaction id, from
// wherever it comes. UDP, DTLS: sent again as RFC 5389 7.2.1 says; a timeout only cuts the schedule short. TCP, TLS:
// sent once, 39.5 seconds waited unless timeout says otherwise. info = { to=, from=, sent=, sent_last=, received=,
// sends=n, icmp={ text, ... } }: wall times of the first and the last sending and of the reply; ICMP errors and
// sendings that the kernel refused are noted there and end nothing. The text is "timeout", "closed", or why the first
// sending failed.
// What else comes meanwhile is kept for receive(); only late replies to a request that was sent more than once are let
// go (a tap sees them). Any number of tasks may do this on one endpoint.
int net_transact(lua_State *state)
{
	struct endpoint *endpoint = net_check_endpoint(state);
	size_t length;
	const char *request = luaL_checklstring(state, 2, &length);
	luaL_argcheck(state, length >= TRANSACTION_SMALLEST, 2,
		      "too short to have a transaction id: use send and receive");
	struct transaction_plan plan = check_plan(state, 3);
	struct address to;
	struct error error;
	bool has_to = lua_istable(state, 3) && net_opt_address(state, 3, "to", &to);
	lua_settop(state, 3);
	struct exchange *exchange = lua_newuserdatauv(state, sizeof *exchange, 0);
	memset(exchange, 0, sizeof *exchange);
	luaL_setmetatable(state, TRANSACTION);
	// A task that is cancelled stops sending at once, not when the collector comes by.
	lua_toclose(state, -1);
	if (transaction_start(&exchange->transaction, endpoint, request, length, has_to ? &to : NULL, &plan,
			      on_transaction_end, exchange, &error) < 0) {
		net_push_failure(state, error.text);
		push_info(state, &exchange->transaction);
		return 3;
	}
	return transacted(state, TASK_WOKEN, 4);
}

static int exchange_close(lua_State *state)
{
	struct exchange *exchange = luaL_checkudata(state, 1, TRANSACTION);
	transaction_release(&exchange->transaction);
	return 0;
}

void net_transact_open(lua_State *state)
{
	static const luaL_Reg methods[] = {{"__close", exchange_close}, {"__gc", exchange_close}, {NULL, NULL}};
	luaL_newmetatable(state, TRANSACTION);
	luaL_setfuncs(state, methods, 0);
	lua_pop(state, 1);
}
