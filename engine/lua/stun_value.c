// SPDX-License-Identifier: BSD-3-Clause
#include "lua/stun_value.h"

#include "base/bytes.h"
#include "base/error.h"
#include "lua/field.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lua_Integer stun_lua_number(lua_State *state, int index, lua_Integer most, const char *what)
{
	int exact = 0;
	lua_Integer number = lua_type(state, index) == LUA_TNUMBER ? lua_tointegerx(state, index, &exact) : 0;
	if (!exact || number < 0 || number > most)
		luaL_error(state, "%s: an integer from 0 to %I is wanted, not %s", what, (LUAI_UACINT)most,
			   luaL_tolstring(state, index, NULL));
	return number;
}

uint16_t stun_lua_type(lua_State *state, int index, const char *what)
{
	if (lua_type(state, index) == LUA_TNUMBER)
		return (uint16_t)stun_lua_number(state, index, UINT16_MAX, what);
	if (lua_type(state, index) != LUA_TSTRING)
		luaL_error(state, "%s: an attribute is a name or a number, not a %s", what,
			   luaL_typename(state, index));
	size_t length;
	const char *name = lua_tolstring(state, index, &length);
	const struct stun_attribute *known = stun_attribute_find_name(name, length);
	if (known)
		return known->type;
	if (length == 6 && memcmp(name, "0x", 2) == 0 && strspn(&name[2], "0123456789abcdefABCDEF") == 4)
		return (uint16_t)strtoul(name, NULL, 16);
	return (uint16_t)luaL_error(state, "%s: no attribute has the name '%s'", what, name);
}

int stun_lua_push_field(lua_State *state, int index, const char *name)
{
	index = lua_absindex(state, index);
	lua_pushstring(state, name);
	return lua_rawget(state, index);
}

// A number in a field, or `otherwise` where there is none; an `otherwise` below zero makes the field mandatory.
static lua_Integer number_field(lua_State *state, int index, const char *field, lua_Integer most, lua_Integer otherwise,
				const char *what)
{
	char place[96];
	lua_Integer number = otherwise;
	snprintf(place, sizeof place, "%s, field '%s'", what, field);
	if (stun_lua_push_field(state, index, field) != LUA_TNIL || otherwise < 0)
		number = stun_lua_number(state, -1, most, place);
	lua_pop(state, 1);
	return number;
}

// The octets of a field, empty where there is none. The table keeps them alive.
static struct stun_octets octets_field(lua_State *state, int index, const char *field, const char *what)
{
	struct stun_octets octets = {(const uint8_t *)"", 0};
	int type = stun_lua_push_field(state, index, field);
	if (type == LUA_TSTRING)
		octets.data = (const uint8_t *)lua_tolstring(state, -1, &octets.length);
	else if (type != LUA_TNIL)
		luaL_error(state, "%s: field '%s' is a string, not a %s", what, field, luaL_typename(state, -1));
	lua_pop(state, 1);
	return octets;
}

static uint8_t family_at(lua_State *state, int index, const char *what)
{
	uint8_t family = lua_type(state, index) == LUA_TSTRING ? stun_family_find(lua_tostring(state, index)) : 0;
	if (!family)
		luaL_error(state, "%s: a family is \"IPv4\" or \"IPv6\"", what);
	return family;
}

static struct stun_address check_address(lua_State *state, int index, const char *what)
{
	struct stun_address address;
	lua_Integer port = number_field(state, index, "port", UINT16_MAX, -1, what);
	bool is_text = stun_lua_push_field(state, index, "address") == LUA_TSTRING;
	if (!is_text || !stun_address_parse(lua_tostring(state, -1), (uint16_t)port, &address))
		luaL_error(state, "%s: field 'address' is a numeric IPv4 or IPv6 address", what);
	if (stun_lua_push_field(state, index, "family") != LUA_TNIL && family_at(state, -1, what) != address.family)
		luaL_error(state, "%s: the address is not of the family", what);
	lua_pop(state, 2);
	return address;
}

static struct stun_error_code check_error(lua_State *state, int index, bool with_family, const char *what)
{
	struct stun_error_code code = {.family = 0};
	bool is_table = lua_istable(state, index);
	lua_Integer most = 7 * 100 + 255;
	lua_Integer whole = is_table ? number_field(state, index, "code", most, 0, what)
				     : stun_lua_number(state, index, most, what);
	// A number above 99 and a class that contradicts the code can be asked for by their own fields.
	code.class = (uint8_t)(whole / 100 > 7 ? 7 : whole / 100);
	code.number = (uint8_t)(whole - code.class * 100);
	const char *reason = stun_error_reason((unsigned)whole);
	code.reason = (struct stun_octets){(const uint8_t *)reason, strlen(reason)};
	if (!is_table)
		return code;
	code.class = (uint8_t)number_field(state, index, "class", 7, whole ? code.class : -1, what);
	code.number = (uint8_t)number_field(state, index, "number", 255, whole ? code.number : -1, what);
	code.reserved = (uint32_t)number_field(state, index, "reserved", with_family ? 0x1FFF : 0x1FFFFF, 0, what);
	if (stun_lua_push_field(state, index, "reason") != LUA_TNIL)
		code.reason = octets_field(state, index, "reason", what);
	if (with_family) {
		stun_lua_push_field(state, index, "family");
		code.family = family_at(state, -1, what);
		lua_pop(state, 1);
	}
	lua_pop(state, 1);
	return code;
}

