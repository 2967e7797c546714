// SPDX-License-Identifier: BSD-3-Clause
#include "net/tls.h"

#include "net/client_context.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tcp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD 16384                  // octets of a full record
#define RECORDS_PER_WAKE 4            // then the others on the loop have their turn
#define QUEUE_MOST ((size_t)16 << 20) // octets that wait for a peer to read them

struct tls {
	struct secure secure; // its endpoint first
	int socket;
	bool connected;         // TCP is
	bool parked;            // accepted and not yet taken: nothing is read
	struct event *readable; // pending from then on
	struct event *writable; // pending while a connection is being made, or something waits to be written
	struct event *deadline; // of the handshake
	struct evbuffer *input, *output;
	struct tls_listener *listener; // whose list it stands in, with the next of it
	struct tls *next;
};

struct tls_listener {
	struct tcp_listener *tcp;
	SSL_CTX *context;
	struct tls *waiting; // in handshake, or done and not taken; the oldest first
	unsigned count;      // of them
	struct event *retry; // to accept, after that failed for want of something
	double timeout;
	void (*ready)(void *owner);
	void *owner;
};

static struct tls *tls_of(struct endpoint *endpoint)
{
	return (struct tls *)endpoint;
}

static void tls_close(struct endpoint *endpoint)
{
	struct tls *tls = tls_of(endpoint);
	// The peer is told, as far as the socket takes it at once.
	if (tls->secure.ssl && SSL_is_init_finished(tls->secure.ssl)) {
		ERR_clear_error();
		SSL_shutdown(tls->secure.ssl);
		ERR_clear_error();
	}
	secure_end(&tls->secure);
	if (tls->readable)
		event_free(tls->readable);
	if (tls->writable)
		event_free(tls->writable);
	if (tls->deadline)
		event_free(tls->deadline);
	tls->readable = tls->writable = tls->deadline = NULL;
	if (tls->socket >= 0)
		close(tls->socket);
	tls->socket = -1;
	// The input may be under the hands of stream_deliver: it goes with the record.
	if (tls->output)
		evbuffer_free(tls->output);
	tls->output = NULL;
}

static void tls_release(struct endpoint *endpoint)
{
	struct tls *tls = tls_of(endpoint);
	secure_release(&tls->secure);
	if (tls->input)
		evbuffer_free(tls->input);
	tls->input = NULL;
}

// The connection is lost, or of no use any more; the socket is kept for endpoint_close.
static void lose(struct tls *tls, const char *reason)
{
	event_del(tls->readable);
	event_del(tls->writable);
	event_del(tls->deadline);
	endpoint_ended(&tls->secure.endpoint, reason);
}

// After an SSL call that did not succeed. True when it is to be made again once the socket allows.
static bool wait_for_socket(struct tls *tls, int outcome)
{
	if (outcome == SSL_ERROR_WANT_WRITE)
		event_add(tls->writable, NULL);
	return outcome == SSL_ERROR_WANT_WRITE || outcome == SSL_ERROR_WANT_READ;
}

// False with the reason when the connection is lost.
static bool write_queue(struct tls *tls, char reason[SECURE_TEXT])
{
	size_t left, written;
	while ((left = evbuffer_get_length(tls->output)) > 0) {
		size_t length = left < RECORD ? left : RECORD;
		ERR_clear_error();
		errno = 0;
		int done = SSL_write_ex(tls->secure.ssl, evbuffer_pullup(tls->output, (ev_ssize_t)length), length,
					&written);
		if (done == 1) {
			evbuffer_drain(tls->output, written);
			continue;
		}
		int outcome = SSL_get_error(tls->secure.ssl, done);
		if (wait_for_socket(tls, outcome))
			return true;
		secure_explain(&tls->secure, outcome, "cannot send", reason);
		return false;
	}
	return true;
}

static int tls_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		    struct error *error)
{
	struct tls *tls = tls_of(endpoint);
	char reason[SECURE_TEXT];
	size_t queued = evbuffer_get_length(tls->output);
	(void)to;
	if (!tls->secure.ssl || !SSL_is_init_finished(tls->secure.ssl))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "%s", endpoint->ended);
	if (length > QUEUE_MOST - queued)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "the peer does not read: %zu octets wait for it",
				 queued);
	if (evbuffer_add(tls->output, octets, length) < 0)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	if (write_queue(tls, reason))
		return 0;
	evbuffer_drain(tls->output, evbuffer_get_length(tls->output));
	return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "%s", reason);
}

const struct endpoint_kind tls_kind = {"tls", true, tls_send, tls_close, tls_release};

