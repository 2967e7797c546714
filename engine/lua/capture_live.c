// SPDX-License-Identifier: BSD-3-Clause
#include "lua/capture_live.h"

#include "base/error.h"
#include "capture/live.h"
#include "lua/capture_packet.h"
#include "lua/field.h"
#include "lua/state.h"
#include "lua/task.h"
#include "net/loop.h"

#include <event2/event.h>
#include <lauxlib.h>

#define LIVE "capture.live"
#define LIVE_HANDLES "capture.live.handles" // in the registry: struct live_handle * -> its userdata, weak
#define ONE_BATCH 64                        // packets delivered at one wake-up of the loop
#define ONE_DRAIN 100000                    // and by one drain, however fast they come

struct live_handle {
	struct live *live; // NULL when closed
	struct event *event;
	lua_State *main;                // where events enter Lua
	bool delivering;                // on_packet is running
	struct live_statistics counted; // when it was closed
	struct error failure;           // why it was closed, unless the script did
	bool selective;                 // only packets of the ports below are delivered
	uint8_t ports[65536 / 8];       // one bit each
};

static bool has_port(const struct live_handle *handle, const struct packet_address *address)
{
	return handle->ports[address->port / 8] & 1 << address->port % 8;
}

// A busy interface carries far more than one run of ours; what is not ours costs no call into Lua.
static bool is_wanted(const struct live_handle *handle, const struct packet *packet)
{
	if (!handle->selective)
		return true;
	if (packet->protocol == PACKET_ICMP)
		return has_port(handle, &packet->inner.source) || has_port(handle, &packet->inner.destination);
	return has_port(handle, &packet->source) || has_port(handle, &packet->destination);
}

static struct live_handle *check_live(lua_State *state)
{
	return luaL_checkudata(state, 1, LIVE);
}

static void end_live(struct live_handle *handle)
{
	if (handle->event)
		event_free(handle->event);
	handle->event = NULL;
	if (handle->live) {
		live_statistics(handle->live, &handle->counted, NULL);
		live_close(handle->live);
	}
	handle->live = NULL;
}

// Gives up to `most` packets to the on_packet of the handle at `index`, and returns their number. on_packet may close
// it.
static int deliver(lua_State *state, struct live_handle *handle, int index, int most)
{
	int count = 0;
	lua_getiuservalue(state, index, 1);
	while (count < most && handle->live) {
		struct packet packet;
		struct error error;
		int more = live_next(handle->live, &packet, &error);
		if (more == 0)
			break;
		if (more < 0) {
			handle->failure = error;
			end_live(handle);
			luaL_error(state, "%s", error.text);
		}
		count++;
		if (!is_wanted(handle, &packet))
			continue;
		lua_pushvalue(state, -1);
		capture_packet_push(state, &packet);
		lua_call(state, 1, 0);
	}
	lua_pop(state, 1);
	return count;
}

static int deliver_batch(lua_State *state)
{
	luaL_getsubtable(state, LUA_REGISTRYINDEX, LIVE_HANDLES);
	// A handle that is being collected is not found any more.
	if (lua_rawgetp(state, -1, lua_touserdata(state, 1)) == LUA_TUSERDATA)
		deliver(state, lua_touserdata(state, -1), lua_gettop(state), ONE_BATCH);
	return 0;
}

static void on_readable(evutil_socket_t descriptor, short events, void *context)
{
	struct live_handle *handle = context;
	lua_State *state = handle->main;
	(void)descriptor, (void)events;
	if (handle->delivering || !lua_checkstack(state, LUA_MINSTACK))
		return;
	handle->delivering = true;
	lua_pushcfunction(state, deliver_batch);
	lua_pushlightuserdata(state, handle);
	bool well = state_call(state, 1, 0);
	// What follows comes before Lua allocates again, so the handle is still there.
	handle->delivering = false;
	if (well)
		return;
	if (!handle->failure.code)
		error_set(&handle->failure, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "on_packet failed: %.200s",
			  lua_tostring(state, -1));
	end_live(handle);
	task_report(state);
}