static struct stun_algorithm check_algorithm(lua_State *state, int index, const char *what)
{
	if (!lua_istable(state, index))
		return (struct stun_algorithm){(uint16_t)stun_lua_number(state, index, UINT16_MAX, what),
					       {(const uint8_t *)"", 0}};
	return (struct stun_algorithm){(uint16_t)number_field(state, index, "algorithm", UINT16_MAX, -1, what),
				       octets_field(state, index, "parameters", what)};
}

static struct stun_icmp check_icmp(lua_State *state, int index, const char *what)
{
	return (struct stun_icmp){
		.type = (uint8_t)number_field(state, index, "type", 0x7F, -1, what),
		.code = (uint16_t)number_field(state, index, "code", 0x1FF, -1, what),
		.data = (uint32_t)number_field(state, index, "data", UINT32_MAX, 0, what),
		.reserved = (uint16_t)number_field(state, index, "reserved", UINT16_MAX, 0, what),
	};
}

// Lists are encoded item by item into the scratch writer.
static void check_list(lua_State *state, int index, enum stun_kind kind, struct writer *scratch, const char *what)
{
	for (lua_Integer i = 1; lua_rawgeti(state, index, i) != LUA_TNIL; i++) {
		if (kind == STUN_KIND_TYPES) {
			writer_u16(scratch, stun_lua_type(state, -1, what));
		} else {
			struct stun_algorithm algorithm = check_algorithm(state, lua_gettop(state), what);
			stun_algorithm_encode(&algorithm, scratch, NULL);
		}
		lua_pop(state, 1);
	}
	lua_pop(state, 1);
}

// Fills in the value for a kind whose Lua form is not a string.
static void check_form(lua_State *state, int index, enum stun_kind kind, struct stun_value *value, const char *what)
{
	switch (kind) {
	case STUN_KIND_U32:
	case STUN_KIND_FINGERPRINT:
		value->as.integer = (uint64_t)stun_lua_number(state, index, UINT32_MAX, what);
		break;
	case STUN_KIND_U64: {
		int exact = 0;
		value->as.integer = (uint64_t)lua_tointegerx(state, index, &exact);
		if (!exact)
			luaL_error(state, "%s: an integer is wanted, not a %s", what, luaL_typename(state, index));
		break;
	}
	case STUN_KIND_U8_RESERVED:
		value->as.integer = (uint64_t)stun_lua_number(state, index, UINT8_MAX, what);
		break;
	case STUN_KIND_U16_RESERVED:
		value->as.integer = (uint64_t)stun_lua_number(state, index, UINT16_MAX, what);
		break;
	case STUN_KIND_FLAG:
		if (!lua_isnoneornil(state, index) && !(lua_isboolean(state, index) && lua_toboolean(state, index)))
			luaL_error(state, "%s: a flag has no value but true", what);
		break;
	case STUN_KIND_EVEN_PORT:
		if (!lua_isboolean(state, index))
			luaL_error(state, "%s: a boolean is wanted, not a %s", what, luaL_typename(state, index));
		value->as.flag = lua_toboolean(state, index);
		break;
	case STUN_KIND_FAMILY:
		if (!value->as.family)
			value->as.family = (uint8_t)stun_lua_number(state, index, UINT8_MAX, what);
		break;
	case STUN_KIND_ERROR:
		value->as.error = check_error(state, index, false, what);
		break;
	case STUN_KIND_ALGORITHM:
		value->as.algorithm = check_algorithm(state, index, what);
		break;
	case STUN_KIND_ADDRESS:
	case STUN_KIND_XOR_ADDRESS:
	case STUN_KIND_ADDRESS_ERROR:
	case STUN_KIND_ICMP:
		if (!lua_istable(state, index))
			luaL_error(state, "%s: a table is wanted, not a %s", what, luaL_typename(state, index));
		if (kind == STUN_KIND_ADDRESS_ERROR)
			value->as.error = check_error(state, index, true, what);
		else if (kind == STUN_KIND_ICMP)
			value->as.icmp = check_icmp(state, index, what);
		else
			value->as.address = check_address(state, index, what);
		break;
	default:
		luaL_error(state, "%s: a string is wanted, not a %s", what, luaL_typename(state, index));
	}
}

