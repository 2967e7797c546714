// SPDX-License-Identifier: BSD-3-Clause
//
// What a capture told besides breaches (audit/tally.h), as tables.
#ifndef ASSAY_LUA_AUDIT_TALLY_H
#define ASSAY_LUA_AUDIT_TALLY_H

#include "audit/tally.h"

#include <lua.h>

// Pushes one table: parties, names, keys, methods, reuses, privacy and left, as told in audit_tally.c.
void audit_tally_push(lua_State *state, const struct tally *tally);

#endif