static void finish_receiving(struct tls *tls, int outcome)
{
	char reason[SECURE_TEXT];
	if (wait_for_socket(tls, outcome))
		return;
	if (outcome == SSL_ERROR_ZERO_RETURN) {
		// The peer reads on, perhaps: only this direction is over.
		event_del(tls->readable);
		stream_finish(&tls->secure.endpoint, tls->input);
		return;
	}
	secure_explain(&tls->secure, outcome, "TLS", reason);
	lose(tls, reason);
}

static void receive(struct tls *tls)
{
	struct endpoint *endpoint = &tls->secure.endpoint;
	uint8_t record[RECORD];
	size_t length;
	for (unsigned i = 0; endpoint->state == ENDPOINT_OPEN; i++) {
		if (i == RECORDS_PER_WAKE) {
			// What OpenSSL holds already makes no socket readable.
			event_active(tls->readable, EV_READ, 0);
			return;
		}
		ERR_clear_error();
		errno = 0;
		int done = SSL_read_ex(tls->secure.ssl, record, sizeof record, &length);
		if (done != 1) {
			finish_receiving(tls, SSL_get_error(tls->secure.ssl, done));
			return;
		}
		if (evbuffer_add(tls->input, record, length) < 0) {
			lose(tls, "out of memory");
			return;
		}
		stream_deliver(endpoint, tls->input);
		// What follows octets that are no frame is of no use to anyone.
		if (endpoint->state == ENDPOINT_ENDED)
			event_del(tls->readable);
	}
}

static void shake_hands(struct tls *tls)
{
	char reason[SECURE_TEXT];
	ERR_clear_error();
	errno = 0;
	int done = SSL_do_handshake(tls->secure.ssl);
	if (done == 1) {
		event_del(tls->deadline);
		if (tls->listener)
			event_del(tls->readable);
		tls->parked = tls->listener != NULL;
		endpoint_opened(&tls->secure.endpoint);
		// What came behind the last message of the handshake is no news to the socket.
		if (!tls->parked && tls->secure.endpoint.state == ENDPOINT_OPEN)
			event_active(tls->readable, EV_READ, 0);
		return;
	}
	int outcome = SSL_get_error(tls->secure.ssl, done);
	if (wait_for_socket(tls, outcome))
		return;
	secure_explain(&tls->secure, outcome, "TLS handshake", reason);
	lose(tls, reason);
}

static void finish_connecting(struct tls *tls)
{
	struct error error;
	if (tcp_finish(tls->socket, &tls->secure.endpoint.local, &error) < 0) {
		lose(tls, error.text);
	} else if (event_add(tls->readable, NULL) < 0) {
		lose(tls, "the event loop takes no more sockets");
	} else {
		tls->connected = true;
		shake_hands(tls);
	}
}

static void on_event(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	struct tls *tls = context;
	struct endpoint *endpoint = &tls->secure.endpoint;
	char reason[SECURE_TEXT];
	endpoint_enter(endpoint);
	if (what & EV_TIMEOUT)
		lose(tls, "timeout");
	else if (!tls->connected)
		finish_connecting(tls);
	else if (endpoint->state == ENDPOINT_OPENING)
		shake_hands(tls);
	else if ((what & EV_WRITE) && !write_queue(tls, reason))
		lose(tls, reason);
	else
		receive(tls);
	endpoint_leave(endpoint);
}

// Takes the socket over in every case.
static struct tls *make(int socket, SSL_CTX *context, const struct secure_settings *settings, bool server,
			const struct address *remote, const struct endpoint_handler *handler, void *owner,
			struct error *error)
{
	struct tls *tls = calloc(1, sizeof *tls);
	if (!tls) {
		close(socket);
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	struct endpoint *endpoint = &tls->secure.endpoint;
	endpoint_init(endpoint, &tls_kind, handler, owner);
	endpoint->remote = *remote;
	tls->socket = socket;
	tls->readable = event_new(loop_base(), socket, EV_READ | EV_PERSIST, on_event, tls);
	tls->writable = event_new(loop_base(), socket, EV_WRITE, on_event, tls);
	tls->deadline = evtimer_new(loop_base(), on_event, tls);
	tls->input = evbuffer_new();
	tls->output = evbuffer_new();
	if (secure_init(&tls->secure, context, settings, server, error) < 0)
		goto failed;
	struct timeval span = loop_span(settings->timeout);
	if (tls->readable && tls->writable && tls->deadline && tls->input && tls->output &&
	    SSL_set_fd(tls->secure.ssl, socket) == 1 && event_add(tls->deadline, &span) == 0)
		return tls;
	error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
failed:
	endpoint_free(endpoint);
	return NULL;
}

struct endpoint *tls_connect(const struct address *remote, const struct address *local,
			     const struct secure_settings *settings, const struct endpoint_handler *handler,
			     void *owner, struct error *error)
{
	SSL_CTX *context = client_context_get(settings, false, error);
	int socket = context ? tcp_start(remote, local, error) : -1;
	struct tls *tls = socket < 0 ? NULL : make(socket, context, settings, false, remote, handler, owner, error);
	SSL_CTX_free(context); // the session holds it
	if (!tls)
		return NULL;
	if (event_add(tls->writable, NULL) == 0)
		return &tls->secure.endpoint;
	error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "the event loop takes no more sockets");
	endpoint_free(&tls->secure.endpoint);
	return NULL;
}

