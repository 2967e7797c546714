// SPDX-License-Identifier: BSD-3-Clause
#include "lua/audit_sighting.h"

#include "base/error.h"
#include "lua/field.h"
#include "stun/attribute.h"
#include "token/timestamp.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define SIGHTING "audit.sighting"

struct handle {
	const struct audit_sighting *sighting; // NULL outside of the call
};

static const struct audit_sighting *check(lua_State *state)
{
	struct handle *handle = luaL_checkudata(state, 1, SIGHTING);
	if (!handle->sighting)
		luaL_error(state, "this sighting is over: what is wanted of it later must be copied");
	return handle->sighting;
}

void audit_sighting_push(lua_State *state)
{
	struct handle *handle = lua_newuserdatauv(state, sizeof *handle, 0);
	handle->sighting = NULL;
	luaL_setmetatable(state, SIGHTING);
}

void audit_sighting_show(lua_State *state, int index, const struct audit_sighting *sighting)
{
	struct handle *handle = luaL_checkudata(state, index, SIGHTING);
	handle->sighting = sighting;
}

static void push_attributes(lua_State *state, const char *field, uint64_t places)
{
	size_t count;
	const struct stun_attribute *all = stun_attribute_all(&count);
	lua_newtable(state);
	for (size_t i = 0; i < count; i++)
		if (places >> i & 1)
			field_set_boolean(state, all[i].name, true);
	lua_setfield(state, -2, field);
}

static void push_facts(lua_State *state, const struct audit_message_facts *facts)
{
	lua_createtable(state, 0, 48);
	struct audit_fact fact;
	for (size_t i = 0; audit_facts_word(facts, i, &fact); i++)
		if (fact.word) {
			lua_pushstring(state, fact.word);
			lua_setfield(state, -2, fact.name);
		}
	const char *name;
	bool set;
	for (size_t i = 0; audit_facts_flag(facts, i, &name, &set); i++)
		if (set)
			field_set_boolean(state, name, true);
	const char *method = stun_method_name(facts->method);
	char number[8];
	snprintf(number, sizeof number, "0x%03x", facts->method);
	lua_pushstring(state, method ? method : number);
	lua_setfield(state, -2, "method");
	if (facts->code)
		field_set_integer(state, "code", facts->code);
	field_set_integer(state, "family", facts->family);
	field_set_integer(state, "sha256_size", facts->sha256_size);
	if (facts->token_same)
		field_set_boolean(state, "token_same", true);
	if (facts->proven & AUDIT_KID_PROVEN)
		field_set_boolean(state, "kid_proven", true);
	if (facts->proven & AUDIT_CLOCK_PROVEN)
		field_set_boolean(state, "clock_proven", true);
	push_attributes(state, "has", facts->has);
	push_attributes(state, "twice", facts->twice);
	push_attributes(state, "malformed", facts->malformed);
	push_attributes(state, "empty", facts->empty);
	push_attributes(state, "behind", facts->behind);
}

// sighting:facts() -> table
// The facts of engine/audit/facts.h: words by their names (class, sender, transport, integrity, token, nonce, ...; one
// that says "none of it" is nil), flags that are true, method, code, family, sha256_size, and the sets has, twice,
// malformed, empty, behind (name of attribute -> true; behind: MESSAGE-INTEGRITY). `request`: the same of the request
// that is answered, nil when it is not known.
static int push_all_facts(lua_State *state)
{
	const struct audit_sighting *sighting = check(state);
	push_facts(state, &sighting->facts->message);
	if (sighting->facts->request.transaction) {
		push_facts(state, &sighting->facts->request);
		lua_setfield(state, -2, "request");
	}
	return 1;
}

static int push_octets(lua_State *state, const void *octets, size_t length)
{
	if (octets)
		lua_pushlstring(state, octets, length);
	else
		lua_pushnil(state);
	return 1;
}

// sighting:octets() -> the message or ChannelData
static int sighting_octets(lua_State *state)
{
	const struct audit_sighting *sighting = check(state);
	return push_octets(state, sighting->octets, sighting->length);
}

// sighting:request() -> the octets of the request that is answered; nil: it is not held
static int sighting_request(lua_State *state)
{
	const struct audit_sighting *sighting = check(state);
	return push_octets(state, sighting->view.request, sighting->view.request_length);
}

// sighting:problem() -> why a malformed message cannot be followed, nil for all others
static int sighting_problem(lua_State *state)
{
	const struct audit_sighting *sighting = check(state);
	lua_pushstring(state, sighting->problem ? sighting->problem->text : NULL);
	return 1;
}

static int push_address(lua_State *state, const struct packet_address *address)
{
	char host[INET6_ADDRSTRLEN];
	lua_createtable(state, 0, 2);
	lua_pushstring(state, packet_address_text(address, host));
	lua_setfield(state, -2, "address");
	field_set_integer(state, "port", address->port);
	return 1;
}

// sighting:from(), sighting:to() -> {address=, port=}
static int sighting_from(lua_State *state)
{
	return push_address(state, &check(state)->from);
}

static int sighting_to(lua_State *state)
{
	return push_address(state, &check(state)->to);
}

// sighting:time() -> seconds since 1970, nanoseconds as an integer: of the packet that completed it
static int sighting_time(lua_State *state)
{
	const struct audit_sighting *sighting = check(state);
	lua_pushnumber(state, (lua_Number)sighting->time / 1e9);
	lua_pushinteger(state, (lua_Integer)sighting->time);
	return 2;
}

