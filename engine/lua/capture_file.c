// SPDX-License-Identifier: BSD-3-Clause
#include "lua/capture_file.h"

#include "base/error.h"
#include "capture/pcapng.h"
#include "capture/reader.h"
#include "capture/tls_secrets.h"
#include "lua/capture_packet.h"
#include "lua/capture_tls.h"
#include "lua/field.h"
#include "lua/state.h"

#include <lauxlib.h>

#define WRITER "capture.writer"
#define READER "capture.reader"
#define LATEST_TIME 9e9 // seconds since 1970 that 64 bits of nanoseconds hold

struct writer_handle {
	struct pcapng *file; // NULL when closed
};

struct reader_handle {
	struct capture_reader *reader; // NULL when closed
	struct error failure;
};

static struct writer_handle *check_writer(lua_State *state)
{
	return luaL_checkudata(state, 1, WRITER);
}

static struct pcapng *open_file(lua_State *state)
{
	struct writer_handle *handle = check_writer(state);
	if (!handle->file)
		luaL_error(state, "the capture file is closed");
	return handle->file;
}

static int true_or_error(lua_State *state, int outcome, const struct error *error)
{
	if (outcome < 0)
		return state_push_error(state, error);
	lua_pushboolean(state, true);
	return 1;
}

// capture.writer(path, { application=, comment= }) -> writer | nil, text
// Makes (or empties) a pcapng file. `application` names the program that writes, `comment` is on the whole file.
static int open_writer(lua_State *state)
{
	struct error error;
	size_t length;
	const char *path = luaL_checkstring(state, 1), *application = NULL, *comment = NULL;
	if (!lua_isnoneornil(state, 2)) {
		luaL_checktype(state, 2, LUA_TTABLE);
		application = field_text(state, 2, "application", false, &length);
		comment = field_text(state, 2, "comment", false, &length);
	}
	struct writer_handle *handle = lua_newuserdatauv(state, sizeof *handle, 0);
	handle->file = NULL;
	luaL_setmetatable(state, WRITER);
	handle->file = pcapng_open(path, application, comment, &error);
	return handle->file ? 1 : state_push_error(state, &error);
}

// writer:packet{ data=, link=, time= | nanoseconds=, comment=, length= } -> frame number | nil, text
// Appends a frame (as capture.live, capture.read and capture.synthesize give them): its octets, its link type, the
// seconds since 1970 (kept to the microsecond) or integer nanoseconds, a comment to show with it, and its length on the
// wire where data is cut. Frames are numbered from 1, as other tools do. A failure to write (a full disk) is final and
// comes again at every later call; what is in the file stays readable.
static int write_packet(lua_State *state)
{
	struct pcapng *file = open_file(state);
	struct packet packet = {0};
	struct error error;
	luaL_checktype(state, 2, LUA_TTABLE);
	packet.data = (const uint8_t *)field_text(state, 2, "data", true, &packet.captured);
	packet.comment = field_text(state, 2, "comment", false, &packet.comment_length);
	packet.link = (uint32_t)field_integer(state, 2, "link", -1, 0, UINT16_MAX);
	lua_Integer captured = (lua_Integer)packet.captured;
	packet.length = (size_t)field_integer(state, 2, "length", captured, captured, UINT32_MAX);
	packet.time = (uint64_t)field_integer(state, 2, "nanoseconds", 0, 0, LUA_MAXINTEGER);
	if (lua_getfield(state, 2, "nanoseconds") == LUA_TNIL) {
		int is_number;
		lua_getfield(state, 2, "time");
		lua_Number seconds = lua_tonumberx(state, -1, &is_number);
		if (!is_number || !(seconds >= 0 && seconds < LATEST_TIME))
			return luaL_error(state, "field 'time': seconds since 1970 expected, got %s",
					  luaL_tolstring(state, -1, NULL));
		packet.time = (uint64_t)(seconds * 1e6 + 0.5) * 1000;
	}
	int64_t number = pcapng_packet(file, &packet, &error);
	if (number < 0)
		return state_push_error(state, &error);
	lua_pushinteger(state, number);
	return 1;
}

// writer:secrets(lines) -> true | nil, text
// Appends TLS key log lines (the form of SSLKEYLOGFILE), with which readers decrypt the frames that follow.
static int write_secrets(lua_State *state)
{
	struct pcapng *file = open_file(state);
	struct error error;
	size_t length;
	const char *lines = luaL_checklstring(state, 2, &length);
	return true_or_error(state, pcapng_secrets(file, lines, length, &error), &error);
}

