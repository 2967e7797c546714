// SPDX-License-Identifier: BSD-3-Clause
#include "lua/capture_tls.h"

#include "base/error.h"
#include "capture/dtls_passive.h"
#include "capture/tls_passive.h"
#include "capture/tls_secrets.h"
#include "lua/field.h"
#include "lua/state.h"

#include <lauxlib.h>

#define SECRETS "capture.secrets"
#define TLS "capture.tls"
#define DTLS "capture.dtls"

// The user value 1 of a connection is its store of secrets, which must not go before it.
struct secrets_handle {
	struct tls_secrets *secrets;
};

struct tls_handle {
	struct tls_passive *connection; // NULL when closed
};

struct dtls_handle {
	struct dtls_passive *association; // NULL when closed
};

struct tls_secrets *capture_tls_secrets(lua_State *state, int index)
{
	const struct secrets_handle *handle = luaL_checkudata(state, index, SECRETS);
	if (!handle->secrets)
		luaL_error(state, "the secrets are gone");
	return handle->secrets;
}

static int push_count(lua_State *state, int outcome, const struct tls_secrets_count *count, const struct error *error)
{
	if (outcome < 0)
		return state_push_error(state, error);
	lua_pushinteger(state, (lua_Integer)(count->added + count->known));
	lua_pushinteger(state, (lua_Integer)count->malformed);
	return 2;
}

// capture.secrets() -> secrets
// A store of TLS and DTLS session secrets, empty. reader:secrets(secrets) puts those in that a pcapng file brings.
static int new_secrets(lua_State *state)
{
	struct secrets_handle *handle = lua_newuserdatauv(state, sizeof *handle, 0);
	handle->secrets = NULL;
	luaL_setmetatable(state, SECRETS);
	handle->secrets = tls_secrets_new(0);
	return handle->secrets ? 1 : luaL_error(state, "out of memory");
}

// secrets:add(text) -> secrets in it, malformed lines | nil, text
// Takes in the lines of a key log (SSLKEYLOGFILE). nil when there are more than 65536 secrets.
static int add_secrets(lua_State *state)
{
	struct tls_secrets_count count = {0};
	struct error error;
	size_t length;
	struct tls_secrets *secrets = capture_tls_secrets(state, 1);
	const char *text = luaL_checklstring(state, 2, &length);
	return push_count(state, tls_secrets_add(secrets, text, length, &count, &error), &count, &error);
}

// secrets:read(path) -> secrets in it, malformed lines | nil, text
// The same with a file. nil also when it cannot be read, or has lines and none of a key log.
static int read_secrets(lua_State *state)
{
	struct tls_secrets_count count = {0};
	struct error error;
	struct tls_secrets *secrets = capture_tls_secrets(state, 1);
	const char *path = luaL_checkstring(state, 2);
	return push_count(state, tls_secrets_read(secrets, path, &count, &error), &count, &error);
}

// secrets:complete()
// Says that no more will come: what lacks its secret is opaque at once then, and is not held until it comes.
static int complete_secrets(lua_State *state)
{
	tls_secrets_close(capture_tls_secrets(state, 1));
	return 0;
}

static int free_secrets(lua_State *state)
{
	struct secrets_handle *handle = luaL_checkudata(state, 1, SECRETS);
	tls_secrets_free(handle->secrets);
	handle->secrets = NULL;
	return 0;
}

static const luaL_Reg secrets_methods[] = {
	{"add", add_secrets}, {"complete", complete_secrets}, {"read", read_secrets}, {"__gc", free_secrets},
	{NULL, NULL},
};

static int check_side(lua_State *state, int index)
{
	lua_Integer side = luaL_checkinteger(state, index);
	luaL_argcheck(state, side == 0 || side == 1, index, "side 0 or 1 expected");
	return (int)side;
}

static void push_piece(lua_State *state, const struct tls_passive_piece *piece)
{
	lua_createtable(state, 0, 5);
	field_set_integer(state, "side", piece->side);
	field_set_octets(state, "bytes", piece->octets, piece->length);
	field_set_integer(state, "tag", piece->tag);
	field_set_integer(state, "last_tag", piece->last_tag);
	if (piece->early)
		field_set_boolean(state, "early", true);
}

static int push_state(lua_State *state, enum tls_passive_state what, const char *reason)
{
	static const char *const names[] = {
		[TLS_PASSIVE_WAITING] = "waiting",
		[TLS_PASSIVE_DECRYPTING] = "decrypting",
		[TLS_PASSIVE_OPAQUE] = "opaque",
	};
	lua_pushstring(state, names[what]);
	if (!reason[0])
		return 1;
	lua_pushstring(state, reason);
	return 2;
}

