// SPDX-License-Identifier: BSD-3-Clause
//
// Files and folders, driven as scripts drive them, in a folder of their own.
#include "lua/modules.h"
#include "lua/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// A chunk of Lua, all on one line. Its words are not C's.
#undef true
#undef false
#define LUA(...) #__VA_ARGS__

static const char prelude[] = LUA(
	function same(got, expected)
		if got ~= expected then
			error(("got %s, expected %s"):format(tostring(got), tostring(expected)), 2)
		end
	end;
	function find(text, part)
		if not tostring(text):find(part, 1, true) then error(("no %q in %s"):format(part, tostring(text)),
			2) end
	end;
	function throws(part, fn, ...)
		local ok, err = pcall(fn, ...);
		if ok then error("nothing was thrown", 2) end;
		find(err, part)
	end;
	folder = assert(system.temporary_folder());
	kept = setmetatable({}, {__gc = function() assert(system.remove_folder(folder)) end})
);

static int count_descriptors(void)
{
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

// Makes a pipe that nobody waits on: pipe() -> reading end, writing end (non-blocking).
static int make_pipe(lua_State *state)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return luaL_error(state, "no pipe");
	lua_pushinteger(state, ends[0]);
	lua_pushinteger(state, ends[1]);
	return 2;
}

static int close_descriptor(lua_State *state)
{
	close((int)luaL_checkinteger(state, 1));
	return 0;
}

static int mode_of(lua_State *state)
{
	struct stat status = {0};
	stat(luaL_checkstring(state, 1), &status);
	lua_pushinteger(state, status.st_mode & 0777);
	return 1;
}

static int link_to(lua_State *state)
{
	lua_pushboolean(state, symlink(luaL_checkstring(state, 1), luaL_checkstring(state, 2)) == 0);
	return 1;
}

static void run(const char *chunk)
{
	char reason[2048] = "";
	int descriptors = count_descriptors();
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "system", luaopen_system, 1);
	lua_register(state, "pipe", make_pipe);
	lua_register(state, "close", close_descriptor);
	lua_register(state, "mode", mode_of);
	lua_register(state, "link", link_to);
	lua_pushliteral(state, "/the/root");
	lua_setfield(state, LUA_REGISTRYINDEX, "assay.root");
	lua_settop(state, 0);
	if (luaL_loadstring(state, prelude) != LUA_OK || !state_call(state, 0, 0) ||
	    luaL_loadstring(state, chunk) != LUA_OK || !state_call(state, 0, 0))
		snprintf(reason, sizeof reason, "%s", lua_tostring(state, -1));
	lua_close(state);
	if (reason[0])
		fail_msg("%s", reason);
	assert_int_equal(count_descriptors(), descriptors);
}

#define test(name, ...)                                                                                                \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run(LUA(__VA_ARGS__));                                                                                 \
	}

test(writes_at_once_and_reads_back,
	local path = folder .. "/file";
	local file = assert(system.open(path, "w"));
	same(file:write("one\0two"), true); same(system.read(path), "one\0two");
	same(file:flush(), true); same(file:close(), true); same(file:close(), true);
	throws("closed", file.write, file, "x"); throws("closed", file.flush, file);
	file = assert(system.open(path, "a")); file:write("!"); file:close();
	same(system.read(path), "one\0two!");
	file = assert(system.open(path, "w")); same(system.read(path), "");
	file = nil; collectgarbage();
	throws("invalid option", system.open, path, "r");
	find(select(2, system.open(folder .. "/no/file", "w")), "No such file");
)

