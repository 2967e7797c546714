// SPDX-License-Identifier: BSD-3-Clause
//
// What a replay asks of the engine, as a script sees it: stun.outline, credentials, names and rewrite, and the spool.
// Each test is a Lua chunk whose asserts are the test.
#include "lua/modules.h"

#include "script.h"

static const char *const prelude =
	"function throws(f, ...) assert(not pcall(f, ...), 'did not throw') end\n"
	"function message(attributes)\n"
	"  return stun.build { class = 'request', method = 'Allocate', transaction = 'abcdefghijkl',\n"
	"    attributes = attributes }\n"
	"end\n"
	"full = message { { 'SOFTWARE', 'x' }, { 'USERNAME', 'north' }, { 'REALM', 'r' }, { 'NONCE', 'n' },\n"
	"  { 'ACCESS-TOKEN', 'token' }, { 'MESSAGE-INTEGRITY', key = 'k' },\n"
	"  { 'MESSAGE-INTEGRITY-SHA256', key = 'k' },\n"
	"  { 'FINGERPRINT' } }\n";

static const luaL_Reg modules[] = {
	{"stun", luaopen_stun},
	{"bytes", luaopen_bytes},
	{"spool", luaopen_spool},
	{NULL, NULL},
};

static int start(void **state)
{
	(void)state;
	return script_open(modules, prelude, NULL);
}

static void an_outline_tells_what_a_message_is(void **state)
{
	(void)state;
	run("local class, method, has, code, token, signed = stun.outline(full)\n"
	    "same(class, 'request') same(method, 'Allocate') same(code, nil) same(token, true) same(signed, true)\n"
	    "local seen = {}\n"
	    "for _, name in ipairs(stun.names(has)) do seen[name] = true end\n"
	    "for _, name in ipairs { 'SOFTWARE', 'USERNAME', 'REALM', 'NONCE', 'ACCESS-TOKEN', 'MESSAGE-INTEGRITY',\n"
	    "  'MESSAGE-INTEGRITY-SHA256', 'FINGERPRINT' } do assert(seen[name], name) seen[name] = nil end\n"
	    "same(next(seen), nil)\n"
	    "local answer = stun.build { class = 'error', method = 'Refresh', transaction = 'abcdefghijkl',\n"
	    "  attributes = { { 'ERROR-CODE', { code = 438, reason = 'Stale' } } } }\n"
	    "class, method, has, code, token, signed = stun.outline(answer)\n"
	    "same(class, 'error') same(method, 'Refresh') same(code, 438) same(token, false) same(signed, false)\n"
	    "local told = 0\n"
	    "for length = 0, #full - 1 do if stun.outline(full:sub(1, length)) then told = told + 1 end end\n"
	    "same(told, 23) -- where it is cut between two attributes, or in padding\n");
}

static void credentials_are_the_first_of_each(void **state)
{
	(void)state;
	run("local name, realm, nonce, token = stun.credentials(full)\n"
	    "same(name, 'north') same(realm, 'r') same(nonce, 'n') same(token, 'token')\n"
	    "name, realm, nonce, token = stun.credentials(\n"
	    "  message { { 'NONCE', '' }, { 'USERNAME', 'a' }, { 'USERNAME', 'b' } })\n"
	    "same(name, 'a') same(realm, nil) same(nonce, '') same(token, nil)\n"
	    "for length = 0, #full - 1 do stun.credentials(full:sub(1, length)) end\n"
	    "same((stun.credentials ''), nil)\n"
	    "throws(stun.credentials, nil)\n");
}

static void a_message_is_made_again(void **state)
{
	(void)state;
	run("local changes = { [0x15] = 'a longer nonce', [0x14] = 'realm' }\n"
	    "local again = assert(stun.rewrite(full, 'ABCDEFGHIJKL', 'key', changes))\n"
	    "local now = stun.parse(again)\n"
	    "same(again:sub(9, 20), 'ABCDEFGHIJKL')\n"
	    "local name, realm, nonce, token = stun.credentials(again)\n"
	    "same(name, 'north') same(realm, 'realm') same(nonce, 'a longer nonce') same(token, 'token')\n"
	    "same(now:raw 'SOFTWARE', 'x')\n"
	    "same(now:integrity('key'), 'valid')\n"
	    "same(now:integrity('key', 'MESSAGE-INTEGRITY-SHA256'), 'valid')\n"
	    "same(now:fingerprint(), 'valid')\n"
	    "now = stun.parse(stun.rewrite(full, 'ABCDEFGHIJKL', 'key', {}, 'other'))\n"
	    "same(now:integrity('key'), 'valid')\n"
	    "same(now:integrity('key', 'MESSAGE-INTEGRITY-SHA256'), 'invalid')\n"
	    "same(now:integrity('other', 'MESSAGE-INTEGRITY-SHA256'), 'valid')\n"
	    "same(stun.rewrite(full, 'abcdefghijkl', 'k', {}), full)\n"
	    "local made = 0\n"
	    "for length = 0, #full - 1 do\n"
	    "  if stun.rewrite(full:sub(1, length), 'ABCDEFGHIJKL', 'k', {}) then made = made + 1 end\n"
	    "end\n"
	    "same(made, 23) -- likewise\n"
	    "throws(stun.rewrite, full, 'short', 'k', {})\n"
	    "throws(stun.rewrite, full, 'ABCDEFGHIJKL', 'k', { USERNAME = 'x' })\n"
	    "same((stun.rewrite(full, 'ABCDEFGHIJKL', 'k', { [6] = ('x'):rep(65530) })), nil)\n");
}

