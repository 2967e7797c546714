// SPDX-License-Identifier: BSD-3-Clause
//
// Tasks and endpoints, driven as scripts drive them: each test is a chunk that runs as the first task of a loop, unless
// it runs loops of its own. Whatever it leaves open must be gone with its state: descriptors and events are counted.
#include "lua/modules.h"
#include "lua/state.h"
#include "net/loop.h"

#include <dirent.h>
#include <event2/event.h>
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
#include <unistd.h>

#include <cmocka.h>

// A chunk of Lua, all on one line. Its words are not C's.
#undef true
#undef false
#define LUA(...) #__VA_ARGS__

static const char prelude[] = LUA(
	loopback = {address = "127.0.0.1"};
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
	local function message(type, id)
		return string.pack(">I2I2I4", type, 0, 0x2112A442) .. string.rep(id, 12)
	end;
	function request(id) return message(0x0003, id) end;
	function success(id) return message(0x0103, id) end;
	function answer(octets) return string.pack(">I2", string.unpack(">I2", octets) | 0x0100) .. octets:sub(3) end;
	function pair()
		local server = assert(net.udp{address = loopback});
		return server, assert(net.udp{remote = server:address()})
	end;
	function connection(address)
		local listener <close> = assert(net.tcp_listener{address = address or loopback});
		local accepting = net.spawn(listener.accept, listener, 2);
		local client = assert(net.tcp{remote = listener:address()});
		local ok, server = accepting:join();
		return assert(ok and server), client
	end;
	quick = {rto = 0.1, rc = 4, rm = 4};
	net.on_error(function(text) error_count = (error_count or 0) + 1; last_error = text end)
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

static int raise_signals(lua_State *state)
{
	(void)state;
	raise(SIGUSR1);
	raise(SIGUSR2);
	return 0;
}

// Standard error goes nowhere until the second call.
static int hush(lua_State *state)
{
	static int kept = -1;
	(void)state;
	fflush(stderr);
	if (kept >= 0) {
		dup2(kept, STDERR_FILENO);
		close(kept);
		kept = -1;
	} else {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
		kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		dup2(nowhere, STDERR_FILENO);
		close(nowhere);
	}
	return 0;
}

static void run_alone(const char *chunk)
{
	char reason[2048] = "";
	assert_non_null(loop_base());
	int descriptors = count_descriptors();
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "net", luaopen_net, 1);
	lua_register(state, "raise_signals", raise_signals);
	lua_register(state, "hush", hush);
	lua_settop(state, 0);
	if (luaL_loadstring(state, prelude) != LUA_OK || !state_call(state, 0, 0) ||
	    luaL_loadstring(state, chunk) != LUA_OK || !state_call(state, 0, 0))
		snprintf(reason, sizeof reason, "%s", lua_tostring(state, -1));
	lua_close(state);
	if (reason[0])
		fail_msg("%s", reason);
	assert_int_equal(event_base_get_num_events(loop_base(), EVENT_BASE_COUNT_ADDED), 0);
	assert_int_equal(count_descriptors(), descriptors);
	loop_free();
}

static void run(const char *chunk)
{
	char text[8192];
	assert_in_range(snprintf(text, sizeof text, "net.run(function() %s end)", chunk), 1, sizeof text - 1);
	run_alone(text);
}

#define test(name, how, ...)                                                                                           \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		how(LUA(__VA_ARGS__));                                                                                 \
	}

test(returns_what_main_returns, run_alone,
	local got = table.pack(net.run(function(...) net.sleep(0.001); return ... end, 1, nil, "x", nil));
	same(got.n, 4); same(got[1], 1); same(got[2], nil); same(got[3], "x");
	same(select("#", net.run(function() end)), 0);
)

test(throws_the_error_of_main_with_its_traceback, run_alone,
	function thrower() net.sleep(0); error("boom") end;
	local ok, err = pcall(net.run, function() thrower() end);
	same(ok, false); find(err, "boom"); find(err, "traceback"); find(err, "thrower");
	throws("table:", net.run, function() error({}) end);
	same(net.run(function() return "again" end), "again");
	throws("running already", net.run, function() net.run(print) end);
	throws("no net.run", net.spawn, print);
	throws("only a task", net.sleep, 0);
)

