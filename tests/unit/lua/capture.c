// SPDX-License-Identifier: BSD-3-Clause
//
// The binding of capture, driven as scripts drive it. Where the privilege to capture is missing, the tests of live
// capture look at how that is said, and at nothing else.
#include "lua/modules.h"
#include "net/loop.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/assay-capture-XXXXXX";

static const char prelude[] =
	"local net, capture, folder = require 'net', require 'capture', ...\n"
	"local path = folder .. '/file.pcapng'\n"
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
	"local function stun(text)\n" // a message with that text, of a length divisible by 4, as its attributes
	"  return string.pack('>I2s2I4', 1, '', 0x2112A442):gsub('^(..)..', function(type)\n"
	"    return type .. string.pack('>I2', #text)\n"
	"  end) .. 'transaction!' .. text\n"
	"end\n";

static void run(const char *chunk)
{
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "net", luaopen_net, 0);
	luaL_requiref(state, "capture", luaopen_capture, 0);
	lua_settop(state, 0);
	lua_pushstring(state, prelude);
	lua_pushstring(state, chunk);
	lua_concat(state, 2);
	size_t length;
	const char *text = lua_tolstring(state, -1, &length);
	int outcome = luaL_loadbuffer(state, text, length, "=chunk");
	lua_pushstring(state, folder);
	if (outcome == LUA_OK)
		outcome = lua_pcall(state, 1, 0, 0);
	char error[1000] = "";
	if (outcome != LUA_OK)
		snprintf(error, sizeof error, "%s", lua_tostring(state, -1));
	lua_close(state);
	if (outcome != LUA_OK)
		fail_msg("%s", error);
}

static void a_file_is_written_and_read(void **unused)
{
	(void)unused;
	run("local source = { address = '192.0.2.1', port = 4000 }\n"
	    "local destination = { address = '192.0.2.2', port = 3478 }\n"
	    "local octets, link = capture.synthesize { protocol = 'udp', source = source, destination = destination,\n"
	    "  payload = 'hello' }\n"
	    "same(link, 101)\n"
	    "local writer = assert(capture.writer(path, { application = 'assay', comment = 'a run' }))\n"
	    "same(writer:packet { data = octets, link = link, time = 1700000000.25, comment = 'one \\xFF' }, 1)\n"
	    "same(writer:secrets('CLIENT_RANDOM 00 11\\n'), true)\n"
	    "same(writer:packet { data = 'x', link = 1, nanoseconds = 1700000000123456789, length = 60 }, 2)\n"
	    "same(writer:flush(), true)\n"
	    "same(writer:close(), true)\n"
	    "same(writer:close(), true)\n"
	    "throws('the capture file is closed', writer.packet, writer, {})\n"
	    "local reader = assert(capture.read(path))\n"
	    "same(reader:format(), 'pcapng')\n"
	    "local packets = {}\n"
	    "for packet in reader do packets[#packets + 1] = packet end\n"
	    "same(reader:error(), nil)\n"
	    "same(#packets, 2)\n"
	    "local first, second = packets[1], packets[2]\n"
	    "same(first.time, 1700000000.25)\n"
	    "same(first.nanoseconds, 1700000000250000000)\n"
	    "same(first.comment, 'one \\\\xFF')\n"
	    "same(first.protocol, 'udp')\n"
	    "same(first.source.address, '192.0.2.1')\n"
	    "same(first.source.port, 4000)\n"
	    "same(first.destination.port, 3478)\n"
	    "same(first.payload, 'hello')\n"
	    "same(first.data:sub(first.payload_offset + 1), 'hello')\n"
	    "same(first.length, #octets)\n"
	    "same(first.problem, nil)\n"
	    "same(second.nanoseconds, 1700000000123456789)\n"
	    "same(second.link, 1)\n"
	    "same(second.length, 60)\n"
	    "same(second.protocol, nil)\n"
	    "same(second.problem, 'the link header is cut')\n"
	    "same(reader:next(), nil)\n"
	    "reader:close()\n"
	    "same(reader:next(), nil)\n");
}

static void a_packet_that_was_read_can_be_written(void **unused)
{
	(void)unused;
	run("local make = { protocol = 'tcp', source = { address = '::1', port = 1 }, seq = 5, syn = true,\n"
	    "  destination = { address = '::2', port = 2 } }\n"
	    "local octets, link = capture.synthesize(make)\n"
	    "do\n"
	    "  local writer <close> = assert(capture.writer(path))\n"
	    "  writer:packet { data = octets, link = link, time = 1.5, comment = 'c' }\n"
	    "end\n"
	    "local first = capture.read(path):next()\n"
	    "local writer = assert(capture.writer(folder .. '/copy'))\n"
	    "same(writer:packet(first), 1)\n"
	    "writer:close()\n"
	    "local copy = capture.read(folder .. '/copy'):next()\n"
	    "for _, field in ipairs { 'time', 'link', 'data', 'length', 'comment', 'nanoseconds' } do\n"
	    "  same(copy[field], first[field])\n"
	    "end\n"
	    "same(copy.tcp.syn, true) same(copy.tcp.fin, false) same(copy.tcp.seq, 5)\n");
}

