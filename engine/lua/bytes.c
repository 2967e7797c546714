// SPDX-License-Identifier: BSD-3-Clause
#include "base/bytes.h"
#include "base/error.h"
#include "lua/modules.h"
#include "lua/state.h"
#include "token/base64.h"

#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>

// More random octets at once are a mistake in a script.
#define RANDOM_LIMIT (16 * 1024 * 1024)
#define SCRATCH_LIMIT (64 * 1024 * 1024)
#define SCRATCH_TYPE "bytes.scratch"

static int nibble(unsigned char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

// bytes.hex(octets) -> text, two lower-case digits an octet
static int hex(lua_State *state)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	luaL_Buffer buffer;
	char *text = luaL_buffinitsize(state, &buffer, length * 2);
	for (size_t i = 0; i < length; i++) {
		text[2 * i] = "0123456789abcdef"[(unsigned char)octets[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[(unsigned char)octets[i] & 15];
	}
	luaL_pushresultsize(&buffer, length * 2);
	return 1;
}

// bytes.unhex(text) -> octets | nil, text, offset
//
// Digits of either case, nothing between them.
static int unhex(lua_State *state)
{
	size_t length;
	const char *text = luaL_checklstring(state, 1, &length);
	struct error error;
	for (size_t i = 0; i < length; i++) {
		if (nibble((unsigned char)text[i]) < 0) {
			error_set(&error, ERROR_MALFORMED, i, "the character at %zu is not a hexadecimal digit", i);
			return state_push_error(state, &error);
		}
	}
	if (length % 2) {
		error_set(&error, ERROR_TRUNCATED, length, "hexadecimal text has an even number of digits, not %zu",
			  length);
		return state_push_error(state, &error);
	}
	luaL_Buffer buffer;
	char *octets = luaL_buffinitsize(state, &buffer, length / 2);
	for (size_t i = 0; i < length / 2; i++)
		octets[i] = (char)(nibble((unsigned char)text[2 * i]) << 4 | nibble((unsigned char)text[2 * i + 1]));
	luaL_pushresultsize(&buffer, length / 2);
	return 1;
}

// The writer that the two calls below share; it may hold a key, so it is wiped each time.
static struct writer *scratch(lua_State *state)
{
	struct writer *writer = lua_touserdata(state, lua_upvalueindex(1));
	writer_free(writer);
	return writer;
}

static int scratch_free(lua_State *state)
{
	writer_free(luaL_checkudata(state, 1, SCRATCH_TYPE));
	return 0;
}

static int push_scratch(lua_State *state, struct writer *writer)
{
	lua_pushlstring(state, (const char *)writer->data, writer->length);
	writer_free(writer);
	return 1;
}

// bytes.base64(octets) -> text, by RFC 4648 section 4, with padding
static int base64(lua_State *state)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	struct writer *writer = scratch(state);
	token_base64_encode(writer, octets, length);
	if (writer->failed)
		return luaL_error(state, "%I octets are too many for base64", (LUAI_UACINT)length);
	return push_scratch(state, writer);
}

// bytes.unbase64(text) -> octets | nil, text, offset
//
// Strict: the alphabet of RFC 4648 section 4, with padding, no white space, no bits left over.
static int unbase64(lua_State *state)
{
	size_t length;
	const char *text = luaL_checklstring(state, 1, &length);
	struct writer *writer = scratch(state);
	struct error error;
	if (token_base64_decode(writer, text, length, &error) < 0)
		return state_push_error(state, &error);
	return push_scratch(state, writer);
}

// bytes.random(n) -> n octets that nobody can foretell
static int random_octets(lua_State *state)
{
	lua_Integer length = luaL_checkinteger(state, 1);
	luaL_argcheck(state, length >= 0 && length <= RANDOM_LIMIT, 1, "0 to 16777216 octets can be had");
	luaL_Buffer buffer;
	char *octets = luaL_buffinitsize(state, &buffer, (size_t)length);
	if (RAND_bytes((unsigned char *)octets, (int)length) != 1)
		return luaL_error(state, "OpenSSL has no random octets");
	luaL_pushresultsize(&buffer, (size_t)length);
	return 1;
}

static int digest(lua_State *state, const EVP_MD *algorithm)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned size;
	if (!EVP_Digest(octets, length, value, &size, algorithm, NULL))
		return luaL_error(state, "OpenSSL does not hash");
	lua_pushlstring(state, (const char *)value, size);
	return 1;
}

// bytes.sha1(octets) -> their SHA-1, 20 octets
static int sha1(lua_State *state)
{
	return digest(state, EVP_sha1());
}

// bytes.sha256(octets) -> their SHA-256, 32 octets
static int sha256(lua_State *state)
{
	return digest(state, EVP_sha256());
}

// bytes.flip(octets, bit) -> the octets with one bit inverted; bit 0 is the most significant of the first octet
static int flip(lua_State *state)
{
	size_t length;
	const char *octets = luaL_checklstring(state, 1, &length);
	lua_Integer bit = luaL_checkinteger(state, 2);
	luaL_argcheck(state, bit >= 0 && (lua_Unsigned)bit / 8 < length, 2, "there is no such bit");
	luaL_Buffer buffer;
	char *copy = luaL_buffinitsize(state, &buffer, length);
	for (size_t i = 0; i < length; i++)
		copy[i] = octets[i];
	copy[bit / 8] = (char)(copy[bit / 8] ^ 0x80 >> bit % 8);
	luaL_pushresultsize(&buffer, length);
	return 1;
}

// bytes.equal(a, b) -> boolean, in time that does not depend on where they differ
static int equal(lua_State *state)
{
	size_t left_length, right_length;
	const char *left = luaL_checklstring(state, 1, &left_length);
	const char *right = luaL_checklstring(state, 2, &right_length);
	lua_pushboolean(state, left_length == right_length && CRYPTO_memcmp(left, right, left_length) == 0);
	return 1;
}

int luaopen_bytes(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"hex", hex},
		{"unhex", unhex},
		{"base64", base64},
		{"unbase64", unbase64},
		{"random", random_octets},
		{"sha1", sha1},
		{"sha256", sha256},
		{"flip", flip},
		{"equal", equal},
		{NULL, NULL},
	};
	luaL_newlibtable(state, functions);
	writer_init(lua_newuserdatauv(state, sizeof(struct writer), 0), SCRATCH_LIMIT);
	if (luaL_newmetatable(state, SCRATCH_TYPE)) {
		lua_pushcfunction(state, scratch_free);
		lua_setfield(state, -2, "__gc");
	}
	lua_setmetatable(state, -2);
	luaL_setfuncs(state, functions, 1);
	return 1;
}
