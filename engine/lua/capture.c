// SPDX-License-Identifier: BSD-3-Clause
//
// capture: packets from interfaces and files, and capture files. The comment above each call is its manual;
// capture.live is in capture_live.c, capture.writer and capture.read in capture_file.c, capture.secrets, capture.tls
// and capture.dtls in capture_tls.c, and what a packet is in capture_packet.c.
#include "base/error.h"
#include "capture/interface.h"
#include "capture/stream.h"
#include "capture/synthesize.h"
#include "lua/capture_file.h"
#include "lua/capture_live.h"
#include "lua/capture_packet.h"
#include "lua/capture_tls.h"
#include "lua/field.h"
#include "lua/modules.h"
#include "lua/state.h"

#include <lauxlib.h>
#include <string.h>

#define STREAM "capture.stream"

struct stream_handle {
	struct capture_stream *stream; // NULL when closed
	int64_t segments;              // that brought octets; the tag of each is in the user value under its number
};

// capture.interface_of(address) -> name | nil, text
// The interface of this machine that has this numeric address; "lo" for all of 127.0.0.0/8.
static int name_interface_of(lua_State *state)
{
	char name[IFNAMSIZ];
	struct error error;
	if (interface_of(luaL_checkstring(state, 1), name, &error) < 0)
		return state_push_error(state, &error);
	lua_pushstring(state, name);
	return 1;
}

// capture.interface_to(address) -> name | nil, text
// The interface over which packets to this numeric address leave: the one to capture on. It differs from interface_of
// for this machine's own addresses, where it is the loopback interface.
static int name_interface_to(lua_State *state)
{
	char name[IFNAMSIZ];
	struct error error;
	if (interface_to(luaL_checkstring(state, 1), name, &error) < 0)
		return state_push_error(state, &error);
	lua_pushstring(state, name);
	return 1;
}

// capture.synthesize{ protocol="udp"|"tcp", source=, destination=, payload=, seq=, ack=, syn=, fin=, rst= }
//   -> octets, link | nil, text
// An IP packet, with right checksums, around octets that a socket sent or received; link is 101, raw IP. source and
// destination are addresses of one family. TCP: the ACK flag is set except on a SYN without ack. nil when the payload
// does not fit one packet (65507 octets of UDP over IPv4).
static int synthesize(lua_State *state)
{
	static const char *const names[] = {"udp", "tcp", NULL};
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	lua_getfield(state, 1, "protocol");
	struct synthesize what = {.protocol = luaL_checkoption(state, 2, NULL, names) == 0 ? PACKET_UDP : PACKET_TCP};
	what.source = capture_packet_address(state, 1, "source");
	what.destination = capture_packet_address(state, 1, "destination");
	what.payload = (const uint8_t *)field_text(state, 1, "payload", false, &what.payload_length);
	what.sequence = (uint32_t)field_integer(state, 1, "seq", 0, 0, UINT32_MAX);
	what.acknowledgement = (uint32_t)field_integer(state, 1, "ack", 0, 0, UINT32_MAX);
	bool syn = field_boolean(state, 1, "syn");
	lua_getfield(state, 1, "ack");
	if (!syn || !lua_isnil(state, -1))
		what.flags |= PACKET_TCP_ACK;
	if (syn)
		what.flags |= PACKET_TCP_SYN;
	if (field_boolean(state, 1, "fin"))
		what.flags |= PACKET_TCP_FIN;
	if (field_boolean(state, 1, "rst"))
		what.flags |= PACKET_TCP_RST;
	if (what.payload_length)
		what.flags |= PACKET_TCP_PSH;

	// Lua's own buffer, because pushing the result may throw.
	luaL_Buffer result;
	struct writer out;
	writer_init(&out, 65536 + 64);
	char *place = luaL_buffinitsize(state, &result, 65536 + 64);
	if (synthesize_packet(&what, &out, &error) < 0) {
		writer_free(&out);
		return state_push_error(state, &error);
	}
	size_t length = out.length;
	memcpy(place, out.data, length);
	writer_free(&out);
	luaL_pushresultsize(&result, length);
	lua_pushinteger(state, PACKET_LINK_RAW);
	return 2;
}

static struct stream_handle *check_stream(lua_State *state)
{
	struct stream_handle *handle = luaL_checkudata(state, 1, STREAM);
	if (!handle->stream)
		luaL_error(state, "the stream is closed");
	return handle;
}

// capture.stream() -> stream
// One direction of a TCP connection, put together from its segments in whatever order they were captured, and cut into
// STUN messages and ChannelData.
static int new_stream(lua_State *state)
{
	struct stream_handle *handle = lua_newuserdatauv(state, sizeof *handle, 1);
	*handle = (struct stream_handle){0};
	luaL_setmetatable(state, STREAM);
	lua_newtable(state);
	lua_setiuservalue(state, -2, 1);
	handle->stream = capture_stream_new(0);
	return handle->stream ? 1 : luaL_error(state, "out of memory");
}