// capture.live{ interface=, filter=, on_packet=, buffer= } -> live | nil, text, kind
// Listens on an interface. From the event loop, on_packet(packet) is called for each packet that passes `filter` (as
// tcpdump takes it; default: all), in their order and within 30 ms or so; it may not yield. An error in it is reported
// as one of a task that nobody joined, and ends the capture. buffer: octets that hold packets meanwhile (default
// 16 MiB). kind is "permission" when the privilege to capture is missing, else "other" (no such interface, a bad
// filter, a link type that is not decoded).
static int open_live(lua_State *state)
{
	struct error error;
	size_t length;
	luaL_checktype(state, 1, LUA_TTABLE);
	const char *interface = field_text(state, 1, "interface", true, &length);
	const char *filter = field_text(state, 1, "filter", false, &length);
	lua_Integer buffer = field_integer(state, 1, "buffer", 0, 0, 1 << 30);
	if (lua_getfield(state, 1, "on_packet") != LUA_TFUNCTION)
		return luaL_error(state, "field 'on_packet': a function expected, got %s", luaL_typename(state, -1));

	struct live_handle *handle = lua_newuserdatauv(state, sizeof *handle, 1);
	*handle = (struct live_handle){.main = task_main(state)};
	luaL_setmetatable(state, LIVE);
	lua_pushvalue(state, -2);
	lua_setiuservalue(state, -2, 1);
	luaL_getsubtable(state, LUA_REGISTRYINDEX, LIVE_HANDLES);
	lua_pushvalue(state, -2);
	lua_rawsetp(state, -2, handle);
	lua_pop(state, 1);

	handle->live = live_open(interface, filter, (size_t)buffer, &error);
	if (!handle->live)
		goto refuse;
	struct event_base *base = loop_base();
	if (base)
		handle->event =
			event_new(base, live_descriptor(handle->live), EV_READ | EV_PERSIST, on_readable, handle);
	if (!handle->event || event_add(handle->event, NULL) < 0) {
		error_set(&error, ERROR_LIBRARY, ERROR_NO_OFFSET, "the event loop does not take the capture");
		goto refuse;
	}
	return 1;
refuse:
	end_live(handle);
	lua_pushnil(state);
	lua_pushstring(state, error.text);
	lua_pushstring(state, error.code == ERROR_NOT_ALLOWED ? "permission" : "other");
	return 3;
}

// live:watch(port)
// From now on only packets with this port or another one that was watched at one of their ends are delivered (for ICMP:
// at one end of the packet it is about). Before the first call all are.
static int watch(lua_State *state)
{
	struct live_handle *handle = check_live(state);
	lua_Integer port = luaL_checkinteger(state, 2);
	luaL_argcheck(state, port >= 1 && port <= 65535, 2, "a port from 1 to 65535 expected");
	handle->selective = true;
	handle->ports[port / 8] |= (uint8_t)(1 << port % 8);
	return 0;
}

// live:statistics() -> { received=, dropped=, interface_dropped=, error= }
// Packets that passed the filter since the start, those of them that were lost because they came faster than they were
// read, and those that the interface lost. error: the text of why the capture ended, unless the script closed it. After
// close: as they were then.
static int statistics(lua_State *state)
{
	struct live_handle *handle = check_live(state);
	if (handle->live)
		live_statistics(handle->live, &handle->counted, NULL);
	lua_createtable(state, 0, 4);
	field_set_integer(state, "received", (lua_Integer)handle->counted.received);
	field_set_integer(state, "dropped", (lua_Integer)handle->counted.dropped);
	field_set_integer(state, "interface_dropped", (lua_Integer)handle->counted.interface_dropped);
	if (handle->failure.code) {
		lua_pushstring(state, handle->failure.text);
		lua_setfield(state, -2, "error");
	}
	return 1;
}

static int drain_all(lua_State *state)
{
	struct live_handle *handle = lua_touserdata(state, 1);
	double until = loop_monotonic() + LIVE_DELAY;
	double left = LIVE_DELAY;
	int count = 0;
	while (handle->live && left > 0 && count < ONE_DRAIN && live_settle(handle->live, left)) {
		count += deliver(state, handle, 1, ONE_DRAIN - count);
		left = until - loop_monotonic();
	}
	lua_pushinteger(state, count);
	return 1;
}

// live:drain() -> number of packets | nil, text
// Calls on_packet, before it returns, for every packet that has passed up to now. The kernel may still be gathering
// some of them: then this blocks for up to 30 ms, without going through the loop; with nothing on its way it returns at
// once. An error in on_packet is thrown. Inside on_packet it does nothing and returns 0. nil after close or when the
// capture ended.
static int drain(lua_State *state)
{
	struct live_handle *handle = check_live(state);
	lua_settop(state, 1);
	if (!handle->live) {
		lua_pushnil(state);
		lua_pushstring(state, handle->failure.code ? handle->failure.text : "closed");
		return 2;
	}
	if (handle->delivering) {
		lua_pushinteger(state, 0);
		return 1;
	}
	lua_pushcfunction(state, drain_all);
	lua_pushvalue(state, 1);
	handle->delivering = true;
	int outcome = lua_pcall(state, 1, 1, 0);
	handle->delivering = false;
	if (outcome == LUA_OK)
		return 1;
	if (!handle->failure.code)
		return lua_error(state);
	lua_pushnil(state);
	lua_pushstring(state, handle->failure.text);
	return 2;
}

// live:close()
// Ends the capture; packets that were not delivered yet are lost (drain first). Closing again does nothing.
static int close_live(lua_State *state)
{
	end_live(check_live(state));
	return 0;
}

static const luaL_Reg live_methods[] = {
	{"close", close_live},   {"drain", drain},     {"watch", watch}, {"statistics", statistics},
	{"__close", close_live}, {"__gc", close_live}, {NULL, NULL},
};

void capture_live_open(lua_State *state)
{
	state_make_class(state, LIVE, live_methods);

	luaL_getsubtable(state, LUA_REGISTRYINDEX, LIVE_HANDLES);
	lua_createtable(state, 0, 1);
	lua_pushliteral(state, "v");
	lua_setfield(state, -2, "__mode");
	lua_setmetatable(state, -2);
	lua_pop(state, 1);

	lua_pushcfunction(state, open_live);
	lua_setfield(state, -2, "live");
}
