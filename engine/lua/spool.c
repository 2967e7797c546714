// SPDX-License-Identifier: BSD-3-Clause
//
// The module "spool": octets put by in a file without a name, for whoever has more of them than memory should hold.
// They are read back at their places or one after the other, and what was not known yet when they were added can be
// written into them. The file goes with the program. What the octets mean is not known here.
#include "base/error.h"
#include "lua/modules.h"
#include "lua/state.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOOL "spool"
#define WINDOW (1 << 20) // octets that are written at a time
#define AHEAD (1 << 14)  // that are read at a time

struct spool {
	FILE *file;
	uint64_t length;  // all that was added
	uint64_t written; // of it, what is in the file
	uint8_t *fresh;   // the rest, at most WINDOW
	uint8_t *seen;    // a copy of the file from seen_at on
	uint64_t seen_at;
	size_t seen_length;
};

static struct spool *check(lua_State *state)
{
	struct spool *spool = luaL_checkudata(state, 1, SPOOL);
	luaL_argcheck(state, spool->file, 1, "the spool is closed");
	return spool;
}

static int spool_close(lua_State *state)
{
	struct spool *spool = luaL_checkudata(state, 1, SPOOL);
	if (spool->file)
		fclose(spool->file);
	free(spool->fresh);
	free(spool->seen);
	*spool = (struct spool){0};
	return 0;
}

// spool.new() -> spool | nil, text
static int spool_new(lua_State *state)
{
	struct spool *spool = lua_newuserdatauv(state, sizeof *spool, 0);
	struct error error;
	*spool = (struct spool){0};
	luaL_setmetatable(state, SPOOL);
	spool->file = tmpfile();
	if (!spool->file) {
		error_set_errno(&error, "a temporary file");
		return state_push_error(state, &error);
	}
	spool->fresh = malloc(WINDOW);
	spool->seen = malloc(AHEAD);
	if (!spool->fresh || !spool->seen)
		return luaL_error(state, "spool.new: out of memory");
	return 1;
}

