// SPDX-License-Identifier: BSD-3-Clause
//
// The module "audit": a capture read through to its end, each message shown to the rules of a script with its facts.
#include "audit/audit.h"

#include "base/error.h"
#include "capture/reader.h"
#include "capture/tls_secrets.h"
#include "lua/audit_copy.h"
#include "lua/audit_sighting.h"
#include "lua/audit_tally.h"
#include "lua/field.h"
#include "lua/modules.h"
#include "lua/state.h"
#include "lua/stop_signal.h"

#include <lauxlib.h>
#include <string.h>
#include <sys/stat.h>

#define RUN "audit.run"
#define IDENTITIES 64

// What a run owns, in a userdata so that an error thrown on the way loses nothing.
struct run {
	lua_State *state;
	struct keyring *keyring;
	struct tls_secrets *secrets;
	struct audit *audit;
	struct capture_reader *reader;
	struct audit_copy *copy;                   // the annotated one
	struct stun_octets identities[IDENTITIES]; // owned by the options
	size_t identity_count;
	int sighting; // index of the handle
	bool failed;  // a callback threw; its error lies on top of the stack
	struct error write_error;
	bool write_failed;
	bool watching; // for signals
};

static int run_close(lua_State *state)
{
	struct run *run = luaL_checkudata(state, 1, RUN);
	audit_free(run->audit);
	keyring_free(run->keyring);
	tls_secrets_free(run->secrets);
	if (run->reader)
		capture_reader_close(run->reader);
	audit_copy_close(run->copy, NULL);
	if (run->watching)
		stop_signal_release();
	*run = (struct run){0};
	return 0;
}

// --- options ---------------------------------------------------------------------------------------------------------

// Calls add(run, index of the entry) for each entry of a list in the options.
static void each_entry(lua_State *state, struct run *run, const char *name,
		       void (*add)(lua_State *state, struct run *run, int entry))
{
	if (lua_getfield(state, 1, name) != LUA_TNIL) {
		luaL_checktype(state, -1, LUA_TTABLE);
		lua_Integer count = luaL_len(state, -1);
		for (lua_Integer i = 1; i <= count; i++) {
			lua_geti(state, -1, i);
			add(state, run, lua_gettop(state));
			lua_pop(state, 1);
		}
	}
	lua_pop(state, 1);
}

static void add_key(lua_State *state, struct run *run, int entry)
{
	struct error error;
	size_t kid_length, name_length, length;
	luaL_checktype(state, entry, LUA_TTABLE);
	const char *kid = field_text(state, entry, "kid", true, &kid_length);
	const char *name = field_text(state, entry, "algorithm", true, &name_length);
	const char *octets = field_text(state, entry, "octets", true, &length);
	const struct token_algorithm *algorithm = token_algorithm_find(name, name_length, &error);
	struct token_key key;
	if (!algorithm || token_key_set(&key, algorithm, octets, length, &error) < 0 ||
	    keyring_add(run->keyring, (struct stun_octets){(const uint8_t *)kid, kid_length}, &key, &error) < 0)
		luaL_error(state, "audit.run: %s", error.text);
	token_key_wipe(&key);
}

static void add_user(lua_State *state, struct run *run, int entry)
{
	struct error error;
	size_t name_length, length;
	luaL_checktype(state, entry, LUA_TTABLE);
	const char *name = field_text(state, entry, "name", true, &name_length);
	const char *password = field_text(state, entry, "password", true, &length);
	if (keyring_add_user(run->keyring, (struct stun_octets){(const uint8_t *)name, name_length},
			     (struct stun_octets){(const uint8_t *)password, length}, &error) < 0)
		luaL_error(state, "audit.run: %s", error.text);
}

static void add_keylog(lua_State *state, struct run *run, int entry)
{
	size_t length;
	const char *lines = luaL_checklstring(state, entry, &length);
	struct error error;
	if (tls_secrets_add(run->secrets, lines, length, NULL, &error) < 0)
		luaL_error(state, "audit.run: %s", error.text);
}