static void damage_ends_the_loop_and_is_told(void **unused)
{
	(void)unused;
	run("local writer = assert(capture.writer(path))\n"
	    "for i = 1, 3 do writer:packet { data = 'abcd', link = 101, time = i } end\n"
	    "writer:close()\n"
	    "local file = io.open(path, 'rb')\n"
	    "local octets = file:read('a')\n"
	    "file:close()\n"
	    "file = io.open(path, 'wb')\n"
	    "file:write(octets:sub(1, -3))\n"
	    "file:close()\n"
	    "local reader, count = assert(capture.read(path)), 0\n"
	    "for _ in reader do count = count + 1 end\n"
	    "same(count, 2)\n"
	    "local text, offset = reader:error()\n"
	    "same(offset, #octets - 36)\n"
	    "same(text, 'the file ends within the block that begins at octet ' .. offset ..\n"
	    "     ': it was cut off, or is still being written')\n"
	    "local none, again = reader:next()\n"
	    "same(none, nil) same(again, text)\n"
	    "local none, text = capture.read('/nowhere')\n"
	    "same(none, nil)\n"
	    "same(text, 'cannot read /nowhere: No such file or directory')\n"
	    "none, text = capture.writer('/nowhere/at/all')\n"
	    "same(none, nil)\n"
	    "same(text, 'cannot make /nowhere/at/all: No such file or directory')\n"
	    "none, text = capture.writer('/dev/full')\n"
	    "same(none, nil)\n"
	    "same(text, 'cannot write the capture file: No space left on device')\n");
}

static void misuse_throws(void **unused)
{
	(void)unused;
	run("local writer <close> = assert(capture.writer(path))\n"
	    "throws(\"field 'data': a string expected, got nil\", writer.packet, writer, {})\n"
	    "throws(\"field 'data': a string expected, got number\", writer.packet, writer, { data = 5 })\n"
	    "throws(\"field 'link'\", writer.packet, writer, { data = '' })\n"
	    "throws(\"field 'link'\", writer.packet, writer, { data = '', link = 70000 })\n"
	    "throws(\"field 'time'\", writer.packet, writer, { data = '', link = 1 })\n"
	    "throws(\"field 'time'\", writer.packet, writer, { data = '', link = 1, time = 0/0 })\n"
	    "throws(\"field 'time'\", writer.packet, writer, { data = '', link = 1, time = -1 })\n"
	    "throws(\"field 'length'\", writer.packet, writer, { data = 'abc', link = 1, time = 1, length = 2 })\n"
	    "throws('capture.writer expected', writer.packet, capture.stream(), {})\n"
	    "local none, text = writer:packet { data = ('x'):rep(262145), link = 1, time = 1 }\n"
	    "same(none, nil)\n"
	    "same(text, 'a frame of 262145 octets is larger than the 262144 that are written')\n"
	    "same(writer:packet { data = '', link = 1, time = 1 }, 1)\n"
	    "local one, six = { address = '127.0.0.1', port = 1 }, { address = '::1', port = 1 }\n"
	    "throws(\"field 'source'\", capture.synthesize, { protocol = 'udp' })\n"
	    "throws('invalid option', capture.synthesize, { protocol = 'icmp', source = one, destination = one })\n"
	    "throws(\"'localhost' is not a numeric\", capture.synthesize,\n"
	    "  { protocol = 'udp', source = { address = 'localhost' }, destination = one })\n"
	    "throws(\"field 'port'\", capture.synthesize,\n"
	    "  { protocol = 'udp', source = { address = '::1', port = 65536 }, destination = one })\n"
	    "none, text = capture.synthesize { protocol = 'udp', source = one, destination = six }\n"
	    "same(none, nil)\n"
	    "none, text = capture.synthesize { protocol = 'udp', source = one, destination = one,\n"
	    "  payload = ('x'):rep(65508) }\n"
	    "same(none, nil)\n"
	    "same(text, 'a payload of 65508 octets does not fit one UDP packet over IPv4, which holds 65507')\n"
	    "throws(\"field 'seq'\", capture.stream().segment, capture.stream(), {})\n"
	    "throws(\"field 'on_packet'\", capture.live, { interface = 'lo' })\n"
	    "throws(\"field 'interface'\", capture.live, { on_packet = print })\n");
}