static int write_at(struct spool *spool, uint64_t place, const uint8_t *octets, size_t length, struct error *error)
{
	size_t done = 0;
	while (done < length) {
		ssize_t count = pwrite(fileno(spool->file), &octets[done], length - done, (off_t)(place + done));
		if (count < 0 && errno != EINTR)
			return error_set_errno(error, "a temporary file cannot be written");
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

static int write_all(struct spool *spool, const uint8_t *octets, size_t length, struct error *error)
{
	if (write_at(spool, spool->written, octets, length, error) < 0)
		return -1;
	spool->written += length;
	return 0;
}

static int append(struct spool *spool, const void *octets, size_t length, struct error *error)
{
	size_t held = (size_t)(spool->length - spool->written);
	if (held + length > WINDOW) {
		if (write_all(spool, spool->fresh, held, error) < 0)
			return -1;
		held = 0;
	}
	if (length > WINDOW) {
		if (write_all(spool, octets, length, error) < 0)
			return -1;
	} else if (length) {
		memcpy(&spool->fresh[held], octets, length);
	}
	spool->length += length;
	return 0;
}

// spool:add(octets) -> place, an integer | nil, text
static int spool_add(lua_State *state)
{
	struct spool *spool = check(state);
	size_t size;
	const char *octets = luaL_checklstring(state, 2, &size);
	luaL_argcheck(state, size <= UINT32_MAX, 2, "too long");
	uint32_t length = (uint32_t)size;
	uint64_t place = spool->length;
	struct error error;
	if (append(spool, &length, sizeof length, &error) < 0 || append(spool, octets, size, &error) < 0)
		return state_push_error(state, &error);
	lua_pushinteger(state, (lua_Integer)place);
	return 1;
}

// Copies out what stands at a place; what lies behind it is read ahead, for it is asked next as a rule.
static int read_at(struct spool *spool, uint64_t place, uint8_t *into, size_t length, struct error *error)
{
	while (length) {
		size_t part;
		if (place >= spool->written) {
			memcpy(into, &spool->fresh[place - spool->written], length);
			return 0;
		}
		if (place < spool->seen_at || place >= spool->seen_at + spool->seen_length) {
			ssize_t count = pread(fileno(spool->file), spool->seen, AHEAD, (off_t)place);
			if (count < 0 && errno == EINTR)
				continue;
			if (count <= 0)
				return error_set_errno(error, "a temporary file cannot be read");
			spool->seen_at = place;
			spool->seen_length = (size_t)count;
		}
		part = (size_t)(spool->seen_at + spool->seen_length - place);
		part = part < length ? part : length;
		memcpy(into, &spool->seen[place - spool->seen_at], part);
		into = &into[part];
		place += part;
		length -= part;
	}
	return 0;
}

// The place at argument 2, and how many octets were added there. -1: the file cannot be read.
static int check_place(lua_State *state, struct spool *spool, uint64_t *place, uint32_t *length, struct error *error)
{
	lua_Integer number = luaL_checkinteger(state, 2);
	bool inside = number >= 0 && (uint64_t)number + sizeof *length <= spool->length;
	luaL_argcheck(state, inside, 2, "not a place of this spool");
	*place = (uint64_t)number;
	*length = 0;
	if (read_at(spool, *place, (uint8_t *)length, sizeof *length, error) < 0)
		return -1;
	luaL_argcheck(state, *length <= spool->length - *place - sizeof *length, 2, "not a place of this spool");
	return 0;
}

// spool:get(place) -> octets, following | nil, text
//
// place: what add() gave. following: the place of what was added next, nil behind the last.
static int spool_get(lua_State *state)
{
	struct spool *spool = check(state);
	uint64_t place;
	uint32_t length;
	struct error error;
	if (check_place(state, spool, &place, &length, &error) < 0)
		return state_push_error(state, &error);
	luaL_Buffer buffer;
	uint8_t *into = (uint8_t *)luaL_buffinitsize(state, &buffer, length);
	if (read_at(spool, place + sizeof length, into, length, &error) < 0)
		return state_push_error(state, &error);
	luaL_pushresultsize(&buffer, length);
	uint64_t following = place + sizeof length + length;
	if (following == spool->length)
		return 1;
	lua_pushinteger(state, (lua_Integer)following);
	return 2;
}

// Writes over a stretch of the file, and over what was read ahead of it.
static int overwrite(struct spool *spool, uint64_t place, const uint8_t *octets, size_t length, struct error *error)
{
	if (write_at(spool, place, octets, length, error) < 0)
		return -1;
	for (size_t i = 0; i < length; i++)
		if (place + i >= spool->seen_at && place + i < spool->seen_at + spool->seen_length)
			spool->seen[place + i - spool->seen_at] = octets[i];
	return 0;
}

// spool:put(place, offset, octets) -> true | nil, text
//
// Writes over octets of what was added at a place, from that offset (from 0) on; nothing becomes longer.
static int spool_put(lua_State *state)
{
	struct spool *spool = check(state);
	lua_Integer offset = luaL_checkinteger(state, 3);
	size_t size;
	const uint8_t *octets = (const uint8_t *)luaL_checklstring(state, 4, &size);
	uint64_t place;
	uint32_t length;
	struct error error;
	if (check_place(state, spool, &place, &length, &error) < 0)
		return state_push_error(state, &error);
	luaL_argcheck(state, offset >= 0 && (uint64_t)offset <= length, 3, "not within what was added there");
	luaL_argcheck(state, size <= length - (uint64_t)offset, 4, "too long for what was added there");
	place += sizeof length + (uint64_t)offset;
	// What was added lies in the window or in the file, never in both.
	if (place >= spool->written)
		memcpy(&spool->fresh[place - spool->written], octets, size);
	else if (overwrite(spool, place, octets, size, &error) < 0)
		return state_push_error(state, &error);
	lua_pushboolean(state, true);
	return 1;
}

// spool:close(): the file goes
int luaopen_spool(lua_State *state)
{
	static const luaL_Reg functions[] = {{"new", spool_new}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"add", spool_add}, {"get", spool_get}, {"put", spool_put}, {"close", spool_close}, {NULL, NULL},
	};
	static const luaL_Reg ends[] = {{"__gc", spool_close}, {"__close", spool_close}, {NULL, NULL}};
	luaL_newmetatable(state, SPOOL);
	luaL_setfuncs(state, ends, 0);
	luaL_newlib(state, methods);
	lua_setfield(state, -2, "__index");
	lua_pop(state, 1);
	luaL_newlib(state, functions);
	return 1;
}
