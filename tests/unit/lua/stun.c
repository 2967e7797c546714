// SPDX-License-Identifier: BSD-3-Clause
//
// The stun module as a script sees it. Each test is a Lua chunk whose asserts are the test.
#include "lua/modules.h"

#include "script.h"

// throws(f, "part of the text", ...) and the sample of RFC 5769 2.1 are there for every chunk.
static const char *const prelude =
	"function throws(f, part, ...)\n"
	"  local ok, err = pcall(f, ...)\n"
	"  assert(not ok, 'did not throw: ' .. part)\n"
	"  assert(tostring(err):find(part, 1, true), 'threw \\'' .. tostring(err) .. '\\', not \\'' .. part .. '\\'')\n"
	"end\n"
	"sample = bytes.unhex(('000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74'..\n"
	"  '002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020'..\n"
	"  '000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf'))\n"
	"password = 'VOkJxbRl1RmTxUk/WvJxBt'\n"
	"id = 'abcdefghijkl'\n"
	"function build(attributes, edits, options)\n"
	"  local t = {class = 'request', method = 'Allocate', transaction = id, attributes = attributes, edits = "
	"edits}\n"
	"  for k, v in pairs(options or {}) do t[k] = v end\n"
	"  return stun.build(t)\n"
	"end\n";

static const luaL_Reg modules[] = {
	{"stun", luaopen_stun},
	{"bytes", luaopen_bytes},
	{"clock", luaopen_clock},
	{NULL, NULL},
};

static int start(void **state)
{
	(void)state;
	return script_open(modules, prelude, NULL);
}

static void a_message_is_read(void **state)
{
	(void)state;
	run("local m = assert(stun.parse(sample))\n"
	    "same(m:class(), 'request') same(m:method(), 'Binding') same(m:type(), 1) same(m:cookie(), stun.COOKIE)\n"
	    "same(bytes.hex(m:transaction()), 'b7e7a701bc34d686fa87dfae') same(m:bytes(), sample)\n"
	    "local list = m:attributes()\n"
	    "same(#list, 6)\n"
	    "local u = list[4]\n"
	    "same(u.type, 6) same(u.name, 'USERNAME') same(u.offset, 60) same(u.length, 9)\n"
	    "same(u.value, 'evtj:h6vY') same(u.padding, '   ') same(list[1].padding, '')\n"
	    "same(m:has 'USERNAME', true) same(m:has(0x7F00), false) same(m:count 'PRIORITY', 1) same(m:count "
	    "'0x7F00', 0)\n"
	    "same(m:raw 'PRIORITY', '\\x6e\\0\\1\\xff') same(m:raw 'REALM', nil)\n"
	    "same(m:get 'USERNAME', 'evtj:h6vY') same(m:get(0x0024), 0x6e0001ff) same(m:get('USERNAME', 2), nil)\n"
	    "same(m:get 'ICE-CONTROLLED', 0x932ff9b151263b36)\n"
	    "same(m:integrity(password), 'valid') same(m:integrity 'x', 'invalid') same(m:fingerprint(), 'valid')\n"
	    "same(m:integrity(password, 'MESSAGE-INTEGRITY-SHA256'), 'absent')\n"
	    "same(m:text():match '^[^\\n]+', 'Binding request, 108 octets, transaction b7e7a701bc34d686fa87dfae')\n"
	    "same(tostring(m), m:text()) same(stun.text(sample), m:text())\n"
	    "local unknown = stun.parse(stun.build {class = 'error', method = 0xAB, attributes = {{0x7F00, 'x'}}})\n"
	    "same(unknown:method(), '0x0ab') same(unknown:attributes()[1].name, '0x7F00') same(unknown:get(0x7F00), "
	    "'x')\n");
}

