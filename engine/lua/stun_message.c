// SPDX-License-Identifier: BSD-3-Clause
#include "lua/stun_message.h"

#include "base/error.h"
#include "lua/field.h"
#include "lua/state.h"
#include "lua/stun_build.h"
#include "lua/stun_value.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/text.h"

#include <lauxlib.h>

#define MESSAGE_TYPE "stun.message"

// A message: user value 1 is the string it was parsed from, into which the views point.
static struct stun_message *check_message(lua_State *state)
{
	return luaL_checkudata(state, 1, MESSAGE_TYPE);
}

static int message_free(lua_State *state)
{
	stun_message_free(check_message(state));
	return 0;
}

// stun.parse(octets) -> message | nil, text, offset
//
// Parses one message and nothing behind it. Wrong cookies, unknown attributes and padding of any content are parsed;
// lengths that contradict each other are not, and the offset says where.
int stun_lua_parse(lua_State *state)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	struct stun_message *message = lua_newuserdatauv(state, sizeof *message, 1);
	struct error error;
	*message = (struct stun_message){0};
	luaL_setmetatable(state, MESSAGE_TYPE);
	lua_pushvalue(state, 1);
	lua_setiuservalue(state, -2, 1);
	if (stun_message_parse(message, octets, length, &error) < 0)
		return state_push_error(state, &error);
	return 1;
}

// message:class() -> "request" | "indication" | "success" | "error"
static int message_class(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushstring(state, stun_class_name(stun_type_class(message->header.type)));
	return 1;
}

// message:method() -> "Binding" | "Allocate" | ... | "0x0ab" for one that is not known
static int message_method(lua_State *state)
{
	struct stun_message *message = check_message(state);
	uint16_t method = stun_type_method(message->header.type);
	char number[] = "0x000";
	for (int i = 0; i < 3; i++)
		number[2 + i] = "0123456789abcdef"[method >> (8 - 4 * i) & 15];
	const char *name = stun_method_name(method);
	lua_pushstring(state, name ? name : number);
	return 1;
}

// message:type() -> class and method as they stand in the header, an integer
static int message_type(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushinteger(state, message->header.type);
	return 1;
}

// message:cookie() -> integer; stun.COOKIE in a message that is right
static int message_cookie(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushinteger(state, message->header.cookie);
	return 1;
}

// message:transaction() -> the transaction id, 12 octets
static int message_transaction(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushlstring(state, (const char *)message->header.transaction, STUN_TRANSACTION_SIZE);
	return 1;
}

// message:bytes() -> the octets it was parsed from
static int message_bytes(lua_State *state)
{
	check_message(state);
	lua_getiuservalue(state, 1, 1);
	return 1;
}

static void push_name(lua_State *state, uint16_t type)
{
	char name[STUN_ATTRIBUTE_NAME_SIZE];
	lua_pushstring(state, stun_attribute_name(type, name));
}