// sighting:place() -> { first_frame =, frame =, offset = (of its record, octets), flow = (a number) }
static int sighting_place(lua_State *state)
{
	const struct finding_place *place = &check(state)->place;
	lua_createtable(state, 0, 4);
	field_set_integer(state, "first_frame", (lua_Integer)place->first_frame);
	field_set_integer(state, "frame", (lua_Integer)place->frame);
	field_set_integer(state, "offset", (lua_Integer)place->offset);
	field_set_integer(state, "flow", (lua_Integer)place->flow);
	return 1;
}

// sighting:asked() -> frame and time (seconds) of the first transmission of its request; nil
static int sighting_asked(lua_State *state)
{
	const struct session_view *view = &check(state)->view;
	if (!view->request_frame)
		return 0;
	lua_pushinteger(state, (lua_Integer)view->request_frame);
	lua_pushnumber(state, (lua_Number)view->request_time / 1e9);
	return 2;
}

// sighting:token() -> { lifetime = seconds, timestamp = seconds since 1970, presented = by this request,
// mac_key = octets or nil } of the token that the session or the request rests on; nil: none that was opened
static int sighting_token(lua_State *state)
{
	const struct session_view *view = &check(state)->view;
	if (!view->has_token)
		return 0;
	lua_createtable(state, 0, 4);
	field_set_integer(state, "lifetime", view->lifetime);
	lua_pushnumber(state, token_timestamp_time(view->timestamp));
	lua_setfield(state, -2, "timestamp");
	field_set_boolean(state, "presented", view->presented);
	if (view->key && !view->key->password)
		field_set_octets(state, "mac_key", view->key->octets, view->key->length);
	return 1;
}

// sighting:server_name() -> octets, nil when it is not known
static int sighting_server_name(lua_State *state)
{
	struct stun_octets name = check(state)->server_name;
	return push_octets(state, name.data, name.length);
}

// The word of a fact by its name; *index remembers where it stands.
static const char *word_of(const struct audit_message_facts *facts, const char *name, size_t *index)
{
	struct audit_fact fact;
	if (audit_facts_word(facts, *index, &fact) && strcmp(fact.name, name) == 0)
		return fact.word;
	for (*index = 0; audit_facts_word(facts, *index, &fact); (*index)++)
		if (strcmp(fact.name, name) == 0)
			return fact.word;
	return NULL;
}

// sighting:brief() -> class, flow (a number), nanoseconds since 1970, frame, octets, transport, upward,
//                     sender
// What is asked of every message, at less cost than the facts. class: "request", ..., as in the facts.
// upward: whether it went from the lower of both addresses to the higher, which tells the two ends of a flow apart.
// sender: "client", "server"; nil: either of them may have sent it.
static int sighting_brief(lua_State *state)
{
	static size_t class, transport, sender;
	const struct audit_sighting *sighting = check(state);
	const struct audit_message_facts *facts = &sighting->facts->message;
	lua_pushstring(state, word_of(facts, "class", &class));
	lua_pushinteger(state, (lua_Integer)sighting->place.flow);
	lua_pushinteger(state, (lua_Integer)sighting->time);
	lua_pushinteger(state, (lua_Integer)sighting->place.frame);
	push_octets(state, sighting->octets, sighting->length);
	lua_pushstring(state, word_of(facts, "transport", &transport));
	int order = memcmp(sighting->from.octets, sighting->to.octets, sizeof sighting->from.octets);
	lua_pushboolean(state, order < 0 || (order == 0 && sighting->from.port < sighting->to.port));
	lua_pushstring(state, word_of(facts, "sender", &sender));
	return 8;
}

// sighting:worth() -> integrity, integrity_sha256, token, nonce, transaction, challenged, lifetime, timestamp,
//                     key_length, nonce_length, extra
// What a request is worth, as the facts say it: five words, whether the flow had a challenge before, and of a token
// that opened its lifetime (seconds), its time (seconds since 1970), and the octets of its mac_key, of its nonce and
// behind its lifetime.
static int sighting_worth(lua_State *state)
{
	static size_t integrity, sha256, token, nonce, transaction;
	const struct audit_sighting *sighting = check(state);
	const struct audit_message_facts *facts = &sighting->facts->message;
	const struct opened_token *opened = sighting->view.token;
	lua_pushstring(state, word_of(facts, "integrity", &integrity));
	lua_pushstring(state, word_of(facts, "integrity_sha256", &sha256));
	lua_pushstring(state, word_of(facts, "token", &token));
	lua_pushstring(state, word_of(facts, "nonce", &nonce));
	lua_pushstring(state, word_of(facts, "transaction", &transaction));
	lua_pushboolean(state, (facts->flags & AUDIT_CHALLENGED) != 0);
	if (!opened)
		return 6;
	lua_pushinteger(state, opened->lifetime);
	lua_pushnumber(state, token_timestamp_time(opened->timestamp));
	lua_pushinteger(state, opened->key_length);
	lua_pushinteger(state, opened->nonce_length);
	lua_pushinteger(state, (lua_Integer)opened->extra);
	return 11;
}

void audit_sighting_register(lua_State *state)
{
	static const luaL_Reg methods[] = {
		{"brief", sighting_brief},
		{"worth", sighting_worth},
		{"facts", push_all_facts},
		{"octets", sighting_octets},
		{"request", sighting_request},
		{"problem", sighting_problem},
		{"from", sighting_from},
		{"to", sighting_to},
		{"time", sighting_time},
		{"place", sighting_place},
		{"asked", sighting_asked},
		{"token", sighting_token},
		{"server_name", sighting_server_name},
		{NULL, NULL},
	};
	luaL_newmetatable(state, SIGHTING);
	luaL_newlib(state, methods);
	lua_setfield(state, -2, "__index");
	lua_pop(state, 1);
}