static void what_is_malformed_says_where(void **state)
{
	(void)state;
	run("local m, err, offset = stun.parse(sample:sub(1, 50))\n"
	    "same(m, nil) same(offset, 50) assert(err:find('announces 88'))\n"
	    "for i = 0, #sample - 1 do assert(not stun.parse(sample:sub(1, i))) end\n"
	    "local short = stun.parse(build {{'LIFETIME', 'abc'}})\n"
	    "local value, text, at = short:get 'LIFETIME'\n"
	    "same(value, nil) assert(text:find '3 octets') same(at, 27)\n"
	    "local family, why = stun.parse(build {{'REQUESTED-ADDRESS-FAMILY', '\\3\\0\\0\\0'}}):get "
	    "'REQUESTED-ADDRESS-FAMILY'\n"
	    "same(family, nil) assert(why:find 'neither IPv4')\n"
	    "throws(stun.parse, 'string expected', {}) throws(short.get, 'no attribute has the name', short, "
	    "'LIFETME')\n"
	    "throws(short.get, 'counted from 1', short, 'LIFETIME', 0) throws(short.class, 'stun.message expected', "
	    "'x')\n"
	    "throws(short.integrity, 'expected', short, 'key', 'USERNAME') throws(short.has, 'a name or a number', "
	    "short)\n");
}

static void each_kind_goes_there_and_back(void **state)
{
	(void)state;
	run("local function equal(a, b)\n"
	    "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
	    "  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end\n"
	    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
	    "  return true\n"
	    "end\n"
	    "local v4 = {family = 'IPv4', address = '192.0.2.1', port = 32853}\n"
	    "local v6 = {family = 'IPv6', address = '2001:db8::1', port = 1}\n"
	    "for name, value in pairs {\n"
	    "  USERNAME = 'a kid', DATA = '\\0\\1', ['ACCESS-TOKEN'] = ('x'):rep(77), LIFETIME = 600, PRIORITY = "
	    "0xFFFFFFFF,\n"
	    "  ['ICE-CONTROLLING'] = -1, ['REQUESTED-TRANSPORT'] = 17, ['CHANNEL-NUMBER'] = 0x4000, ['EVEN-PORT'] = "
	    "true,\n"
	    "  ['DONT-FRAGMENT'] = true, ['XOR-PEER-ADDRESS'] = v4, ['XOR-RELAYED-ADDRESS'] = v6, ['MAPPED-ADDRESS'] = "
	    "v6,\n"
	    "  ['ERROR-CODE'] = {code = 438, class = 4, number = 38, reason = 'Stale', reserved = 5},\n"
	    "  ['ADDRESS-ERROR-CODE'] = {family = 'IPv6', code = 440, class = 4, number = 40, reason = '', reserved = "
	    "0},\n"
	    "  ['UNKNOWN-ATTRIBUTES'] = {0x7F00, 0x001B}, ['REQUESTED-ADDRESS-FAMILY'] = 'IPv6',\n"
	    "  ['PASSWORD-ALGORITHM'] = {algorithm = 2, parameters = ''},\n"
	    "  ['PASSWORD-ALGORITHMS'] = {{algorithm = 2, parameters = 'abc'}, {algorithm = 1, parameters = ''}},\n"
	    "  ICMP = {type = 3, code = 4, data = 1400, reserved = 0}, FINGERPRINT = 0x12345678,\n"
	    "} do\n"
	    "  local m = assert(stun.parse(build {{name, value}, {name, value}}))\n"
	    "  assert(equal(m:get(name, 2), value), name)\n"
	    "end\n"
	    "local m = stun.parse(build {{'EVEN-PORT', false}, {'ERROR-CODE', 401}, {'PASSWORD-ALGORITHM', 2},\n"
	    "  {'UNKNOWN-ATTRIBUTES', {'ACCESS-TOKEN'}}, {'DONT-FRAGMENT'}, {'XOR-PEER-ADDRESS', {address = '::1', "
	    "port = 9}},\n"
	    "  {'PASSWORD-ALGORITHMS', {2, 1}}, {'ADDITIONAL-ADDRESS-FAMILY', 7}, {'UNKNOWN-ATTRIBUTES', {}}})\n"
	    "same(m:get 'EVEN-PORT', false) same(m:get('ERROR-CODE').reason, 'Unauthenticated')\n"
	    "same(m:get('UNKNOWN-ATTRIBUTES')[1], 0x1B) same(#m:get('UNKNOWN-ATTRIBUTES', 2), 0)\n"
	    "same(m:get('XOR-PEER-ADDRESS').family, 'IPv6') same(m:get('PASSWORD-ALGORITHMS')[2].algorithm, 1)\n"
	    "same(m:raw 'ADDITIONAL-ADDRESS-FAMILY', '\\7\\0\\0\\0')\n");
}

