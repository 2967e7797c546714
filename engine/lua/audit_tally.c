// SPDX-License-Identifier: BSD-3-Clause
#include "lua/audit_tally.h"

#include "lua/field.h"

#include <lauxlib.h>
#include <stdio.h>

static void set_address(lua_State *state, const char *field, const struct packet_address *address)
{
	char text[PACKET_ADDRESS_TEXT];
	lua_pushstring(state,
		       address->port ? packet_address_with_port(address, text) : packet_address_text(address, text));
	lua_setfield(state, -2, field);
}

static void set_count(lua_State *state, const char *field, uint64_t count)
{
	field_set_integer(state, field, (lua_Integer)count);
}

static void set_hosts(lua_State *state, const struct tally_hosts *hosts)
{
	lua_createtable(state, hosts->count, 0);
	for (int i = 0; i < hosts->count; i++) {
		char host[INET6_ADDRSTRLEN];
		lua_pushstring(state, packet_address_text(&hosts->list[i], host));
		lua_rawseti(state, -2, i + 1);
	}
	lua_setfield(state, -2, "hosts");
	field_set_boolean(state, "more_hosts", hosts->more);
}

static void push_party(lua_State *state, const struct tally_party *party)
{
	static const char *const transports[] = {"udp", "tcp", "tls", "dtls"};
	lua_createtable(state, 0, 12);
	set_address(state, "client", &party->client);
	set_address(state, "server", &party->server);
	lua_pushstring(state, transports[party->transport]);
	lua_setfield(state, -2, "transport");
	set_count(state, "flows", party->flows);
	set_count(state, "messages", party->messages);
	set_count(state, "channel_data", party->channel_data);
	set_count(state, "first_frame", party->first_frame);
	set_count(state, "last_frame", party->last_frame);
	set_count(state, "first_time", party->first_time);
	set_count(state, "last_time", party->last_time);
}

static void push_name(lua_State *state, const struct tally_name *name, const char *kind)
{
	lua_createtable(state, 0, 8);
	lua_pushstring(state, kind);
	lua_setfield(state, -2, "kind");
	field_set_octets(state, "octets", name->octets.data, name->octets.length);
	set_count(state, "messages", name->messages);
	set_count(state, "clear", name->clear);
	set_count(state, "flows", name->flows);
	set_count(state, "clear_flows", name->clear_flows);
	set_count(state, "first_frame", name->first_frame);
	set_hosts(state, &name->hosts);
}

static void push_key(lua_State *state, const struct tally_key *key)
{
	lua_createtable(state, 0, 10);
	field_set_octets(state, "kid", key->kid.data, key->kid.length);
	set_count(state, "requests", key->requests);
	set_count(state, "opened", key->opened);
	set_count(state, "refused", key->refused);
	set_count(state, "unknown", key->unknown);
	set_count(state, "sealed", key->sealed);
	if (key->first_refused)
		set_count(state, "first_refused", key->first_refused);
	if (!key->algorithm)
		return;
	lua_pushstring(state, key->algorithm->name);
	lua_setfield(state, -2, "algorithm");
	set_count(state, "least", key->least);
	set_count(state, "most", key->most);
}

static void set_outcomes(lua_State *state, const struct tally_method *method)
{
	lua_createtable(state, 0, (int)method->outcome_count);
	for (size_t i = 0; i < method->outcome_count; i++) {
		char code[8];
		snprintf(code, sizeof code, "%u", (unsigned)method->outcomes[i].code);
		set_count(state, method->outcomes[i].code ? code : "success", method->outcomes[i].count);
	}
	lua_setfield(state, -2, "outcomes");
}

static void set_latencies(lua_State *state, const struct latencies *latencies)
{
	if (!latencies->count)
		return;
	set_count(state, "latencies", latencies->count);
	set_count(state, "median", latencies_quantile(latencies, 0.5));
	set_count(state, "percentile_95", latencies_quantile(latencies, 0.95));
	set_count(state, "longest", latencies->longest);
	lua_newtable(state);
	lua_Integer place = 0;
	for (size_t i = 0; latencies->buckets && i < LATENCIES_BUCKETS; i++) {
		if (!latencies->buckets[i])
			continue;
		lua_createtable(state, 2, 0);
		lua_pushinteger(state, (lua_Integer)latencies_start(i));
		lua_rawseti(state, -2, 1);
		lua_pushinteger(state, (lua_Integer)latencies->buckets[i]);
		lua_rawseti(state, -2, 2);
		lua_rawseti(state, -2, ++place);
	}
	lua_setfield(state, -2, "buckets");
}

