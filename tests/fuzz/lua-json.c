// SPDX-License-Identifier: BSD-3-Clause
//
// Text between Lua and the world: JSON read and written, any octets as a JSON string and as a text of a capture file,
// hex and base64. What is written is read back as the same value by a reader that is not the writer's.
#include "base/utf8.h"
#include "fuzz.h"
#include "lua/modules.h"

#include <lauxlib.h>
#include <lualib.h>

static lua_State *state;

// A script, so that what is compared is compared as scripts see it. It throws where a claim does not hold.
static const char script[] =
	"local json, bytes, data = ...\n"
	"local function same(a, b)\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
	"    return a == b and math.type(a) == math.type(b) or a ~= a and b ~= b\n"
	"  end\n"
	"  for key, value in pairs(a) do if not same(value, b[key]) then return false end end\n"
	"  for key in pairs(b) do if a[key] == nil then return false end end\n"
	"  return getmetatable(a) == getmetatable(b)\n"
	"end\n"
	"local value, err, offset = json.decode(data)\n"
	"if value == nil then\n"
	"  assert(type(err) == 'string' and #err > 0, 'a failure without a text')\n"
	"  assert(offset == nil or offset >= 0 and offset <= #data, 'a place outside of the text')\n"
	"else\n"
	"  local text = json.encode(value)\n"
	"  assert(not text:find('[\\0-\\31\\127]'), 'a control in a text')\n"
	"  assert(utf8.len(text), 'a text that is not UTF-8')\n"
	"  local again = json.decode(text)\n"
	"  assert(again ~= nil, 'no value: ' .. text)\n"
	"  assert(same(value, again), 'another value: ' .. text)\n"
	"  assert(json.encode(again) == text, 'another text: ' .. text)\n"
	"end\n"
	"local quoted = json.encode(data)\n"
	"assert(utf8.len(quoted) and not quoted:find('[\\0-\\31\\127]'), 'a string that is no text')\n"
	"local clean = assert(json.decode(quoted))\n"
	"if utf8.len(data) then assert(clean == data, 'octets of a text were lost') end\n"
	"assert(json.decode(json.encode(clean)) == clean, 'what is clean does not stay')\n"
	"local object = { [data] = { data, 1.5 }, more = { inner = data } }\n"
	"local list, told = json.decode(json.encode(object, { data, 'inner' }))\n"
	"if data:find('\0', 1, true) then assert(told:find('NUL'), 'jansson has no NUL in a name')\n"
	"elseif data ~= 'more' then\n"
	"  assert(list[clean][1] == clean and list.more.inner == clean, 'a member was lost')\n"
	"end\n"
	"assert(bytes.unhex(bytes.hex(data)) == data, 'hex')\n"
	"assert(bytes.unbase64(bytes.base64(data)) == data, 'base64')\n"
	"local octets, why, place = bytes.unhex(data)\n"
	"if octets then assert(bytes.hex(octets) == data:lower(), 'hex let in')\n"
	"else assert(#why > 0 and place >= 0 and place <= #data, 'hex told') end\n"
	"octets, why, place = bytes.unbase64(data)\n"
	"if octets then assert(bytes.base64(octets) == data, 'base64 let in')\n"
	"else assert(#why > 0 and place >= 0 and place <= #data, 'base64 told') end\n"
	"return clean\n";

static void start(void)
{
	state = luaL_newstate();
	claim(state);
	luaL_openlibs(state);
	claim(luaL_loadbuffer(state, script, sizeof script - 1, "=script") == LUA_OK);
	luaL_requiref(state, "json", luaopen_json, 0);
	luaL_requiref(state, "bytes", luaopen_bytes, 0);
}

// What capture files get is what JSON gets, whose form Lua's own utf8.len has judged; but a NUL is written as text
// there, and nothing may be longer than it was asked for.
static void check_clean(const uint8_t *data, size_t size, const char *clean, size_t clean_length)
{
	struct writer whole, part;
	size_t most = size ? data[0] : 0;
	writer_init(&whole, 4 * size + 1);
	writer_init(&part, most + 1);
	claim(utf8_write_clean(&whole, (const char *)data, size, SIZE_MAX) == whole.length && !whole.failed);
	if (!memchr(data, 0, size))
		claim(whole.length == clean_length && (!size || memcmp(whole.data, clean, clean_length) == 0));
	claim(utf8_write_clean(&part, (const char *)data, size, most) == part.length);
	claim(!part.failed && part.length <= most && part.length <= whole.length);
	claim(part.length == whole.length || part.length + 4 > most);
	claim(!part.length || memcmp(part.data, whole.data, part.length) == 0);
	writer_free(&whole);
	writer_free(&part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length;
	if (!state)
		start();
	int top = lua_gettop(state);
	for (int i = 1; i <= top; i++)
		lua_pushvalue(state, i);
	lua_pushlstring(state, (const char *)data, size);
	bool held = lua_pcall(state, top, 1, 0) == LUA_OK;
	if (!held)
		fprintf(stderr, "%s\n", lua_tostring(state, -1));
	claim(held);
	const char *clean = lua_tolstring(state, -1, &length);
	check_clean(data, size, clean, length);
	lua_settop(state, top);
	return 0;
}
