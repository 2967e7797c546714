// SPDX-License-Identifier: BSD-3-Clause
//
// capture.live: packets as they pass an interface, on the event loop.
#ifndef ASSAY_LUA_CAPTURE_LIVE_H
#define ASSAY_LUA_CAPTURE_LIVE_H

#include <lua.h>

// Adds its calls to the module's table on top of the stack.
void capture_live_open(lua_State *state);

#endif
