// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the module net that needs no endpoint: addresses and schedules as Lua values, names, free ports, signals.
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

// Adds resolve, free_port, retransmissions and on_signal to the table on top of the stack.
void net_support_open(lua_State *state);

#endif