static void a_stream_is_put_together(void **unused)
{
	(void)unused;
	run("local stream, one, two = capture.stream(), stun 'four', stun ''\n"
	    "local all = one .. '\\x40\\x01\\0\\5hello\\0\\0\\0' .. two\n"
	    "local function segment(from, to, tag)\n"
	    "  return stream:segment({ seq = (4294967290 + from) % 2^32 // 1 | 0, payload = all:sub(from, to) }, tag)\n"
	    "end\n"
	    "same(#stream:segment({ seq = 4294967290, syn = true }, 'syn'), 0)\n"
	    "same(#segment(30, 50, 'late'), 0)\n"
	    "local offset, length = stream:gap()\n"
	    "same(offset, 0) same(length, 29)\n"
	    "same(#segment(1, 10, { 'any value' }), 0)\n"
	    "same(stream:pending(), 10)\n"
	    "local frames = segment(5, 40, 'middle')\n"
	    "same(#frames, 2)\n"
	    "same(frames[1].bytes, one)\n"
	    "same(frames[1].tag[1], 'any value')\n"
	    "same(frames[1].last_tag, 'middle')\n"
	    "same(frames[1].offset, 0)\n"
	    "same(frames[2].bytes, '\\x40\\x01\\0\\5hello')\n"
	    "same(frames[2].tag, 'middle')\n"
	    "same(frames[2].last_tag, 'late')\n"
	    "same(stream:gap(), nil)\n"
	    "same(stream:finished(), false)\n"
	    "frames = stream:segment({ tcp = { seq = 45, fin = true }, payload = all:sub(51) }, 'end')\n"
	    "same(#frames, 1)\n"
	    "same(frames[1].bytes, two)\n"
	    "same(frames[1].tag, 'late')\n"
	    "same(frames[1].last_tag, 'end')\n"
	    "same(stream:finished(), true)\n"
	    "stream = capture.stream()\n"
	    "local frames, text, offset = stream:segment({ seq = 1, payload = two .. '\\x90' }, 1)\n"
	    "same(#frames, 1)\n"
	    "same(offset, 20)\n"
	    "same(text:sub(1, 9), 'framing: ')\n"
	    "local frames, again = stream:segment({ seq = 22, payload = two }, 2)\n"
	    "same(#frames, 0) same(again, text)\n");
}

static void interfaces(void **unused)
{
	(void)unused;
	run("local name = assert(capture.interface_of('127.0.0.1'))\n"
	    "same(capture.interface_to('127.0.0.1'), name)\n"
	    "local none, text = capture.interface_of('192.0.2.200')\n"
	    "same(none, nil)\n"
	    "same(text, 'no network interface of this machine has that address')\n"
	    "none, text = capture.interface_of('localhost')\n"
	    "same(text, \"'localhost' is not a numeric IP address\")\n");
}

// What live tests begin with. `live` is nil where there is no permission.
#define WITH_LIVE                                                                                     \
	"net.run(function()\n"                                                                        \
	"  local interface = assert(capture.interface_of('127.0.0.1'))\n"                             \
	"  local server = assert(net.udp { address = { address = '127.0.0.1', port = 0 } })\n"        \
	"  local client = assert(net.udp { remote = server:address() })\n"                            \
	"  local packets, react = {}, function() end\n"                                               \
	"  local live, text, kind = capture.live { interface = interface,\n"                          \
	"    filter = 'udp port ' .. server:address().port, on_packet = function(packet)\n"           \
	"      packets[#packets + 1] = packet\n"                                                      \
	"      react(packet)\n"                                                                       \
	"    end }\n"                                                                                 \
	"  if not live then\n"                                                                        \
	"    same(kind, 'permission')\n"                                                              \
	"    same(text:match('no permission to capture on'), 'no permission to capture on')\n"        \
	"    return\n"                                                                                \
	"  end\n"

