// SPDX-License-Identifier: BSD-3-Clause
//
// TLS and DTLS as scripts use them: each test is a chunk that runs as the first task of a loop, once over each of both.
#include "lua/modules.h"
#include "lua/state.h"
#include "net/loop.h"

#include <dirent.h>
#include <event2/event.h>
#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// A chunk of Lua, all on one line. Its words are not C's.
#undef true
#undef false
#define LUA(...) #__VA_ARGS__

static const char prelude[] = LUA(
	loopback = {address = "127.0.0.1"};
	certificate, key = assert(net.make_certificate{names = {"stun.example.org", "127.0.0.1"}, folder = folder});
	function same(got, expected)
		if got ~= expected then
			error(("got %s, expected %s"):format(tostring(got), tostring(expected)), 2)
		end
	end;
	function find(text, part)
		if not tostring(text):find(part, 1, true) then
			error(("no %q in %s"):format(part, tostring(text)), 2)
		end
	end;
	function throws(part, fn, ...)
		local ok, err = pcall(fn, ...);
		if ok then error("nothing was thrown", 2) end;
		find(err, part)
	end;
	function request(id) return string.pack(">I2I2I4", 3, 0, 0x2112A442) .. string.rep(id, 12) end;
	function answer(octets) return string.pack(">I2", string.unpack(">I2", octets) | 0x0100) .. octets:sub(3) end;
	function listen()
		return assert(net[kind .. "_listener"]{address = loopback, certificate = certificate, key = key})
	end;
	function connection(settings)
		local listener <close> = listen();
		local accepting = net.spawn(listener.accept, listener, 2);
		settings = settings or {ca = certificate};
		settings.remote = listener:address();
		local client, problem = net[kind](settings);
		if not client then return nil, problem end;
		local ok, server = accepting:join();
		return assert(ok and server), client
	end
);

static char folder[] = "/tmp/assay-unit-XXXXXX";

static int count_descriptors(void)
{
	int count = 0;
	DIR *entries = opendir("/proc/self/fd");
	assert_non_null(entries);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

static void run_over(const char *kind, const char *chunk)
{
	char reason[2048] = "", text[8192];
	assert_non_null(loop_base());
	int descriptors = count_descriptors();
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "net", luaopen_net, 1);
	lua_pushstring(state, folder);
	lua_setglobal(state, "folder");
	lua_pushstring(state, kind);
	lua_setglobal(state, "kind");
	lua_settop(state, 0);
	assert_in_range(snprintf(text, sizeof text, "net.run(function() %s end)", chunk), 1, sizeof text - 1);
	if (luaL_loadstring(state, prelude) != LUA_OK || !state_call(state, 0, 0) ||
	    luaL_loadstring(state, text) != LUA_OK || !state_call(state, 0, 0))
		snprintf(reason, sizeof reason, "%s: %s", kind, lua_tostring(state, -1));
	lua_close(state);
	if (reason[0])
		fail_msg("%s", reason);
	assert_int_equal(event_base_get_num_events(loop_base(), EVENT_BASE_COUNT_ADDED), 0);
	assert_int_equal(count_descriptors(), descriptors);
	loop_free();
}

#define test(name, ...)                                                                                                \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_over("tls", LUA(__VA_ARGS__));                                                                     \
		run_over("dtls", LUA(__VA_ARGS__));                                                                    \
	}