// message:attributes() -> list of {type=, name=, offset=, length=, value=, padding=}
//
// In the order of the message. offset is that of the attribute's header from the start of the message, length what the
// attribute declares, value and padding are raw. The name of an unknown type is its number, "0x7F00".
static int message_attributes(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_createtable(state, (int)message->count, 0);
	for (size_t i = 0; i < message->count; i++) {
		const struct stun_view *view = &message->attributes[i];
		size_t padding;
		const uint8_t *behind = stun_view_padding(message, view, &padding);
		lua_createtable(state, 0, 6);
		field_set_integer(state, "type", view->type);
		push_name(state, view->type);
		lua_setfield(state, -2, "name");
		field_set_integer(state, "offset", view->offset);
		field_set_integer(state, "length", view->length);
		field_set_octets(state, "value", stun_view_value(message, view), view->length);
		field_set_octets(state, "padding", behind, padding);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	return 1;
}

// The attribute that arguments 2 and 3 ask for, or NULL.
static const struct stun_view *find_argument(lua_State *state, const struct stun_message *message)
{
	uint16_t type = stun_lua_type(state, 2, "attribute");
	lua_Integer nth = luaL_optinteger(state, 3, 1);
	luaL_argcheck(state, nth >= 1, 3, "attributes are counted from 1");
	return stun_message_find(message, type, (size_t)nth);
}

// message:has(attr) -> boolean
static int message_has(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushboolean(state, stun_message_find(message, stun_lua_type(state, 2, "attribute"), 1) != NULL);
	return 1;
}

// message:count(attr) -> how many there are
static int message_count(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushinteger(state, (lua_Integer)stun_message_count(message, stun_lua_type(state, 2, "attribute")));
	return 1;
}

// message:raw(attr, nth?) -> the octets of the value of the nth such attribute | nil
static int message_raw(lua_State *state)
{
	struct stun_message *message = check_message(state);
	const struct stun_view *view = find_argument(state, message);
	if (view)
		lua_pushlstring(state, (const char *)stun_view_value(message, view), view->length);
	else
		lua_pushnil(state);
	return 1;
}

// message:get(attr, nth?) -> value | nil (there is none) | nil, text, offset (its value is malformed)
//
// Decoded by the kind of the attribute (stun.attribute tells it):
//   text, opaque, integrity   string; also for a type that is not known
//   u32, u64, u8, u16, fingerprint    integer
//   flag                      true
//   even-port                 boolean, the R bit
//   family                    "IPv4" | "IPv6"
//   address, xor-address      {family="IPv4", address="192.0.2.1", port=3478}
//   error                     {code=401, class=4, number=1, reason="...", reserved=0}
//   address-error             the same and family=
//   types                     list of integers
//   algorithm, algorithms     {algorithm=2, parameters=""}; list of them
//   icmp                      {type=, code=, data=, reserved=}
// The offset counts from the start of the message. Reserved bits of the other kinds are seen in raw.
static int message_get(lua_State *state)
{
	struct stun_message *message = check_message(state);
	const struct stun_view *view = find_argument(state, message);
	if (!view) {
		lua_pushnil(state);
		return 1;
	}
	const struct stun_attribute *known = stun_attribute_find(view->type);
	struct stun_value value;
	struct error error;
	if (stun_value_decode(known ? known->kind : STUN_KIND_OPAQUE, stun_view_value(message, view), view->length,
			      message->header.transaction, &value, &error) < 0) {
		if (error.offset != ERROR_NO_OFFSET)
			error.offset += (size_t)view->offset + STUN_ATTRIBUTE_HEADER_SIZE;
		return state_push_error(state, &error);
	}
	stun_lua_push_value(state, &value);
	return 1;
}

// message:integrity(key, attr?) -> "valid" | "invalid" | "absent"
//
// Verifies the first MESSAGE-INTEGRITY, or MESSAGE-INTEGRITY-SHA256 of 16 to 32 octets where attr names that. What
// stands behind the attribute plays no part. A size it may not have is invalid.
static int message_integrity(lua_State *state)
{
	struct stun_message *message = check_message(state);
	size_t length;
	const char *key = luaL_checklstring(state, 2, &length);
	uint16_t type = lua_isnoneornil(state, 3) ? STUN_MESSAGE_INTEGRITY : stun_lua_type(state, 3, "attribute");
	luaL_argcheck(state, type == STUN_MESSAGE_INTEGRITY || type == STUN_MESSAGE_INTEGRITY_SHA256, 3,
		      "MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 expected");
	enum stun_verdict verdict =
		stun_integrity_verify(stun_lua_workshop(state)->integrity, message, type, key, length);
	lua_pushstring(state, stun_verdict_name(verdict));
	return 1;
}

// message:fingerprint() -> "valid" | "invalid" | "absent"
//
// Invalid also where an attribute follows it, or its value has not four octets.
static int message_fingerprint(lua_State *state)
{
	struct stun_message *message = check_message(state);
	lua_pushstring(state, stun_verdict_name(stun_fingerprint_verify(message)));
	return 1;
}

int stun_lua_push_text(lua_State *state, const void *octets, size_t length)
{
	struct writer *writer = &stun_lua_workshop(state)->message;
	writer_reset(writer);
	// A text that does not fit is cut, which is the better thing to read.
	stun_text(octets, length, writer, NULL);
	lua_pushlstring(state, (const char *)writer->data, writer->length);
	return 1;
}

// message:text() -> the message as lines of printable ASCII, each attribute with its octet offset
static int message_text(lua_State *state)
{
	struct stun_message *message = check_message(state);
	return stun_lua_push_text(state, message->data, message->length);
}

static const luaL_Reg message_methods[] = {
	{"class", message_class},
	{"method", message_method},
	{"type", message_type},
	{"cookie", message_cookie},
	{"transaction", message_transaction},
	{"bytes", message_bytes},
	{"attributes", message_attributes},
	{"has", message_has},
	{"count", message_count},
	{"raw", message_raw},
	{"get", message_get},
	{"integrity", message_integrity},
	{"fingerprint", message_fingerprint},
	{"text", message_text},
	{NULL, NULL},
};

void stun_lua_open_message(lua_State *state)
{
	luaL_newmetatable(state, MESSAGE_TYPE);
	luaL_newlibtable(state, message_methods);
	lua_pushvalue(state, -3);
	luaL_setfuncs(state, message_methods, 1);
	lua_setfield(state, -2, "__index");
	lua_pushcfunction(state, message_free);
	lua_setfield(state, -2, "__gc");
	lua_pushvalue(state, -2);
	lua_pushcclosure(state, message_text, 1);
	lua_setfield(state, -2, "__tostring");
	lua_pushstring(state, MESSAGE_TYPE);
	lua_setfield(state, -2, "__metatable");
	lua_pop(state, 1);
}