static void wrong_values_throw(void **state)
{
	(void)state;
	run("for _, case in ipairs {\n"
	    "  {{'LIFETIME', -1}, 'LIFETIME: an integer from 0'}, {{'LIFETIME', 1 << 32}, 'LIFETIME: an integer'},\n"
	    "  {{'LIFETIME', 1.5}, 'LIFETIME'}, {{'LIFETIME'}, 'LIFETIME'}, {{'LIFETIME', true}, 'LIFETIME'},\n"
	    "  {{'USERNAME', 5}, 'USERNAME: a string'}, {{'USERNAME'}, 'USERNAME: a string'},\n"
	    "  {{'DONT-FRAGMENT', false}, 'a flag has no value but true'}, {{'EVEN-PORT', 1}, 'EVEN-PORT: a "
	    "boolean'},\n"
	    "  {{'XOR-PEER-ADDRESS', {address = 'localhost', port = 1}}, 'numeric'},\n"
	    "  {{'XOR-PEER-ADDRESS', {address = '::1'}}, 'port'}, {{'XOR-PEER-ADDRESS', {port = 1}}, 'numeric'},\n"
	    "  {{'XOR-PEER-ADDRESS', {address = '::1', port = 1, family = 'IPv4'}}, 'not of the family'},\n"
	    "  {{'XOR-PEER-ADDRESS', 7}, 'a table is wanted'}, {{'ERROR-CODE', 5000}, 'ERROR-CODE'},\n"
	    "  {{'ERROR-CODE', {reason = 'x'}}, 'class'}, {{'ERROR-CODE', {code = 401, reason = 5}}, 'reason'},\n"
	    "  {{'ADDRESS-ERROR-CODE', {code = 440}}, 'family'}, {{'ICMP', {type = 200, code = 1}}, 'type'},\n"
	    "  {{'UNKNOWN-ATTRIBUTES', {'NOTHING'}}, 'no attribute has the name'}, {{'NOTHING', 'x'}, 'no attribute "
	    "has'},\n"
	    "  {{'MESSAGE-INTEGRITY'}, 'a key or a value'}, {{'USERNAME', 'x', key = 'k'}, 'a key is for'},\n"
	    "  {{'MESSAGE-INTEGRITY', 'x', key = 'k'}, 'a key is for'}, {{'MESSAGE-INTEGRITY', key = 5}, 'key'},\n"
	    "  {{'MESSAGE-INTEGRITY', key = 'k', size = 16}, 'a size is for'},\n"
	    "  {{'MESSAGE-INTEGRITY-SHA256', key = 'k', size = 33}, 'size'}, {{'USERNAME', 'x', lenght = 5}, "
	    "\"'lenght'\"},\n"
	    "  {{'USERNAME', 'x', 'y'}, \"'3'\"}, {{'USERNAME', 'x', length = 65536}, 'length'}, {'USERNAME', 'a "
	    "table'},\n"
	    "  {{'USERNAME', 'x', padding = 3}, 'padding'}, {{}, 'attribute'}, {{65536, 'x'}, '65535'},\n"
	    "} do throws(build, case[2], {case[1]}) end\n"
	    "throws(stun.build, 'table expected') throws(stun.build, 'class', {}) throws(stun.build, 'transaction', "
	    "{class = 'request', method = 1, transaction = 'short'})\n"
	    "throws(stun.build, 'no method', {class = 'request', method = 'Alocate'})\n"
	    "throws(stun.build, \"no field 'atributes'\", {class = 'request', method = 1, atributes = {}})\n"
	    "throws(stun.build, 'is a list', {class = 'request', method = 1, attributes = 5})\n"
	    "throws(build, 'nil', {{'USERNAME', 'x'}, nil, {'REALM', 'x'}})\n"
	    "throws(build, \"no field '9'\", {{'USERNAME', 'x'}, [9] = {'REALM', 'x'}})\n"
	    "throws(stun.build, 'method', {class = 'request', method = 0x1000})\n");
}

