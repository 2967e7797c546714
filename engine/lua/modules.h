// SPDX-License-Identifier: BSD-3-Clause
//
// The modules a script can require. Each is one file of this folder, and the comment above each of its calls is
// the manual of that call.
#ifndef ASSAY_LUA_MODULES_H
#define ASSAY_LUA_MODULES_H

#include <lua.h>

int luaopen_audit(lua_State *state);   // captures judged message by message
int luaopen_bytes(lua_State *state);   // hex, base64, random octets
int luaopen_capture(lua_State *state); // live capture, pcapng, packets, TCP reassembly
int luaopen_clock(lua_State *state);   // wall and monotonic time
int luaopen_json(lua_State *state);    // JSON text <-> Lua values
int luaopen_net(lua_State *state);     // tasks, endpoints, listeners on the event loop
int luaopen_spool(lua_State *state);   // octets put by in a file
int luaopen_stun(lua_State *state);    // STUN messages, ChannelData
int luaopen_system(lua_State *state);  // files, folders, terminals, the command line
int luaopen_target(lua_State *state);  // processes: the implementation under test
int luaopen_token(lua_State *state);   // access tokens
int luaopen_workers(lua_State *state); // work done by child processes

#endif
