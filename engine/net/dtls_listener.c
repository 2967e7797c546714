// SPDX-License-Identifier: BSD-3-Clause
#include "net/dtls_session.h"
#include "net/loop.h"
#include "net/udp.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define PARKED_DATAGRAMS 16 // kept for a session that is not taken yet
#define COOKIE_KEY 32

struct dtls_listener {
	struct endpoint *udp;
	SSL_CTX *context;
	uint8_t cookie_key[COOKIE_KEY];
	struct dtls *sessions;   // the oldest first
	struct dtls *embryo;     // the one that checks the cookies of those who have no session
	unsigned count, waiting; // sessions; those that are not taken
	unsigned references;     // sessions, the owner, and a callback at work
	double timeout;
	void (*ready)(void *owner); // NULL once its owner has freed it
	void *owner;
};

static void let_go(struct dtls_listener *listener)
{
	if (--listener->references > 0)
		return;
	endpoint_free(listener->udp);
	SSL_CTX_free(listener->context);
	OPENSSL_cleanse(listener->cookie_key, sizeof listener->cookie_key);
	free(listener);
}

static void on_closed(struct dtls *dtls)
{
	struct dtls_listener *listener = dtls->listener;
	struct dtls **place = &listener->sessions;
	while (*place && *place != dtls)
		place = &(*place)->next;
	if (*place) { // else it is the embryo
		*place = dtls->next;
		listener->count--;
		// One with an owner was taken.
		listener->waiting -= dtls->secure.endpoint.owner == dtls;
	}
	let_go(listener);
}

