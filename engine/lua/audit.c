// SPDX-License-Identifier: BSD-3-Clause
//
// The module "audit": a capture read through to its end, each message shown to the rules of a script with its facts.
#include "audit/audit.h"

#include "base/error.h"
#include "capture/reader.h"
#include "capture/tls_secrets.h"
#include "lua/audit_copy.h"
#include "lua/audit_outcome.h"
#include "lua/audit_sighting.h"
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

// Pushes what a run owns, to be closed whichever way it ends.
static struct run *push_run(lua_State *state)
{
	struct run *run = lua_newuserdatauv(state, sizeof *run, 0);
	*run = (struct run){.state = state};
	luaL_setmetatable(state, RUN);
	lua_toclose(state, -1);
	return run;
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

// What the engine is told, of the options at 1. What belongs to them stays with the run.
static struct audit_options take_options(lua_State *state, struct run *run, bool annotates)
{
	int top = lua_gettop(state);
	size_t length;
	struct error error = {0};
	run->keyring = keyring_new(&error);
	run->secrets = tls_secrets_new(0);
	if (!run->keyring || !run->secrets)
		luaL_error(state, "audit.run: %s", run->keyring ? "out of memory" : error.text);
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
		.far = (uint32_t)field_integer(state, 1, "far", 0, 0, UINT32_MAX),
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
	if (annotates) {
		options.judge.packet = annotate;
		options.judge.secrets = copy_secrets;
	}
	lua_settop(state, top);
	return options;
}

// --- the run ---------------------------------------------------------------------------------------------------------

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

// nil, the text of the error without its offset, and which of the two files it is about.
static int push_failure(lua_State *state, const struct error *error, const char *whose)
{
	int top = lua_gettop(state);
	state_push_error(state, error);
	lua_settop(state, top + 2);
	lua_pushstring(state, whose);
	return 3;
}

// audit.run{ path=, keys=, users=, keylogs=, identities=, server_name=, delta=, far=, flows=, every=, kind=, each=,
//            message=, data=, gone=, annotate=, comment= } -> outcome | nil, text[, why]
// Reads the capture at `path` ("-": standard input) to its end. keys: {kid=, algorithm=, octets=} each; users:
// {name=, password=} each; keylogs: the texts of TLS key logs; identities: names of users, at most 64; server_name:
// octets, where no 401 tells it; delta: seconds (5); far: seconds past its lifetime after which a token is surely over
// (0: nearly an hour); flows: how many are followed at once (12288); every: true to judge each message as if it were
// the first of its kind. annotate: a path at which the packets are written again as pcapng.
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
	struct run *run = push_run(state); // at 2
	audit_sighting_push(state);        // at 3
	run->sighting = 3;
	struct audit_options options = take_options(state, run, annotated != NULL);

	if (annotated && is_same_file(path, annotated)) {
		error_set(&error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
			  "%s is the capture itself: it would be overwritten while it is read", annotated);
		return push_failure(state, &error, "input");
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
	if (run->write_failed)
		return push_failure(state, &run->write_error, "annotate");
	audit_outcome_push(state, run->audit, run->reader, outcome < 0 && !stop_signal_raised ? &error : NULL);
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
