// SPDX-License-Identifier: BSD-3-Clause
#include "net/dtls.h"

#include "net/datagram.h"
#include "net/loop.h"
#include "net/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD 16384         // octets of the longest record
#define FLIGHT_DATAGRAM 1200 // octets of a datagram of a handshake: what passes nearly everywhere in one piece
#define PARKED_DATAGRAMS 16  // kept for a session that is not taken yet
#define COOKIE_KEY 32

struct dtls {
	struct secure secure; // its endpoint first
	struct datagram datagram;
	struct endpoint *udp; // its own socket (client) or that of the listener
	struct event *timer;  // the next sending of a lost flight, or the end of patience
	double deadline;      // of the handshake, by the monotonic clock
	double time;          // when the datagram at hand came
	bool unsent;          // the last datagram, for the reason in `refusal`
	struct error refusal;
	char icmp[128];       // the last ICMP error during the handshake
	bool parked;          // shaken hands with, and not yet taken
	bool replaced;        // the client at this address has begun anew
	struct inbox backlog; // datagrams that came while it was parked
	struct dtls_listener *listener;
	struct dtls *next; // of the listener's sessions
};

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

static struct dtls *dtls_of(struct endpoint *endpoint)
{
	return (struct dtls *)endpoint;
}

static void let_go(struct dtls_listener *listener)
{
	if (--listener->references > 0)
		return;
	endpoint_free(listener->udp);
	SSL_CTX_free(listener->context);
	OPENSSL_cleanse(listener->cookie_key, sizeof listener->cookie_key);
	free(listener);
}

static void send_datagram(void *owner, const void *octets, size_t length)
{
	struct dtls *dtls = owner;
	dtls->unsent = endpoint_send(dtls->udp, octets, length, &dtls->secure.endpoint.remote, &dtls->refusal) < 0;
}

static void unlink_session(struct dtls *dtls)
{
	struct dtls_listener *listener = dtls->listener;
	struct dtls **place = &listener->sessions;
	while (*place && *place != dtls)
		place = &(*place)->next;
	if (!*place)
		return; // the embryo
	*place = dtls->next;
	listener->count--;
	// One with an owner was taken.
	listener->waiting -= dtls->secure.endpoint.owner == dtls;
}

static void dtls_close(struct endpoint *endpoint)
{
	struct dtls *dtls = dtls_of(endpoint);
	if (dtls->secure.ssl && SSL_is_init_finished(dtls->secure.ssl)) {
		ERR_clear_error();
		SSL_shutdown(dtls->secure.ssl);
		ERR_clear_error();
	}
	secure_end(&dtls->secure);
	if (dtls->timer)
		event_free(dtls->timer);
	dtls->timer = NULL;
	inbox_clear(&dtls->backlog);
	if (dtls->listener) {
		unlink_session(dtls);
		let_go(dtls->listener);
	} else {
		endpoint_free(dtls->udp);
	}
	dtls->listener = NULL;
	dtls->udp = NULL;
}

static void dtls_release(struct endpoint *endpoint)
{
	secure_release(&dtls_of(endpoint)->secure);
}

static void lose(struct dtls *dtls, const char *reason)
{
	event_del(dtls->timer);
	endpoint_ended(&dtls->secure.endpoint, reason);
}

static int dtls_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		     struct error *error)
{
	struct dtls *dtls = dtls_of(endpoint);
	char reason[SECURE_TEXT];
	size_t written;
	(void)to;
	if (!dtls->secure.ssl || !SSL_is_init_finished(dtls->secure.ssl))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "%s", endpoint->ended);
	if (length == 0 || length > RECORD)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "a record carries 1 to %d octets, not %zu",
				 RECORD, length);
	dtls->unsent = false;
	ERR_clear_error();
	errno = 0;
	int done = SSL_write_ex(dtls->secure.ssl, octets, length, &written);
	if (done != 1) {
		secure_explain(&dtls->secure, SSL_get_error(dtls->secure.ssl, done), "cannot send", reason);
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "%s", reason);
	}
	if (dtls->unsent) {
		*error = dtls->refusal;
		return -1;
	}
	return 0;
}

const struct endpoint_kind dtls_kind = {"dtls", false, dtls_send, dtls_close, dtls_release};

