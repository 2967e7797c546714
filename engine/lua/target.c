// SPDX-License-Identifier: BSD-3-Clause
//
// The module "target": starting, watching and stopping the implementation under test. What is ready, what counts as
// a crash and what is started again is for scripts to say.
#include "lua/modules.h"

#include "base/bytes.h"
#include "base/error.h"
#include "lua/state.h"
#include "lua/task.h"
#include "target/log.h"
#include "target/process.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

#define PROCESS "target.process"
#define LINES_LIMIT 100000
#define GRACE_DEFAULT 2.0

struct target {
	struct process *process;      // NULL once closed
	struct process_status status; // what is left of it then
	pid_t pid;
	uint64_t log_from; // where this process's part of the log begins
	lua_State *main;
	struct task_wait waiting;
};

enum { USER_LOG = 1, USER_ON_EXIT, USER_VALUES = USER_ON_EXIT };

// The registry's table of all processes, by their address, without keeping any of them alive.
static const char living = 0;

static struct target *check(lua_State *state)
{
	return luaL_checkudata(state, 1, PROCESS);
}

// Pushes the status table and the text; returns 2.
static int push_status(lua_State *state, const struct process_status *status)
{
	char text[64];
	lua_createtable(state, 0, 2);
	if (status->signal) {
		lua_pushinteger(state, status->signal);
		lua_setfield(state, -2, "signal");
		lua_pushstring(state, process_signal_name(status->signal, text, sizeof text));
		lua_setfield(state, -2, "name");
	} else {
		lua_pushinteger(state, status->code);
		lua_setfield(state, -2, "exited");
	}
	lua_pushstring(state, process_status_text(status, text, sizeof text));
	return 2;
}

// Takes a process that is over apart and leaves its status.
static void close_process(struct target *target)
{
	if (target->process) {
		process_kill(target->process);
		process_status(target->process, &target->status);
		process_free(target->process);
		target->process = NULL;
	}
	task_wake(&target->waiting);
}

// Calls the functions of on_exit, each protected, in the order they were given.
static void call_on_exit(struct target *target)
{
	lua_State *state = target->main;
	int top = lua_gettop(state);
	if (!lua_checkstack(state, 16))
		return;
	lua_rawgetp(state, LUA_REGISTRYINDEX, &living);
	lua_rawgetp(state, -1, target);
	if (lua_isuserdata(state, -1) && lua_getiuservalue(state, -1, USER_ON_EXIT) == LUA_TTABLE) {
		int functions = lua_gettop(state);
		lua_Unsigned count = lua_rawlen(state, functions);
		for (lua_Unsigned i = 1; i <= count; i++) {
			lua_rawgeti(state, functions, (lua_Integer)i);
			push_status(state, &target->status);
			if (!state_call(state, 2, 0))
				task_report(state);
		}
	}
	lua_settop(state, top);
}

static void on_ended(struct process *process, void *context)
{
	struct target *target = context;
	process_status(process, &target->status);
	process_free(process);
	target->process = NULL;
	task_wake(&target->waiting);
	call_on_exit(target);
}

static const char *check_text(lua_State *state, int index, const char *what)
{
	size_t length = 0;
	if (lua_type(state, index) != LUA_TSTRING)
		luaL_error(state, "%s: a string expected, got %s", what, luaL_typename(state, index));
	const char *text = lua_tolstring(state, index, &length);
	if (strlen(text) != length)
		luaL_error(state, "%s: holds a NUL", what);
	return text;
}

static void check_fields(lua_State *state)
{
	static const char *const fields[] = {"command", "environment", "directory", "log", NULL};
	lua_pushnil(state);
	while (lua_next(state, 1)) {
		const char *const *field = fields;
		const char *name = lua_type(state, -2) == LUA_TSTRING ? lua_tostring(state, -2) : "?";
		while (*field && strcmp(*field, name) != 0)
			field++;
		if (!*field)
			luaL_error(state, "target.start: no such field '%s'", name);
		lua_pop(state, 1);
	}
}

// The two lists below are userdata of pointers; a table at `anchor` keeps the strings they point to.
static const char **new_list(lua_State *state, size_t count)
{
	const char **list = lua_newuserdatauv(state, (count + 1) * sizeof *list, 0);
	memset(list, 0, (count + 1) * sizeof *list);
	return list;
}

static const char *keep(lua_State *state, int anchor)
{
	const char *text = lua_tostring(state, -1);
	lua_rawseti(state, anchor, (lua_Integer)lua_rawlen(state, anchor) + 1);
	return text;
}

