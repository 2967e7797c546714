// SPDX-License-Identifier: BSD-3-Clause
//
// TLS and DTLS, part of the module net.
#include "lua/field.h"
#include "lua/net_endpoint.h"
#include "lua/net_support.h"
#include "lua/state.h"
#include "net/certificate.h"
#include "net/dtls.h"
#include "net/tls.h"

#include <stdio.h>
#include <string.h>

#define HANDSHAKE_TIMEOUT 10.0
#define NAMES_MOST 16
#define PATH_MOST 4096

// A path or a name: NULL when it is absent. A NUL would end it early.
static const char *check_text(lua_State *state, const char *name, bool needed)
{
	size_t length;
	const char *text = field_text(state, 1, name, needed, &length);
	if (text && strlen(text) != length)
		luaL_argerror(state, 1, lua_pushfstring(state, "%s: a text without NUL expected", name));
	return text;
}

static enum secure_version check_version(lua_State *state, const char *name)
{
	const char *text = check_text(state, name, false);
	if (!text)
		return SECURE_ANY;
	if (strcmp(text, "1.2") == 0)
		return SECURE_1_2;
	if (strcmp(text, "1.3") != 0)
		luaL_argerror(state, 1, lua_pushfstring(state, "%s: \"1.2\" or \"1.3\" expected", name));
	return SECURE_1_3;
}

static struct secure_settings check_client(lua_State *state)
{
	return (struct secure_settings){
		.ca = check_text(state, "ca", false),
		.insecure = field_boolean(state, 1, "insecure"),
		.server_name = check_text(state, "server_name", false),
		.minimum = check_version(state, "minimum"),
		.maximum = check_version(state, "maximum"),
		.timeout = net_opt_seconds(state, 1, "timeout", HANDSHAKE_TIMEOUT),
	};
}

static int connect_with(lua_State *state, bool datagrams)
{
	struct address remote, local;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_argcheck(state, net_opt_address(state, 1, "remote", &remote), 1, "remote expected");
	bool has_local = net_opt_address(state, 1, "address", &local);
	struct secure_settings settings = check_client(state);
	void *owner = net_push_owner(state);
	struct endpoint *endpoint = (datagrams ? dtls_connect : tls_connect)(
		&remote, has_local ? &local : NULL, &settings, &net_endpoint_handler, owner, &error);
	net_set_endpoint(owner, endpoint);
	return endpoint ? net_await_open(state) : state_push_error(state, &error);
}

// net.tls{ remote=address, address=address?, ca=path?, server_name=text?, insecure=boolean?, minimum="1.2"|"1.3",
//          maximum=, timeout=10 } * -> endpoint | nil, text
//
// Connects and shakes hands. The certificate must be one that the file `ca` vouches for (by default, the system) and
// bear server_name, a host name (sent as server name indication too) or an IP address; by default the remote address.
// With insecure any certificate will do. The text is "timeout", why there is no connection, or why the handshake
// failed.
// What a tap is told and what is received is decrypted; frames are those of TCP.
static int net_tls(lua_State *state)
{
	return connect_with(state, false);
}

// net.dtls{ the same } * -> endpoint | nil, text
//
// DTLS 1.2; a message is what one record carries, at most 16384 octets. Requests are sent again as over UDP. Datagrams
// from elsewhere than `remote` are ignored; ICMP errors are told to a tap, without what they quote.
static int net_dtls(lua_State *state)
{
	return connect_with(state, true);
}

static struct endpoint *accept_tls(void *listener, const struct endpoint_handler *handler, void *owner, bool *nothing,
				   struct error *error)
{
	(void)error;
	*nothing = true;
	return tls_accept(listener, handler, owner);
}

static const struct address *address_of_tls(void *listener)
{
	return tls_listener_address(listener);
}

static void free_tls(void *listener)
{
	tls_listener_free(listener);
}

static struct endpoint *accept_dtls(void *listener, const struct endpoint_handler *handler, void *owner, bool *nothing,
				    struct error *error)
{
	(void)error;
	*nothing = true;
	return dtls_accept(listener, handler, owner);
}

static const struct address *address_of_dtls(void *listener)
{
	return dtls_listener_address(listener);
}

static void free_dtls(void *listener)
{
	dtls_listener_free(listener);
}

static const struct net_listener_kind tls_listener_kind = {accept_tls, NULL, address_of_tls, free_tls};
static const struct net_listener_kind dtls_listener_kind = {accept_dtls, NULL, address_of_dtls, free_dtls};

static int listen_with(lua_State *state, bool datagrams)
{
	struct address address;
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	luaL_argcheck(state, net_opt_address(state, 1, "address", &address), 1, "address expected");
	struct secure_settings settings = {
		.certificate = check_text(state, "certificate", true),
		.key = check_text(state, "key", true),
		.minimum = check_version(state, "minimum"),
		.maximum = check_version(state, "maximum"),
		.timeout = net_opt_seconds(state, 1, "timeout", HANDSHAKE_TIMEOUT),
	};
	void *owner = net_push_listener(state, datagrams ? &dtls_listener_kind : &tls_listener_kind);
	void *listener = datagrams ? (void *)dtls_listen(&address, &settings, net_tell_listener, owner, &error)
				   : (void *)tls_listen(&address, &settings, net_tell_listener, owner, &error);
	net_set_listener(owner, listener);
	return listener ? 1 : state_push_error(state, &error);
}