static void messages_are_built_right(void **state)
{
	(void)state;
	run("local octets = stun.build {class = 'request', method = 'Binding', transaction = "
	    "stun.parse(sample):transaction(),\n"
	    "  attributes = {{'SOFTWARE', 'STUN test client'}, {'PRIORITY', 0x6e0001ff}, {'ICE-CONTROLLED', "
	    "0x932ff9b151263b36},\n"
	    "    {'USERNAME', 'evtj:h6vY', padding = '   '}, {'MESSAGE-INTEGRITY', key = password}, {'FINGERPRINT'}}}\n"
	    "same(octets, sample)\n"
	    "local m = stun.parse(build({{'MESSAGE-INTEGRITY-SHA256', key = 'k', size = 16}, {'FINGERPRINT'}}))\n"
	    "same(m:integrity('k', 'MESSAGE-INTEGRITY-SHA256'), 'valid') same(#m:raw 'MESSAGE-INTEGRITY-SHA256', 16)\n"
	    "same(stun.parse(build({}, nil, {cookie = 5})):cookie(), 5)\n"
	    "same(stun.build({type = 0xC001, transaction = id}):sub(1, 2), '\\xC0\\x01')\n"
	    "assert(stun.parse(stun.build {class = 'request', method = 1}):transaction() ~=\n"
	    "       stun.parse(stun.build {class = 'request', method = 1}):transaction())\n"
	    "local nothing, err = build {{'DATA', ('x'):rep(65536)}}\n"
	    "same(nothing, nil) assert(err:find '65535')\n"
	    "same(#build {{'DATA', ('x'):rep(65528)}}, 20 + 65532)\n"
	    "same(stun.parse(build {{'USERNAME', 'abc', length = 2}}):get 'USERNAME', 'ab')\n");
}