test(reads_no_more_than_its_limit,
	local path = folder .. "/file";
	local text = ("0123456789"):rep(10000);
	local file <close> = assert(system.open(path, "w")); file:write(text);
	same(system.read(path), text); same(system.read(path, #text), text);
	local none, reason = system.read(path, #text - 1); same(none, nil); find(reason, "larger than 99999 octets");
	find(select(2, system.read("/dev/zero", 1000000)), "larger");
	find(select(2, system.read(folder)), "Is a directory");
	find(select(2, system.read(folder .. "/no")), "No such file");
	throws("octets", system.read, path, -1);
)

test(tells_of_a_full_disk_and_of_a_reader_that_has_gone,
	local full = assert(system.open("/dev/full", "w"));
	local none, reason = full:write("x"); same(none, nil); find(reason, "No space left on device");
	same(full:write(""), true);
	local reading, writing = pipe();
	same(system.write(writing, "x"), true); close(reading);
	none, reason = system.write(writing, "x"); same(none, nil); find(reason, "Broken pipe"); close(writing);
	find(select(2, system.write(writing, "x")), "Bad file descriptor");
	throws("descriptor", system.write, -1, "x"); throws("descriptor", system.write, 1 << 40, "x");
	same(system.isatty(writing), false); same(system.isatty(-1), false);
)

test(makes_and_removes_folders,
	local deep = folder .. "/a/b//c/";
	same(system.make_folder(deep), true); same(system.make_folder(deep), true);
	same(system.exists(folder .. "/a/b/c"), true);
	local file = assert(system.open(folder .. "/a/file", "w")); file:close();
	find(select(2, system.make_folder(folder .. "/a/file")), "Not a directory");
	find(select(2, system.make_folder(folder .. "/a/file/x")), "Not a directory");
	find(select(2, system.make_folder("/proc/no/such")), "No such file"); throws("path", system.make_folder, "");
	same(system.make_folder(folder .. "/kept/safe"), true); same(link("../kept", folder .. "/a/link"), true);
	same(system.remove_folder(folder .. "/a"), true); same(system.exists(folder .. "/a"), false);
	same(system.exists(folder .. "/kept/safe"), true);
	same(system.remove_folder(folder .. "/a"), true);
	for _, path in ipairs{"", "/", ".", "..", "../..", "//"} do throws("may go", system.remove_folder, path) end;
	find(select(2, system.remove_folder("/proc/self/fd")), "cannot remove");
)

test(makes_temporary_folders_that_are_private,
	local a = assert(system.temporary_folder()); local b = assert(system.temporary_folder());
	assert(a ~= b); same(mode(a), 448);
	system.remove_folder(a); system.remove_folder(b);
)

test(lists_folders_by_name,
	for _, name in ipairs{"b", "a", "B", ".hidden", "\xff"} do system.open(folder .. "/" .. name, "w"):close() end;
	system.make_folder(folder .. "/sub/below"); same(link("sub", folder .. "/to-sub"), true);
	same(link("no", folder .. "/dangling"), true);
	local names = {};
	for _, entry in ipairs(assert(system.list(folder))) do
		names[#names + 1] = entry.name .. (entry.folder and "/" or "")
	end;
	same(table.concat(names, " "), ".hidden B a b dangling sub/ to-sub/ \xff");
	same(#system.list(folder .. "/sub/below"), 0); find(select(2, system.list(folder .. "/no")), "No such file");
)

test(tells_of_the_machine_and_itself,
	same(system.root(), "/the/root"); find(system.program(), "/system");
	assert(system.environment("PATH")); same(system.environment("NO_SUCH_NAME_HERE"), nil);
	assert(system.processors() >= 1);
	local usage = system.usage();
	assert(usage.user >= 0 and usage.system >= 0 and usage.peak_kib > 100);
	assert(usage.children_user >= 0 and usage.children_system >= 0 and usage.children_peak_kib >= 0);
)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_at_once_and_reads_back),
		cmocka_unit_test(reads_no_more_than_its_limit),
		cmocka_unit_test(tells_of_a_full_disk_and_of_a_reader_that_has_gone),
		cmocka_unit_test(makes_and_removes_folders),
		cmocka_unit_test(makes_temporary_folders_that_are_private),
		cmocka_unit_test(lists_folders_by_name),
		cmocka_unit_test(tells_of_the_machine_and_itself),
	};
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
