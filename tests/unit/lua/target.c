// SPDX-License-Identifier: BSD-3-Clause
//
// The binding of processes, driven as scripts drive it: each test is a chunk that runs as the first task of a loop.
#include "lua/modules.h"
#include "lua/state.h"
#include "net/loop.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/assay-target-XXXXXX";

static const char prelude[] =
	"local net, target, folder = require 'net', require 'target', ...\n"
	"local log = folder .. '/log'\n"
	"local function start(script, more)\n"
	"  local options = { command = script, log = log }\n"
	"  for name, value in pairs(more or {}) do options[name] = value end\n"
	"  return assert(target.start(options))\n"
	"end\n"
	"local function await(process, text)\n" // until its log holds the text
	"  for _ = 1, 1000 do\n"
	"    if process:tail(100):find(text, 1, true) then return end\n"
	"    net.sleep(0.005)\n"
	"  end\n"
	"  error('no ' .. text .. ' in ' .. process:tail(100))\n"
	"end\n"
	"local function same(got, expected)\n"
	"  if got ~= expected then\n"
	"    error(('got %s, expected %s'):format(tostring(got), tostring(expected)), 2)\n"
	"  end\n"
	"end\n"
	"local function throws(text, fn, ...)\n"
	"  local ok, err = pcall(fn, ...)\n"
	"  if ok or not tostring(err):find(text, 1, true) then\n"
	"    error('no \"' .. text .. '\" in ' .. tostring(err), 2)\n"
	"  end\n"
	"end\n"
	"return net.run(function()\n";

static void run(const char *name, const char *chunk)
{
	char *text = NULL;
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "net", luaopen_net, 0);
	luaL_requiref(state, "target", luaopen_target, 0);
	lua_settop(state, 0);
	assert_true(asprintf(&text, "%s%s\nend)", prelude, chunk) > 0);
	if (luaL_loadbuffer(state, text, strlen(text), name) != LUA_OK)
		fail_msg("%s", lua_tostring(state, -1));
	free(text);
	lua_pushstring(state, folder);
	bool done = state_call(state, 1, 0);
	char reason[1024] = "";
	if (!done)
		snprintf(reason, sizeof reason, "%s", lua_tostring(state, -1));
	lua_close(state);
	if (!done)
		fail_msg("%s", reason);
	// Whatever the script left running is gone with its state.
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int fresh_log(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "%s/log", folder);
	unlink(path);
	return 0;
}

