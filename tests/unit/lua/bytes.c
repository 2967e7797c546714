// SPDX-License-Identifier: BSD-3-Clause
//
// The bytes and clock modules as a script sees them. Each test is a Lua chunk whose asserts are the test.
#include "lua/modules.h"

#include "script.h"

static const luaL_Reg modules[] = {{"bytes", luaopen_bytes}, {"clock", luaopen_clock}, {NULL, NULL}};

static int start(void **state)
{
	(void)state;
	return script_open(modules, "everything = '' for i = 0, 255 do everything = everything .. string.char(i) end\n",
			   NULL);
}

static void hex_goes_there_and_back(void **state)
{
	(void)state;
	run("same(bytes.hex '', '') same(bytes.hex '\\0\\xff\\x1a', '00ff1a') same(bytes.unhex '00FFfa', "
	    "'\\0\\xff\\xfa')\n"
	    "same(bytes.unhex(bytes.hex(everything)), everything)\n"
	    "local s, err, at = bytes.unhex '00g0' same(s, nil) same(at, 2)\n"
	    "s, err, at = bytes.unhex '000' same(s, nil) same(at, 3) s = bytes.unhex '00 00' same(s, nil)\n");
}

static void base64_is_that_of_rfc_4648(void **state)
{
	(void)state;
	run("for octets, text in pairs {[''] = '', f = 'Zg==', fo = 'Zm8=', foo = 'Zm9v', foob = 'Zm9vYg==',\n"
	    "    fooba = 'Zm9vYmE=', foobar = 'Zm9vYmFy', ['\\xfb\\xff\\xbf'] = '+/+/'} do\n"
	    "  same(bytes.base64(octets), text) same(bytes.unbase64(text), octets)\n"
	    "end\n"
	    "for i = 0, 256 do same(bytes.unbase64(bytes.base64(everything:sub(1, i))), everything:sub(1, i)) end\n");
}

static void base64_is_strict(void **state)
{
	(void)state;
	run("for _, text in ipairs {'Z', 'Zg', 'Zg=', 'Zg===', '====', '=', 'Zm9v\\n', ' Zm9v', 'Zm9-', 'Zm9_', "
	    "'Zm=v', 'Zh==',\n"
	    "    'Zm9=', 'Zm9vZg', 'Zm9v=', 'Zg==Zg==', 'Zm\\0v'} do\n"
	    "  local octets, err, offset = bytes.unbase64(text)\n"
	    "  same(octets, nil) assert(#err > 0, text) assert(math.type(offset) == 'integer' and offset <= #text, "
	    "text)\n"
	    "end\n");
}

static void octets_are_made_and_changed(void **state)
{
	(void)state;
	run("same(#bytes.random(0), 0) same(#bytes.random(33), 33) assert(bytes.random(16) ~= bytes.random(16))\n"
	    "assert(not pcall(bytes.random, -1)) assert(not pcall(bytes.random, 1 << 40))\n"
	    "same(bytes.hex(bytes.sha1 'abc'), 'a9993e364706816aba3e25717850c26c9cd0d89d')\n"
	    "same(bytes.hex(bytes.sha256 'abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')\n"
	    "same(bytes.flip('\\0\\0', 0), '\\x80\\0') same(bytes.flip('\\0\\0', 15), '\\0\\1')\n"
	    "same(bytes.flip(bytes.flip(everything, 1234), 1234), everything)\n"
	    "assert(not pcall(bytes.flip, 'x', 8)) assert(not pcall(bytes.flip, 'x', -1)) assert(not pcall(bytes.flip, "
	    "'', 0))\n"
	    "same(bytes.equal('ab', 'ab'), true) same(bytes.equal('ab', 'ac'), false) same(bytes.equal('ab', 'abc'), "
	    "false)\n"
	    "same(bytes.equal('', ''), true)\n");
}

static void clocks_go_forward(void **state)
{
	(void)state;
	run("assert(clock.now() > 1.6e9) local a = clock.monotonic() local b = clock.monotonic() assert(a > 0 and b >= "
	    "a)\n"
	    "same(math.type(clock.now()), 'float')\n");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_goes_there_and_back), cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(base64_is_strict),        cmocka_unit_test(octets_are_made_and_changed),
		cmocka_unit_test(clocks_go_forward),
	};
	return cmocka_run_group_tests(tests, start, script_close);
}
