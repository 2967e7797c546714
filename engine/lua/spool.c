// SPDX-License-Identifier: BSD-3-Clause
//
// The module "spool": octets put by in a file without a name, for whoever has more of them than memory should hold. The
// file goes with the program. What the octets mean is not known here.
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
#define WINDOW (1 << 18) // octets that are written at a time
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

static int write_all(struct spool *spool, const uint8_t *octets, size_t length, struct error *error)
{
	size_t done = 0;
	while (done < length) {
		ssize_t count =
			pwrite(fileno(spool->file), &octets[done], length - done, (off_t)(spool->written + done));
		if (count < 0 && errno != EINTR)
			return error_set_errno(error, "a temporary file cannot be written");
		done += count > 0 ? (size_t)count : 0;
	}
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

// spool:get(place) -> octets | nil, text
//
// place: what add() gave.
static int spool_get(lua_State *state)
{
	struct spool *spool = check(state);
	lua_Integer number = luaL_checkinteger(state, 2);
	uint32_t length = 0;
	struct error error;
	bool inside = number >= 0 && (uint64_t)number + sizeof length <= spool->length;
	luaL_argcheck(state, inside, 2, "not a place of this spool");
	uint64_t place = (uint64_t)number;
	if (read_at(spool, place, (uint8_t *)&length, sizeof length, &error) < 0)
		return state_push_error(state, &error);
	luaL_argcheck(state, length <= spool->length - place - sizeof length, 2, "not a place of this spool");
	luaL_Buffer buffer;
	uint8_t *into = (uint8_t *)luaL_buffinitsize(state, &buffer, length);
	if (read_at(spool, place + sizeof length, into, length, &error) < 0)
		return state_push_error(state, &error);
	luaL_pushresultsize(&buffer, length);
	return 1;
}

// spool:close(): the file goes
int luaopen_spool(lua_State *state)
{
	static const luaL_Reg functions[] = {{"new", spool_new}, {NULL, NULL}};
	static const luaL_Reg methods[] = {
		{"add", spool_add},
		{"get", spool_get},
		{"close", spool_close},
		{NULL, NULL},
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
