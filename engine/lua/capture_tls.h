// SPDX-License-Identifier: BSD-3-Clause
//
// capture.secrets, capture.tls and capture.dtls: TLS and DTLS read from outside.
#ifndef ASSAY_LUA_CAPTURE_TLS_H
#define ASSAY_LUA_CAPTURE_TLS_H

#include <lua.h>

struct tls_secrets;

// Adds its calls to the module's table on top of the stack.
void capture_tls_open(lua_State *state);

// The store of the secrets at that index; throws when it is none.
struct tls_secrets *capture_tls_secrets(lua_State *state, int index);

#endif
