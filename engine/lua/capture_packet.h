// SPDX-License-Identifier: BSD-3-Clause
//
// A packet as scripts see it.
#ifndef ASSAY_LUA_CAPTURE_PACKET_H
#define ASSAY_LUA_CAPTURE_PACKET_H

#include "capture/packet.h"

#include <lua.h>

// Pushes a table with copies of everything in *packet, which was decoded.
void capture_packet_push(lua_State *state, const struct packet *packet);

// The address {address=, port=} in that field of the table at index `table`; throws when it is none.
struct packet_address capture_packet_address(lua_State *state, int table, const char *name);

#endif