static void add_identity(lua_State *state, struct run *run, int entry)
{
	size_t length;
	const char *name = luaL_checklstring(state, entry, &length);
	luaL_argcheck(state, run->identity_count < IDENTITIES, 1, "too many identities");
	luaL_argcheck(state, length > 0, 1, "an identity is empty");
	run->identities[run->identity_count++] = (struct stun_octets){(const uint8_t *)name, length};
}

// --- callbacks -------------------------------------------------------------------------------------------------------

// Calls the function in that field of the options with the handle. False when it threw.
static bool show(struct run *run, const char *function, const struct audit_sighting *sighting, int results)
{
	lua_State *state = run->state;
	lua_getfield(state, 1, function);
	lua_pushvalue(state, run->sighting);
	audit_sighting_show(state, run->sighting, sighting);
	bool well = state_call(state, 1, results);
	audit_sighting_show(state, run->sighting, NULL);
	run->failed = run->failed || !well;
	return well;
}

// The list of findings at that index, of which at most KINDS_FINDINGS are taken.
static int take_findings(lua_State *state, int index, uint16_t *findings)
{
	int count = 0;
	if (lua_type(state, index) != LUA_TTABLE)
		return 0;
	for (lua_Integer i = 1; count < KINDS_FINDINGS && lua_geti(state, index, i) == LUA_TNUMBER; i++) {
		lua_Integer number = lua_tointeger(state, -1);
		if (number >= 1 && number <= KINDS_MOST_FINDINGS)
			findings[count++] = (uint16_t)number;
		lua_pop(state, 1);
	}
	return count;
}

static int judge_kind(void *context, const struct audit_sighting *sighting, uint16_t *findings, bool *each)
{
	struct run *run = context;
	int top = lua_gettop(run->state);
	if (!show(run, "kind", sighting, 2))
		return -1;
	int count = take_findings(run->state, top + 1, findings);
	*each = lua_toboolean(run->state, top + 2);
	lua_settop(run->state, top);
	return count;
}

static int judge_each(void *context, const struct audit_sighting *sighting, uint16_t *findings)
{
	struct run *run = context;
	int top = lua_gettop(run->state);
	if (!show(run, "each", sighting, 1))
		return -1;
	int count = take_findings(run->state, top + 1, findings);
	lua_settop(run->state, top);
	return count;
}

static int judge_message(void *context, const struct audit_sighting *sighting)
{
	struct run *run = context;
	return show(run, "message", sighting, 0) ? 0 : -1;
}

static int judge_data(void *context, const struct audit_sighting *sighting)
{
	struct run *run = context;
	return show(run, "data", sighting, 0) ? 0 : -1;
}

static int tell_gone(void *context, uint64_t flow)
{
	struct run *run = context;
	lua_getfield(run->state, 1, "gone");
	lua_pushinteger(run->state, (lua_Integer)flow);
	bool well = state_call(run->state, 1, 0);
	run->failed = run->failed || !well;
	return well ? 0 : -1;
}

// The packet again, with what was found on it, or comes out when it has passed, added to the comment it has. NULL:
// behind the last one.
static int annotate(void *context, const struct packet *packet, const struct audit_packet_finding *findings,
		    size_t count)
{
	struct run *run = context;
	lua_State *state = run->state;
	run->write_failed = packet && audit_copy_packet(run->copy, packet, &run->write_error) < 0;
	if (run->write_failed || !count)
		return run->write_failed ? -1 : 0;
	int top = lua_gettop(state);
	size_t length;
	uint64_t frame;
	const char *comment = audit_copy_comment(run->copy, &length, &frame);
	lua_getfield(state, 1, "comment");
	lua_createtable(state, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_createtable(state, 0, 2);
		field_set_integer(state, "finding", findings[i].finding);
		if (findings[i].frame != frame)
			field_set_integer(state, "frame", (lua_Integer)findings[i].frame);
		lua_rawseti(state, -2, (lua_Integer)i + 1);
	}
	if (comment)
		lua_pushlstring(state, comment, length);
	else
		lua_pushnil(state);
	if (!state_call(state, 2, 1)) {
		run->failed = true;
		return -1;
	}
	comment = lua_tolstring(state, -1, &length);
	run->write_failed = audit_copy_set_comment(run->copy, comment, length, &run->write_error) < 0;
	lua_settop(state, top);
	return run->write_failed ? -1 : 0;
}