test(joins_tasks_and_tells_how_they_ended, run,
	local ok, a, b = net.spawn(function(...) net.sleep(0.001); return ... end, 1, 2):join();
	same(ok, true); same(a, 1); same(b, 2);
	local failing = net.spawn(function() net.sleep(0); error("bad") end);
	local none, text = failing:join();
	same(none, nil); find(text, "bad"); find(text, "traceback"); same(failing:alive(), false);
	same(select(2, failing:join()), text);
	local slow = net.spawn(net.sleep, 10);
	same(slow:alive(), true);
	same(select(2, slow:join(0.001)), "timeout"); same(select(2, slow:join(0)), "timeout");
	slow:cancel(); same(select(2, slow:join()), "cancelled");
	slow:cancel();
	local started = false;
	local unborn = net.spawn(function() started = true end);
	unborn:cancel(); same(select(2, unborn:join()), "cancelled"); same(started, false);
	same(error_count, nil);
)

test(reports_errors_that_nobody_joins, run,
	net.spawn(error, "lost");
	net.sleep(0.01);
	same(error_count, 1); find(last_error, "lost");
	net.spawn(net.sleep, 10):cancel(); net.sleep(0.01); same(error_count, 1);
	net.on_error(function() error("worse") end);
	net.spawn(error, "to standard error, and its handler too");
	hush(); net.sleep(0.01); hush();
)

