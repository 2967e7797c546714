// SPDX-License-Identifier: BSD-3-Clause
//
// require "net": endpoints. What is marked * waits, and is called in a task (task.c).
#include "lua/modules.h"
#include "lua/net_endpoint.h"
#include "lua/net_support.h"
#include "lua/state.h"
#include "lua/task.h"
#include "net/tcp.h"
#include "net/udp.h"

#include <lauxlib.h>
#include <string.h>

#define ENDPOINT "net.endpoint"
#define ENDPOINTS "assay.endpoints" // in the registry: the userdata of each endpoint, weakly
#define CONNECT_TIMEOUT 10.0

#define EACH_DIRECTION (-1)

enum endpoint_value { ENDPOINT_TAP = 1, ENDPOINT_VALUES = ENDPOINT_TAP };

static const char *const directions[] = {"sent", "received", "icmp", NULL};

struct wrapped {
	struct endpoint *endpoint; // freed with this userdata, so its addresses can be asked after close
	lua_State *main;
	bool tapped;
	int tapped_direction;     // enum packet_direction, or EACH_DIRECTION
	struct task_wait waiting; // for anything to change
};

// The packets of an endpoint, for its tap.

static void push_icmp(lua_State *state, const struct icmp_error *icmp)
{
	lua_createtable(state, 0, 4);
	lua_pushinteger(state, icmp->type);
	lua_setfield(state, -2, "type");
	lua_pushinteger(state, icmp->code);
	lua_setfield(state, -2, "code");
	lua_pushstring(state, icmp->text);
	lua_setfield(state, -2, "text");
	if (icmp->reporter.length) {
		net_push_address(state, &icmp->reporter);
		lua_setfield(state, -2, "from");
	}
}

static void on_packet(void *owner, const struct packet *packet)
{
	struct wrapped *wrapped = owner;
	lua_State *state = wrapped->main;
	if (wrapped->tapped_direction != EACH_DIRECTION && wrapped->tapped_direction != (int)packet->direction)
		return;
	if (!wrapped->tapped || !lua_checkstack(state, 16))
		return;
	int top = lua_gettop(state);
	lua_getfield(state, LUA_REGISTRYINDEX, ENDPOINTS);
	if (lua_rawgetp(state, -1, wrapped) == LUA_TUSERDATA) {
		int self = lua_gettop(state);
		lua_getiuservalue(state, self, ENDPOINT_TAP);
		lua_pushstring(state, directions[packet->direction]);
		lua_pushlstring(state, (const char *)packet->octets, packet->length);
		net_push_address(state, &packet->peer);
		lua_pushnumber(state, packet->time);
		lua_pushvalue(state, self);
		if (packet->icmp)
			push_icmp(state, packet->icmp);
		else
			lua_pushnil(state);
		if (!state_call(state, 6, 0))
			task_report(state);
	}
	lua_settop(state, top);
}

static void on_change(void *owner)
{
	struct wrapped *wrapped = owner;
	task_wake(&wrapped->waiting);
}

const struct endpoint_handler net_endpoint_handler = {on_packet, on_change};

// Pushes a new userdata without an endpoint in it yet.
static struct wrapped *push_wrapped(lua_State *state)
{
	struct wrapped *wrapped = lua_newuserdatauv(state, sizeof *wrapped, ENDPOINT_VALUES);
	*wrapped = (struct wrapped){.main = task_main(state)};
	luaL_setmetatable(state, ENDPOINT);
	lua_getfield(state, LUA_REGISTRYINDEX, ENDPOINTS);
	lua_pushvalue(state, -2);
	lua_rawsetp(state, -2, wrapped);
	lua_pop(state, 1);
	return wrapped;
}

static struct wrapped *check_endpoint(lua_State *state)
{
	struct wrapped *wrapped = luaL_checkudata(state, 1, ENDPOINT);
	luaL_argcheck(state, wrapped->endpoint, 1, "this endpoint has been collected");
	return wrapped;
}

struct endpoint *net_check_endpoint(lua_State *state)
{
	return check_endpoint(state)->endpoint;
}

void *net_push_owner(lua_State *state)
{
	return push_wrapped(state);
}

void net_set_endpoint(void *owner, struct endpoint *endpoint)
{
	struct wrapped *wrapped = owner;
	wrapped->endpoint = endpoint;
}

int net_push_failure(lua_State *state, const char *text)
{
	lua_pushnil(state);
	lua_pushstring(state, text);
	return 2;
}

// net.udp{ remote=address?, address=address? } -> endpoint | nil, text
//
// Sends to `remote`, or where each sending says. Bound to `address` (port 0 or none: any), by default to the one the
// kernel routes to `remote` by. It receives from anyone and shows from whom.
static int net_udp(lua_State *state)
{
	struct address remote, local;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	bool has_remote = net_opt_address(state, 1, "remote", &remote);
	bool has_local = net_opt_address(state, 1, "address", &local);
	luaL_argcheck(state, has_remote || has_local, 1, "remote or address expected");
	struct wrapped *wrapped = push_wrapped(state);
	wrapped->endpoint = udp_open(has_remote ? &remote : NULL, has_local ? &local : NULL, &net_endpoint_handler,
				     wrapped, &error);
	return wrapped->endpoint ? 1 : state_push_error(state, &error);
}

