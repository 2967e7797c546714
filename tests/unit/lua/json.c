// SPDX-License-Identifier: BSD-3-Clause
//
// The module json as a script sees it: what goes out comes back, hostile octets stay text, what has no JSON is refused
// with the place it is at.
#include "lua/modules.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// Runs a script with json at hand and the collector at every step; it throws what is wrong.
static void run(const char *script)
{
	lua_State *state = luaL_newstate();
	assert_non_null(state);
	luaL_openlibs(state);
	luaL_requiref(state, "json", luaopen_json, 1);
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
				 "end\n") ||
	    luaL_dostring(state, script))
		fail_msg("%s", lua_tostring(state, -1));
	lua_close(state);
}

static void writes_values(void **unused)
{
	(void)unused;
	run("same(json.encode('x'), '\"x\"') same(json.encode(nil), 'null') same(json.encode(json.null), 'null')\n"
	    "same(json.encode(true), 'true') same(json.encode(3), '3') same(json.encode(3.0), '3.0')\n"
	    "same(json.encode(math.mininteger), '-9223372036854775808') same(json.encode(0.1), '0.1')\n"
	    "same(json.encode(1700000000.123456), '1700000000.123456') same(json.encode(1e300), '1e+300')\n"
	    "same(json.encode({}), '{}') same(json.encode(json.array()), '[]') same(json.encode(json.array{}), '[]')\n"
	    "same(json.encode{1, 'a', {b = {}}}, '[1,\"a\",{\"b\":{}}]')\n");
}

static void keeps_an_order(void **unused)
{
	(void)unused;
	run("same(json.encode{b = 1, a = 2, type = 3, C = 4}, '{\"C\":4,\"a\":2,\"b\":1,\"type\":3}')\n"
	    "same(json.encode({b = 1, a = 2, type = {id = 1, type = 2}, C = 4}, {'type', 'absent', 'b'}),\n"
	    "     '{\"type\":{\"type\":2,\"id\":1},\"b\":1,\"C\":4,\"a\":2}')\n"
	    "same(json.encode{['a\\0b'] = 1, ['a'] = 2, ['a\\0a'] = 3}, "
	    "'{\"a\":2,\"a\\\\u0000a\":3,\"a\\\\u0000b\":1}')\n"
	    "throws('twice', json.encode, {}, {'a', 'a'}) throws('names', json.encode, {}, {1})\n");
}

static void hostile_octets_stay_text(void **unused)
{
	(void)unused;
	run("same(json.encode('\"\\\\\\n\\r\\t\\0\\27\\127'), [[\"\\\"\\\\\\n\\r\\t\\u0000\\u001b\\u007f\"]])\n"
	    "same(json.encode('\\xff'), [[\"\\\\xFF\"]]) same(json.encode('a\\xc3'), [[\"a\\\\xC3\"]])\n"
	    "same(json.encode('\\xc3\\xa9'), '\"\\xc3\\xa9\"')\n"
	    "same(json.encode('\\xc0\\x80'), [[\"\\\\xC0\\\\x80\"]])\n"         // overlong
	    "same(json.encode('\\xed\\xa0\\x80'), [[\"\\\\xED\\\\xA0\\\\x80\"]])\n" // surrogate
	    "same(json.encode('\\xe0\\x9f\\xbf'), [[\"\\\\xE0\\\\x9F\\\\xBF\"]])\n"
	    "same(json.encode('\\xf0\\x8f\\xbf\\xbf'), [[\"\\\\xF0\\\\x8F\\\\xBF\\\\xBF\"]])\n"
	    "same(json.encode('\\xf4\\x90\\x80\\x80'), [[\"\\\\xF4\\\\x90\\\\x80\\\\x80\"]])\n"
	    "same(json.encode('\\xf0\\x9f\\x98\\x80'), '\"\\xf0\\x9f\\x98\\x80\"')\n"
	    "same(json.encode('\\xc2\\x9b\\xe2\\x80\\xa8'), [[\"\\u009b\\u2028\"]])\n"
	    "for length = 0, 3 do for i = 0, 4000 do\n"
	    "  local s = {}\n"
	    "  for j = 1, length do s[j] = string.char((i * 7 * j + (i >> j)) & 255) end\n"
	    "  s = table.concat(s)\n"
	    "  local back = assert(json.decode(json.encode(s)))\n"
	    "  if utf8.len(s) then same(back, s) else assert(utf8.len(back)) end\n"
	    "end end\n");
}

