// SPDX-License-Identifier: BSD-3-Clause
#include "lua/json_encode.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT "json.text"
#define TEXT_LIMIT ((size_t)1 << 30)

const char json_lua_null;

// One step of the way from the root to the value being written, told in errors.
struct step {
	const struct step *up;
	const char *name; // NULL for an item of an array
	lua_Integer item;
	const void *table;
	int depth;
};

struct encoder {
	lua_State *state;
	struct writer *text;
	int order; // stack index of the names that come first, 0 for none
	int first; // stack index of the same names as a set
};

static int text_close(lua_State *state)
{
	writer_free(luaL_checkudata(state, 1, TEXT));
	return 0;
}

static void push_path(lua_State *state, const struct step *step)
{
	const struct step *steps[JSON_LUA_DEPTH + 1];
	size_t count = 0;
	luaL_Buffer buffer;
	for (; step && step->up; step = step->up)
		steps[count++] = step;
	luaL_buffinit(state, &buffer);
	luaL_addstring(&buffer, "value");
	while (count-- > 0) {
		if (steps[count]->name) {
			luaL_addchar(&buffer, '.');
			luaL_addstring(&buffer, steps[count]->name);
		} else {
			lua_pushfstring(state, "[%I]", steps[count]->item);
			luaL_addvalue(&buffer);
		}
	}
	luaL_pushresult(&buffer);
}

static int refuse(const struct encoder *encoder, const struct step *step, const char *why)
{
	push_path(encoder->state, step);
	return luaL_error(encoder->state, "json.encode: %s: %s", lua_tostring(encoder->state, -1), why);
}

static void put(struct encoder *encoder, const char *text)
{
	writer_bytes(encoder->text, text, strlen(text));
}

// Controls of both ranges and the line separators are escaped, so that a report printed to a terminal stays text.
static bool needs_escape(uint32_t value)
{
	return value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029;
}

static void put_string(struct encoder *encoder, const char *string, size_t length)
{
	struct reader reader;
	char escape[16];
	reader_init(&reader, string, length);
	put(encoder, "\"");
	while (reader_left(&reader)) {
		uint32_t value = 0;
		size_t size = utf8_character(&reader, &value);
		const uint8_t *octets = reader_bytes(&reader, size ? size : 1);
		if (size == 0) {
			snprintf(escape, sizeof escape, "\\\\x%02X", octets[0]);
			put(encoder, escape);
		} else if (value == '"' || value == '\\') {
			snprintf(escape, sizeof escape, "\\%c", (char)value);
			put(encoder, escape);
		} else if (value == '\n' || value == '\r' || value == '\t') {
			put(encoder, value == '\n' ? "\\n" : value == '\r' ? "\\r" : "\\t");
		} else if (needs_escape(value)) {
			snprintf(escape, sizeof escape, "\\u%04x", value);
			put(encoder, escape);
		} else {
			writer_bytes(encoder->text, octets, size);
		}
	}
	put(encoder, "\"");
}

static void put_number(struct encoder *encoder, const struct step *step)
{
	lua_State *state = encoder->state;
	char text[64];
	if (lua_isinteger(state, -1)) {
		snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(state, -1));
	} else {
		double value = lua_tonumber(state, -1);
		if (!isfinite(value))
			refuse(encoder, step, "a number that is infinite or none has no JSON");
		// The shortest that reads back as the same number.
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
		if (!strpbrk(text, ".e"))
			strcat(text, ".0");
	}
	put(encoder, text);
}

static void put_value(struct encoder *encoder, const struct step *step);

static bool is_array(lua_State *state, int table)
{
	bool marked = false;
	if (lua_getmetatable(state, table)) {
		luaL_getmetatable(state, JSON_LUA_ARRAY);
		marked = lua_rawequal(state, -1, -2);
		lua_pop(state, 2);
	}
	return marked || lua_rawlen(state, table) > 0;
}

static void put_array(struct encoder *encoder, const struct step *step, int table)
{
	lua_State *state = encoder->state;
	lua_Integer count = (lua_Integer)lua_rawlen(state, table), found = 0;
	for (lua_pushnil(state); lua_next(state, table); lua_pop(state, 1)) {
		if (!lua_isinteger(state, -2) || lua_tointeger(state, -2) < 1 || lua_tointeger(state, -2) > count)
			refuse(encoder, step, "an array with a key that is not 1 to its length");
		found++;
	}
	if (found != count)
		refuse(encoder, step, "an array with holes");
	put(encoder, "[");
	for (lua_Integer i = 1; i <= count; i++) {
		if (i > 1)
			put(encoder, ",");
		lua_rawgeti(state, table, i);
		put_value(encoder, &(struct step){.up = step, .item = i, .depth = step->depth + 1});
		lua_pop(state, 1);
	}
	put(encoder, "]");
}

// One member; its name is at the top of the stack, which is left as it was.
static void put_member(struct encoder *encoder, const struct step *step, int table, bool *any)
{
	lua_State *state = encoder->state;
	size_t length;
	const char *name = lua_tolstring(state, -1, &length);
	lua_pushvalue(state, -1);
	if (lua_rawget(state, table) != LUA_TNIL) {
		if (*any)
			put(encoder, ",");
		*any = true;
		put_string(encoder, name, length);
		put(encoder, ":");
		put_value(encoder, &(struct step){.up = step, .name = name, .depth = step->depth + 1});
	}
	lua_pop(state, 1);
}

struct name {
	const char *octets;
	size_t length;
	lua_Integer place; // in the array of names that keeps them alive
};

static int compare_names(const void *left, const void *right)
{
	const struct name *a = left, *b = right;
	int difference = memcmp(a->octets, b->octets, a->length < b->length ? a->length : b->length);
	return difference ? difference : (a->length > b->length) - (a->length < b->length);
}