// Who it is, so that a cookie is good from nowhere else.
static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length)
{
	const struct secure *secure = SSL_get_app_data(ssl); // which a struct dtls begins with
	const struct dtls *dtls = (const struct dtls *)secure;
	const struct address *remote = &dtls->secure.endpoint.remote;
	struct {
		struct in6_addr octets;
		uint16_t port;
		uint32_t scope;
	} who;
	memset(&who, 0, sizeof who);
	if (remote->any.sa_family == AF_INET6) {
		who.octets = remote->v6.sin6_addr;
		who.scope = remote->v6.sin6_scope_id;
	} else {
		memcpy(&who.octets, &remote->v4.sin_addr, sizeof remote->v4.sin_addr);
	}
	who.port = address_port(remote);
	return HMAC(EVP_sha256(), dtls->listener->cookie_key, COOKIE_KEY, (const unsigned char *)&who, sizeof who,
		    cookie, length) != NULL;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned length)
{
	unsigned char expected[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	return make_cookie(ssl, expected, &size) == 1 && size == length && CRYPTO_memcmp(expected, cookie, size) == 0;
}

// Of a session that nobody has taken: its handshake is over, in one way or the other.
static void on_handshake(void *owner)
{
	struct dtls *dtls = owner;
	struct dtls_listener *listener = dtls->listener;
	if (dtls->secure.endpoint.state != ENDPOINT_OPEN)
		endpoint_free(&dtls->secure.endpoint);
	else if (listener->ready)
		listener->ready(listener->owner);
}

static const struct endpoint_handler nobody = {NULL, on_handshake};

static struct dtls *embryo_of(struct dtls_listener *listener)
{
	struct secure_settings settings = {.timeout = listener->timeout};
	if (listener->embryo)
		return listener->embryo;
	struct dtls *dtls = dtls_make(listener->context, &settings, true, NULL, &nobody, NULL, NULL);
	if (!dtls)
		return NULL;
	dtls->secure.endpoint.owner = dtls;
	dtls->secure.endpoint.local = listener->udp->local;
	dtls->udp = listener->udp;
	dtls->listener = listener;
	dtls->gone = on_closed;
	listener->references++;
	listener->embryo = dtls;
	return dtls;
}

static struct dtls *find_session(struct dtls_listener *listener, const struct address *remote)
{
	for (struct dtls *dtls = listener->sessions; dtls; dtls = dtls->next)
		if (!dtls->replaced && address_equal(&dtls->secure.endpoint.remote, remote))
			return dtls;
	return NULL;
}

// A client that has no session, or begins anew: it gets a cookie, or a session when it brings one (RFC 6347 4.2.1).
// Returns that session with the datagram still to be given to it, or NULL.
static struct dtls *welcome(struct dtls_listener *listener, const struct packet *packet)
{
	if (!listener->ready || listener->count >= DTLS_SESSIONS || listener->waiting >= DTLS_WAITING)
		return NULL;
	struct dtls *dtls = embryo_of(listener);
	BIO_ADDR *client = dtls ? BIO_ADDR_new() : NULL;
	if (!client)
		return NULL;
	dtls->secure.endpoint.remote = packet->peer;
	dtls->datagram.octets = packet->octets;
	dtls->datagram.length = packet->length;
	ERR_clear_error();
	bool proven = DTLSv1_listen(dtls->secure.ssl, client) > 0;
	ERR_clear_error();
	BIO_ADDR_free(client);
	dtls->datagram.octets = NULL;
	dtls->datagram.peek = 0;
	if (!proven)
		return NULL;
	listener->embryo = NULL;
	struct dtls **place = &listener->sessions;
	while (*place)
		place = &(*place)->next;
	*place = dtls;
	listener->count++;
	listener->waiting++;
	dtls->deadline = loop_monotonic() + listener->timeout;
	return dtls;
}

// RFC 6347 4.2.8: a client that lost its session and has kept its port says so by a ClientHello in the clear.
// One with the random of the ClientHello that made the session is that very one, doubled or delayed on its way.
static bool begins_anew(const struct dtls *known, const struct packet *packet)
{
	struct reader reader;
	uint8_t own[SSL3_RANDOM_SIZE];
	reader_init(&reader, packet->octets, packet->length);
	uint8_t type = reader_u8(&reader);
	reader_u16(&reader);
	uint16_t epoch = reader_u16(&reader);
	reader_bytes(&reader, 8);
	uint8_t message = reader_u8(&reader);
	if (reader.failed || type != SSL3_RT_HANDSHAKE || epoch != 0 || message != SSL3_MT_CLIENT_HELLO)
		return false;
	reader_bytes(&reader, 11); // the length, the number, and which part of it this is
	reader_u16(&reader);
	const uint8_t *random = reader_bytes(&reader, sizeof own);
	size_t size = SSL_get_client_random(known->secure.ssl, own, sizeof own);
	return reader.failed || size != sizeof own || memcmp(random, own, sizeof own) != 0;
}

static void replace(struct dtls *old)
{
	old->replaced = true;
	endpoint_enter(&old->secure.endpoint);
	dtls_lose(old, "closed");
	endpoint_leave(&old->secure.endpoint);
}

static void give(struct dtls *dtls, const struct packet *packet)
{
	struct endpoint *endpoint = &dtls->secure.endpoint;
	endpoint_enter(endpoint);
	if (dtls->parked || dtls->backlog.first) {
		if (dtls->backlog.items < PARKED_DATAGRAMS)
			inbox_put(&dtls->backlog, packet->octets, packet->length, &packet->peer, packet->time);
	} else if (endpoint->state == ENDPOINT_OPENING || endpoint->state == ENDPOINT_OPEN) {
		dtls_advance(dtls, packet->octets, packet->length, packet->time);
	}
	endpoint_leave(endpoint);
}

// Of a listener: what its socket is told.
static void on_datagram(void *owner, const struct packet *packet)
{
	struct dtls_listener *listener = owner;
	if (packet->direction != PACKET_RECEIVED)
		return;
	listener->references++;
	struct dtls *known = find_session(listener, &packet->peer);
	struct dtls *next = known;
	if (!known || (known->secure.endpoint.state != ENDPOINT_OPENING && begins_anew(known, packet)))
		next = welcome(listener, packet);
	if (known && next && next != known)
		replace(known);
	if (next)
		give(next, packet);
	let_go(listener);
}

static void on_listener_change(void *owner)
{
	struct dtls_listener *listener = owner;
	if (listener->udp)
		inbox_clear(&listener->udp->inbox);
}

static const struct endpoint_handler listener_socket = {on_datagram, on_listener_change};

struct dtls_listener *dtls_listen(const struct address *address, const struct secure_settings *settings,
				  void (*ready)(void *owner), void *owner, struct error *error)
{
	struct dtls_listener *listener = calloc(1, sizeof *listener);
	if (!listener) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	listener->references = 1;
	listener->timeout = settings->timeout;
	listener->ready = ready;
	listener->owner = owner;
	listener->context = secure_context(settings, true, true, error);
	if (!listener->context)
		goto failed;
	if (RAND_bytes(listener->cookie_key, COOKIE_KEY) != 1) {
		error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "no random octets to be had");
		goto failed;
	}
	SSL_CTX_set_cookie_generate_cb(listener->context, make_cookie);
	SSL_CTX_set_cookie_verify_cb(listener->context, check_cookie);
	listener->udp = udp_open(NULL, address, &listener_socket, listener, error);
	if (listener->udp)
		return listener;
failed:
	let_go(listener);
	return NULL;
}

const struct address *dtls_listener_address(const struct dtls_listener *listener)
{
	return &listener->udp->local;
}

void dtls_listener_free(struct dtls_listener *listener)
{
	if (!listener)
		return;
	listener->ready = NULL;
	if (listener->embryo)
		endpoint_free(&listener->embryo->secure.endpoint);
	listener->embryo = NULL;
	struct dtls *dtls = listener->sessions;
	while (dtls) {
		struct dtls *next = dtls->next;
		if (dtls->secure.endpoint.owner == dtls)
			endpoint_free(&dtls->secure.endpoint);
		dtls = next;
	}
	let_go(listener);
}

struct endpoint *dtls_accept(struct dtls_listener *listener, const struct endpoint_handler *handler, void *owner)
{
	struct timeval now = {0, 0};
	for (struct dtls *dtls = listener->sessions; dtls; dtls = dtls->next) {
		if (!dtls->parked)
			continue;
		dtls->parked = false;
		dtls->secure.endpoint.handler = handler;
		dtls->secure.endpoint.owner = owner;
		listener->waiting--;
		event_add(dtls->timer, &now);
		return &dtls->secure.endpoint;
	}
	return NULL;
}