static void refuses_with_the_path(void **unused)
{
	(void)unused;
	run("throws('value.a[2].b: a function', json.encode, {a = {1, {b = print}}})\n"
	    "throws('value.x: a number that is infinite', json.encode, {x = 1/0})\n"
	    "throws('infinite or none', json.encode, 0/0)\n"
	    "throws('value: a userdata', json.encode, io.stdout)\n"
	    "throws('holes', json.encode, {1, nil, 3})\n"
	    "throws('key that is not', json.encode, {1, 2, x = 3})\n"
	    "throws('no string', json.encode, {[true] = 1}) throws('no string', json.encode, {[2.5] = 1})\n"
	    "local t = {} t.t = {t} throws('value.t[1]: a table inside itself', json.encode, t)\n"
	    "local shared = {1} same(json.encode{shared, shared}, '[[1],[1]]')\n"
	    "local deep = 1 for i = 1, 64 do deep = {deep} end\n"
	    "assert(json.decode(json.encode(deep)))\n"
	    "throws('deeper than 64', json.encode, {deep})\n");
}

static void reads_values(void **unused)
{
	(void)unused;
	run("local t = assert(json.decode('{\"a\": [1, 2.0, \"x\\\\u0000y\", null, true], \"b\": {}, \"c\": []}'))\n"
	    "same(math.type(t.a[1]), 'integer') same(math.type(t.a[2]), 'float') same(t.a[3], 'x\\0y')\n"
	    "same(t.a[4], json.null) same(t.a[5], true) same(json.encode(t.b), '{}') same(json.encode(t.c), '[]')\n"
	    "same(json.encode(t), '{\"a\":[1,2.0,\"x\\\\u0000y\",null,true],\"b\":{},\"c\":[]}')\n"
	    "same(json.decode('5'), 5) same(json.decode('null'), json.null) same(json.decode(' \"x\" '), 'x')\n"
	    "same(json.decode('9223372036854775807'), math.maxinteger)\n");
}

static void refuses_what_is_no_json(void **unused)
{
	(void)unused;
	run("for _, text in ipairs{'', '{', '[1,]', '{\"a\":}', 'nul', '1 2', \"'x'\", '{a:1}', '\"\\xff\"', "
	    "'\"\\n\"', '01',\n"
	    "                      '9223372036854775808', '1e999', '\\0'} do\n"
	    "  local value, err, offset = json.decode(text)\n"
	    "  same(value, nil) assert(err:find('no JSON'), err) assert(offset >= 0 and offset <= #text, offset)\n"
	    "end\n"
	    "local _, _, offset = json.decode('[1, 2, x]') same(offset, 8)\n"
	    "local value, err = json.decode(('['):rep(66) .. (']'):rep(66))\n"
	    "same(value, nil) assert(err:find('deeper than 64'), err)\n"
	    "same(json.decode(('['):rep(100000)), nil)\n"
	    "local text = '{\"a\":[1,{\"b\":\"c\"}],\"d\":null}'\n"
	    "for i = 0, #text - 1 do same(json.decode(text:sub(1, i)), nil) end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_values),          cmocka_unit_test(keeps_an_order),
		cmocka_unit_test(hostile_octets_stay_text), cmocka_unit_test(refuses_with_the_path),
		cmocka_unit_test(reads_values),           cmocka_unit_test(refuses_what_is_no_json),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