static void arm(struct dtls *dtls)
{
	struct timeval span;
	enum endpoint_state state = dtls->secure.endpoint.state;
	bool resend = dtls->secure.ssl && DTLSv1_get_timeout(dtls->secure.ssl, &span) == 1;
	if (state != ENDPOINT_OPENING && (state != ENDPOINT_OPEN || !resend)) {
		if (dtls->timer)
			event_del(dtls->timer);
		return;
	}
	if (state == ENDPOINT_OPENING) {
		double left = dtls->deadline - loop_monotonic();
		struct timeval end = loop_span(left);
		if (!resend || evutil_timercmp(&end, &span, <))
			span = end;
	}
	event_add(dtls->timer, &span);
}

static void shake_hands(struct dtls *dtls)
{
	char reason[SECURE_TEXT];
	ERR_clear_error();
	errno = 0;
	int done = SSL_do_handshake(dtls->secure.ssl);
	if (done == 1) {
		dtls->parked = dtls->listener != NULL;
		endpoint_opened(&dtls->secure.endpoint);
		return;
	}
	int outcome = SSL_get_error(dtls->secure.ssl, done);
	if (outcome == SSL_ERROR_WANT_READ || outcome == SSL_ERROR_WANT_WRITE)
		return;
	secure_explain(&dtls->secure, outcome, "DTLS handshake", reason);
	lose(dtls, reason);
}

static void receive(struct dtls *dtls)
{
	struct endpoint *endpoint = &dtls->secure.endpoint;
	uint8_t record[RECORD];
	char reason[SECURE_TEXT];
	size_t length;
	while (endpoint->state == ENDPOINT_OPEN) {
		ERR_clear_error();
		errno = 0;
		int done = SSL_read_ex(dtls->secure.ssl, record, sizeof record, &length);
		if (done == 1) {
			endpoint_received(endpoint, record, length, &endpoint->remote, dtls->time);
			continue;
		}
		int outcome = SSL_get_error(dtls->secure.ssl, done);
		if (outcome == SSL_ERROR_WANT_READ || outcome == SSL_ERROR_WANT_WRITE)
			return;
		if (outcome == SSL_ERROR_ZERO_RETURN) {
			lose(dtls, "closed");
			return;
		}
		secure_explain(&dtls->secure, outcome, "DTLS", reason);
		lose(dtls, reason);
	}
}

// Goes on as far as the datagram at hand allows, or without one. Stands between endpoint_enter and endpoint_leave.
static void advance(struct dtls *dtls, const void *octets, size_t length, double time)
{
	dtls->datagram.octets = octets;
	dtls->datagram.length = length;
	dtls->time = time;
	if (dtls->secure.endpoint.state == ENDPOINT_OPENING)
		shake_hands(dtls);
	if (!dtls->parked)
		receive(dtls);
	dtls->datagram.octets = NULL; // what is left of it goes with it
	arm(dtls);
}

// The owner may close it half way, and so empty the backlog.
static void take_backlog(struct dtls *dtls)
{
	const struct inbox_item *item;
	while (!dtls->parked && (item = dtls->backlog.first) && dtls->secure.endpoint.state == ENDPOINT_OPEN) {
		advance(dtls, item->octets, item->length, item->time);
		inbox_drop(&dtls->backlog);
	}
}

static void on_timer(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct dtls *dtls = context;
	struct endpoint *endpoint = &dtls->secure.endpoint;
	char reason[SECURE_TEXT];
	endpoint_enter(endpoint);
	ERR_clear_error();
	errno = 0;
	if (endpoint->state == ENDPOINT_OPENING && loop_monotonic() >= dtls->deadline) {
		snprintf(reason, sizeof reason, "timeout%s%s", dtls->icmp[0] ? "; " : "", dtls->icmp);
		lose(dtls, reason);
	} else if (DTLSv1_handle_timeout(dtls->secure.ssl) < 0) {
		secure_explain(&dtls->secure, SSL_ERROR_SSL, "DTLS handshake", reason);
		lose(dtls, reason);
	} else {
		// First what OpenSSL holds, then what came behind it.
		if (endpoint->state == ENDPOINT_OPENING || endpoint->state == ENDPOINT_OPEN)
			advance(dtls, NULL, 0, loop_wall());
		take_backlog(dtls);
	}
	endpoint_leave(endpoint);
}