static void a_spool_gives_back_what_it_took(void **state)
{
	(void)state;
	run("local store = assert(spool.new())\n"
	    "local places, texts = {}, {}\n"
	    "for i = 1, 3000 do\n"
	    "  texts[i] = ('%d '):format(i):rep(i % 200)\n"
	    "  places[i] = store:add(texts[i])\n"
	    "end\n"
	    "local long = ('long'):rep(100000)\n"
	    "local place = store:add(long)\n"
	    "local last = store:add 'last'\n"
	    "for i = 3000, 1, -1 do same(store:get(places[i]), texts[i]) end\n"
	    "for i = 1, 3000 do same(store:get(places[i * 7 % 3000 + 1]), texts[i * 7 % 3000 + 1]) end\n"
	    "same(store:get(place), long) same(store:get(last), 'last') same(store:get(places[1]), texts[1])\n"
	    "throws(store.get, store, -1) throws(store.get, store, last + 8) throws(store.get, store, 1 << 60)\n"
	    "store:close() pcall(store.close, store)\n"
	    "throws(store.get, store, 0) throws(store.add, store, 'x')\n");
}

static void a_spool_is_read_from_one_to_the_next(void **state)
{
	(void)state;
	run("local store = assert(spool.new())\n"
	    "for i = 1, 20000 do store:add(('%d '):format(i):rep(i % 50)) end\n"
	    "store:add(('long'):rep(1 << 19)) store:add ''\n"
	    "local at, count = 0, 0\n"
	    "while at do\n"
	    "  local octets, following = store:get(at)\n"
	    "  at, count = following, count + 1\n"
	    "  if count <= 20000 then same(octets, ('%d '):format(count):rep(count % 50)) end\n"
	    "  if count == 20001 then same(#octets, 1 << 21) end\n"
	    "end\n"
	    "same(count, 20002)\n");
}

static void what_a_spool_has_is_written_over(void **state)
{
	(void)state;
	run("local store, places, wanted = assert(spool.new()), {}, {}\n"
	    "for i = 1, 3000 do\n" // twice what is written at a time
	    "  places[i], wanted[i] = store:add(('a'):rep(700)), ('a'):rep(700)\n"
	    "  local n = math.max(1, i - i % 400 * 3)\n" // of the file, and of what waits for it
	    "  local offset = i % 690\n"
	    "  local text = ('%05d'):format(i)\n"
	    "  if i % 7 == 0 then same(store:get(places[n]), wanted[n]) end\n" // so that it was read before
	    "  same(store:put(places[n], offset, text), true)\n"
	    "  wanted[n] = wanted[n]:sub(1, offset) .. text .. wanted[n]:sub(offset + 6)\n"
	    "  if i % 3 == 0 then same(store:get(places[n]), wanted[n]) end\n"
	    "end\n"
	    "local at, count = 0, 0\n"
	    "while at do\n"
	    "  local octets, following = store:get(at)\n"
	    "  at, count = following, count + 1\n"
	    "  same(octets, wanted[count])\n"
	    "end\n"
	    "same(count, 3000)\n"
	    "local last = store:add 'abc'\n"
	    "same(store:put(last, 0, 'ABC'), true) same(store:put(last, 3, ''), true) same(store:get(last), 'ABC')\n"
	    "throws(store.put, store, last, 0, 'ABCD') throws(store.put, store, last, 1, 'ABC')\n"
	    "throws(store.put, store, last, 4, '') throws(store.put, store, last, -1, 'A')\n"
	    "throws(store.put, store, places[1], 699, 'ab') throws(store.put, store, last + 7, 0, '')\n"
	    "throws(store.put, store, -1, 0, '') throws(store.put, store, last, 0)\n"
	    "same(store:get(last), 'ABC')\n"
	    "store:close() throws(store.put, store, 0, 0, '')\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_outline_tells_what_a_message_is, start, script_close),
		cmocka_unit_test_setup_teardown(credentials_are_the_first_of_each, start, script_close),
		cmocka_unit_test_setup_teardown(a_message_is_made_again, start, script_close),
		cmocka_unit_test_setup_teardown(a_spool_gives_back_what_it_took, start, script_close),
		cmocka_unit_test_setup_teardown(a_spool_is_read_from_one_to_the_next, start, script_close),
		cmocka_unit_test_setup_teardown(what_a_spool_has_is_written_over, start, script_close),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lua/replay", tests, NULL, NULL);
}