test(exchanges_messages,
	local server, client = connection();
	same(client:transport(), kind);
	same(server:transport(), kind);
	same(server:remote().port, client:address().port);
	local heard = {};
	client:tap(function(direction, octets) heard[#heard + 1] = direction .. " " .. octets end);
	local asking = net.spawn(client.transact, client, request "a", {rto = 0.2});
	local octets = assert(server:receive(2));
	same(octets, request "a");
	assert(server:send(answer(octets)));
	local ok, reply, info = asking:join();
	same(reply, answer(octets));
	same(info.sends, 1);
	same(table.concat(heard, "|"), "sent " .. request "a" .. "|received " .. reply);
	client:close();
	local nothing, reason = server:receive(2);
	same(nothing, nil);
	same(reason, "closed")
)

test(tells_of_its_session,
	local server, client = connection{ca = certificate, server_name = "stun.example.org"};
	local session = client:session();
	same(session.version, kind == "tls" and "TLSv1.3" or "DTLSv1.2");
	same(session.peer, "/CN=stun.example.org");
	same(server:session().peer, nil);
	same(server:session().cipher, session.cipher);
	find(client:secrets(), kind == "tls" and "CLIENT_TRAFFIC_SECRET_0 " or "CLIENT_RANDOM ");
	for line in client:secrets():gmatch "[^\n]+" do find(server:secrets(), line) end;
	client:close();
	same(client:session(), nil);
	local plain <close> = assert(net.udp{address = loopback});
	same(plain:secrets(), "");
	same(plain:session(), nil)
)

test(trusts_nobody_by_itself,
	local nothing, reason = connection{ca = certificate, server_name = "else.example.org"};
	same(nothing, nil);
	find(reason, "certificate is not trusted");
	nothing, reason = connection{};
	find(reason, "self-signed");
	assert(connection{insecure = true});
	nothing, reason = connection{ca = "/nowhere.pem"};
	find(reason, "/nowhere.pem")
)

test(speaks_the_version_asked_for,
	local server, client = connection{ca = certificate, maximum = "1.2"};
	find(client:session().version, "v1.2")
)

test(serves_many_at_once,
	local listener = listen();
	local serving = net.spawn(function()
		for i = 1, 20 do
			local one = assert(listener:accept(5));
			net.spawn(function() one:send(answer(assert(one:receive(5)))) end)
		end
	end);
	local tasks = {};
	for i = 1, 20 do
		tasks[i] = net.spawn(function()
			local client <close> = assert(net[kind]{remote = listener:address(), ca = certificate});
			return assert(client:transact(request(string.char(64 + i)), {timeout = 5}))
		end)
	end;
	for i = 1, 20 do assert(tasks[i]:join(10)) end;
	assert(serving:join(5))
)

test(waits_no_longer_than_asked,
	local quiet <close> = assert(net[kind == "tls" and "tcp_listener" or "udp"]{address = loopback});
	local nothing, reason = net[kind]{remote = quiet:address(), insecure = true, timeout = 0.05};
	same(nothing, nil);
	same(reason, "timeout");
	local listener <close> = listen();
	nothing, reason = listener:accept(0.01);
	same(reason, "timeout");
	local accepting = net.spawn(listener.accept, listener);
	net.sleep(0.01);
	listener:close();
	local ok, endpoint, why = accepting:join(1);
	same(endpoint, nil);
	same(why, "closed");
	same(listener:address(), nil)
)

test(lets_go_of_a_task_that_is_cancelled_in_a_handshake,
	local quiet <close> = assert(net[kind == "tls" and "tcp_listener" or "udp"]{address = loopback});
	local task = net.spawn(net[kind], {remote = quiet:address(), insecure = true});
	net.sleep(0.02);
	task:cancel();
	local ok, reason = task:join(1);
	find(reason, "cancelled")
)

test(says_what_is_wrong_with_its_arguments,
	throws("remote expected", net[kind], {});
	throws("minimum: \"1.2\" or \"1.3\" expected", net[kind], {remote = loopback, minimum = "1.1"});
	throws("field 'ca'", net[kind], {remote = loopback, ca = 7});
	throws("without NUL", net[kind], {remote = loopback, ca = "a\0b"});
	throws("timeout", net[kind], {remote = loopback, timeout = 0});
	throws("field 'certificate'", net[kind .. "_listener"], {address = loopback});
	throws("address expected", net[kind .. "_listener"], {certificate = certificate, key = key});
	throws("names", net.make_certificate, {folder = folder});
	throws("names", net.make_certificate, {folder = folder, names = {}});
	throws("folder", net.make_certificate, {names = {"a"}});
	local nothing, reason = net[kind .. "_listener"]{address = loopback, certificate = key, key = key};
	find(reason, key);
	nothing, reason = net.make_certificate{names = {"a"}, folder = "/nowhere"};
	find(reason, "/nowhere/key.pem cannot be written")
)

test(leaves_nothing_open_when_the_state_goes,
	local listener = listen();
	kept_server, kept_client = connection();
	local client = assert(net[kind]{remote = listener:address(), ca = certificate});
	client:send(request "x");
	net.spawn(net[kind], {remote = listener:address(), ca = certificate})
)

static int make_folder(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "%s/certificate.pem", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/key.pem", folder);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_messages),
		cmocka_unit_test(tells_of_its_session),
		cmocka_unit_test(trusts_nobody_by_itself),
		cmocka_unit_test(speaks_the_version_asked_for),
		cmocka_unit_test(serves_many_at_once),
		cmocka_unit_test(waits_no_longer_than_asked),
		cmocka_unit_test(lets_go_of_a_task_that_is_cancelled_in_a_handshake),
		cmocka_unit_test(says_what_is_wrong_with_its_arguments),
		cmocka_unit_test(leaves_nothing_open_when_the_state_goes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