static struct dtls *make(SSL_CTX *context, const struct secure_settings *settings, bool server,
			 const struct address *remote, const struct endpoint_handler *handler, void *owner,
			 struct error *error)
{
	struct dtls *dtls = calloc(1, sizeof *dtls);
	if (!dtls) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	struct endpoint *endpoint = &dtls->secure.endpoint;
	endpoint_init(endpoint, &dtls_kind, handler, owner);
	if (remote)
		endpoint->remote = *remote;
	dtls->datagram.send = send_datagram;
	dtls->datagram.owner = dtls;
	dtls->timer = evtimer_new(loop_base(), on_timer, dtls);
	if (secure_init(&dtls->secure, context, settings, server, error) < 0)
		goto failed;
	BIO *bio = datagram_bio(&dtls->datagram);
	if (dtls->timer && bio) {
		SSL_set_bio(dtls->secure.ssl, bio, bio);
		SSL_set_mtu(dtls->secure.ssl, FLIGHT_DATAGRAM);
		return dtls;
	}
	error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	BIO_free(bio);
failed:
	endpoint_free(endpoint);
	return NULL;
}

// Of a client: what its socket is told.
static void on_packet(void *owner, const struct packet *packet)
{
	struct dtls *dtls = owner;
	struct endpoint *endpoint = &dtls->secure.endpoint;
	endpoint_enter(endpoint);
	if (packet->direction == PACKET_RECEIVED && address_equal(&packet->peer, &endpoint->remote)) {
		if (endpoint->state == ENDPOINT_OPENING || endpoint->state == ENDPOINT_OPEN)
			advance(dtls, packet->octets, packet->length, packet->time);
	} else if (packet->direction == PACKET_ICMP) {
		snprintf(dtls->icmp, sizeof dtls->icmp, "%.*s", (int)sizeof dtls->icmp - 1, packet->icmp->text);
		// What it quotes is encrypted, and would be taken for the head of a message.
		endpoint_icmp(endpoint, packet->icmp, (const uint8_t *)"", 0);
	}
	endpoint_leave(endpoint);
}

// Everything was seen in on_packet already.
static void on_client_change(void *owner)
{
	struct dtls *dtls = owner;
	if (dtls->udp)
		inbox_clear(&dtls->udp->inbox);
}

static const struct endpoint_handler client_socket = {on_packet, on_client_change};

struct endpoint *dtls_connect(const struct address *remote, const struct address *local,
			      const struct secure_settings *settings, const struct endpoint_handler *handler,
			      void *owner, struct error *error)
{
	SSL_CTX *context = secure_context(settings, true, false, error);
	struct dtls *dtls = context ? make(context, settings, false, remote, handler, owner, error) : NULL;
	SSL_CTX_free(context); // the session holds it
	if (!dtls)
		return NULL;
	struct endpoint *endpoint = &dtls->secure.endpoint;
	dtls->udp = udp_open(remote, local, &client_socket, dtls, error);
	if (!dtls->udp) {
		endpoint_free(endpoint);
		return NULL;
	}
	endpoint->local = dtls->udp->local;
	dtls->deadline = loop_monotonic() + settings->timeout;
	// From the loop, so that the owner is told of nothing before it has the endpoint.
	struct timeval now = {0, 0};
	event_add(dtls->timer, &now);
	return endpoint;
}

// Who it is, so that a cookie is good from nowhere else.
static int make_cookie(SSL *ssl, unsigned char *cookie, unsigned *length)
{
	struct secure *secure = SSL_get_app_data(ssl);
	struct dtls *dtls = dtls_of(&secure->endpoint);
	const struct address *remote = &secure->endpoint.remote;
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
	struct dtls *dtls = make(listener->context, &settings, true, NULL, &nobody, NULL, NULL);
	if (!dtls)
		return NULL;
	dtls->secure.endpoint.owner = dtls;
	dtls->secure.endpoint.local = listener->udp->local;
	dtls->udp = listener->udp;
	dtls->listener = listener;
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
static bool begins_anew(const struct packet *packet)
{
	struct reader reader;
	reader_init(&reader, packet->octets, packet->length);
	uint8_t type = reader_u8(&reader);
	reader_u16(&reader);
	uint16_t epoch = reader_u16(&reader);
	reader_bytes(&reader, 8);
	uint8_t message = reader_u8(&reader);
	return !reader.failed && type == SSL3_RT_HANDSHAKE && epoch == 0 && message == SSL3_MT_CLIENT_HELLO;
}

static void replace(struct dtls *old)
{
	old->replaced = true;
	endpoint_enter(&old->secure.endpoint);
	lose(old, "closed");
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
		advance(dtls, packet->octets, packet->length, packet->time);
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
	if (!known || (known->secure.endpoint.state != ENDPOINT_OPENING && begins_anew(packet)))
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