// Whether the name at a stack index is one of those that come first.
static bool in_order(const struct encoder *encoder, int index)
{
	if (!encoder->first)
		return false;
	lua_pushvalue(encoder->state, index);
	bool found = lua_rawget(encoder->state, encoder->first) != LUA_TNIL;
	lua_pop(encoder->state, 1);
	return found;
}

static void put_object(struct encoder *encoder, const struct step *step, int table)
{
	lua_State *state = encoder->state;
	size_t count = 0, filled = 0;
	bool any = false;
	for (lua_pushnil(state); lua_next(state, table); lua_pop(state, 1)) {
		if (lua_type(state, -2) != LUA_TSTRING)
			refuse(encoder, step, "a member whose name is no string");
		count++;
	}
	put(encoder, "{");
	for (lua_Integer i = 1; encoder->order && i <= (lua_Integer)lua_rawlen(state, encoder->order); i++) {
		lua_rawgeti(state, encoder->order, i);
		put_member(encoder, step, table, &any);
		lua_pop(state, 1);
	}
	struct name *names = lua_newuserdatauv(state, (count + 1) * sizeof *names, 0);
	lua_createtable(state, (int)count, 0);
	for (lua_pushnil(state); lua_next(state, table); lua_pop(state, 1)) {
		if (in_order(encoder, -2))
			continue;
		names[filled].octets = lua_tolstring(state, -2, &names[filled].length);
		names[filled].place = (lua_Integer)filled + 1;
		lua_pushvalue(state, -2);
		lua_rawseti(state, -4, (lua_Integer)filled + 1);
		filled++;
	}
	qsort(names, filled, sizeof *names, compare_names);
	for (size_t i = 0; i < filled; i++) {
		lua_rawgeti(state, -1, names[i].place);
		put_member(encoder, step, table, &any);
		lua_pop(state, 1);
	}
	lua_pop(state, 2);
	put(encoder, "}");
}

static void put_table(struct encoder *encoder, const struct step *step)
{
	lua_State *state = encoder->state;
	int table = lua_gettop(state);
	struct step here = *step;
	here.table = lua_topointer(state, table);
	for (const struct step *up = step->up; up; up = up->up)
		if (up->table == here.table)
			refuse(encoder, step, "a table inside itself");
	if (step->depth >= JSON_LUA_DEPTH)
		refuse(encoder, step, "tables nested deeper than 64");
	luaL_checkstack(state, 16, "json.encode");
	if (is_array(state, table))
		put_array(encoder, &here, table);
	else
		put_object(encoder, &here, table);
}

// The value at the top of the stack, which is left as it was.
static void put_value(struct encoder *encoder, const struct step *step)
{
	lua_State *state = encoder->state;
	size_t length;
	const char *string;
	switch (lua_type(state, -1)) {
	case LUA_TNIL:
		put(encoder, "null");
		break;
	case LUA_TBOOLEAN:
		put(encoder, lua_toboolean(state, -1) ? "true" : "false");
		break;
	case LUA_TNUMBER:
		put_number(encoder, step);
		break;
	case LUA_TSTRING:
		string = lua_tolstring(state, -1, &length);
		put_string(encoder, string, length);
		break;
	case LUA_TTABLE:
		put_table(encoder, step);
		break;
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(state, -1) == &json_lua_null) {
			put(encoder, "null");
			break;
		}
		// fall through
	default:
		lua_pushfstring(state, "a %s has no JSON", luaL_typename(state, -1));
		refuse(encoder, step, lua_tostring(state, -1));
	}
	if (encoder->text->failed)
		refuse(encoder, step, "the text outgrows 1 GiB, or memory ran out");
}

// json.encode(value[, order]) -> one line of text
// A table with items, or marked by json.array, is an array; any other is an object. The members named in the array
// `order` come first, in that order, in every object; the others follow in the order of their octets. Integers stay
// integers, and floats get a point or an exponent. An octet that is not UTF-8 becomes the four characters \xHH.
// Throws, with the path to the value, for what has no JSON: functions, userdata, nan and inf, a table inside itself,
// nesting deeper than 64, arrays with holes, tables that are both array and object.
int json_lua_encode(lua_State *state)
{
	struct encoder encoder = {.state = state};
	luaL_checkany(state, 1);
	if (!lua_isnoneornil(state, 2)) {
		luaL_checktype(state, 2, LUA_TTABLE);
		lua_settop(state, 2);
		lua_newtable(state);
		for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(state, 2); i++) {
			if (lua_rawgeti(state, 2, i) != LUA_TSTRING)
				return luaL_argerror(state, 2, "an array of names expected");
			lua_pushvalue(state, -1);
			if (lua_rawget(state, 3) != LUA_TNIL)
				return luaL_argerror(state, 2, "a name is in it twice");
			lua_pop(state, 1);
			lua_pushboolean(state, 1);
			lua_rawset(state, 3);
		}
		encoder.order = 2;
		encoder.first = 3;
	} else {
		lua_settop(state, 1);
	}
	encoder.text = lua_newuserdatauv(state, sizeof *encoder.text, 0);
	writer_init(encoder.text, TEXT_LIMIT);
	luaL_setmetatable(state, TEXT);
	lua_pushvalue(state, 1);
	put_value(&encoder, &(struct step){.depth = 0});
	lua_pop(state, 1);
	lua_pushlstring(state, (const char *)encoder.text->data, encoder.text->length);
	writer_free(encoder.text);
	return 1;
}

void json_lua_encode_open(lua_State *state)
{
	if (luaL_newmetatable(state, TEXT)) {
		lua_pushcfunction(state, text_close);
		lua_setfield(state, -2, "__gc");
	}
	lua_pop(state, 1);
}
