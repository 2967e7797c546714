// SPDX-License-Identifier: BSD-3-Clause
//
// capture.secrets, capture.tls and capture.dtls as a script sees them, which is given what two peers have sent each
// other: `tape`, an array of { side=, bytes= }, and `keylog`. Each test is a Lua chunk whose asserts are the test.
#include "lua/modules.h"

#include <lauxlib.h>
#include <lualib.h>

#include "../capture/tls_peers.h"

static struct peers peers;

static const char prelude[] =
	"local capture = require 'capture'\n"
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
	"local function play(connection)\n"
	"  local heard = { [0] = '', '' }\n"
	"  for i, entry in ipairs(tape) do\n"
	"    for _, piece in ipairs(connection:feed(entry.side, entry.bytes, i)) do\n"
	"      heard[piece.side] = heard[piece.side] .. piece.bytes\n"
	"      same(piece.tag, i) same(piece.last_tag, i)\n"
	"    end\n"
	"  end\n"
	"  return heard\n"
	"end\n";

static void converse(bool dtls)
{
	peers_open(&peers, dtls ? DTLS1_2_VERSION : TLS1_3_VERSION, dtls);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
}

static void run(const char *chunk)
{
	char error[1000] = "";
	lua_State *lua = luaL_newstate();
	luaL_openlibs(lua);
	luaL_requiref(lua, "capture", luaopen_capture, 0);
	lua_createtable(lua, (int)peers.count, 0);
	for (size_t i = 0; i < peers.count; i++) {
		lua_createtable(lua, 0, 2);
		lua_pushinteger(lua, peers.tape[i].side);
		lua_setfield(lua, -2, "side");
		lua_pushlstring(lua, (const char *)peers.tape[i].octets, peers.tape[i].length);
		lua_setfield(lua, -2, "bytes");
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	lua_setglobal(lua, "tape");
	lua_pushstring(lua, peers_log);
	lua_setglobal(lua, "keylog");
	for (int side = 0; side < 2; side++) {
		lua_pushlstring(lua, (const char *)peers.said[side], peers.said_length[side]);
		lua_setglobal(lua, side ? "said_1" : "said_0");
	}
	lua_pushfstring(lua, "%s%s", prelude, chunk);
	if (luaL_dostring(lua, lua_tostring(lua, -1)))
		snprintf(error, sizeof error, "%s", lua_tostring(lua, -1));
	lua_close(lua);
	peers_close(&peers);
	if (error[0])
		fail_msg("%s", error);
}

static void a_connection_is_read(void **state)
{
	(void)state;
	converse(false);
	run("local secrets = capture.secrets()\n"
	    "same(secrets:add(keylog), 4)\n"
	    "local tls <close> = capture.tls(secrets)\n"
	    "same(tls:session().client, nil) same(tls:session().version, nil)\n"
	    "same(tls:state(0), 'waiting')\n"
	    "secrets = nil collectgarbage()\n"
	    "local heard = play(tls)\n"
	    "same(heard[0], said_0) same(heard[1], said_1)\n"
	    "same(tls:state(0), 'decrypting') same(select('#', tls:state(1)), 1)\n"
	    "local session = tls:session()\n"
	    "same(session.client, 0) same(session.version, 0x0304) same(#session.random, 32)\n"
	    "same(session.suite_name, 'TLS_AES_256_GCM_SHA384') same(session.suite, 0x1302)\n"
	    "tls:gap(1, 17)\n"
	    "same(select(2, tls:state(1)), 'a segment is missing, 17 octets') same(tls:state(0), 'decrypting')\n"
	    "tls:close() tls:close() throws('closed', tls.feed, tls, 0, '')\n");
}

static void late_secrets_are_used(void **state)
{
	(void)state;
	converse(false);
	run("local secrets = capture.secrets()\n"
	    "local tls, other = capture.tls(secrets), capture.tls(secrets)\n"
	    "same(play(tls)[0], '')\n"
	    "local name, reason = tls:state(1) same(name, 'waiting') assert(reason:find 'no secret')\n"
	    "play(other) secrets:complete() same(#other:feed(0, '', 1), 0) same(other:state(0), 'opaque')\n"
	    "same(secrets:add('nonsense\\n' .. keylog), 4)\n"
	    "local pieces = tls:finish()\n"
	    "same(#pieces, 8) same(pieces[1].bytes, said_0:sub(1, 37))\n");
}

static void an_association_is_read(void **state)
{
	(void)state;
	converse(true);
	run("local secrets = capture.secrets() secrets:add(keylog)\n"
	    "local dtls <close> = capture.dtls(secrets)\n"
	    "local heard = play(dtls)\n"
	    "same(heard[0], said_0) same(heard[1], said_1)\n"
	    "same(play(dtls)[0], '')\n"
	    "same(dtls:count(0).repeated, 5) same(dtls:count(1).opened, 5) same(dtls:count(1).not_verified, 0)\n"
	    "same(dtls:count(1).malformed, 0) same(dtls:count(1).unread, 0)\n"
	    "same(dtls:state(0), 'decrypting') same(dtls:session().version, 0xFEFD)\n"
	    "local blind = capture.dtls(capture.secrets()) play(blind) same(#blind:finish(), 0)\n"
	    "local name, reason = blind:state(0) same(name, 'opaque') assert(reason:find 'no secret')\n"
	    "dtls:close() throws('closed', dtls.feed, dtls, 0, '')\n");
}

static void misuse_throws(void **state)
{
	(void)state;
	converse(false);
	run("local secrets = capture.secrets()\n"
	    "throws('capture.secrets expected', capture.tls) throws('capture.secrets expected', capture.dtls, 1)\n"
	    "local tls, dtls = capture.tls(secrets), capture.dtls(secrets)\n"
	    "throws('side 0 or 1', tls.feed, tls, 2, '') throws('side 0 or 1', dtls.feed, dtls, -1, '')\n"
	    "throws('side 0 or 1', tls.state, tls, 3) throws('octets', tls.gap, tls, 0, 0)\n"
	    "throws('capture.tls expected', tls.feed, dtls, 0, '') throws('string expected', tls.feed, tls, 0)\n"
	    "local added, text = secrets:read('/nowhere') same(added, nil) assert(text:find '/nowhere')\n");
}

static void a_file_brings_its_secrets(void **state)
{
	(void)state;
	converse(false);
	run("local path = os.tmpname()\n"
	    "local writer = capture.writer(path) writer:secrets(keylog)\n"
	    "writer:packet { data = 'x', link = 1, time = 1 } writer:close()\n"
	    "local secrets, reader = capture.secrets(), capture.read(path)\n"
	    "reader:secrets(secrets) for _ in reader do end os.remove(path)\n"
	    "local tls = capture.tls(secrets) same(play(tls)[1], said_1)\n"
	    "reader:close() throws('closed', reader.secrets, reader, secrets)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_read),   cmocka_unit_test(late_secrets_are_used),
		cmocka_unit_test(an_association_is_read), cmocka_unit_test(misuse_throws),
		cmocka_unit_test(a_file_brings_its_secrets),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("TLS as scripts read it", tests, NULL, NULL);
}