static void packets_come_on_the_loop(void **unused)
{
	(void)unused;
	run(WITH_LIVE
	    "  for i = 1, 200 do client:send('packet ' .. i) end\n"
	    "  server:send('answer', client:address())\n"
	    "  for _ = 1, 100 do\n"
	    "    if #packets >= 201 then break end\n"
	    "    net.sleep(0.01)\n"
	    "  end\n"
	    "  same(#packets, 201)\n"
	    "  for i = 1, 200 do same(packets[i].payload, 'packet ' .. i) end\n"
	    "  same(packets[1].source.port, client:address().port)\n"
	    "  same(packets[1].destination.port, server:address().port)\n"
	    "  same(packets[201].payload, 'answer')\n"
	    "  local counted = live:statistics()\n"
	    "  same(counted.received, 201)\n"
	    "  same(counted.dropped, 0)\n"
	    "  same(counted.error, nil)\n"
	    "  live:close()\n"
	    "  live:close()\n"
	    "  same(live:statistics().received, 201)\n"
	    "  local none, text = live:drain()\n"
	    "  same(none, nil) same(text, 'closed')\n"
	    "end)\n");
}

static void drain_reads_what_has_passed(void **unused)
{
	(void)unused;
	run(WITH_LIVE
	    "  same(live:drain(), 0)\n"
	    "  for i = 1, 500 do client:send('packet ' .. i) end\n"
	    "  react = function() same(live:drain(), 0) end\n"
	    "  same(live:drain(), 500)\n"
	    "  same(#packets, 500)\n"
	    "  same(packets[500].payload, 'packet 500')\n"
	    "  react = function() error('not this one') end\n"
	    "  client:send('one more')\n"
	    "  throws('not this one', live.drain, live)\n"
	    "  react = function() live:close() end\n"
	    "  client:send('the last')\n"
	    "  client:send('nobody sees this')\n"
	    "  same(live:drain(), 1)\n"
	    "  same(#packets, 502)\n"
	    "end)\n");
}

static void an_error_in_on_packet_ends_the_capture(void **unused)
{
	(void)unused;
	run(WITH_LIVE
	    "  local reported\n"
	    "  net.on_error(function(text) reported = text end)\n"
	    "  react = function() error('wrong') end\n"
	    "  client:send('packet')\n"
	    "  for _ = 1, 100 do\n"
	    "    if reported then break end\n"
	    "    net.sleep(0.01)\n"
	    "  end\n"
	    "  same(reported:match('wrong'), 'wrong')\n"
	    "  same(reported:match('stack traceback'), 'stack traceback')\n"
	    "  same(live:statistics().error:match('on_packet failed'), 'on_packet failed')\n"
	    "  same(live:drain(), nil)\n"
	    "end)\n");
}

static void a_capture_nobody_holds_is_ended(void **unused)
{
	(void)unused;
	run(WITH_LIVE
	    "  live = nil\n"
	    "  collectgarbage() collectgarbage()\n"
	    "  client:send('packet')\n"
	    "  net.sleep(0.05)\n"
	    "  same(#packets, 0)\n"
	    "end)\n");
}

static void collection_at_every_step_is_survived(void **unused)
{
	(void)unused;
	run(WITH_LIVE
	    "  collectgarbage('generational')\n"
	    "  react = function()\n"
	    "    live = nil\n" // from here on only the delivery holds it
	    "    collectgarbage() collectgarbage()\n"
	    "  end\n"
	    "  for i = 1, 50 do client:send('packet') end\n"
	    "  net.sleep(0.1)\n"
	    "  assert(#packets > 0)\n"
	    "end)\n");
}

static void what_cannot_be_captured_is_said(void **unused)
{
	(void)unused;
	run("local function refused(interface, filter)\n"
	    "  local live, text, kind = capture.live { interface = interface, filter = filter, on_packet = print }\n"
	    "  same(live, nil)\n"
	    "  return kind == 'permission' and 'permission' or text\n"
	    "end\n"
	    "local text = refused('lo', 'host and')\n"
	    "assert(text == 'permission' or text:find(\"filter 'host and': \", 1, true), text)\n"
	    "text = refused('nowhere0', '')\n"
	    "assert(text == 'permission' or text:find('cannot capture on nowhere0: ', 1, true), text)\n");
}

static int set_up(void **unused)
{
	(void)unused;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **unused)
{
	static const char *const names[] = {"file.pcapng", "copy"};
	char path[64];
	(void)unused;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	loop_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_written_and_read),
		cmocka_unit_test(a_packet_that_was_read_can_be_written),
		cmocka_unit_test(damage_ends_the_loop_and_is_told),
		cmocka_unit_test(misuse_throws),
		cmocka_unit_test(a_stream_is_put_together),
		cmocka_unit_test(interfaces),
		cmocka_unit_test(packets_come_on_the_loop),
		cmocka_unit_test(drain_reads_what_has_passed),
		cmocka_unit_test(an_error_in_on_packet_ends_the_capture),
		cmocka_unit_test(a_capture_nobody_holds_is_ended),
		cmocka_unit_test(collection_at_every_step_is_survived),
		cmocka_unit_test(what_cannot_be_captured_is_said),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