static int push_session(lua_State *state, const struct tls_passive_session *session)
{
	lua_createtable(state, 0, 4);
	if (session->client >= 0)
		field_set_integer(state, "client", session->client);
	if (session->random) {
		field_set_integer(state, "version", session->version);
		field_set_integer(state, "suite", session->suite);
		lua_pushstring(state, session->suite_name);
		lua_setfield(state, -2, "suite_name");
		field_set_octets(state, "random", session->random, 32);
	}
	return 1;
}

static struct tls_passive *check_tls(lua_State *state)
{
	struct tls_handle *handle = luaL_checkudata(state, 1, TLS);
	if (!handle->connection)
		luaL_error(state, "the connection is closed");
	return handle->connection;
}

// capture.tls(secrets) -> tls
// One TLS 1.2 or 1.3 connection, read from outside. Its two ends are side 0 and side 1, in any order.
static int new_tls(lua_State *state)
{
	struct tls_secrets *secrets = capture_tls_secrets(state, 1);
	struct tls_handle *handle = lua_newuserdatauv(state, sizeof *handle, 1);
	handle->connection = NULL;
	luaL_setmetatable(state, TLS);
	lua_pushvalue(state, 1);
	lua_setiuservalue(state, -2, 1);
	handle->connection = tls_passive_new(secrets);
	return handle->connection ? 1 : luaL_error(state, "out of memory");
}

static int fetch_tls(lua_State *state, struct tls_passive *connection)
{
	struct tls_passive_piece piece;
	lua_newtable(state);
	for (lua_Integer i = 1; tls_passive_next(connection, &piece); i++) {
		push_piece(state, &piece);
		lua_rawseti(state, -2, i);
	}
	return 1;
}

// tls:feed(side, octets, tag) -> pieces
// Takes the next octets of that side of the TCP connection (in order, each once) and returns what can be read now of
// both sides: an array of { side=, bytes=, tag=, last_tag=, early= }, the application data of one record each; tag and
// last_tag are the tags (integers, such as frame numbers) of what brought the record's first and last octet.
static int feed_tls(lua_State *state)
{
	size_t length;
	struct tls_passive *connection = check_tls(state);
	int side = check_side(state, 2);
	const char *octets = luaL_checklstring(state, 3, &length);
	lua_Integer tag = luaL_optinteger(state, 4, 0);
	tls_passive_feed(connection, side, (const uint8_t *)octets, length, tag);
	return fetch_tls(state, connection);
}

// tls:gap(side, octets)
// So many octets of that side were not captured: it is opaque from here on.
static int gap_tls(lua_State *state)
{
	struct tls_passive *connection = check_tls(state);
	int side = check_side(state, 2);
	lua_Integer length = luaL_checkinteger(state, 3);
	luaL_argcheck(state, length > 0, 3, "a number of octets expected");
	tls_passive_gap(connection, side, (uint64_t)length);
	return 0;
}

// tls:finish() -> pieces
// The capture is over: the last that can be read, secrets that came since regarded; what waits still is opaque.
static int finish_tls(lua_State *state)
{
	struct tls_passive *connection = check_tls(state);
	fetch_tls(state, connection);
	tls_passive_finish(connection);
	return 1;
}

// tls:state(side) -> "decrypting" | "waiting" | "opaque", reason
// How it stands with that side: reason is a sentence that says what it waits for, or why nothing more is read of it.
static int state_of_tls(lua_State *state)
{
	const char *reason;
	const struct tls_passive *connection = check_tls(state);
	enum tls_passive_state what = tls_passive_state(connection, check_side(state, 2), &reason);
	return push_state(state, what, reason);
}

// tls:session() -> { client=, version=, suite=, suite_name=, random= }
// client: the side that sent the ClientHello; the rest is nil before both hellos were read. version: 0x0303 TLS 1.2,
// 0x0304 TLS 1.3, 0xFEFD DTLS 1.2; suite_name is nil for a suite that has no name here.
static int session_of_tls(lua_State *state)
{
	struct tls_passive_session session;
	tls_passive_session(check_tls(state), &session);
	return push_session(state, &session);
}

static int close_tls(lua_State *state)
{
	struct tls_handle *handle = luaL_checkudata(state, 1, TLS);
	tls_passive_free(handle->connection);
	handle->connection = NULL;
	return 0;
}