test(closes_variables_of_a_cancelled_task_and_lets_them_wait, run,
	local seen = {};
	local task = net.spawn(function()
		local a <close> = setmetatable({}, {__close = function(_, err) net.sleep(0.01);
			seen[#seen + 1] = err end});
		local ok, err = pcall(net.sleep, 10);
		same(ok, false); same(err, "cancelled");
		net.sleep(0.001);
		local b <close> = setmetatable({}, {__close = function(_, err) net.sleep(0.01);
			seen[#seen + 1] = err end});
		net.sleep(10)
	end);
	net.sleep(0.005); task:cancel(); net.sleep(0.02); same(task:alive(), true); task:cancel();
	same(select(2, task:join(1)), "cancelled");
	same(#seen, 2); same(seen[1], "cancelled"); same(seen[2], "cancelled");
	local own; own = net.spawn(function() own:cancel(); net.sleep(0) end);
	same(select(2, own:join()), "cancelled");
)

test(ends_every_task_with_main, run_alone,
	local closed = 0;
	local function count() closed = closed + 1 end;
	net.run(function()
		net.spawn(function() local a <close> = setmetatable({}, {__close = count}); net.sleep(100) end);
		net.spawn(function()
			local a <close> = setmetatable({}, {__close = count});
			while true do pcall(net.sleep, 100) end
		end);
		net.spawn(function()
			local a <close> = setmetatable({}, {__close = function() net.sleep(100);
				error("not reached") end});
			net.sleep(100)
		end);
		net.spawn(function() while true do coroutine.yield() end end);
		net.spawn(function()
			local a <close> = setmetatable({}, {__close = function() net.spawn(print) end});
			net.sleep(100)
		end);
		net.sleep(0.01);
		net.spawn(function() error("not begun") end)
	end);
	same(closed, 2); same(error_count, 1); find(last_error, "no net.run");
)

test(says_so_when_nothing_can_wake_anyone, run_alone,
	local closed = false;
	throws("every task waits", net.run, function()
		local a <close> = setmetatable({}, {__close = function() closed = true end});
		net.condition():wait()
	end);
	same(closed, true);
)

test(waits_only_where_a_task_can_be_left, run,
	throws("function that C calls back", table.sort, {1, 2, 3}, function() net.sleep(0) end);
	throws("coroutine of your own", coroutine.wrap(function() net.sleep(0) end));
	throws("not negative", net.sleep, -1); throws("not negative", net.sleep, 0 / 0); throws("number", net.sleep);
	local generator = coroutine.wrap(function() coroutine.yield(1); coroutine.yield(2) end);
	same(generator() + generator(), 3);
	local before = 0; net.spawn(function() before = 1 end); coroutine.yield("ignored"); same(before, 1);
)

test(wakes_those_that_wait_for_a_condition, run,
	local condition = net.condition();
	local done = 0;
	local tasks = {};
	for i = 1, 10 do tasks[i] = net.spawn(function() same(condition:wait(1), true); done = done + 1 end) end;
	same(select(2, condition:wait(0.001)), "timeout");
	condition:notify(); same(done, 0);
	for i = 1, 10 do assert(tasks[i]:join()) end; same(done, 10);
	condition:notify(); same(select(2, condition:wait(0)), "timeout");
)

test(takes_turns_without_depth_or_starvation, run,
	local ping = net.condition(); local pong = net.condition();
	local turns = 0;
	net.spawn(function() while true do ping:wait(); turns = turns + 1; pong:notify() end end);
	net.sleep(0);
	for _ = 1, 20000 do ping:notify(); pong:wait() end;
	same(turns, 20000);
	for _ = 1, 3 do net.spawn(function() while true do net.sleep(0) end end) end;
	local yields = 0;
	net.spawn(function() while true do yields = yields + 1; coroutine.yield() end end);
	local server, client = pair();
	for _ = 1, 10 do client:send("through"); same((server:receive(1)), "through") end;
	assert(yields < 1000, yields);
)

test(sleeps_no_shorter_than_asked, run,
	local server, client = pair();
	for _ = 1, 20 do
		client:send("a"); local _, _, before = server:receive(1);
		net.sleep(0.01);
		client:send("b"); local _, _, after = server:receive(1);
		if after - before < 0.0099 then error(after - before) end
	end
)

test(transacts_over_udp_with_loss, run,
	for _, address in ipairs{"127.0.0.1", "::1"} do
		local server = assert(net.udp{address = {address = address, port = 0}});
		local client = assert(net.udp{remote = server:address()});
		same(client:transport(), "udp"); same(client:remote().port, server:address().port);
		same(client:address().address, address);
		for drops = 0, 3 do
			net.spawn(function()
				for _ = 1, drops do server:receive() end;
				local octets, from = server:receive();
				server:send(success("z"), from); server:send("\0\x17other", from);
				server:send(answer(octets), from)
			end);
			local reply, info = client:transact(request("a"), quick);
			same(reply, success("a")); same(info.sends, drops + 1); same(#info.icmp, 0);
			same(info.from.port, server:address().port); same(info.to.port, server:address().port);
			assert(info.sent <= info.sent_last and info.sent_last <= info.received);
			if drops > 0 and info.sent_last - info.sent < 0.1 * (2 ^ drops - 1) - 0.001 then
				error("early") end;
			same(client:pending(), 2); same((client:receive()), success("z"));
			same((client:receive()), "\0\x17other")
		end;
		server:close(); client:close()
	end
)

test(transacts_in_parallel_on_one_endpoint, run,
	local server, client = pair();
	net.spawn(function()
		local held = {};
		for i = 1, 20 do held[i] = {server:receive()} end;
		for i = 20, 1, -1 do server:send(answer(held[i][1]), held[i][2]) end
	end);
	local tasks = {};
	for i = 1, 20 do
		tasks[i] = net.spawn(function()
			local reply, info = client:transact(request(string.char(64 + i)));
			return reply, info.sends
		end)
	end;
	for i = 1, 20 do
		local ok, reply, sends = tasks[i]:join();
		same(ok, true); same(reply, success(string.char(64 + i))); same(sends, 1)
	end
)

test(notes_icmp_errors_of_a_closed_port, run,
	for _, address in ipairs{"127.0.0.1", "::1"} do
		local port = assert(net.free_port{address = address, transports = {"udp"}});
		local client = assert(net.udp{remote = {address = address, port = port}});
		local seen = {};
		client:tap(function(direction, octets, peer, time, endpoint, icmp)
			if direction == "icmp" then
				seen[#seen + 1] = icmp; same(octets, request("a")); same(peer.port, port);
				same(endpoint, client)
			end
		end);
		local reply, text, info = client:transact(request("a"), {rto = 0.02, rc = 3, rm = 1});
		same(reply, nil); same(text, "timeout"); same(info.sends, 3); same(#info.icmp, 3); same(info.from, nil);
		find(info.icmp[1], "port unreachable"); find(info.icmp[1], "port " .. port);
		same(#seen, 3); same(seen[1].from.address, address);
		same(seen[1].type, address == "::1" and 1 or 3); same(seen[1].code, address == "::1" and 4 or 3);
		same(select(2, client:receive(0.001)), "timeout")
	end
)

test(stops_sending_when_cancelled, run,
	local server, client = pair();
	local task = net.spawn(client.transact, client, request("a"), {rto = 0.02});
	server:receive(); task:cancel(); same(select(2, task:join()), "cancelled");
	net.sleep(0.1); same(server:pending(), 0);
	local listener = assert(net.tcp_listener{address = loopback});
	local waiting = {
		net.spawn(server.receive, server), net.spawn(server.receive, server, 10),
			net.spawn(listener.accept, listener),
	};
	net.sleep(0.01);
	for _, each in ipairs(waiting) do each:cancel(); same(select(2, each:join(1)), "cancelled") end;
	client:send("still"); same((server:receive(1)), "still");
)

test(ends_waits_when_closed, run,
	local server, client = pair();
	local tasks = {
		net.spawn(client.receive, client), net.spawn(client.receive, client, 5),
		net.spawn(client.transact, client, request("a")), net.spawn(client.transact, client, request("b")),
	};
	net.sleep(0.01); client:close(); client:close();
	for _, task in ipairs(tasks) do
		local ok, reply, text = task:join(1); same(ok, true); same(reply, nil); same(text, "closed")
	end;
	same(select(2, client:receive()), "closed"); same(select(2, client:send("x")), "closed");
	local reply, text, info = client:transact(request("a"));
	same(reply, nil); same(text, "closed"); same(info.sends, 0);
	same(client:address().address, "127.0.0.1");
	local listener = assert(net.tcp_listener{address = loopback});
	local accepting = net.spawn(listener.accept, listener);
	net.sleep(0.01); listener:close(); listener:close();
	same(select(3, accepting:join(1)), "closed"); same(listener:address(), nil);
)

test(shows_each_packet_to_the_tap, run,
	local server, client = pair();
	local seen = {};
	client:tap(function(direction, octets, peer, time, endpoint)
		same(endpoint, client); assert(math.type(time) == "float" and time > 1e9);
		seen[#seen + 1] = direction .. " " .. #octets .. " " ..
			(peer.port == server:address().port and "server" or "?")
	end);
	net.spawn(function() server:receive(); local octets, from = server:receive();
		server:send(answer(octets), from) end);
	client:transact(request("a"), quick);
	same(table.concat(seen, ","), "sent 20 server,sent 20 server,received 20 server");
	client:tap(function() error("in a tap") end);
	same(client:send("x"), true); same(error_count, 1); find(last_error, "in a tap");
	client:tap(nil); client:send("x"); same(error_count, 1);
	local _, from = server:receive();
	client:tap(function(_, _, _, _, endpoint) endpoint:close() end);
	for _ = 1, 5 do server:send("x", from) end;
	same(select(2, client:receive(1)), "closed");
)

test(shows_one_direction_to_a_tap_that_wants_no_other, run,
	local server, client = pair();
	local seen = {};
	local function note(direction) seen[#seen + 1] = direction end;
	client:tap(note, "received");
	net.spawn(function() for _ = 1, 3 do
		local octets, from = server:receive(); server:send(answer(octets), from) end end);
	client:transact(request("a"), quick); same(table.concat(seen, ","), "received");
	client:tap(note, "sent");
	client:transact(request("b"), quick); same(table.concat(seen, ",", 2), "sent");
	client:tap(note, "icmp"); client:transact(request("c"), quick); same(#seen, 2);
	client:tap(note, nil); client:send("x"); same(#seen, 3);
	throws("sideways", client.tap, client, note, "sideways"); throws("option", client.tap, client, note, 1);
)

test(keeps_nothing_for_whom_reads_nothing, run,
	local server, client = pair();
	local from = client:address();
	local seen = 0;
	client:tap(function() seen = seen + 1 end, "received");
	client:keep(false);
	for _ = 1, 3 do server:send("not wanted", from) end;
	net.spawn(function() local octets = server:receive(); server:send(answer(octets), from) end);
	same(client:transact(request("a"), quick), success("a")); same(client:pending(), 0); same(seen, 4);
	client:keep(true); server:send("wanted", from); same((client:receive(1)), "wanted");
	throws("boolean", client.keep, client); throws("boolean", client.keep, client, 0);
)

test(lets_endpoints_be_collected_under_way, run,
	for _ = 1, 20 do
		local server, client = pair();
		local from = client:address();
		client:tap(function() collectgarbage() end);
		net.spawn(function() return client:receive(0.01) end);
		client = nil; collectgarbage();
		for _ = 1, 3 do server:send("x", from) end;
		coroutine.yield(); collectgarbage(); coroutine.yield();
	end;
	net.sleep(0.02); collectgarbage(); collectgarbage();
)

test(survives_a_flood, run,
	local server, client = pair();
	local seen = 0;
	server:tap(function() seen = seen + 1 end);
	local other = 0;
	net.spawn(function() while true do net.sleep(0); other = other + 1 end end);
	for i = 1, 5000 do client:send(("%04d"):format(i)); if i % 100 == 0 then coroutine.yield() end end;
	net.sleep(0.1);
	assert(seen > 1000 and server:pending() <= 4096); assert(other > 10);
	same(server:pending() + server:dropped(), seen);
	same((server:receive()), "0001");
)

test(reads_frames_from_tcp, run,
	for _, address in ipairs{"127.0.0.1", "::1"} do
		local server, client = connection{address = address};
		same(client:transport(), "tcp"); same(server:remote().port, client:address().port);
		local stream = success("a") .. "\x40\0\0\1X\0\0\0" .. "\x40\0\0\4YYYY" .. success("b");
		local frames = {success("a"), "\x40\0\0\1X", "\x40\0\0\4YYYY", success("b")};
		net.spawn(function()
			for i = 1, #stream do server:send(stream:sub(i, i)); coroutine.yield() end;
			server:send(stream)
		end);
		for _ = 1, 2 do
			for _, frame in ipairs(frames) do
				local octets, from, time = client:receive(1);
				same(octets, frame); same(from.port, server:address().port); assert(time > 1e9)
			end
		end;
		server:send(stream:sub(1, 27)); net.sleep(0.01); server:close();
		same((client:receive(1)), success("a"));
		find(select(2, client:receive(1)), "framing: the stream ended 7 octets");
		find(select(2, client:transact(request("a"))), "framing:");
		local a, b = connection{address = address};
		a:send(success("a") .. "\x80\0"); same((b:receive(1)), success("a"));
		find(select(2, b:receive(1)), "framing: ");
		local c, d = connection{address = address};
		c:close(); same(select(2, d:receive(1)), "closed")
	end
)

test(transacts_over_tcp, run,
	local server, client = connection();
	net.spawn(function() local octets = server:receive();
		server:send("\x40\0\0\0" .. success("z") .. answer(octets)) end);
	local reply, info = client:transact(request("a"));
	same(reply, success("a")); same(info.sends, 1); same(info.from.port, server:address().port);
	same(client:pending(), 2);
	local none, text, silent = client:transact(request("b"), {timeout = 0.05, rto = 0.01});
	same(none, nil); same(text, "timeout"); same(silent.sends, 1);
	same((server:receive(0)), request("b")); same(select(2, server:receive(0.01)), "timeout");
	net.spawn(function() net.sleep(0.01); server:close() end);
	same(select(2, client:transact(request("c"))), "closed");
)

test(tells_why_a_connection_was_not_made, run,
	local port = net.free_port{transports = {"tcp"}};
	same(select(2, net.tcp{remote = {address = "127.0.0.1", port = port}}), "Connection refused");
	local listener = assert(net.tcp_listener{address = loopback});
	same(select(2, listener:accept(0.001)), "timeout"); same(select(2, listener:accept(0)), "timeout");
	find(select(2, net.tcp_listener{address = listener:address()}), "Address already in use");
	local acceptors = {};
	for i = 1, 5 do acceptors[i] = net.spawn(listener.accept, listener, 1) end;
	net.sleep(0.01); acceptors[1]:cancel();
	local clients = {};
	for i = 1, 4 do clients[i] = assert(net.tcp{remote = listener:address()}) end;
	for i = 2, 5 do local ok, endpoint = acceptors[i]:join(); assert(ok and endpoint) end;
)

test(calls_back_on_signals, run,
	local count = 0;
	local handle = assert(net.on_signal("USR1", function() count = count + 1 end));
	local other = assert(net.on_signal("USR2", function() error("in a handler") end));
	collectgarbage();
	raise_signals(); net.sleep(0.01); same(count, 1); same(error_count, 1); find(last_error, "in a handler");
	handle:close(); handle:close(); other = nil; collectgarbage();
	throws("signal", net.on_signal, "NOSUCH", print); throws("function", net.on_signal, "INT");
	same(net.on_signal("KILL", print), nil);
)

test(knows_names_ports_and_schedules, run_alone,
	local offsets, finish = net.retransmissions();
	same(table.concat(offsets, " "), "0.0 0.5 1.5 3.5 7.5 15.5 31.5"); same(finish, 39.5);
	offsets, finish = net.retransmissions{rto = 1, rc = 2, rm = 1}; same(#offsets, 2); same(finish, 2.0);
	same(net.resolve("::1", 5)[1].address, "::1"); same(net.resolve("127.0.0.1", 5)[1].port, 5);
	assert(#net.resolve("localhost") >= 1);
	find(select(2, net.resolve("no.such.name.invalid")), "no.such.name.invalid");
	assert(math.type(net.free_port{}) == "integer");
	find(select(2, net.free_port{address = "192.0.2.1"}), "192.0.2.1");
	assert(math.type(net.free_port{also = "127.0.0.2"}) == "integer");
	find(select(2, net.free_port{also = "192.0.2.1"}), "192.0.2.1"); throws("also", net.free_port, {also = "x"});
)

test(refuses_misuse, run,
	throws("remote or address", net.udp, {}); throws("table", net.udp);
	throws("numeric", net.udp, {remote = {address = "localhost", port = 1}});
	throws("port", net.udp, {remote = {address = "::1", port = 65536}});
	throws("port", net.udp, {remote = {address = "::1", port = 1.5}});
	throws("expected", net.udp, {remote = "127.0.0.1"}); throws("expected", net.udp, {remote = {port = 1}});
	same(net.udp{remote = {address = "127.0.0.1", port = 1}, address = {address = "::1"}}, nil);
	same(net.udp{address = {address = "192.0.2.1"}}, nil);
	throws("remote", net.tcp, {}); throws("timeout", net.tcp, {remote = {address = "::1", port = 1}, timeout = 0});
	throws("address", net.tcp_listener, {}); throws("transports", net.free_port, {transports = {"sctp"}});
	throws("rc", net.retransmissions, {rc = 33}); throws("rc", net.retransmissions, {rc = 0});
	throws("rto", net.retransmissions, {rto = 0}); throws("rm", net.retransmissions, {rm = -1});
	throws("rm", net.retransmissions, {rm = 1 / 0}); throws("rto", net.retransmissions, {rto = "x"});
	local server, client = pair();
	throws("too short", client.transact, client, "short");
	throws("rto", client.transact, client, request("a"), {rto = -1});
	throws("table", client.transact, client, request("a"), 5); throws("string", client.send, client);
	throws("not negative", client.receive, client, -1); throws("function", client.tap, client, 5);
	throws("net.endpoint", client.receive, net.condition()); throws("net.task", net.spawn(print).join, client);
	find(select(2, server:send("x")), "no address");
	find(select(2, client:send(("x"):rep(70000))), "Message too long");
	throws("function", net.spawn, 5); throws("function", net.on_error, 5);
)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_what_main_returns),
		cmocka_unit_test(throws_the_error_of_main_with_its_traceback),
		cmocka_unit_test(joins_tasks_and_tells_how_they_ended),
		cmocka_unit_test(reports_errors_that_nobody_joins),
		cmocka_unit_test(closes_variables_of_a_cancelled_task_and_lets_them_wait),
		cmocka_unit_test(ends_every_task_with_main),
		cmocka_unit_test(says_so_when_nothing_can_wake_anyone),
		cmocka_unit_test(waits_only_where_a_task_can_be_left),
		cmocka_unit_test(wakes_those_that_wait_for_a_condition),
		cmocka_unit_test(takes_turns_without_depth_or_starvation),
		cmocka_unit_test(sleeps_no_shorter_than_asked),
		cmocka_unit_test(transacts_over_udp_with_loss),
		cmocka_unit_test(transacts_in_parallel_on_one_endpoint),
		cmocka_unit_test(notes_icmp_errors_of_a_closed_port),
		cmocka_unit_test(stops_sending_when_cancelled),
		cmocka_unit_test(ends_waits_when_closed),
		cmocka_unit_test(shows_each_packet_to_the_tap),
		cmocka_unit_test(shows_one_direction_to_a_tap_that_wants_no_other),
		cmocka_unit_test(keeps_nothing_for_whom_reads_nothing),
		cmocka_unit_test(lets_endpoints_be_collected_under_way),
		cmocka_unit_test(survives_a_flood),
		cmocka_unit_test(reads_frames_from_tcp),
		cmocka_unit_test(transacts_over_tcp),
		cmocka_unit_test(tells_why_a_connection_was_not_made),
		cmocka_unit_test(calls_back_on_signals),
		cmocka_unit_test(knows_names_ports_and_schedules),
		cmocka_unit_test(refuses_misuse),
	};
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
