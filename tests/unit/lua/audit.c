// SPDX-License-Identifier: BSD-3-Clause
//
// What audit.run shows a script beside what it judges: all messages, all ChannelData with who sent it, and the flows of
// which nothing more will come. Each test is a Lua chunk whose asserts are the test.
#include "lua/modules.h"

#include <stdlib.h>
#include <unistd.h>

#include "script.h"

static char path[] = "/tmp/assay-audit-XXXXXX";

// Flows of a client (its port) that binds channel 0x4000 and is sent data on it; 0x4001 nobody binds.
static const char *const prelude =
	"path = ...\n"
	"server, at = { address = '192.0.2.2', port = 3478 }, 1e9\n"
	"function begin() writer = assert(capture.writer(path)) end\n"
	"function packet(port, octets, back)\n"
	"  local client = { address = '192.0.2.1', port = port }\n"
	"  local data, link = capture.synthesize { protocol = 'udp', source = back and server or client,\n"
	"    destination = back and client or server, payload = octets }\n"
	"  at = at + 1\n"
	"  assert(writer:packet { data = data, link = link, time = at })\n"
	"end\n"
	"function bind(port)\n"
	"  local id = ('%012d'):format(port)\n"
	"  packet(port, stun.build { class = 'request', method = 'ChannelBind', transaction = id, attributes = {\n"
	"    { 'CHANNEL-NUMBER', 0x4000 }, { 'XOR-PEER-ADDRESS', server } } })\n"
	"  packet(port, stun.build { class = 'success', method = 'ChannelBind', transaction = id,\n"
	"    attributes = {} }, true)\n"
	"end\n"
	"function run(more)\n"
	"  writer:close()\n"
	"  local options = { path = path, kind = function() return {}, false end, each = function() return {} end }\n"
	"  for name, value in pairs(more) do options[name] = value end\n"
	"  return audit.run(options)\n"
	"end\n";

static const luaL_Reg modules[] = {
	{"audit", luaopen_audit},
	{"capture", luaopen_capture},
	{"stun", luaopen_stun},
	{NULL, NULL},
};

static int start(void **state)
{
	(void)state;
	return script_open(modules, prelude, path);
}

static void channel_data_is_shown_with_its_sender(void **state)
{
	(void)state;
	run("begin() bind(4000)\n"
	    "packet(4000, stun.channel_data(0x4000, 'up')) packet(4000, stun.channel_data(0x4000, 'down'), true)\n"
	    "packet(4000, stun.channel_data(0x4001, 'unbound'))\n"
	    "local seen, judged = {}, 0\n"
	    "local outcome = assert(run {\n"
	    "  data = function(sighting)\n"
	    "    local class, flow, time, frame, octets, transport, upward, sender = sighting:brief()\n"
	    "    same(class, 'channel') same(transport, 'udp') same(time, (1e9 + frame) * 1e9 // 1 | 0)\n"
	    "    local number, data = stun.parse_channel_data(octets)\n"
	    "    seen[#seen + 1] = ('%d %s %s %x %s %s'):format(frame, sender, upward, number, data, flow)\n"
	    "  end,\n"
	    "  kind = function(sighting)\n"
	    "    if sighting:facts().class == 'channel' then judged = judged + 1 end\n"
	    "    return {}, false\n"
	    "  end })\n"
	    "same(table.concat(seen, ', '), '3 client true 4000 up 1, 4 server false 4000 down 1, '\n"
	    "  .. '5 client true 4001 unbound 1')\n"
	    "same(judged, 1) same(outcome.count.channel_data, 3) same(outcome.count.channel_unbound, 1)\n");
}

static void flows_are_told_when_they_are_gone(void **state)
{
	(void)state;
	run("begin()\n"
	    "for port = 4000, 4004 do bind(port) end\n"
	    "local seen, gone, last = 0, {}, nil\n"
	    "assert(run { flows = 2,\n"
	    "  message = function(sighting)\n"
	    "    local _, flow = sighting:brief()\n"
	    "    seen, last = seen + 1, flow\n"
	    "    same(gone[flow], nil)\n" // nothing is shown of it any more
	    "  end,\n"
	    "  gone = function(flow) gone[flow] = seen end })\n"
	    "same(seen, 10) same(gone[1], 4) same(gone[2], 6) same(gone[3], 8) same(gone[4], 10) same(gone[5], 10)\n");
}

static void their_errors_come_out(void **state)
{
	(void)state;
	run("for _, name in ipairs { 'data', 'gone', 'message' } do\n"
	    "  begin() bind(4000) packet(4000, stun.channel_data(0x4000, 'up')) bind(4001)\n"
	    "  local count = 0\n"
	    "  local function fail() count = count + 1 error('in ' .. name) end\n"
	    "  local ok, problem = pcall(run, { [name] = fail })\n"
	    "  same(ok, false) assert(tostring(problem):find('in ' .. name, 1, true), problem)\n"
	    "  same(count, 1)\n"
	    "end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(channel_data_is_shown_with_its_sender, start, script_close),
		cmocka_unit_test_setup_teardown(flows_are_told_when_they_are_gone, start, script_close),
		cmocka_unit_test_setup_teardown(their_errors_come_out, start, script_close),
	};
	int file = mkstemp(path);
	if (file < 0)
		return 1;
	close(file);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failures = cmocka_run_group_tests_name("lua/audit", tests, NULL, NULL);
	unlink(path);
	return failures;
}