// net.tls_listener{ address=address, certificate=path, key=path, minimum=, maximum=, timeout=10 } -> listener
//                                                                                                | nil, text
//
// The files are in PEM. Handshakes are made as clients come, and have so many seconds.
static int net_tls_listener(lua_State *state)
{
	return listen_with(state, false);
}

// net.dtls_listener{ the same } -> listener | nil, text
//
// Clients show by a cookie that they are where they say before anything is kept for them.
static int net_dtls_listener(lua_State *state)
{
	return listen_with(state, true);
}

// endpoint:secrets() -> text
//
// The secrets of a TLS or DTLS session as key log lines (SSLKEYLOGFILE), by which a capture of it is read decrypted; ""
// for another transport.
int net_secrets(lua_State *state)
{
	const struct secure *secure = secure_of(net_check_endpoint(state));
	if (secure && secure->secrets.data)
		lua_pushlstring(state, (const char *)secure->secrets.data, secure->secrets.length);
	else
		lua_pushliteral(state, "");
	return 1;
}

// endpoint:session() -> { version="TLSv1.3", cipher=text, peer=subject? } | nil for another transport, and once closed
int net_session(lua_State *state)
{
	const struct secure *secure = secure_of(net_check_endpoint(state));
	struct secure_facts facts;
	if (!secure || !secure_describe(secure, &facts)) {
		lua_pushnil(state);
		return 1;
	}
	lua_createtable(state, 0, 3);
	lua_pushstring(state, facts.version);
	lua_setfield(state, -2, "version");
	lua_pushstring(state, facts.cipher);
	lua_setfield(state, -2, "cipher");
	if (facts.peer[0]) {
		lua_pushstring(state, facts.peer);
		lua_setfield(state, -2, "peer");
	}
	return 1;
}

// endpoint:rekey() -> true | nil, text
//
// TLS 1.2, DTLS: asks for a new handshake within the session (RFC 5246 7.4.1.2), which the peer may take for its end.
// TLS 1.3: changes the keys and asks the peer to do the same (RFC 8446 4.6.3). Waits for nothing.
int net_rekey(lua_State *state)
{
	struct endpoint *endpoint = net_check_endpoint(state);
	struct error error;
	struct secure *secure = secure_of(endpoint);
	luaL_argcheck(state, secure, 1, "an endpoint of TLS or DTLS expected");
	if (secure_rekey(secure, &error) < 0)
		return state_push_error(state, &error);
	lua_pushboolean(state, true);
	return 1;
}

// net.make_certificate{ names={ text, ... }, folder=path } -> path of the certificate, path of the key | nil, text
//
// Writes certificate.pem and key.pem there: self-signed, for these host names and IP addresses, good for a day. The
// certificate is also the `ca` of its clients.
static int net_make_certificate(lua_State *state)
{
	const char *names[NAMES_MOST];
	char certificate[PATH_MOST], key[PATH_MOST];
	struct error error;
	luaL_checktype(state, 1, LUA_TTABLE);
	const char *folder = check_text(state, "folder", true);
	luaL_argcheck(state, strlen(folder) < PATH_MOST - 32, 1, "folder: a shorter path expected");
	luaL_argcheck(state, lua_getfield(state, 1, "names") == LUA_TTABLE, 1, "names: an array of texts expected");
	lua_Unsigned count = lua_rawlen(state, -1);
	luaL_argcheck(state, count >= 1 && count <= NAMES_MOST, 1, "names: 1 to 16 of them expected");
	luaL_checkstack(state, NAMES_MOST, NULL);
	int list = lua_gettop(state);
	for (lua_Unsigned i = 0; i < count; i++) {
		// They stay on the stack, and so in memory.
		if (lua_rawgeti(state, list, (lua_Integer)i + 1) != LUA_TSTRING)
			return luaL_argerror(state, 1, "names: an array of texts expected");
		names[i] = lua_tostring(state, -1);
	}
	snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
	snprintf(key, sizeof key, "%s/key.pem", folder);
	if (certificate_make(names, (size_t)count, certificate, key, &error) < 0)
		return state_push_error(state, &error);
	lua_pushstring(state, certificate);
	lua_pushstring(state, key);
	return 2;
}

void net_secure_open(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"tls", net_tls},
		{"dtls", net_dtls},
		{"tls_listener", net_tls_listener},
		{"dtls_listener", net_dtls_listener},
		{"make_certificate", net_make_certificate},
		{NULL, NULL},
	};
	luaL_setfuncs(state, functions, 0);
}