static void push_frame(lua_State *state, const struct capture_stream_frame *frame, int tags)
{
	lua_createtable(state, 0, 4);
	field_set_octets(state, "bytes", frame->data, frame->length);
	field_set_integer(state, "offset", (lua_Integer)frame->offset);
	lua_rawgeti(state, tags, frame->tag);
	lua_setfield(state, -2, "tag");
	lua_rawgeti(state, tags, frame->last_tag);
	lua_setfield(state, -2, "last_tag");
}

// stream:segment(packet | { seq=, syn=, fin=, payload= }, tag) -> frames[, text, offset]
// Takes in a packet of this direction and returns an array of what it completes: { bytes=, tag=, last_tag=, offset= }.
// bytes is a STUN message, or ChannelData without its padding; tag is the tag (any value) given with the segment that
// brought its first octet, last_tag that of its last octet; offset is its place in the stream. Octets seen before do
// not count again. text says that the stream cannot be followed further: octets that are neither STUN nor ChannelData,
// or more than 1 MiB behind a missing segment; it comes again at every later call, until a SYN begins a new connection.
static int take_segment(lua_State *state)
{
	struct stream_handle *handle = check_stream(state);
	struct capture_stream_segment segment = {0};
	struct capture_stream_frame frame;
	struct error error = {0};
	luaL_checktype(state, 2, LUA_TTABLE);
	lua_settop(state, 3);
	if (lua_getfield(state, 2, "tcp") == LUA_TNIL)
		lua_pushvalue(state, 2);
	else
		luaL_argcheck(state, lua_istable(state, -1), 2, "field 'tcp' is not a table");
	int header = lua_gettop(state);
	segment.sequence = (uint32_t)field_integer(state, header, "seq", -1, 0, UINT32_MAX);
	segment.syn = field_boolean(state, header, "syn");
	segment.fin = field_boolean(state, header, "fin");
	segment.payload = (const uint8_t *)field_text(state, 2, "payload", false, &segment.length);
	segment.tag = handle->segments + 1;

	lua_getiuservalue(state, 1, 1);
	int tags = lua_gettop(state);
	if (segment.length) {
		lua_pushvalue(state, 3);
		lua_rawseti(state, tags, ++handle->segments);
	}
	lua_newtable(state);
	int frames = lua_gettop(state);
	capture_stream_segment(handle->stream, &segment, &error);
	for (lua_Integer i = 1; capture_stream_next(handle->stream, &frame, &error) > 0; i++) {
		push_frame(state, &frame, tags);
		lua_rawseti(state, frames, i);
	}
	if (capture_stream_held(handle->stream) == 0) {
		lua_newtable(state);
		lua_setiuservalue(state, 1, 1);
	}
	if (!error.code)
		return 1;
	// In place of the nil that goes before the error stand the frames.
	int pushed = state_push_error(state, &error);
	lua_remove(state, -pushed);
	return pushed;
}

// stream:gap() -> nil | offset, length
// The first octets of the stream that were not captured although later ones were (or the end was): a lost segment.
static int gap(lua_State *state)
{
	uint64_t offset, length;
	struct stream_handle *handle = check_stream(state);
	if (!capture_stream_gap(handle->stream, &offset, &length)) {
		lua_pushnil(state);
		return 1;
	}
	lua_pushinteger(state, (lua_Integer)offset);
	lua_pushinteger(state, (lua_Integer)length);
	return 2;
}

// stream:pending() -> octets that are there in order and do not make a whole frame yet
static int pending(lua_State *state)
{
	lua_pushinteger(state, (lua_Integer)capture_stream_ready(check_stream(state)->stream));
	return 1;
}

// stream:finished() -> true when the end (FIN) was seen and every octet before it was part of a frame
static int finished(lua_State *state)
{
	lua_pushboolean(state, capture_stream_finished(check_stream(state)->stream));
	return 1;
}

static int end_stream(lua_State *state)
{
	struct stream_handle *handle = luaL_checkudata(state, 1, STREAM);
	capture_stream_free(handle->stream);
	handle->stream = NULL;
	return 0;
}

static const luaL_Reg stream_methods[] = {
	{"finished", finished},  {"gap", gap},         {"pending", pending}, {"segment", take_segment},
	{"__close", end_stream}, {"__gc", end_stream}, {NULL, NULL},
};

static const luaL_Reg functions[] = {
	{"interface_of", name_interface_of},
	{"interface_to", name_interface_to},
	{"stream", new_stream},
	{"synthesize", synthesize},
	{NULL, NULL},
};

int luaopen_capture(lua_State *state)
{
	state_make_class(state, STREAM, stream_methods);
	luaL_newlib(state, functions);
	capture_live_open(state);
	capture_file_open(state);
	capture_tls_open(state);
	return 1;
}
