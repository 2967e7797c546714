// SPDX-License-Identifier: BSD-3-Clause
//
// What an audit came to, as the table that audit.run returns (its manual is in audit.c).
#ifndef ASSAY_LUA_AUDIT_OUTCOME_H
#define ASSAY_LUA_AUDIT_OUTCOME_H

#include "audit/audit.h"
#include "capture/reader.h"

#include <lua.h>

// Pushes it, of a capture that was read as far as it goes. damage: why it broke off there; NULL: it did not.
void audit_outcome_push(lua_State *state, const struct audit *audit, const struct capture_reader *reader,
			const struct error *damage);

#endif