static void copy_secrets(void *context, const char *lines, size_t length)
{
	struct run *run = context;
	audit_copy_secrets(run->copy, lines, length);
}

// --- the outcome -----------------------------------------------------------------------------------------------------

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

static void push_outcome(lua_State *state, const struct run *run, const struct error *damage)
{
	lua_createtable(state, 0, 8);
	push_count(state, audit_count(run->audit));
	lua_setfield(state, -2, "count");
	push_notes(state, capture_reader_notes(run->reader));
	lua_setfield(state, -2, "capture");
	lua_pushstring(state, capture_reader_format(run->reader));
	lua_setfield(state, -2, "format");
	push_findings(state, run->audit);
	lua_setfield(state, -2, "findings");
	push_opaques(state, run->audit);
	lua_setfield(state, -2, "opaques");
	audit_tally_push(state, audit_tally(run->audit));
	lua_setfield(state, -2, "tally");
	field_set_boolean(state, "interrupted", stop_signal_raised != 0);
	uint64_t emptied;
	field_set_integer(state, "kinds", (lua_Integer)kinds_number(audit_kinds(run->audit), &emptied));
	if (!damage)
		return;
	lua_createtable(state, 0, 2);
	lua_pushstring(state, damage->text);
	lua_setfield(state, -2, "text");
	if (damage->offset != ERROR_NO_OFFSET)
		field_set_integer(state, "offset", (lua_Integer)damage->offset);
	lua_setfield(state, -2, "damage");
}