// writer:flush() -> true | nil, text
// Hands all frames so far to the operating system. Without it they go in portions of 64 KiB.
static int flush_writer(lua_State *state)
{
	struct error error;
	return true_or_error(state, pcapng_flush(open_file(state), &error), &error);
}

// writer:close() -> true | nil, text
// Flushes and closes; nil also when an earlier call has failed. Closing again does nothing and returns true.
static int close_writer(lua_State *state)
{
	struct writer_handle *handle = check_writer(state);
	struct pcapng *file = handle->file;
	struct error error;
	handle->file = NULL;
	return true_or_error(state, pcapng_close(file, &error), &error);
}

static const luaL_Reg writer_methods[] = {
	{"close", close_writer},
	{"flush", flush_writer},
	{"packet", write_packet},
	{"secrets", write_secrets},
	{"__close", close_writer},
	{"__gc", close_writer},
	{NULL, NULL},
};

static struct reader_handle *check_reader(lua_State *state)
{
	return luaL_checkudata(state, 1, READER);
}

// capture.read(path) -> reader | nil, text[, offset]
// Opens a pcap or pcapng file, gzip-compressed or not. The reader is the iterator of a for loop:
//
//	local reader = assert(capture.read(path))
//	for packet in reader do ... end
//	local text, offset = reader:error()
//
// A damaged file yields the packets in front of the damage; the loop ends there as it does at the end, and error()
// tells the two apart.
static int open_reader(lua_State *state)
{
	struct error error;
	const char *path = luaL_checkstring(state, 1);
	struct reader_handle *handle = lua_newuserdatauv(state, sizeof *handle, 1);
	*handle = (struct reader_handle){0};
	luaL_setmetatable(state, READER);
	handle->reader = capture_reader_open(path, &error);
	return handle->reader ? 1 : state_push_error(state, &error);
}

// reader:next() -> packet | nil | nil, text, offset
// The next packet, nil at the end (and after close), or what is wrong with the file and at which of its octets.
static int next_packet(lua_State *state)
{
	struct reader_handle *handle = check_reader(state);
	struct packet packet;
	int more = handle->reader ? capture_reader_next(handle->reader, &packet, &handle->failure) : 0;
	if (more > 0)
		capture_packet_push(state, &packet);
	else if (more < 0)
		return state_push_error(state, &handle->failure);
	else
		lua_pushnil(state);
	return 1;
}

// reader:secrets(secrets)
// Puts the TLS secrets that the file brings from here on (a pcapng file may) into a store as of capture.secrets, before
// the packets behind them are read.
static int take_secrets(lua_State *state)
{
	struct reader_handle *handle = check_reader(state);
	struct tls_secrets *secrets = capture_tls_secrets(state, 2);
	if (!handle->reader)
		return luaL_error(state, "the capture file is closed");
	lua_settop(state, 2);
	lua_setiuservalue(state, 1, 1); // the reader keeps the store
	capture_reader_on_secrets(handle->reader, tls_secrets_take, secrets);
	return 0;
}

// reader:error() -> nil | text, offset
// What ended the reading before the end of the file.
static int reader_error(lua_State *state)
{
	struct reader_handle *handle = check_reader(state);
	if (!handle->failure.code) {
		lua_pushnil(state);
		return 1;
	}
	int pushed = state_push_error(state, &handle->failure);
	lua_remove(state, -pushed);
	return pushed - 1;
}

// reader:format() -> "pcap" | "pcapng" | nil (when closed)
static int reader_format(lua_State *state)
{
	struct reader_handle *handle = check_reader(state);
	lua_pushstring(state, handle->reader ? capture_reader_format(handle->reader) : NULL);
	return 1;
}

// reader:close()
static int close_reader(lua_State *state)
{
	struct reader_handle *handle = check_reader(state);
	capture_reader_close(handle->reader);
	handle->reader = NULL;
	return 0;
}

static const luaL_Reg reader_methods[] = {
	{"close", close_reader},   {"error", reader_error},   {"format", reader_format},
	{"next", next_packet},     {"secrets", take_secrets}, {"__call", next_packet},
	{"__close", close_reader}, {"__gc", close_reader},    {NULL, NULL},
};

void capture_file_open(lua_State *state)
{
	state_make_class(state, WRITER, writer_methods);
	state_make_class(state, READER, reader_methods);
	lua_pushcfunction(state, open_writer);
	lua_setfield(state, -2, "writer");
	lua_pushcfunction(state, open_reader);
	lua_setfield(state, -2, "read");
}