#define CHUNK(name, chunk) \
	static void name(void **state) \
	{ \
		(void)state; \
		run("=" #name, chunk); \
	}

CHUNK(wait_yields_the_status,
      "local process = start 'exit 7'\n"
      "assert(math.type(process:pid()) == 'integer')\n"
      "local status, text = process:wait(10)\n"
      "same(status.exited, 7)\n"
      "same(status.signal, nil)\n"
      "same(text, 'exited with status 7')\n"
      "same(process:alive(), false)\n"
      "same(process:wait().exited, 7)\n" // again, at once
      "status, text = process:status()\n"
      "same(status.exited, 7)\n"
      "same(text, 'exited with status 7')")

CHUNK(signal_is_named,
      "local status, text = start 'kill -ABRT $$':wait(10)\n"
      "same(status.exited, nil)\n"
      "same(status.signal, 6)\n"
      "same(status.name, 'SIGABRT')\n"
      "assert(text:find('^killed by SIGABRT'))")

CHUNK(wait_has_a_timeout,
      "local process = start 'exec sleep 60'\n"
      "local status, text = process:wait(0.05)\n"
      "same(status, nil)\n"
      "same(text, 'timeout')\n"
      "same(process:alive(), true)\n"
      "same(process:status(), nil)\n"
      "same(select('#', process:status()), 1)")

CHUNK(command_may_be_an_array,
      "local process = start({ 'printf', '%s|', 'a b', '$HOME', '' })\n"
      "same(process:wait(10).exited, 0)\n"
      "same(process:tail(), 'a b|$HOME||')")

CHUNK(environment_and_directory,
      "local process = start('echo $ASSAY_PORT:$ASSAY_REALM; pwd', {\n"
      "  environment = { ASSAY_PORT = 3478, ASSAY_REALM = 'a=b c' }, directory = folder })\n"
      "process:wait(10)\n"
      "same(process:tail(), '3478:a=b c\\n' .. folder)")

CHUNK(stop_asks_then_kills,
      "local process = start \"trap 'exit 3' TERM; exec 2>&-; echo up; while :; do sleep 0.01; done\"\n"
      "await(process, 'up')\n"
      "same(process:stop(10).exited, 3)\n"
      "same(process:stop(10).exited, 3)\n" // nothing more to do
      "process = start \"trap '' TERM; echo deaf; while :; do sleep 0.01; done\"\n"
      "await(process, 'deaf')\n"
      "same(process:stop(0.05).name, 'SIGKILL')")

CHUNK(several_wait,
      "local process = start 'exec sleep 60'\n"
      "local tasks = {}\n"
      "for i = 1, 3 do tasks[i] = net.spawn(function() return process:wait(10).name end) end\n"
      "net.sleep(0.01)\n"
      "process:stop()\n"
      "for i = 1, 3 do same(select(2, assert(tasks[i]:join(10))), 'SIGTERM') end")

CHUNK(stop_goes_on_when_cancelled,
      "local process = start \"trap '' TERM; echo up; while :; do sleep 0.01; done\"\n"
      "await(process, 'up')\n"
      "local task = net.spawn(function() process:stop(0.1) end)\n"
      "net.sleep(0.01)\n"
      "task:cancel()\n"
      "same(process:wait(10).name, 'SIGKILL')")

CHUNK(on_exit_is_called_once,
      "local process = start 'read x; exit 5'\n" // stdin is /dev/null
      "local calls = {}\n"
      "process:on_exit(function(status, text) calls[#calls + 1] = 'first ' .. status.exited .. ' ' .. text end)\n"
      "process:on_exit(function(status) calls[#calls + 1] = 'second ' .. status.exited end)\n"
      "process:wait(10)\n"
      "net.sleep(0.05)\n"
      "same(table.concat(calls, ', '), 'first 5 exited with status 5, second 5')\n"
      "process:on_exit(function(status) calls[#calls + 1] = status.exited end)\n" // late: at once
      "same(calls[3], 5)")

CHUNK(error_in_on_exit_is_reported,
      "local process, told = start 'true', nil\n"
      "net.on_error(function(text) told = text end)\n"
      "process:on_exit(function() error 'of a script' end)\n"
      "local called\n"
      "process:on_exit(function() called = true end)\n"
      "process:wait(10)\n"
      "net.sleep(0.05)\n"
      "assert(told and told:find('of a script', 1, true))\n"
      "assert(called)")

CHUNK(tail_is_of_this_process,
      "local first = start 'echo one; echo two'\n"
      "first:wait(10)\n"
      "local second = start 'echo three; echo four; printf \"five\\\\0\\\\377\"'\n"
      "second:wait(10)\n"
      "same(second:tail(), 'three\\nfour\\nfive\\0\\255')\n"
      "same(second:tail(2), 'four\\nfive\\0\\255')\n"
      "same(second:tail(0), '')\n"
      "local silent = assert(target.start { command = 'echo lost' })\n"
      "silent:wait(10)\n"
      "same(silent:tail(), '')")

CHUNK(tail_is_bounded,
      "local process = start \"yes 0123456789 | head -n 20000\"\n"
      "process:wait(10)\n"
      "local text = process:tail(1 << 40)\n"
      "assert(#text <= 65536 and #text > 65000)\n"
      "same(text:sub(1, 11), '0123456789\\n')")

CHUNK(failure_is_returned,
      "local process, err = target.start { command = { 'no-such-program' } }\n"
      "same(process, nil)\n"
      "same(err, \"cannot start 'no-such-program': No such file or directory\")\n"
      "process, err = target.start { command = 'true', log = folder .. '/no/log' }\n"
      "same(process, nil)\n"
      "same(err, \"cannot open '\" .. folder .. \"/no/log': No such file or directory\")\n"
      "process, err = target.start { command = 'true', directory = '/no/folder' }\n"
      "same(process, nil)\n"
      "assert(err:find('/no/folder', 1, true))")

CHUNK(misuse_throws,
      "throws('table expected', target.start)\n"
      "throws('command: a string or an array', target.start, {})\n"
      "throws('command: a string or an array', target.start, { command = {} })\n"
      "throws('command: a string or an array', target.start, { command = 7 })\n"
      "throws('command: a string expected, got number', target.start, { command = { 'true', 1 } })\n"
      "throws('command: holds a NUL', target.start, { command = 'a\\0b' })\n"
      "throws(\"no such field 'comand'\", target.start, { comand = 'true' })\n"
      "throws(\"no such field\", target.start, { 'true' })\n"
      "throws('environment: a table', target.start, { command = 'true', environment = 'A=1' })\n"
      "throws(\"'A=B' is no name\", target.start, { command = 'true', environment = { ['A=B'] = '1' } })\n"
      "throws('A: a string expected, got boolean', target.start, { command = 'true', environment = { A = true } })\n"
      "throws('a name: a string expected', target.start, { command = 'true', environment = { 'x' } })\n"
      "throws('log: a string expected', target.start, { command = 'true', log = 1 })\n"
      "local process = start 'exec sleep 60'\n"
      "throws('number of seconds', process.stop, process, -1)\n"
      "throws('number of lines', process.tail, process, -1)\n"
      "throws('function expected', process.on_exit, process, 1)\n"
      "throws('target.process expected', process.pid, {})")

CHUNK(close_kills,
      "local process, waiter, called\n"
      "do\n"
      "  local scoped <close> = start \"trap '' TERM; echo up; while :; do sleep 0.01; done\"\n"
      "  process = scoped\n"
      "  process:on_exit(function() called = true end)\n"
      "  await(process, 'up')\n"
      "  waiter = net.spawn(function() return process:wait().name end)\n"
      "  net.sleep(0.01)\n"
      "end\n"
      "same(process:alive(), false)\n"
      "same(process:status().name, 'SIGKILL')\n"
      "same(select(2, assert(waiter:join(10))), 'SIGKILL')\n"
      "same(process:stop().name, 'SIGKILL')\n"
      "same(process:tail(), 'up')\n"
      "process:close()\n"
      "same(called, nil)")

CHUNK(collection_kills,
      "local process = start 'exec sleep 60'\n"
      "process:on_exit(function() return process end)\n" // a cycle through its own function
      "local pid = process:pid()\n"
      "process = nil\n"
      "collectgarbage() collectgarbage()\n"
      "local probe = start('kill -0 ' .. pid .. ' 2>/dev/null')\n"
      "assert(probe:wait(10).exited ~= 0)")

CHUNK(state_may_close_with_a_process_running, "leaked = start 'exec sleep 60'\n")

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	fresh_log(state);
	rmdir(folder);
	loop_free();
	return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, fresh_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wait_yields_the_status),
		TEST(signal_is_named),
		TEST(wait_has_a_timeout),
		TEST(command_may_be_an_array),
		TEST(environment_and_directory),
		TEST(stop_asks_then_kills),
		TEST(several_wait),
		TEST(stop_goes_on_when_cancelled),
		TEST(on_exit_is_called_once),
		TEST(error_in_on_exit_is_reported),
		TEST(tail_is_of_this_process),
		TEST(tail_is_bounded),
		TEST(failure_is_returned),
		TEST(misuse_throws),
		TEST(close_kills),
		TEST(collection_kills),
		TEST(state_may_close_with_a_process_running),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