static void push_method(lua_State *state, const struct tally_method *method)
{
	char number[8];
	const char *name = stun_method_name(method->method);
	snprintf(number, sizeof number, "0x%03x", (unsigned)method->method);
	lua_createtable(state, 0, 12);
	lua_pushstring(state, name ? name : number);
	lua_setfield(state, -2, "method");
	set_count(state, "requests", method->requests);
	set_count(state, "repeated", method->repeated);
	set_count(state, "indications", method->indications);
	set_count(state, "answers", method->answers);
	set_count(state, "unanswerable", method->unanswerable);
	set_outcomes(state, method);
	set_latencies(state, &method->latencies);
}

static void push_privacy(lua_State *state, const struct tally_privacy *privacy)
{
	lua_createtable(state, 0, 8);
	set_count(state, "tokens_clear", privacy->tokens_clear);
	set_count(state, "linking", privacy->linking);
	set_count(state, "reuses", privacy->reuses);
	set_count(state, "mac_keys", privacy->mac_keys);
	set_count(state, "keys", privacy->keys);
	set_count(state, "passwords", privacy->passwords);
	if (privacy->first_secret)
		set_count(state, "first_secret", privacy->first_secret);
}

static const char *const kinds[TALLY_NAME_KINDS] = {"username", "realm", "server name", "client software",
						    "server software"};

static void set_left(lua_State *state, const struct tally *tally)
{
	lua_newtable(state);
	set_count(state, "parties", tally_parties_left(tally));
	set_count(state, "keys", tally_keys_left(tally));
	for (int kind = 0; kind < TALLY_NAME_KINDS; kind++)
		set_count(state, kinds[kind], tally_names_left(tally, (enum tally_name_kind)kind));
	lua_setfield(state, -2, "left");
}

// The table has lists in the order of the first sighting. parties: {client=, server=, transport=, flows=, messages=,
// channel_data=, first_frame=, last_frame=, first_time=, last_time= (nanoseconds since 1970)}; names: {kind=, octets=,
// messages=, clear=, flows=, clear_flows=, first_frame=, hosts=, more_hosts=}; keys: {kid=, requests=, opened=,
// refused=, unknown=, sealed=, first_refused=, algorithm=, least=, most= (seconds)}; methods: {method=, requests=,
// repeated=, indications=, answers=, unanswerable=, outcomes={success=, ["401"]=, ...}, latencies=, median=,
// percentile_95=, longest= (microseconds), buckets={{from, count}, ...}}; reuses: {kid=, requests=, first_frame=,
// hosts=, more_hosts=}; and the tables privacy and left.
void audit_tally_push(lua_State *state, const struct tally *tally)
{
	const struct tally_party *party;
	const struct tally_name *name;
	const struct tally_key *key;
	const struct tally_method *method;
	const struct tally_reuse *reuse;
	lua_createtable(state, 0, 7);
	lua_newtable(state);
	for (size_t i = 0; (party = tally_party(tally, i)); i++) {
		push_party(state, party);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "parties");
	lua_newtable(state);
	lua_Integer place = 0;
	for (int kind = 0; kind < TALLY_NAME_KINDS; kind++)
		for (size_t i = 0; (name = tally_name(tally, (enum tally_name_kind)kind, i)); i++) {
			push_name(state, name, kinds[kind]);
			lua_rawseti(state, -2, ++place);
		}
	lua_setfield(state, -2, "names");
	lua_newtable(state);
	for (size_t i = 0; (key = tally_key(tally, i)); i++) {
		push_key(state, key);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "keys");
	lua_newtable(state);
	for (size_t i = 0; (method = tally_method(tally, i)); i++) {
		push_method(state, method);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "methods");
	lua_newtable(state);
	for (size_t i = 0; (reuse = tally_reuse(tally, i)); i++) {
		lua_createtable(state, 0, 5);
		field_set_octets(state, "kid", reuse->kid.data, reuse->kid.length);
		set_count(state, "requests", reuse->requests);
		set_count(state, "first_frame", reuse->first_frame);
		set_hosts(state, &reuse->hosts);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "reuses");
	push_privacy(state, tally_privacy(tally));
	lua_setfield(state, -2, "privacy");
	set_left(state, tally);
}