static void unlink_waiting(struct tls *tls)
{
	struct tls_listener *listener = tls->listener;
	struct tls **place = &listener->waiting;
	while (*place != tls)
		place = &(*place)->next;
	*place = tls->next;
	listener->count--;
	tls->listener = NULL;
}

// Of a connection that nobody has taken: its handshake is over, in one way or the other.
static void on_handshake(void *owner)
{
	struct tls *tls = owner;
	struct tls_listener *listener = tls->listener;
	if (tls->secure.endpoint.state == ENDPOINT_OPEN) {
		listener->ready(listener->owner);
	} else {
		unlink_waiting(tls);
		endpoint_free(&tls->secure.endpoint);
	}
}

static const struct endpoint_handler nobody = {NULL, on_handshake};

static void welcome(struct tls_listener *listener, int socket, const struct address *remote)
{
	struct secure_settings settings = {.timeout = listener->timeout};
	if (listener->count == TLS_WAITING) {
		close(socket);
		return;
	}
	struct tls *tls = make(socket, listener->context, &settings, true, remote, &nobody, NULL, NULL);
	if (!tls)
		return;
	struct endpoint *endpoint = &tls->secure.endpoint;
	endpoint->owner = tls;
	tls->connected = true;
	if (address_of_socket(&endpoint->local, socket, NULL) < 0 || event_add(tls->readable, NULL) < 0) {
		endpoint_free(endpoint);
		return;
	}
	struct tls **place = &listener->waiting;
	while (*place)
		place = &(*place)->next;
	*place = tls;
	tls->listener = listener;
	listener->count++;
}

static void on_connections(void *owner)
{
	struct tls_listener *listener = owner;
	struct address remote;
	bool nothing;
	int socket;
	while ((socket = tcp_take(listener->tcp, &remote, &nothing, NULL)) >= 0)
		welcome(listener, socket, &remote);
	if (nothing) {
		tcp_listener_watch(listener->tcp);
	} else {
		// Out of descriptors, perhaps: the connection stays there, and to ask at once would turn the loop for
		// nothing.
		struct timeval span = loop_span(0.1);
		event_add(listener->retry, &span);
	}
}

static void on_retry(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	on_connections(context);
}

struct tls_listener *tls_listen(const struct address *address, const struct secure_settings *settings,
				void (*ready)(void *owner), void *owner, struct error *error)
{
	struct tls_listener *listener = calloc(1, sizeof *listener);
	if (!listener) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	listener->ready = ready;
	listener->owner = owner;
	listener->timeout = settings->timeout;
	listener->context = secure_context(settings, false, true, error);
	listener->tcp = listener->context ? tcp_listen(address, on_connections, listener, error) : NULL;
	listener->retry = evtimer_new(loop_base(), on_retry, listener);
	if (listener->tcp && listener->retry && tcp_listener_watch(listener->tcp) == 0)
		return listener;
	tls_listener_free(listener);
	return NULL;
}

const struct address *tls_listener_address(const struct tls_listener *listener)
{
	return tcp_listener_address(listener->tcp);
}

void tls_listener_free(struct tls_listener *listener)
{
	if (!listener)
		return;
	while (listener->waiting) {
		struct tls *tls = listener->waiting;
		unlink_waiting(tls);
		endpoint_free(&tls->secure.endpoint);
	}
	if (listener->retry)
		event_free(listener->retry);
	tcp_listener_free(listener->tcp);
	SSL_CTX_free(listener->context);
	free(listener);
}

struct endpoint *tls_accept(struct tls_listener *listener, const struct endpoint_handler *handler, void *owner)
{
	for (struct tls *tls = listener->waiting; tls; tls = tls->next) {
		struct endpoint *endpoint = &tls->secure.endpoint;
		if (!tls->parked)
			continue;
		unlink_waiting(tls);
		tls->parked = false;
		endpoint->handler = handler;
		endpoint->owner = owner;
		// OpenSSL may hold decrypted octets already, which make no socket readable.
		if (event_add(tls->readable, NULL) < 0)
			endpoint_ended(endpoint, "the event loop takes no more sockets");
		else
			event_active(tls->readable, EV_READ, 0);
		return endpoint;
	}
	return NULL;
}