static const char **push_command(lua_State *state, int anchor)
{
	const char **command;
	int type = lua_getfield(state, 1, "command");
	int value = lua_gettop(state);
	if (type == LUA_TSTRING) {
		command = new_list(state, 3);
		command[0] = "/bin/sh";
		command[1] = "-c";
		command[2] = check_text(state, value, "command");
		lua_pushvalue(state, value);
		keep(state, anchor);
		return command;
	}
	size_t count = type == LUA_TTABLE ? lua_rawlen(state, value) : 0;
	if (count == 0)
		luaL_error(state, "command: a string or an array of strings expected");
	command = new_list(state, count);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(state, value, (lua_Integer)i + 1);
		check_text(state, -1, "command");
		command[i] = keep(state, anchor);
	}
	return command;
}

static const char **push_environment(lua_State *state, int anchor)
{
	size_t count = 0;
	int type = lua_getfield(state, 1, "environment");
	int table = lua_gettop(state);
	if (type == LUA_TNIL)
		return NULL;
	if (type != LUA_TTABLE)
		luaL_error(state, "environment: a table of NAME = value expected, got %s", luaL_typename(state, table));
	for (lua_pushnil(state); lua_next(state, table); lua_pop(state, 1))
		count++;
	const char **environment = new_list(state, count);
	size_t used = 0;
	lua_pushnil(state);
	while (lua_next(state, table)) {
		const char *name = check_text(state, -2, "environment: a name");
		if (!*name || strchr(name, '='))
			luaL_error(state, "environment: '%s' is no name of a variable", name);
		if (lua_isinteger(state, -1))
			lua_tolstring(state, -1, NULL); // a port, say; converts the copy on the stack
		const char *value = check_text(state, -1, name);
		lua_pushfstring(state, "%s=%s", name, value);
		environment[used++] = keep(state, anchor);
		lua_pop(state, 1);
	}
	return environment;
}

// target.start{ command =, environment =, directory =, log = } -> process | nil, err
//
// Starts a process and returns once it executes. `command` is an array {"program", "argument", ...} (a program
// without a slash is looked for in PATH) or a string for /bin/sh -c. `environment` {NAME = "text" or integer} is added
// to assay's own.
// `directory` is where it starts; `log` a file that its stdout and stderr are appended to (default: nowhere).
// It gets a process group of its own, /dev/null as stdin and none of assay's files, and is killed when assay dies.
// err says why it did not start: "cannot start 'x': No such file or directory". Misuse throws.
// A process that is collected or closed is killed: hold on to it.
static int target_start(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TTABLE);
	lua_settop(state, 1);
	check_fields(state);
	lua_newtable(state);
	struct process_options options = {0};
	options.command = push_command(state, 2);
	options.environment = push_environment(state, 2);
	if (lua_getfield(state, 1, "directory") != LUA_TNIL)
		options.directory = check_text(state, -1, "directory");
	if (lua_getfield(state, 1, "log") != LUA_TNIL)
		options.log = check_text(state, -1, "log");
	int log = lua_gettop(state);

	struct target *target = lua_newuserdatauv(state, sizeof *target, USER_VALUES);
	*target = (struct target){.main = task_main(state)};
	luaL_setmetatable(state, PROCESS);
	lua_pushvalue(state, log);
	lua_setiuservalue(state, -2, USER_LOG);
	lua_newtable(state);
	lua_setiuservalue(state, -2, USER_ON_EXIT);
	lua_rawgetp(state, LUA_REGISTRYINDEX, &living);
	lua_pushvalue(state, -2);
	lua_rawsetp(state, -2, target);
	lua_pop(state, 1);

	struct error error = {0};
	if (options.log)
		target->log_from = log_size(options.log);
	target->process = process_start(&options, on_ended, target, &error);
	if (!target->process)
		return state_push_error(state, &error);
	target->pid = process_pid(target->process);
	return 1;
}

// process:pid() -> integer. The leader's id, also the number of its group; kept after its end.
static int process_pid_(lua_State *state)
{
	lua_pushinteger(state, check(state)->pid);
	return 1;
}

// process:alive() -> boolean. Asks the kernel, so it can be false before wait() returned or on_exit was called.
static int process_alive_(lua_State *state)
{
	struct target *target = check(state);
	lua_pushboolean(state, target->process && process_alive(target->process));
	return 1;
}

// process:status() -> nil while it is alive | {exited = code} | {signal = 11, name = "SIGSEGV"}, text
// The text is for people: "exited with status 1", "killed by SIGSEGV, core dumped".
static int process_status_(lua_State *state)
{
	struct target *target = check(state);
	if (target->process && !process_status(target->process, &target->status)) {
		lua_pushnil(state);
		return 1;
	}
	return push_status(state, &target->status);
}

static int ended(lua_State *task, int outcome, lua_KContext context)
{
	struct target *target = check(task);
	(void)context;
	if (outcome == TASK_TIMEOUT && target->process) {
		lua_pushnil(task);
		lua_pushliteral(task, "timeout");
		return 2;
	}
	return push_status(task, &target->status);
}