static int connected(lua_State *state, int outcome, lua_KContext context)
{
	struct wrapped *wrapped = lua_touserdata(state, (int)context);
	(void)outcome;
	if (wrapped->endpoint->state == ENDPOINT_OPENING)
		return task_wait(state, &wrapped->waiting, -1, connected, context);
	if (wrapped->endpoint->state != ENDPOINT_OPEN) {
		net_push_failure(state, wrapped->endpoint->ended);
		endpoint_close(wrapped->endpoint);
		return 2;
	}
	lua_pushvalue(state, (int)context);
	return 1;
}

int net_await_open(lua_State *state)
{
	return connected(state, TASK_WOKEN, lua_gettop(state));
}

// net.tcp{ remote=address, address=address?, timeout=10 } * -> endpoint | nil, text
//
// Connects; the text is "timeout" when that took longer than so many seconds.
static int net_tcp(lua_State *state)
{
	struct address remote, local;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_argcheck(state, net_opt_address(state, 1, "remote", &remote), 1, "remote expected");
	bool has_local = net_opt_address(state, 1, "address", &local);
	double timeout = net_opt_seconds(state, 1, "timeout", CONNECT_TIMEOUT);
	struct wrapped *wrapped = push_wrapped(state);
	wrapped->endpoint =
		tcp_connect(&remote, has_local ? &local : NULL, timeout, &net_endpoint_handler, wrapped, &error);
	if (!wrapped->endpoint)
		return state_push_error(state, &error);
	return net_await_open(state);
}

// endpoint:transport() -> "udp" | "tcp" | "tls" | "dtls"
static int endpoint_lua_transport(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	lua_pushstring(state, wrapped->endpoint->kind->transport);
	return 1;
}

// endpoint:address() -> the local address
static int endpoint_lua_address(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	net_push_address(state, &wrapped->endpoint->local);
	return 1;
}

// endpoint:remote() -> the remote address | nil
static int endpoint_lua_remote(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	if (wrapped->endpoint->remote.length)
		net_push_address(state, &wrapped->endpoint->remote);
	else
		lua_pushnil(state);
	return 1;
}

// endpoint:send(octets, to?) -> true | nil, text
//
// UDP: a datagram, to `to` or to the remote address; DTLS: a record of at most 16384 octets. TCP, TLS: these octets as
// they are; what the peer does not take at once is queued, up to 16 MiB.
static int endpoint_lua_send(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	size_t length;
	const char *octets = luaL_checklstring(state, 2, &length);
	struct address to;
	struct error error;
	bool has_to = !lua_isnoneornil(state, 3);
	if (has_to)
		net_check_address(state, 3, &to);
	if (endpoint_send(wrapped->endpoint, octets, length, has_to ? &to : NULL, &error) < 0)
		return state_push_error(state, &error);
	lua_pushboolean(state, true);
	return 1;
}

// endpoint:unframed() -> endpoint
//
// TCP: from now on receive() returns what came as it came, in pieces of any size, and no frames: for a protocol that is
// not STUN, as TLS is beneath its records.
static int endpoint_lua_unframed(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	luaL_argcheck(state, tcp_unframe(wrapped->endpoint), 1, "an endpoint of TCP expected");
	lua_settop(state, 1);
	return 1;
}

enum { RECEIVE_DEADLINE = 2 };

static int receive(lua_State *state, int outcome, lua_KContext context)
{
	struct wrapped *wrapped = check_endpoint(state);
	struct endpoint *endpoint = wrapped->endpoint;
	const struct inbox_item *item = endpoint->inbox.first;
	if (item) {
		// It stays the inbox's own until Lua has its copies: making these may fail.
		lua_pushlstring(state, (const char *)item->octets, item->length);
		net_push_address(state, &item->from);
		lua_pushnumber(state, item->time);
		inbox_drop(&endpoint->inbox);
		return 3;
	}
	if (endpoint->state == ENDPOINT_ENDED || endpoint->state == ENDPOINT_CLOSED)
		return net_push_failure(state, endpoint->ended);
	if (outcome == TASK_TIMEOUT)
		return net_push_failure(state, "timeout");
	return task_wait(state, &wrapped->waiting, net_time_left(state, RECEIVE_DEADLINE), receive, context);
}

