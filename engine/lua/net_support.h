// SPDX-License-Identifier: BSD-3-Clause
//
// What the files of the module net share: addresses, times and schedules as Lua values; and its calls that need no
// endpoint: names, free ports, signals.
#ifndef ASSAY_LUA_NET_SUPPORT_H
#define ASSAY_LUA_NET_SUPPORT_H

#include "net/address.h"
#include "net/retransmit.h"

#include <lua.h>

// Pushes { address="127.0.0.1", port=3478 }; an address of length 0 as nil.
void net_push_address(lua_State *state, const struct address *address);

// Reads such a table at `index`; the port may be absent (0). Throws on anything else, a name among it.
void net_check_address(lua_State *state, int index, struct address *address);

// Reads the field `name` of the table at `index` as an address. False if it is absent.
bool net_opt_address(lua_State *state, int index, const char *name, struct address *address);

// The field `name` of the table at `index` as a time of more than 0 seconds, or `standard` if it is absent.
double net_opt_seconds(lua_State *state, int index, const char *name, double standard);

// The fields rto, rc and rm of the table at `index`, by default those of RFC 5389.
struct retransmit net_check_schedule(lua_State *state, int index);

// Puts in place of the arguments behind the first when the timeout is over that the argument at `index` tells, or nil:
// it never is. And how many seconds are left until what so stands at `index`; negative: for ever.
void net_push_deadline(lua_State *state, int index);
double net_time_left(lua_State *state, int index);

// Pushes nil and the text, and returns 2.
int net_push_failure(lua_State *state, const char *text);

struct endpoint;

// The endpoint that is the first argument (net.c).
struct endpoint *net_check_endpoint(lua_State *state);

// endpoint:transact, and what it needs in the registry (net_transact.c).
int net_transact(lua_State *state);
void net_transact_open(lua_State *state);

// Adds resolve, free_port, retransmissions and on_signal to the table on top of the stack.
void net_support_open(lua_State *state);

#endif