static void edits_break_what_they_say(void **state)
{
	(void)state;
	run("local base = {{'LIFETIME', 600}, {'USERNAME', 'kid'}, {'MESSAGE-INTEGRITY', key = 'key'}, "
	    "{'FINGERPRINT'}}\n"
	    "local function with(...) return stun.parse(build(base, {...})) end\n"
	    "local function names(m)\n"
	    "  local list = {} for i, a in ipairs(m:attributes()) do list[i] = a.name end return table.concat(list, ' "
	    "')\n"
	    "end\n"
	    "same(names(with {'remove', 'LIFETIME'}), 'USERNAME MESSAGE-INTEGRITY FINGERPRINT')\n"
	    "same(names(with {'insert', {'REALM', 'r'}}), 'LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT REALM')\n"
	    "same(names(with {'insert', {'REALM', 'r'}, before = 'USERNAME'}), 'LIFETIME REALM USERNAME "
	    "MESSAGE-INTEGRITY FINGERPRINT')\n"
	    "same(names(with {'insert', {0x7F00, 'r'}, after = 'MESSAGE-INTEGRITY'}), 'LIFETIME USERNAME "
	    "MESSAGE-INTEGRITY 0x7F00 FINGERPRINT')\n"
	    "same(names(with {'move', 'LIFETIME', after = 'MESSAGE-INTEGRITY'}), 'USERNAME MESSAGE-INTEGRITY LIFETIME "
	    "FINGERPRINT')\n"
	    "same(names(with {'duplicate', 'LIFETIME'}), 'LIFETIME LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT')\n"
	    "same(with({'duplicate', 'LIFETIME', 5}):get('LIFETIME', 2), 5)\n"
	    "same(with({'replace', 'LIFETIME', 7}):get 'LIFETIME', 7) same(with({'replace', 'LIFETIME', 7}):integrity "
	    "'key', 'valid')\n"
	    "same(with({'key', 'MESSAGE-INTEGRITY', 'other'}):integrity 'other', 'valid')\n"
	    "same(with({'padding', 'USERNAME', 'X'}):attributes()[2].padding, 'X')\n"
	    "local flipped = with {'flip', 'USERNAME', 7}\n"
	    "same(flipped:get 'USERNAME', 'jid') same(flipped:integrity 'key', 'invalid') same(flipped:fingerprint(), "
	    "'invalid')\n"
	    "same(with({'value', 'USERNAME', 'X'}):get 'USERNAME', 'Xid')\n"
	    "same(with({'overwrite', 8, 'Z'}):transaction(), 'Zbcdefghijkl')\n"
	    "same(build(base, {{'truncate', 5}}), build(base):sub(1, 5))\n"
	    "same(build(base, {{'append', 'tail'}}), build(base) .. 'tail')\n"
	    "same(build(base, {{'header-length', 0xABCD}}):sub(3, 4), '\\xAB\\xCD')\n"
	    "same(build(base, {{'length', 'USERNAME', 5}}):sub(29, 32), '\\0\\6\\0\\5')\n"
	    "same(#build(base, {{'padding', 'USERNAME', ''}}), #build(base) - 1)\n"
	    "same(with({'replace', 'MESSAGE-INTEGRITY', ('x'):rep(20)}):raw 'MESSAGE-INTEGRITY', ('x'):rep(20))\n"
	    "for _, case in ipairs {\n"
	    "  {{'remove', 'REALM'}, 'not in the message'}, {{'flip', 'USERNAME', 24}, 'behind the end'},\n"
	    "  {{'delete', 'USERNAME'}, \"no edit 'delete'\"}, {{'remove'}, 'not a nil'}, {{'remove', 'NOTHING'}, 'no "
	    "attribute has'},\n"
	    "  {{'truncate', 1000}, 'no more octets'}, {{'flip', 'USERNAME'}, 'an integer'}, {{'append'}, 'a "
	    "string'},\n"
	    "  {{'move', 'USERNAME', before = 'REALM'}, 'not in the message'}, {{'remove', 'USERNAME', befor = 1}, "
	    "\"'befor'\"},\n"
	    "  {{'move', 'USERNAME', before = 'LIFETIME', after = 'LIFETIME'}, 'exclude'}, {'remove', 'an edit is a "
	    "table'},\n"
	    "  {{'insert', 'USERNAME'}, 'a table'}, {{'replace', 'LIFETIME'}, 'LIFETIME'}, {{}, 'begins with its "
	    "name'},\n"
	    "} do throws(build, case[2], base, {case[1]}) end\n"
	    "same(stun.edit(sample, {{'flip', 'FINGERPRINT', 31}}), bytes.flip(sample, #sample * 8 - 1))\n"
	    "throws(stun.edit, 'final', sample, {{'remove', 'USERNAME'}}) throws(stun.edit, 'not in the message', '', "
	    "{{'flip', 'REALM', 0}})\n"
	    "same(stun.edit('', {{'append', 'x'}}), 'x') same(stun.edit(sample, {}), sample)\n");
}