// Whether both names stand for one file ("-": what the standard input is).
static bool is_same_file(const char *input, const char *output)
{
	struct stat a, b;
	bool there = (strcmp(input, "-") == 0 ? fstat(0, &a) : stat(input, &a)) == 0 && stat(output, &b) == 0;
	return there && S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// audit.stopped() -> whether SIGINT or SIGTERM has ended an audit of this process
static int is_stopped(lua_State *state)
{
	lua_pushboolean(state, stop_signal_raised != 0);
	return 1;
}

// audit.run{ path=, keys=, users=, keylogs=, identities=, server_name=, delta=, flows=, every=, kind=, each=,
//            message=, data=, gone=, annotate=, comment= } -> outcome | nil, text[, why]
// Reads the capture at `path` ("-": standard input) to its end. keys: {kid=, algorithm=, octets=} each; users:
// {name=, password=} each; keylogs: the texts of TLS key logs; identities: names of users, at most 64; server_name:
// octets, where no 401 tells it; delta: seconds (5); flows: how many are followed at once (12288); every: true to judge
// each message as if it were the first of its kind. annotate: a path at which the packets are written again as pcapng.
//
// kind(sighting) -> findings, each: called for the first message of each kind; findings is a list of numbers (1 to
// 65535, of the script's choice) that hold for all messages of that kind, each is true when each of them is to be shown
// to each(sighting) -> findings as well. message(sighting), if it is there, is shown every message, data(sighting) all
// ChannelData, and gone(flow) is told the number of each flow of which nothing more will be shown. comment(findings,
// text) -> text: the comment of a packet on which these were made and which had that comment (or nil); findings are
// {finding=, frame=}, frame being that of the message where it is another packet, since it was put together later.
//
// The outcome: count (of engine/audit/audit.h), capture (packets, backwards, cut, unknown_links, ... of
// engine/capture/reader.h), format, kinds, findings (number -> {count=, places={{first_frame=, frame=, offset=}, ...},
// flows={text, ...}, more_flows=}), opaques ({flow=, reason=} each), tally (of engine/lua/audit_tally.c), interrupted,
// and damage ({text=, offset=}) where the capture broke off. nil and a text when it could not be opened; behind them
// "annotate" when the copy could not be written, "input" when it would take the place of the capture itself. SIGINT and
// SIGTERM end it; the outcome is what was gathered.
static int run_audit(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	size_t length;
	struct error error = {0};
	const char *path = field_text(state, 1, "path", true, &length);
	const char *annotated = field_text(state, 1, "annotate", false, &length);
	struct run *run = lua_newuserdatauv(state, sizeof *run, 0); // at 2
	*run = (struct run){.state = state};
	luaL_setmetatable(state, RUN);
	lua_toclose(state, 2);
	audit_sighting_push(state); // at 3
	run->sighting = 3;
	run->keyring = keyring_new(&error);
	run->secrets = tls_secrets_new(0);
	if (!run->keyring || !run->secrets)
		return luaL_error(state, "audit.run: %s", run->keyring ? "out of memory" : error.text);
	each_entry(state, run, "keys", add_key);
	each_entry(state, run, "users", add_user);
	each_entry(state, run, "keylogs", add_keylog);
	each_entry(state, run, "identities", add_identity);
	struct audit_options options = {
		.keyring = run->keyring,
		.secrets = run->secrets,
		.identities = run->identities,
		.identity_count = run->identity_count,
		.delta = (uint32_t)field_integer(state, 1, "delta", 5, 0, UINT32_MAX),
		.far = (uint32_t)field_integer(state, 1, "far", 0, 0,
					       UINT32_MAX), // seconds past its lifetime; 0: nearly an hour
		.flows = (size_t)field_integer(state, 1, "flows", 0, 0, 1 << 24),
		.every = field_boolean(state, 1, "every"),
		.stop = &stop_signal_raised,
		.judge = {.context = run, .kind = judge_kind, .each = judge_each},
	};
	const char *server_name = field_text(state, 1, "server_name", false, &length);
	if (server_name)
		options.server_name = (struct stun_octets){(const uint8_t *)server_name, length};
	if (lua_getfield(state, 1, "message") != LUA_TNIL)
		options.judge.message = judge_message;
	if (lua_getfield(state, 1, "data") != LUA_TNIL)
		options.judge.data = judge_data;
	if (lua_getfield(state, 1, "gone") != LUA_TNIL)
		options.judge.gone = tell_gone;
	if (annotated) {
		options.judge.packet = annotate;
		options.judge.secrets = copy_secrets;
	}
	lua_settop(state, 3);

	if (annotated && is_same_file(path, annotated)) {
		error_set(&error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
			  "%s is the capture itself: it would be overwritten while it is read", annotated);
		state_push_error(state, &error);
		lua_settop(state, 5);
		lua_pushstring(state, "input");
		return 3;
	}
	stop_signal_watch();
	run->watching = true;
	run->reader = capture_reader_open(path, &error);
	if (!run->reader && stop_signal_raised)
		error_set(&error, ERROR_SYSTEM, ERROR_NO_OFFSET, "interrupted before anything was read");
	if (!run->reader)
		return state_push_error(state, &error);
	if (annotated && !(run->copy = audit_copy_open(annotated, &run->write_error)))
		run->write_failed = true;
	run->audit = audit_new(&options, &error);
	if (!run->audit)
		return luaL_error(state, "audit.run: %s", error.text);
	int outcome = run->write_failed ? -1 : audit_run(run->audit, run->reader, &error);
	if (run->failed)
		return lua_error(state);
	if (run->copy && !run->write_failed) {
		run->write_failed = audit_copy_close(run->copy, &run->write_error) < 0;
		run->copy = NULL;
	}
	if (run->write_failed) {
		state_push_error(state, &run->write_error);
		lua_settop(state, 5); // behind the options, the run and the handle: nil and the text
		lua_pushstring(state, "annotate");
		return 3;
	}
	push_outcome(state, run, outcome < 0 && !stop_signal_raised ? &error : NULL);
	return 1;
}

int luaopen_audit(lua_State *state)
{
	static const luaL_Reg functions[] = {{"run", run_audit}, {"stopped", is_stopped}, {NULL, NULL}};
	static const luaL_Reg ends[] = {{"__gc", run_close}, {"__close", run_close}, {NULL, NULL}};
	luaL_newmetatable(state, RUN);
	luaL_setfuncs(state, ends, 0);
	lua_pop(state, 1);
	audit_sighting_register(state);
	luaL_newlib(state, functions);
	return 1;
}