// process:wait([timeout]) * -> status, text (as status()) | nil, "timeout"
// Waits until the process has ended and nothing is left of its group.
static int process_wait_(lua_State *state)
{
	struct target *target = check(state);
	double timeout = luaL_optnumber(state, 2, -1);
	if (!target->process)
		return push_status(state, &target->status);
	return task_wait(state, &target->waiting, timeout, ended, 0);
}

// process:on_exit(fn). Has fn(status, text) called from the event loop when the process has ended, whoever ended it;
// at once if it has ended already; not when it was closed or collected. Several are called in the order given. fn
// cannot wait for anything (net.spawn a task for that).
static int process_on_exit_(lua_State *state)
{
	struct target *target = check(state);
	luaL_checktype(state, 2, LUA_TFUNCTION);
	lua_settop(state, 2);
	if (!target->process) {
		push_status(state, &target->status);
		lua_call(state, 2, 0);
		return 0;
	}
	lua_getiuservalue(state, 1, USER_ON_EXIT);
	lua_insert(state, 2);
	lua_rawseti(state, 2, (lua_Integer)lua_rawlen(state, 2) + 1);
	return 0;
}

// process:stop([grace]) * -> status, text (as status())
// Sends SIGTERM to the group, SIGKILL to what is left of it after `grace` seconds (default 2), and waits until all of
// it is gone. It goes on being stopped when the task that asked for it is cancelled.
static int process_stop_(lua_State *state)
{
	struct target *target = check(state);
	double grace = luaL_optnumber(state, 2, GRACE_DEFAULT);
	luaL_argcheck(state, grace >= 0, 2, "a number of seconds expected");
	if (!target->process)
		return push_status(state, &target->status);
	process_terminate(target->process, grace);
	return task_wait(state, &target->waiting, -1, ended, 0);
}

// process:tail([lines]) -> text | nil, err
// The last lines (default 20) of what this process wrote into its log, 64 KiB at most, without the last line's end. It
// is what the target wrote, any octets: escape it before showing it. "" for a process without a log.
static int process_tail_(lua_State *state)
{
	struct target *target = check(state);
	lua_Integer lines = luaL_optinteger(state, 2, 20);
	luaL_argcheck(state, lines >= 0, 2, "a number of lines expected");
	lua_settop(state, 1);
	if (lua_getiuservalue(state, 1, USER_LOG) != LUA_TSTRING) {
		lua_pushliteral(state, "");
		return 1;
	}
	luaL_Buffer buffer; // first, so that no memory of the writer's is held where Lua may throw
	luaL_buffinitsize(state, &buffer, LOG_TAIL_LIMIT);
	struct error error = {0};
	struct writer tail;
	writer_init(&tail, LOG_TAIL_LIMIT);
	size_t count = (size_t)(lines < LINES_LIMIT ? lines : LINES_LIMIT);
	int result = log_tail(lua_tostring(state, 2), target->log_from, count, &tail, &error);
	size_t length = result == 0 ? tail.length : 0;
	if (length > 0)
		memcpy(luaL_buffaddr(&buffer), tail.data, length);
	writer_free(&tail);
	luaL_pushresultsize(&buffer, length);
	return result == 0 ? 1 : state_push_error(state, &error);
}

// A process that goes out of scope, by <close> or by collection, is killed with its group at once and reaped; what
// waits for it is woken, functions of on_exit are not called. status() keeps its answer.
static int process_close_(lua_State *state)
{
	close_process(check(state));
	return 0;
}

int luaopen_target(lua_State *state)
{
	static const luaL_Reg methods[] = {
		{"pid", process_pid_},   {"alive", process_alive_},     {"status", process_status_},
		{"wait", process_wait_}, {"on_exit", process_on_exit_}, {"stop", process_stop_},
		{"tail", process_tail_}, {"close", process_close_},     {NULL, NULL},
	};
	static const luaL_Reg functions[] = {{"start", target_start}, {NULL, NULL}};

	lua_newtable(state);
	lua_createtable(state, 0, 1);
	lua_pushliteral(state, "v");
	lua_setfield(state, -2, "__mode");
	lua_setmetatable(state, -2);
	lua_rawsetp(state, LUA_REGISTRYINDEX, &living);

	luaL_newmetatable(state, PROCESS);
	luaL_newlib(state, methods);
	lua_setfield(state, -2, "__index");
	lua_pushcfunction(state, process_close_);
	lua_setfield(state, -2, "__gc");
	lua_pushcfunction(state, process_close_);
	lua_setfield(state, -2, "__close");
	lua_pop(state, 1);

	luaL_newlib(state, functions);
	return 1;
}