struct stun_octets stun_lua_check_value(lua_State *state, int index, uint16_t type, const uint8_t *transaction,
					struct writer *scratch, int anchors)
{
	char what[STUN_ATTRIBUTE_NAME_SIZE];
	struct stun_octets octets;
	stun_attribute_name(type, what);
	index = lua_absindex(state, index);
	const struct stun_attribute *known = stun_attribute_find(type);
	struct stun_value value = {.kind = known ? known->kind : STUN_KIND_OPAQUE};
	struct error error;
	bool is_string = lua_type(state, index) == LUA_TSTRING;
	if (is_string && value.kind == STUN_KIND_FAMILY)
		value.as.family = stun_family_find(lua_tostring(state, index));
	if (is_string && !value.as.family) {
		octets.data = (const uint8_t *)lua_tolstring(state, index, &octets.length);
		return octets;
	}
	writer_reset(scratch);
	if ((value.kind == STUN_KIND_TYPES || value.kind == STUN_KIND_ALGORITHMS) && lua_istable(state, index)) {
		check_list(state, index, value.kind, scratch, what);
		if (scratch->failed)
			luaL_error(state, "%s: the list is too long", what);
	} else {
		check_form(state, index, value.kind, &value, what);
		if (stun_value_encode(&value, transaction, scratch, &error) < 0)
			luaL_error(state, "%s: %s", what, error.text);
	}
	lua_pushlstring(state, (const char *)scratch->data, scratch->length);
	octets.data = (const uint8_t *)lua_tolstring(state, -1, &octets.length);
	lua_rawseti(state, anchors, (lua_Integer)lua_rawlen(state, anchors) + 1);
	return octets;
}

static void push_octets(lua_State *state, struct stun_octets octets)
{
	lua_pushlstring(state, octets.length ? (const char *)octets.data : "", octets.length);
}

static void push_address(lua_State *state, const struct stun_address *address)
{
	char host[STUN_ADDRESS_TEXT_SIZE];
	lua_createtable(state, 0, 3);
	lua_pushstring(state, stun_family_name(address->family));
	lua_setfield(state, -2, "family");
	lua_pushstring(state, stun_address_host(address, host));
	lua_setfield(state, -2, "address");
	field_set_integer(state, "port", address->port);
}

static void push_error(lua_State *state, const struct stun_error_code *code)
{
	lua_createtable(state, 0, 6);
	if (code->family) {
		lua_pushstring(state, stun_family_name(code->family));
		lua_setfield(state, -2, "family");
	}
	field_set_integer(state, "code", code->class * 100 + code->number);
	field_set_integer(state, "class", code->class);
	field_set_integer(state, "number", code->number);
	field_set_integer(state, "reserved", code->reserved);
	field_set_octets(state, "reason", code->reason.data, code->reason.length);
}

static void push_algorithm(lua_State *state, const struct stun_algorithm *algorithm)
{
	lua_createtable(state, 0, 2);
	field_set_integer(state, "algorithm", algorithm->algorithm);
	field_set_octets(state, "parameters", algorithm->parameters.data, algorithm->parameters.length);
}

static void push_list(lua_State *state, enum stun_kind kind, struct stun_octets list)
{
	struct reader reader;
	struct stun_algorithm algorithm;
	reader_init(&reader, list.data, list.length);
	lua_newtable(state);
	for (lua_Integer i = 1; reader_left(&reader) && !reader.failed; i++) {
		if (kind == STUN_KIND_TYPES)
			lua_pushinteger(state, reader_u16(&reader));
		else if (stun_algorithm_next(&reader, &algorithm, NULL) > 0)
			push_algorithm(state, &algorithm);
		else
			break;
		lua_rawseti(state, -2, i);
	}
}

void stun_lua_push_value(lua_State *state, const struct stun_value *value)
{
	switch (value->kind) {
	case STUN_KIND_OPAQUE:
	case STUN_KIND_TEXT:
	case STUN_KIND_INTEGRITY:
	case STUN_KIND_INTEGRITY_SHA256:
		push_octets(state, value->as.octets);
		break;
	case STUN_KIND_U32:
	case STUN_KIND_U64:
	case STUN_KIND_U8_RESERVED:
	case STUN_KIND_U16_RESERVED:
	case STUN_KIND_FINGERPRINT:
		lua_pushinteger(state, (lua_Integer)value->as.integer);
		break;
	case STUN_KIND_FLAG:
	case STUN_KIND_EVEN_PORT:
		lua_pushboolean(state, value->as.flag);
		break;
	case STUN_KIND_FAMILY:
		lua_pushstring(state, stun_family_name(value->as.family));
		break;
	case STUN_KIND_ADDRESS:
	case STUN_KIND_XOR_ADDRESS:
		push_address(state, &value->as.address);
		break;
	case STUN_KIND_ERROR:
	case STUN_KIND_ADDRESS_ERROR:
		push_error(state, &value->as.error);
		break;
	case STUN_KIND_TYPES:
	case STUN_KIND_ALGORITHMS:
		push_list(state, value->kind, value->as.octets);
		break;
	case STUN_KIND_ALGORITHM:
		push_algorithm(state, &value->as.algorithm);
		break;
	case STUN_KIND_ICMP:
		lua_createtable(state, 0, 4);
		field_set_integer(state, "type", value->as.icmp.type);
		field_set_integer(state, "code", value->as.icmp.code);
		field_set_integer(state, "data", value->as.icmp.data);
		field_set_integer(state, "reserved", value->as.icmp.reserved);
		break;
	}
}