// endpoint:receive([timeout]) * -> octets, from, time | nil, text
//
// The oldest thing received that was the reply to no transaction. UDP: a datagram, and the time the kernel took it in.
// TCP, TLS: a frame, a STUN message or ChannelData without its padding. DTLS: what a record carried. The text is
// "timeout", "closed" (by either side), the reason the connection was lost, or "framing: ..." when what came can be no
// frame or broke off inside one.
static int endpoint_lua_receive(lua_State *state)
{
	check_endpoint(state);
	net_push_deadline(state, 2);
	return receive(state, TASK_WOKEN, 0);
}

// endpoint:tap(function | nil, direction?)
//
// function(direction, octets, address, time, endpoint, icmp) is called for each datagram or frame, before anything else
// is done with it: direction "sent" | "received" | "icmp", the address it went to or came from, wall time. With "icmp"
// the octets are those the error quotes of what was sent to address, and icmp = { type=, code=, text=, from=address? }.
// It may not wait; its errors go to net.on_error. Where a direction is given it is told of that one only.
static int endpoint_lua_tap(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	if (!lua_isnoneornil(state, 2))
		luaL_checktype(state, 2, LUA_TFUNCTION);
	int direction = lua_isnoneornil(state, 3) ? EACH_DIRECTION : luaL_checkoption(state, 3, NULL, directions);
	lua_settop(state, 2);
	wrapped->tapped = !lua_isnil(state, 2);
	wrapped->tapped_direction = direction;
	lua_setiuservalue(state, 1, ENDPOINT_TAP);
	return 0;
}

// endpoint:keep(boolean)
//
// Whether what is the reply to no transaction is kept for receive() from now on, as it is at first. Who is not going to
// read it need not hold it; a tap sees it nevertheless.
static int endpoint_lua_keep(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	luaL_checktype(state, 2, LUA_TBOOLEAN);
	wrapped->endpoint->unread = !lua_toboolean(state, 2);
	return 0;
}

// endpoint:pending() -> how many datagrams or frames receive() would return at once
static int endpoint_lua_pending(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	lua_pushinteger(state, (lua_Integer)wrapped->endpoint->inbox.items);
	return 1;
}

// endpoint:dropped() -> how many were let go because nobody read them and 4096 of them, or 16 MiB, were kept
static int endpoint_lua_dropped(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	lua_pushinteger(state, (lua_Integer)wrapped->endpoint->inbox.dropped);
	return 1;
}

// endpoint:late() -> how many replies were let go that answered retransmissions of transactions that had ended
static int endpoint_lua_late(lua_State *state)
{
	struct wrapped *wrapped = check_endpoint(state);
	lua_pushinteger(state, (lua_Integer)wrapped->endpoint->late);
	return 1;
}

// endpoint:close(): whoever waits on it gets nil, "closed"; calling it again does nothing
static int endpoint_lua_close(lua_State *state)
{
	struct wrapped *wrapped = luaL_checkudata(state, 1, ENDPOINT);
	if (wrapped->endpoint)
		endpoint_close(wrapped->endpoint);
	return 0;
}

static int endpoint_gc(lua_State *state)
{
	struct wrapped *wrapped = luaL_checkudata(state, 1, ENDPOINT);
	endpoint_free(wrapped->endpoint);
	wrapped->endpoint = NULL;
	return 0;
}

static void make_endpoints_table(lua_State *state)
{
	if (lua_getfield(state, LUA_REGISTRYINDEX, ENDPOINTS) == LUA_TNIL) {
		lua_newtable(state);
		lua_createtable(state, 0, 1);
		lua_pushliteral(state, "v");
		lua_setfield(state, -2, "__mode");
		lua_setmetatable(state, -2);
		lua_setfield(state, LUA_REGISTRYINDEX, ENDPOINTS);
	}
	lua_pop(state, 1);
}

int luaopen_net(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"udp", net_udp},
		{"tcp", net_tcp},
		{NULL, NULL},
	};
	static const luaL_Reg endpoint_methods[] = {
		{"transport", endpoint_lua_transport},
		{"address", endpoint_lua_address},
		{"remote", endpoint_lua_remote},
		{"send", endpoint_lua_send},
		{"unframed", endpoint_lua_unframed},
		{"rekey", net_rekey},
		{"receive", endpoint_lua_receive},
		{"transact", net_transact},
		{"tap", endpoint_lua_tap},
		{"keep", endpoint_lua_keep},
		{"pending", endpoint_lua_pending},
		{"dropped", endpoint_lua_dropped},
		{"late", endpoint_lua_late},
		{"secrets", net_secrets},
		{"session", net_session},
		{"close", endpoint_lua_close},
		{"__close", endpoint_lua_close},
		{"__gc", endpoint_gc},
		{NULL, NULL},
	};
	state_make_class(state, ENDPOINT, endpoint_methods);
	net_transact_open(state);
	make_endpoints_table(state);
	lua_newtable(state);
	luaL_setfuncs(state, functions, 0);
	net_listener_open(state);
	net_secure_open(state);
	task_open(state);
	net_support_open(state);
	return 1;
}
