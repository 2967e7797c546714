// SPDX-License-Identifier: BSD-3-Clause
//
// The module token as a script sees it. What sealing and opening do is tested in tests/unit/token; here it is fields,
// results, and mistakes of the caller's.
#include "lua/modules.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// Runs a script with token at hand and the collector at every step; it throws what is wrong.
static void run(const char *script)
{
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "token", luaopen_token, 1);
	lua_settop(state, 0);
	lua_gc(state, LUA_GCINC, 1, 1000, 0);
	if (luaL_dostring(state, "function same(got, wanted)\n"
				 "  if got ~= wanted then error('got ' .. tostring(got) "
				 ".. ', wanted ' .. tostring(wanted), 2) end\n"
				 "end\n"
				 "function throws(text, ...)\n"
				 "  local ok, err = pcall(...)\n"
				 "  if ok then error('did not throw', 2) end\n"
				 "  if not err:find(text, 1, true) then error('threw: ' .. err, 2) end\n"
				 "end\n"
				 "function fails(text, value, err)\n"
				 "  same(value, nil)\n"
				 "  if not err:find(text, 1, true) then error('failed: ' .. err, 2) end\n"
				 "end\n"
				 "k = ('K'):rep(64)\n"
				 "function fields(changes)\n"
				 "  local t = {algorithm = 'A256GCM', server_name = 'turn1', "
				 "mac_key = ('m'):rep(20), lifetime = 600,\n"
				 "             issued = 1700000000.5}\n"
				 "  for name, value in pairs(changes or {}) do t[name] = value end\n"
				 "  t.key = t.key or k:sub(1, token.algorithm(t.algorithm).key_length)\n"
				 "  for name, value in pairs(t) do if value == 'none' then t[name] = nil end end\n"
				 "  return t\n"
				 "end\n"
				 "function open(octets, changes)\n"
				 "  local t = fields(changes)\n"
				 "  return token.open{algorithm = t.algorithm, key = t.key, "
				 "server_name = t.server_name, token = octets}\n"
				 "end\n") ||
	    luaL_dostring(state, script))
		fail_msg("%s", lua_tostring(state, -1));
	lua_close(state);
}

static void lists_algorithms(void **unused)
{
	(void)unused;
	run("local names = {}\n"
	    "for i, a in ipairs(token.algorithms()) do names[i] = a.name end\n"
	    "same(table.concat(names, ' '), 'A256GCM A192GCM A128GCM A128CBC-HS256 A192CBC-HS384 A256CBC-HS512')\n"
	    "local a = token.algorithm('A192CBC-HS384')\n"
	    "same(a.kind, 'cbc-hmac') same(a.key_length, 48) same(a.nonce_length, 0) same(a.tag_length, 24)\n"
	    "same(token.algorithm('A256GCM').kind, 'gcm') same(token.algorithm('A256GCM').nonce_length, 12)\n"
	    "fails('unknown algorithm', token.algorithm('AES'))\n"
	    "same(table.concat(token.forms(), ' '), 'GCM F1 F2 F3 F3-bare F4') same(token.FRACTIONS, 64000)\n");
}

static void seals_and_opens(void **unused)
{
	(void)unused;
	run("for _, a in ipairs(token.algorithms()) do\n"
	    "  for _, form in ipairs(a.kind == 'gcm' and {'GCM'} or {'F1', 'F2', 'F3', 'F3-bare', 'F4'}) do\n"
	    "    local change = {algorithm = a.name, form = form}\n"
	    "    local t = assert(open(assert(token.seal(fields(change))), change))\n"
	    "    same(t.form, form) same(t.mac_key, ('m'):rep(20)) same(t.key_length, 20) same(t.lifetime, 600)\n"
	    "    same(t.seconds, 1700000000) same(t.fraction, 32000) same(t.timestamp, 1700000000 << 16 | 32000)\n"
	    "    same(t.extra, '') same(#t.nonce, form:find('F3') and 16 or a.nonce_length)\n"
	    "  end\n"
	    "end\n"
	    "assert(token.seal(fields()) ~= token.seal(fields()), 'a nonce came twice')\n"
	    "local t = open(token.seal(fields{nonce = ('n'):rep(12), timestamp = -1, issued = 'none', "
	    "lifetime = 0xffffffff}))\n"
	    "same(t.nonce, ('n'):rep(12)) same(t.timestamp, -1) same(t.seconds, (1 << 48) - 1) "
	    "same(t.fraction, 65535)\n"
	    "same(t.lifetime, 0xffffffff)\n");
}

static void makes_wrong_tokens(void **unused)
{
	(void)unused;
	run("local function kind(change)\n"
	    "  local value, err, offset, kind = open(assert(token.seal(fields(change))), "
	    "{algorithm = change.algorithm})\n"
	    "  same(value, nil)\n"
	    "  return kind .. ' ' .. tostring(offset)\n"
	    "end\n"
	    "same(kind{nonce_length = 200}, 'truncated 0') same(kind{key_length = 33}, 'truncated 14')\n"
	    "same(kind{tag_length = 15}, 'not-authentic 47') same(kind{tag_length = 0}, 'not-authentic 32')\n"
	    "same(kind{server_name = 'turn2'}, 'not-authentic 48') same(kind{server_name = ''}, 'not-authentic 48')\n"
	    "same(kind{algorithm = 'A128CBC-HS256', al = ('x'):rep(8)}, 'not-authentic 50')\n"
	    "same(kind{algorithm = 'A128CBC-HS256', padding = ('\\0'):rep(14)}, 'malformed 34')\n"
	    "same(kind{plaintext = 'octets', mac_key = 'none', lifetime = 'none', issued = 'none'}, 'truncated 14')\n"
	    "same(open(token.seal(fields{extra = 'more'})).extra, 'more')\n"
	    "same(#token.seal(fields{tag_length = 3}), 2 + 12 + 34 + 3)\n"
	    "same(select('#', open('')), 4) same(select(4, open(('x'):rep(65536))), 'limit')\n");
}