static void channels_keys_and_descriptors(void **state)
{
	(void)state;
	run("same(stun.channel_data(0x4000, 'abc'), '\\x40\\0\\0\\3abc')\n"
	    "local number, data = stun.parse_channel_data '\\x40\\1\\0\\3abc\\0'\n"
	    "same(number, 0x4001) same(data, 'abc')\n"
	    "local none, err, offset = stun.parse_channel_data '\\x40\\1\\0\\4abc'\n"
	    "same(none, nil) same(offset, 7) assert(err:find '4 octets')\n"
	    "same(select('#', stun.channel_data(0x4000, ('x'):rep(65536))), 2)\n"
	    "throws(stun.channel_data, 'channel number', 65536, '')\n"
	    "same(bytes.hex(stun.long_term_key('user', 'realm', 'pass')), '8493fbc53ba582fb4c044c456bdc40eb')\n"
	    "same(#stun.long_term_key('user', 'realm', 'pass', 'SHA-256'), 32)\n"
	    "throws(stun.long_term_key, 'invalid option', 'u', 'r', 'p', 'MD4')\n"
	    "same(#stun.userhash('user', 'realm'), 32) same(stun.reason(438), 'Stale Nonce') same(stun.reason(799), "
	    "'')\n"
	    "local token = stun.attribute 'ACCESS-TOKEN'\n"
	    "same(token.type, 0x1B) same(token.required, true) same(token.kind, 'opaque') same(token.rfc, 'RFC 7635 "
	    "6.2')\n"
	    "same(stun.attribute(0x802E).name, 'THIRD-PARTY-AUTHORIZATION') same(stun.attribute(0x802E).required, "
	    "false)\n"
	    "same(stun.attribute(0x7F00), nil) same(stun.attribute 'NOTHING', nil)\n"
	    "assert(#stun.attributes() > 40) same(stun.TRANSACTION_SIZE, 12) same(stun.HEADER_SIZE, 20)\n");
}

static void a_message_keeps_its_octets_alive(void **state)
{
	(void)state;
	run("local list = {}\n"
	    "for i = 1, 200 do list[i] = stun.parse(build {{'LIFETIME', i}, {'DATA', ('x'):rep(i)}}) end\n"
	    "collectgarbage() collectgarbage()\n"
	    "for i = 1, 200 do same(list[i]:get 'LIFETIME', i) same(list[i]:get 'DATA', ('x'):rep(i)) end\n"
	    "list = nil collectgarbage()\n"
	    "same(getmetatable(stun.parse(sample)), 'stun.message')\n");
}

static void values_survive_the_collector_at_every_step(void **state)
{
	(void)state;
	run("collectgarbage('generational') collectgarbage('incremental', 100, 1000)\n"
	    "local expected = build({{'PASSWORD-ALGORITHMS', {1, 2}}, {'XOR-PEER-ADDRESS', {address = '::1', port = "
	    "1}}},\n"
	    "  {{'replace', 'XOR-PEER-ADDRESS', {address = '127.0.0.1', port = 2}}, {'insert', {'ERROR-CODE', 401}}})\n"
	    "local mt = setmetatable({}, {__gc = function() end})\n"
	    "for i = 1, 300 do\n"
	    "  collectgarbage('step', i)\n"
	    "  same(build({{'PASSWORD-ALGORITHMS', {1, 2}}, {'XOR-PEER-ADDRESS', {address = '::1', port = 1}}},\n"
	    "    {{'replace', 'XOR-PEER-ADDRESS', {address = '127.0.0.1', port = 2}}, {'insert', {'ERROR-CODE', "
	    "401}}}), expected)\n"
	    "end\n");
}

static void a_finalizer_after_the_module_is_told(void **state)
{
	(void)state;
	lua_State *other = luaL_newstate();
	luaL_openlibs(other);
	// Made before the module, so finalized after it, when there is nothing left to compute an HMAC with.
	assert_int_equal(luaL_dostring(other, "late = setmetatable({}, {__gc = function()\n"
					      "  pcall(stun.build, {class = 'request', method = 1,\n"
					      "    attributes = {{'MESSAGE-INTEGRITY', key = 'k'}}})\n"
					      "end})"),
			 0);
	luaL_requiref(other, "stun", luaopen_stun, 1);
	lua_close(other);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_read),
		cmocka_unit_test(what_is_malformed_says_where),
		cmocka_unit_test(each_kind_goes_there_and_back),
		cmocka_unit_test(wrong_values_throw),
		cmocka_unit_test(messages_are_built_right),
		cmocka_unit_test(edits_break_what_they_say),
		cmocka_unit_test(channels_keys_and_descriptors),
		cmocka_unit_test(a_message_keeps_its_octets_alive),
		cmocka_unit_test(values_survive_the_collector_at_every_step),
		cmocka_unit_test(a_finalizer_after_the_module_is_told),
	};
	return cmocka_run_group_tests(tests, start, script_close);
}
