// SPDX-License-Identifier: BSD-3-Clause
//
// How the files of the module net make endpoints and listeners of every transport into userdata: net.c has endpoints,
// net_listener.c listeners, net_secure.c what TLS and DTLS have besides.
#ifndef ASSAY_LUA_NET_ENDPOINT_H
#define ASSAY_LUA_NET_ENDPOINT_H

#include "net/endpoint.h"

#include <lua.h>

// What an endpoint of a script is opened with, together with its owner.
extern const struct endpoint_handler net_endpoint_handler;

// Pushes a userdata without an endpoint yet, and returns its owner to be. The endpoint that is set is freed with it.
void *net_push_owner(lua_State *state);
void net_set_endpoint(void *owner, struct endpoint *endpoint);

// Waits until the endpoint on top of the stack, which is being opened, is open: `return net_await_open(state)` yields
// the task and ends with the endpoint, or with nil and why it could not be opened.
int net_await_open(lua_State *state);

// A kind of listener, with the functions of its module (tcp.h, tls.h, dtls.h).
struct net_listener_kind {
	// The next connection; NULL with *nothing when none is there, else with *error.
	struct endpoint *(*accept)(void *listener, const struct endpoint_handler *handler, void *owner, bool *nothing,
				   struct error *error);
	// Asks to be told of the next one; NULL where that goes without asking. -1 when it cannot be done.
	int (*watch)(void *listener);
	const struct address *(*address)(void *listener);
	void (*free)(void *listener);
};

// Pushes a closed listener of this kind, and returns the owner that net_tell_listener takes. Setting the listener hands
// it over; with NULL it stays closed.
void *net_push_listener(lua_State *state, const struct net_listener_kind *kind);
void net_set_listener(void *owner, void *listener);

// A connection may be there.
void net_tell_listener(void *owner);

// endpoint:secrets, endpoint:session (net_secure.c).
int net_secrets(lua_State *state);
int net_session(lua_State *state);
int net_rekey(lua_State *state);

// Add their calls to the table on top of the stack.
void net_listener_open(lua_State *state);
void net_secure_open(lua_State *state);

#endif
