// SPDX-License-Identifier: BSD-3-Clause
#include "base/error.h"
#include "lua/field.h"
#include "lua/modules.h"
#include "lua/state.h"
#include "lua/stun_build.h"
#include "lua/stun_message.h"
#include "lua/stun_replay.h"
#include "lua/stun_value.h"
#include "stun/channel.h"
#include "stun/credential.h"
#include "stun/message.h"

#include <lauxlib.h>
#include <openssl/crypto.h>

// stun.text(octets) -> what message:text() tells, for any octets: a message, a broken one as far as it can be followed,
// ChannelData, or something else, which is shown in hex
static int text(lua_State *state)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	return stun_lua_push_text(state, octets, length);
}

static void push_descriptor(lua_State *state, const struct stun_attribute *attribute)
{
	lua_createtable(state, 0, 7);
	field_set_integer(state, "type", attribute->type);
	field_set_integer(state, "minimum", attribute->minimum);
	field_set_integer(state, "maximum", attribute->maximum);
	lua_pushboolean(state, stun_attribute_required(attribute->type));
	lua_setfield(state, -2, "required");
	lua_pushstring(state, attribute->name);
	lua_setfield(state, -2, "name");
	lua_pushstring(state, stun_kind_name(attribute->kind));
	lua_setfield(state, -2, "kind");
	lua_pushstring(state, attribute->rfc);
	lua_setfield(state, -2, "rfc");
}

// stun.attribute(name or number) -> {type=, name=, kind=, required=, minimum=, maximum=, rfc=} | nil for an unknown one
//
// required: a receiver that does not know it must refuse the message. minimum and maximum are octets of value.
static int attribute(lua_State *state)
{
	const struct stun_attribute *known = NULL;
	if (lua_type(state, 1) == LUA_TNUMBER) {
		known = stun_attribute_find((uint16_t)stun_lua_number(state, 1, UINT16_MAX, "attribute"));
	} else {
		size_t length;
		const char *name = luaL_checklstring(state, 1, &length);
		known = stun_attribute_find_name(name, length);
	}
	if (known)
		push_descriptor(state, known);
	else
		lua_pushnil(state);
	return 1;
}

// stun.attributes() -> list of all that are known, in the order of their types
static int attributes(lua_State *state)
{
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	lua_createtable(state, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		push_descriptor(state, &all[i]);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static struct stun_octets check_octets(lua_State *state, int argument)
{
	struct stun_octets octets;
	octets.data = (const uint8_t *)luaL_checklstring(state, argument, &octets.length);
	return octets;
}

// stun.long_term_key(username, realm, password, algorithm?) -> 16 octets | nil, text
//
// The key of the long-term mechanism: MD5 of "username:realm:password" (RFC 5389 15.4), or with algorithm "SHA-256"
// the 32 octets of RFC 8489 18.5.1.2. The strings are used as they are, without SASLprep or OpaqueString.
static int long_term_key(lua_State *state)
{
	static const char *const names[] = {"MD5", "SHA-256", NULL};
	struct stun_octets user = check_octets(state, 1), realm = check_octets(state, 2);
	struct stun_octets password = check_octets(state, 3);
	bool md5 = luaL_checkoption(state, 4, "MD5", names) == 0;
	uint8_t key[STUN_KEY_LIMIT];
	size_t length;
	struct error error;
	if (stun_credential_key(md5 ? STUN_PASSWORD_MD5 : STUN_PASSWORD_SHA256, user, realm, password, key, &length,
				&error) < 0)
		return state_push_error(state, &error);
	lua_pushlstring(state, (const char *)key, length);
	OPENSSL_cleanse(key, sizeof key);
	return 1;
}

// stun.userhash(username, realm) -> the 32 octets that USERHASH has for them (RFC 8489 14.4) | nil, text
static int userhash(lua_State *state)
{
	struct stun_octets user = check_octets(state, 1), realm = check_octets(state, 2);
	uint8_t hash[STUN_USERHASH_SIZE];
	struct error error;
	if (stun_credential_userhash(user, realm, hash, &error) < 0)
		return state_push_error(state, &error);
	lua_pushlstring(state, (const char *)hash, sizeof hash);
	return 1;
}

// stun.channel_data(number, data) -> a ChannelData message without padding | nil, text
//
// Any 16-bit number is written, also one that is no channel's.
static int channel_data(lua_State *state)
{
	uint16_t number = (uint16_t)stun_lua_number(state, 1, UINT16_MAX, "channel number");
	struct stun_octets data = check_octets(state, 2);
	struct writer *writer = &stun_lua_workshop(state)->message;
	struct error error;
	writer_reset(writer);
	if (stun_channel_encode(number, data.data, data.length, writer, &error) < 0)
		return state_push_error(state, &error);
	lua_pushlstring(state, (const char *)writer->data, writer->length);
	return 1;
}

// stun.parse_channel_data(octets) -> number, data | nil, text, offset
//
// One ChannelData message, with up to three octets of padding behind it.
static int parse_channel_data(lua_State *state)
{
	struct stun_octets octets = check_octets(state, 1);
	struct stun_channel channel;
	struct error error;
	if (stun_channel_parse(octets.data, octets.length, &channel, &error) < 0)
		return state_push_error(state, &error);
	lua_pushinteger(state, channel.number);
	lua_pushlstring(state, (const char *)channel.data, channel.length);
	return 2;
}

// stun.reason(code) -> the usual reason phrase of an error code, "" where there is none
static int reason(lua_State *state)
{
	lua_pushstring(state, stun_error_reason((unsigned)stun_lua_number(state, 1, 799, "error code")));
	return 1;
}

static const luaL_Reg functions[] = {
	{"parse", stun_lua_parse},
	{"build", stun_lua_build},
	{"edit", stun_lua_edit},
	{"credentials", stun_lua_credentials},
	{"outline", stun_lua_outline},
	{"names", stun_lua_names},
	{"rewrite", stun_lua_rewrite},
	{"text", text},
	{"attribute", attribute},
	{"attributes", attributes},
	{"long_term_key", long_term_key},
	{"userhash", userhash},
	{"channel_data", channel_data},
	{"parse_channel_data", parse_channel_data},
	{"reason", reason},
	{NULL, NULL},
};

// Constants: stun.HEADER_SIZE, TRANSACTION_SIZE, ATTRIBUTE_HEADER_SIZE, COOKIE, CHANNEL_FIRST, CHANNEL_LAST.
int luaopen_stun(lua_State *state)
{
	stun_lua_push_workshop(state);
	stun_lua_open_message(state);
	luaL_newlibtable(state, functions);
	lua_insert(state, -2);
	luaL_setfuncs(state, functions, 1);
	field_set_integer(state, "HEADER_SIZE", STUN_HEADER_SIZE);
	field_set_integer(state, "TRANSACTION_SIZE", STUN_TRANSACTION_SIZE);
	field_set_integer(state, "ATTRIBUTE_HEADER_SIZE", STUN_ATTRIBUTE_HEADER_SIZE);
	field_set_integer(state, "COOKIE", STUN_MAGIC_COOKIE);
	field_set_integer(state, "CHANNEL_FIRST", STUN_CHANNEL_FIRST);
	field_set_integer(state, "CHANNEL_LAST", STUN_CHANNEL_LAST);
	return 1;
}