static void tells_run_time_failures(void **unused)
{
	(void)unused;
	run("fails('A256GCM takes a key of 32 octets, this one has 31', token.seal(fields{key = k:sub(1, 31)}))\n"
	    "local f = fields() f.algorithm = 'A1GCM' fails('unknown algorithm', token.seal(f))\n"
	    "fails('unknown form', token.seal(fields{form = 'F9'})) "
	    "fails('not one of', token.seal(fields{form = 'F1'}))\n"
	    "fails('nonce of 0', token.seal(fields{nonce = ''})) "
	    "fails('none of 17', token.seal(fields{tag_length = 17}))\n"
	    "fails('given whole', token.seal(fields{plaintext = 'x', lifetime = 'none', issued = 'none'}))\n"
	    "same(token.check_key('A256GCM', k:sub(1, 32)), true)\n"
	    "fails('A256GCM takes a key of 32 octets, this one has 31', token.check_key('A256GCM', k:sub(1, 31)))\n"
	    "fails('unknown', token.check_key('x', '')) fails('2^48', token.timestamp(-1))\n"
	    "same(token.timestamp(1.5), 1 << 16 | 32000)\n");
}

static void throws_at_misuse(void **unused)
{
	(void)unused;
	run("throws('table expected', token.seal) throws(\"no field 'livetime'\", token.seal, fields{livetime = 1})\n"
	    "throws(\"no field '1'\", token.seal, {'x'})\n"
	    "for _, name in ipairs{'algorithm', 'server_name', 'mac_key', 'lifetime', 'issued'} do\n"
	    "  local f = fields() f[name] = nil throws(name, token.seal, f)\n"
	    "end\n"
	    "throws('string', token.seal, fields{mac_key = 5}) throws('number', token.seal, fields{issued = 'now'})\n"
	    "throws('0 to 4294967295', token.seal, fields{lifetime = -1})\n"
	    "throws('0 to 4294967295', token.seal, fields{lifetime = 1 << 32})\n"
	    "throws('0 to 65535', token.seal, fields{key_length = 65536}) "
	    "throws('integer', token.seal, fields{lifetime = 1.5})\n"
	    "throws('one of them', token.seal, fields{timestamp = 1}) throws('2^48', token.seal, fields{issued = -1})\n"
	    "throws('64 bits', token.seal, fields{timestamp = 1.5, issued = 'none'})\n"
	    "throws(\"'token'\", token.open, {algorithm = 'A256GCM', key = k, server_name = ''})\n"
	    "throws(\"no field 'name'\", token.open, {name = 'x'})\n");
}

static void lays_out(void **unused)
{
	(void)unused;
	run("local function text(parts)\n"
	    "  local t = {}\n"
	    "  for i, p in ipairs(parts) do t[i] = p.name .. ' ' .. p.offset .. '+' .. p.length end\n"
	    "  return table.concat(t, ', ')\n"
	    "end\n"
	    "same(text(token.layout{algorithm = 'A256GCM', token = token.seal(fields())}),\n"
	    "     'nonce_length 0+2, nonce 2+12, ciphertext 14+34, tag 48+16')\n"
	    "same(text(token.layout{algorithm = 'A256CBC-HS512', "
	    "token = token.seal(fields{algorithm = 'A256CBC-HS512'})}),\n"
	    "     'nonce_length 0+2, nonce 2+0, ciphertext 2+48, tag 50+32')\n"
	    "local value, err, offset = token.layout{algorithm = 'A256GCM', token = '\\0\\12short'}\n"
	    "same(value, nil) assert(err:find('nonce_length says 12')) same(offset, 0)\n");
}

static void parses_keys(void **unused)
{
	(void)unused;
	run("local t = token.parse_key('a:b:A128GCM:AAECAwQFBgcICQoLDA0ODw==')\n"
	    "same(t.kid, 'a:b') same(t.algorithm, 'A128GCM') "
	    "same(t.key, '\\0\\1\\2\\3\\4\\5\\6\\7\\8\\9\\10\\11\\12\\13\\14\\15')\n"
	    "local value, err, offset = token.parse_key('k:A128GCM:AAECAw==')\n"
	    "same(value, nil) same(err, 'A128GCM takes a key of 16 octets, this one has 4') same(offset, 10)\n"
	    "fails('KID:ALGORITHM:BASE64', token.parse_key('AAECAw=='))\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_algorithms),        cmocka_unit_test(seals_and_opens),
		cmocka_unit_test(makes_wrong_tokens),      cmocka_unit_test(tells_run_time_failures),
		cmocka_unit_test(throws_at_misuse),        cmocka_unit_test(lays_out),
		cmocka_unit_test(parses_keys),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
