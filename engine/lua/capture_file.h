// SPDX-License-Identifier: BSD-3-Clause
//
// capture.writer and capture.read: capture files.
#ifndef ASSAY_LUA_CAPTURE_FILE_H
#define ASSAY_LUA_CAPTURE_FILE_H

#include <lua.h>

// Adds its calls to the module's table on top of the stack.
void capture_file_open(lua_State *state);

#endif
