// SPDX-License-Identifier: BSD-3-Clause
#include "net/dtls.h"

#include "net/client_context.h"
#include "net/dtls_session.h"
#include "net/loop.h"
#include "net/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD 16384         // octets of the longest record
#define FLIGHT_DATAGRAM 1200 // octets of a datagram of a handshake: what passes nearly everywhere in one piece

static struct dtls *dtls_of(struct endpoint *endpoint)
{
	return (struct dtls *)endpoint;
}

static void send_datagram(void *owner, const void *octets, size_t length)
{
	struct dtls *dtls = owner;
	dtls->unsent = endpoint_send(dtls->udp, octets, length, &dtls->secure.endpoint.remote, &dtls->refusal) < 0;
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
	if (dtls->gone)
		dtls->gone(dtls);
	else
		endpoint_free(dtls->udp);
	dtls->listener = NULL;
	dtls->gone = NULL;
	dtls->udp = NULL;
}

static void dtls_release(struct endpoint *endpoint)
{
	secure_release(&dtls_of(endpoint)->secure);
}

void dtls_lose(struct dtls *dtls, const char *reason)
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
	dtls_lose(dtls, reason);
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
			dtls_lose(dtls, "closed");
			return;
		}
		secure_explain(&dtls->secure, outcome, "DTLS", reason);
		dtls_lose(dtls, reason);
	}
}

void dtls_advance(struct dtls *dtls, const void *octets, size_t length, double time)
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
		dtls_advance(dtls, item->octets, item->length, item->time);
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
		dtls_lose(dtls, reason);
	} else if (DTLSv1_handle_timeout(dtls->secure.ssl) < 0) {
		secure_explain(&dtls->secure, SSL_ERROR_SSL, "DTLS handshake", reason);
		dtls_lose(dtls, reason);
	} else {
		// First what OpenSSL holds, then what came behind it.
		if (endpoint->state == ENDPOINT_OPENING || endpoint->state == ENDPOINT_OPEN)
			dtls_advance(dtls, NULL, 0, loop_wall());
		take_backlog(dtls);
	}
	endpoint_leave(endpoint);
}

struct dtls *dtls_make(SSL_CTX *context, const struct secure_settings *settings, bool server,
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
			dtls_advance(dtls, packet->octets, packet->length, packet->time);
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
	SSL_CTX *context = client_context_get(settings, true, error);
	struct dtls *dtls = context ? dtls_make(context, settings, false, remote, handler, owner, error) : NULL;
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