static const luaL_Reg tls_methods[] = {
	{"feed", feed_tls},          {"finish", finish_tls},  {"gap", gap_tls},
	{"session", session_of_tls}, {"state", state_of_tls}, {"close", close_tls},
	{"__close", close_tls},      {"__gc", close_tls},     {NULL, NULL},
};

static struct dtls_passive *check_dtls(lua_State *state)
{
	struct dtls_handle *handle = luaL_checkudata(state, 1, DTLS);
	if (!handle->association)
		luaL_error(state, "the association is closed");
	return handle->association;
}

// capture.dtls(secrets) -> dtls
// One DTLS 1.2 association, read from outside; its methods are those of capture.tls but gap, and:
static int new_dtls(lua_State *state)
{
	struct tls_secrets *secrets = capture_tls_secrets(state, 1);
	struct dtls_handle *handle = lua_newuserdatauv(state, sizeof *handle, 1);
	handle->association = NULL;
	luaL_setmetatable(state, DTLS);
	lua_pushvalue(state, 1);
	lua_setiuservalue(state, -2, 1);
	handle->association = dtls_passive_new(secrets);
	return handle->association ? 1 : luaL_error(state, "out of memory");
}

static int fetch_dtls(lua_State *state, struct dtls_passive *association)
{
	struct tls_passive_piece piece;
	lua_newtable(state);
	for (lua_Integer i = 1; dtls_passive_next(association, &piece); i++) {
		push_piece(state, &piece);
		lua_rawseti(state, -2, i);
	}
	return 1;
}

// dtls:feed(side, datagram, tag) -> pieces
// Takes a datagram as it was captured: lost, repeated and reordered ones do no harm.
static int feed_dtls(lua_State *state)
{
	size_t length;
	struct dtls_passive *association = check_dtls(state);
	int side = check_side(state, 2);
	const char *octets = luaL_checklstring(state, 3, &length);
	lua_Integer tag = luaL_optinteger(state, 4, 0);
	dtls_passive_feed(association, side, (const uint8_t *)octets, length, tag);
	return fetch_dtls(state, association);
}

static int finish_dtls(lua_State *state)
{
	struct dtls_passive *association = check_dtls(state);
	fetch_dtls(state, association);
	dtls_passive_finish(association);
	return 1;
}

static int state_of_dtls(lua_State *state)
{
	const char *reason;
	const struct dtls_passive *association = check_dtls(state);
	enum tls_passive_state what = dtls_passive_state(association, check_side(state, 2), &reason);
	return push_state(state, what, reason);
}

static int session_of_dtls(lua_State *state)
{
	struct tls_passive_session session;
	dtls_passive_session(check_dtls(state), &session);
	return push_session(state, &session);
}

// dtls:count(side) -> { opened=, repeated=, not_verified=, malformed=, unread= }
// Records of that side: that verified; that had verified before, or came too late for a receiver to take; that did not
// verify; that are none; that were not read for want of keys.
static int count_dtls(lua_State *state)
{
	struct dtls_passive_count count;
	const struct dtls_passive *association = check_dtls(state);
	dtls_passive_count(association, check_side(state, 2), &count);
	lua_createtable(state, 0, 5);
	field_set_integer(state, "opened", (lua_Integer)count.opened);
	field_set_integer(state, "repeated", (lua_Integer)count.repeated);
	field_set_integer(state, "not_verified", (lua_Integer)count.not_verified);
	field_set_integer(state, "malformed", (lua_Integer)count.malformed);
	field_set_integer(state, "unread", (lua_Integer)count.unread);
	return 1;
}

static int close_dtls(lua_State *state)
{
	struct dtls_handle *handle = luaL_checkudata(state, 1, DTLS);
	dtls_passive_free(handle->association);
	handle->association = NULL;
	return 0;
}

static const luaL_Reg dtls_methods[] = {
	{"count", count_dtls},        {"feed", feed_dtls},      {"finish", finish_dtls},
	{"session", session_of_dtls}, {"state", state_of_dtls}, {"close", close_dtls},
	{"__close", close_dtls},      {"__gc", close_dtls},     {NULL, NULL},
};

void capture_tls_open(lua_State *state)
{
	state_make_class(state, SECRETS, secrets_methods);
	state_make_class(state, TLS, tls_methods);
	state_make_class(state, DTLS, dtls_methods);
	lua_pushcfunction(state, new_secrets);
	lua_setfield(state, -2, "secrets");
	lua_pushcfunction(state, new_tls);
	lua_setfield(state, -2, "tls");
	lua_pushcfunction(state, new_dtls);
	lua_setfield(state, -2, "dtls");
}
