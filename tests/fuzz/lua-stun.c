// SPDX-License-Identifier: BSD-3-Clause
//
// The door between hostile octets and scripts: stun.parse and all that a message can be asked, stun.build with the
// values that it gave, stun.edit, stun.text, ChannelData, and token.open. What was parsed is built again out of what
// scripts see, and comes to the same values.
#include "fuzz.h"
#include "lua/modules.h"

#include <lauxlib.h>
#include <lualib.h>

static lua_State *state;

static const char script[] =
	"local stun, token, data = ...\n"
	"local function same(a, b)\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
	"  for key, value in pairs(a) do if not same(value, b[key]) then return false end end\n"
	"  for key in pairs(b) do if a[key] == nil then return false end end\n"
	"  return true\n"
	"end\n"
	"local function told(value, text, offset)\n"
	"  assert(value == nil and type(text) == 'string' and #text > 0, 'a failure without a text')\n"
	"  assert(offset == nil or offset >= 0 and offset <= #data, 'a place outside of the message')\n"
	"end\n"
	"assert(stun.text(data):find('^[\\32-\\126\\n]+$'), 'a text that cannot be printed')\n"
	"local number, content, place = stun.parse_channel_data(data)\n"
	"if number then\n"
	"  local made = stun.channel_data(number, content)\n"
	"  assert(data:sub(1, #made) == made and #data - #made <= 3, 'ChannelData')\n"
	"else told(number, content, place) end\n"
	"local sealed = { algorithm = 'A128GCM', key = ('K'):rep(16), server_name = 'example', token = data }\n"
	"local opened, why = token.open(sealed)\n"
	"assert(opened == nil and #why > 0, 'a token that nobody sealed')\n"
	"local layout = token.layout { algorithm = 'A128GCM', token = data }\n"
	"if layout then assert(layout[4].offset + layout[4].length == #data, 'layout') end\n"
	"local message, text, offset = stun.parse(data)\n"
	"if not message then return told(message, text, offset) end\n"
	"assert(message:bytes() == data)\n"
	"local raw, values, counts, whole = {}, {}, {}, true\n"
	"for i, attribute in ipairs(message:attributes()) do\n"
	"  local kind, type = attribute.type, attribute.name\n"
	"  counts[kind] = (counts[kind] or 0) + 1\n"
	"  assert(message:raw(kind, counts[kind]) == attribute.value, 'raw')\n"
	"  assert(#attribute.value == attribute.length and #attribute.padding == -attribute.length % 4, 'lengths')\n"
	"  local start, behind = attribute.offset + 4, attribute.offset + 4 + attribute.length\n"
	"  assert(data:sub(start + 1, behind) == attribute.value, 'offset')\n"
	"  raw[i] = { kind, attribute.value, padding = attribute.padding }\n"
	"  local known = stun.attribute(kind)\n"
	"  assert((known and known.name or ('0x%04X'):format(kind)) == type, 'name')\n"
	"  local value, problem, where = message:get(kind, counts[kind])\n"
	"  if value == nil then\n"
	"    told(value, problem, where)\n"
	"    assert(where >= start and where <= behind, 'place of a fault')\n"
	"    values[i] = { kind, attribute.value }\n"
	"  else\n"
	"    values[i] = { kind, value }\n"
	"  end\n"
	"end\n"
	"for kind, count in pairs(counts) do\n"
	"  assert(message:count(kind) == count and message:has(kind), 'count')\n"
	"  assert(message:get(kind, count + 1) == nil and message:raw(kind, count + 1) == nil, 'one more')\n"
	"end\n"
	"local head = { type = message:type(), cookie = message:cookie(), transaction = message:transaction() }\n"
	"local function build(attributes)\n"
	"  return stun.build { type = head.type, cookie = head.cookie, transaction = head.transaction,\n"
	"    attributes = attributes }\n"
	"end\n"
	"assert(build(raw) == data, 'another message')\n"
	"local again = assert(stun.parse(assert(build(values))))\n"
	"for i, pair in ipairs(values) do\n"
	"  local nth = 0\n"
	"  for j = 1, i do nth = nth + (values[j][1] == pair[1] and 1 or 0) end\n"
	"  local value = again:get(pair[1], nth)\n"
	"  assert(value == nil or same(value, pair[2]), 'another value')\n"
	"end\n"
	"if #data > 20 then\n"
	"  assert(stun.edit(data, { { 'truncate', #data - 1 } }) == data:sub(1, -2), 'truncate')\n"
	"  local first = message:attributes()[1]\n"
	"  local ok, edited = pcall(stun.edit, data, { { 'flip', first.type, 3 }, { 'append', 'x' } })\n"
	"  assert(ok == (first.length > 0), 'flip')\n"
	"  assert(not ok or #edited == #data + 1 and edited ~= data .. 'x', 'flip of nothing')\n"
	"end\n"
	"local verdicts = { valid = true, invalid = true, absent = true }\n"
	"assert(verdicts[message:integrity('key')] and verdicts[message:integrity('key', 0x1C)])\n"
	"assert(verdicts[message:fingerprint()] and message:class() and message:method())\n";

static void start(void)
{
	state = luaL_newstate();
	claim(state);
	luaL_openlibs(state);
	claim(luaL_loadbuffer(state, script, sizeof script - 1, "=script") == LUA_OK);
	luaL_requiref(state, "stun", luaopen_stun, 0);
	luaL_requiref(state, "token", luaopen_token, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!state)
		start();
	int top = lua_gettop(state);
	for (int i = 1; i <= top; i++)
		lua_pushvalue(state, i);
	lua_pushlstring(state, (const char *)data, size);
	bool held = lua_pcall(state, top, 0, 0) == LUA_OK;
	if (!held)
		fprintf(stderr, "%s\n", lua_tostring(state, -1));
	claim(held);
	lua_settop(state, top);
	return 0;
}
