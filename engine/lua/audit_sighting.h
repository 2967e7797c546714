// SPDX-License-Identifier: BSD-3-Clause
//
// A message of a capture as the rules of scripts see it, during the call that shows it.
#ifndef ASSAY_LUA_AUDIT_SIGHTING_H
#define ASSAY_LUA_AUDIT_SIGHTING_H

#include "audit/audit.h"

#include <lua.h>

// Makes the metatable; once for each state.
void audit_sighting_register(lua_State *state);

// Pushes a handle that shows nothing yet. What it shows is set and taken back with audit_sighting_show: a script that
// keeps it longer than its call gets an error, not memory that is gone.
void audit_sighting_push(lua_State *state);
void audit_sighting_show(lua_State *state, int index, const struct audit_sighting *sighting);

#endif
