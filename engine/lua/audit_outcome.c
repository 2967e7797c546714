// SPDX-License-Identifier: BSD-3-Clause
#include "lua/audit_outcome.h"

#include "base/error.h"
#include "lua/audit_tally.h"
#include "lua/field.h"
#include "lua/stop_signal.h"

static void push_count(lua_State *state, const struct audit_count *count)
{
	lua_createtable(state, 0, 12);
	field_set_integer(state, "flows", (lua_Integer)count->flows);
	field_set_integer(state, "crowded", (lua_Integer)count->crowded);
	field_set_integer(state, "messages", (lua_Integer)count->messages);
	field_set_integer(state, "malformed", (lua_Integer)count->malformed);
	field_set_integer(state, "channel_data", (lua_Integer)count->channel_data);
	field_set_integer(state, "channel_unbound", (lua_Integer)count->channel_unbound);
	field_set_integer(state, "cut", (lua_Integer)count->cut);
	field_set_integer(state, "fragments_lost", (lua_Integer)count->fragments_lost);
	field_set_integer(state, "stream_lost", (lua_Integer)count->stream_lost);
	field_set_integer(state, "unanswered", (lua_Integer)count->unanswered);
	field_set_integer(state, "tls", (lua_Integer)count->tls);
	field_set_integer(state, "tls_opaque", (lua_Integer)count->tls_opaque);
}

static void push_notes(lua_State *state, const struct capture_reader_notes *notes)
{
	lua_createtable(state, 0, 8);
	field_set_integer(state, "packets", (lua_Integer)notes->packets);
	field_set_integer(state, "backwards", (lua_Integer)notes->backwards);
	field_set_integer(state, "backwards_frame", (lua_Integer)notes->backwards_frame);
	field_set_integer(state, "backwards_offset", (lua_Integer)notes->backwards_offset);
	field_set_integer(state, "cut", (lua_Integer)notes->cut);
	field_set_integer(state, "cut_frame", (lua_Integer)notes->cut_frame);
	field_set_integer(state, "unknown_links", (lua_Integer)notes->unknown_links);
	lua_newtable(state);
	for (int i = 0; i < CAPTURE_READER_LINKS && notes->links[i].packets; i++) {
		lua_createtable(state, 0, 3);
		field_set_integer(state, "link", notes->links[i].link);
		field_set_integer(state, "packets", (lua_Integer)notes->links[i].packets);
		field_set_integer(state, "first_frame", (lua_Integer)notes->links[i].first_frame);
		lua_rawseti(state, -2, i + 1);
	}
	lua_setfield(state, -2, "links");
}

static void push_finding(lua_State *state, const struct audit *audit, const struct finding *finding)
{
	lua_createtable(state, 0, 4);
	field_set_integer(state, "count", (lua_Integer)finding->count);
	field_set_boolean(state, "more_flows", finding->more_flows);
	lua_createtable(state, (int)finding->place_count, 0);
	for (size_t i = 0; i < finding->place_count; i++) {
		lua_createtable(state, 0, 3);
		field_set_integer(state, "first_frame", (lua_Integer)finding->places[i].first_frame);
		field_set_integer(state, "frame", (lua_Integer)finding->places[i].frame);
		field_set_integer(state, "offset", (lua_Integer)finding->places[i].offset);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "places");
	lua_createtable(state, (int)finding->flow_place_count, 0);
	for (size_t i = 0; i < finding->flow_place_count; i++) {
		const char *text = audit_flow(audit, finding->flows[i]);
		lua_pushfstring(state, "%s", text ? text : "a flow that is not remembered");
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	lua_setfield(state, -2, "flows");
}

static void push_findings(lua_State *state, const struct audit *audit)
{
	lua_newtable(state);
	for (unsigned i = 1; i <= KINDS_MOST_FINDINGS; i++) {
		const struct finding *finding = kinds_finding(audit_kinds(audit), (uint16_t)i);
		if (!finding)
			continue;
		push_finding(state, audit, finding);
		lua_rawseti(state, -2, i);
	}
}

static void push_opaques(lua_State *state, const struct audit *audit)
{
	size_t count;
	const struct audit_opaque *opaques = audit_opaques(audit, &count);
	lua_createtable(state, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_createtable(state, 0, 2);
		lua_pushstring(state, audit_flow(audit, opaques[i].flow));
		lua_setfield(state, -2, "flow");
		lua_pushstring(state, opaques[i].reason);
		lua_setfield(state, -2, "reason");
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
}

void audit_outcome_push(lua_State *state, const struct audit *audit, const struct capture_reader *reader,
			const struct error *damage)
{
	lua_createtable(state, 0, 8);
	push_count(state, audit_count(audit));
	lua_setfield(state, -2, "count");
	push_notes(state, capture_reader_notes(reader));
	lua_setfield(state, -2, "capture");
	lua_pushstring(state, capture_reader_format(reader));
	lua_setfield(state, -2, "format");
	push_findings(state, audit);
	lua_setfield(state, -2, "findings");
	push_opaques(state, audit);
	lua_setfield(state, -2, "opaques");
	audit_tally_push(state, audit_tally(audit));
	lua_setfield(state, -2, "tally");
	field_set_boolean(state, "interrupted", stop_signal_raised != 0);
	uint64_t emptied;
	field_set_integer(state, "kinds", (lua_Integer)kinds_number(audit_kinds(audit), &emptied));
	if (!damage)
		return;
	lua_createtable(state, 0, 2);
	lua_pushstring(state, damage->text);
	lua_setfield(state, -2, "text");
	if (damage->offset != ERROR_NO_OFFSET)
		field_set_integer(state, "offset", (lua_Integer)damage->offset);
	lua_setfield(state, -2, "damage");
}
