// SPDX-License-Identifier: BSD-3-Clause
#include "net/tcp.h"

#include "net/loop.h"
#include "net/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_MOST 65536               // octets a wake-up, then the others on the loop have their turn
#define QUEUE_MOST ((size_t)16 << 20) // octets that wait for a peer to read them
#define BACKLOG 128

struct tcp {
	struct endpoint endpoint;
	int socket;
	struct event *readable;
	struct event *writable; // pending while a connection is being made, or something waits to be written
	struct evbuffer *input, *output;
	bool unframed; // what comes is no matter of frames
};

static void tcp_close(struct endpoint *endpoint)
{
	struct tcp *tcp = (struct tcp *)endpoint;
	if (tcp->readable)
		event_free(tcp->readable);
	if (tcp->writable)
		event_free(tcp->writable);
	tcp->readable = tcp->writable = NULL;
	if (tcp->socket >= 0)
		close(tcp->socket);
	tcp->socket = -1;
	// The input may be under the hands of stream_deliver: it goes with the record.
	if (tcp->output)
		evbuffer_free(tcp->output);
	tcp->output = NULL;
}

static void tcp_release(struct endpoint *endpoint)
{
	struct tcp *tcp = (struct tcp *)endpoint;
	if (tcp->input)
		evbuffer_free(tcp->input);
	tcp->input = NULL;
}

// The connection is lost, or of no use any more; the socket is kept for endpoint_close.
static void lose(struct tcp *tcp, const char *reason)
{
	event_del(tcp->readable);
	event_del(tcp->writable);
	endpoint_ended(&tcp->endpoint, reason);
}

// False with errno when the connection is lost.
static bool write_queue(struct tcp *tcp)
{
	while (evbuffer_get_length(tcp->output)) {
		if (evbuffer_write(tcp->output, tcp->socket) >= 0 || errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		event_add(tcp->writable, NULL);
		return true;
	}
	return true;
}

static int tcp_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		    struct error *error)
{
	struct tcp *tcp = (struct tcp *)endpoint;
	(void)to;
	if (length > QUEUE_MOST - evbuffer_get_length(tcp->output))
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "the peer does not read: %zu octets wait for it",
				 evbuffer_get_length(tcp->output));
	if (evbuffer_add(tcp->output, octets, length) < 0)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	// Written at once, so that the time noted is that of the sending and a lost connection is told here.
	if (!write_queue(tcp)) {
		error_set_errno(error, "cannot send");
		evbuffer_drain(tcp->output, evbuffer_get_length(tcp->output));
		return -1;
	}
	return 0;
}

static const struct endpoint_kind tcp_kind = {"tcp", true, tcp_send, tcp_close, tcp_release};

bool tcp_unframe(struct endpoint *endpoint)
{
	if (endpoint->kind != &tcp_kind)
		return false;
	((struct tcp *)endpoint)->unframed = true;
	return true;
}

static void deliver(struct tcp *tcp)
{
	if (!tcp->unframed) {
		stream_deliver(&tcp->endpoint, tcp->input);
		return;
	}
	size_t length = evbuffer_get_length(tcp->input);
	endpoint_received(&tcp->endpoint, evbuffer_pullup(tcp->input, -1), length, &tcp->endpoint.remote, loop_wall());
	evbuffer_drain(tcp->input, length);
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
	(void)what;
	struct tcp *tcp = context;
	endpoint_enter(&tcp->endpoint);
	int count = evbuffer_read(tcp->input, socket, READ_MOST);
	if (count > 0) {
		deliver(tcp);
		// What follows octets that are no frame is of no use to anyone.
		if (tcp->endpoint.state == ENDPOINT_ENDED)
			event_del(tcp->readable);
	} else if (count == 0) {
		// The peer reads on, perhaps: only this direction is over.
		event_del(tcp->readable);
		stream_finish(&tcp->endpoint, tcp->input);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		lose(tcp, strerror(errno));
	}
	endpoint_leave(&tcp->endpoint);
}

int tcp_finish(int socket, struct address *local, struct error *error)
{
	int reason = 0;
	socklen_t length = sizeof reason;
	if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &reason, &length) < 0)
		reason = errno;
	if (reason != 0)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "%s", strerror(reason));
	return address_of_socket(local, socket, error);
}

static void finish_connecting(struct tcp *tcp, bool timed_out)
{
	struct error error;
	if (timed_out)
		lose(tcp, "timeout");
	else if (tcp_finish(tcp->socket, &tcp->endpoint.local, &error) < 0)
		lose(tcp, error.text);
	else if (event_add(tcp->readable, NULL) < 0)
		lose(tcp, "the event loop takes no more sockets");
	else
		endpoint_opened(&tcp->endpoint);
}

static void on_writable(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	struct tcp *tcp = context;
	endpoint_enter(&tcp->endpoint);
	if (tcp->endpoint.state == ENDPOINT_OPENING)
		finish_connecting(tcp, (what & EV_TIMEOUT) != 0);
	else if (!write_queue(tcp))
		lose(tcp, strerror(errno));
	endpoint_leave(&tcp->endpoint);
}

// Takes the socket over in every case.
static struct tcp *make(int socket, const struct address *remote, const struct endpoint_handler *handler, void *owner,
			struct error *error)
{
	struct tcp *tcp = calloc(1, sizeof *tcp);
	if (!tcp) {
		close(socket);
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	endpoint_init(&tcp->endpoint, &tcp_kind, handler, owner);
	tcp->socket = socket;
	tcp->endpoint.remote = *remote;
	tcp->readable = event_new(loop_base(), socket, EV_READ | EV_PERSIST, on_readable, tcp);
	tcp->writable = event_new(loop_base(), socket, EV_WRITE, on_writable, tcp);
	tcp->input = evbuffer_new();
	tcp->output = evbuffer_new();
	if (tcp->readable && tcp->writable && tcp->input && tcp->output)
		return tcp;
	error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	endpoint_free(&tcp->endpoint);
	return NULL;
}

// Each sending its own segment, as far as the kernel goes along: what is split by a scenario arrives split.
static void send_at_once(int socket)
{
	int on = 1;
	(void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int tcp_start(const struct address *remote, const struct address *local, struct error *error)
{
	char text[ADDRESS_TEXT];
	int socket = address_socket(remote->any.sa_family, SOCK_STREAM, local, error);
	if (socket < 0)
		return -1;
	send_at_once(socket);
	if (connect(socket, &remote->any, remote->length) == 0 || errno == EINPROGRESS)
		return socket;
	error_set_errno(error, "cannot connect to %s port %u", address_text(remote, text),
			(unsigned)address_port(remote));
	close(socket);
	return -1;
}

struct endpoint *tcp_connect(const struct address *remote, const struct address *local, double timeout,
			     const struct endpoint_handler *handler, void *owner, struct error *error)
{
	int socket = tcp_start(remote, local, error);
	struct tcp *tcp = socket < 0 ? NULL : make(socket, remote, handler, owner, error);
	if (!tcp)
		return NULL;
	struct timeval span = loop_span(timeout);
	if (event_add(tcp->writable, &span) == 0)
		return &tcp->endpoint;
	error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "the event loop takes no more sockets");
	endpoint_free(&tcp->endpoint);
	return NULL;
}

struct tcp_listener {
	int socket;
	struct event *event;
	struct address address;
	void (*readable)(void *owner);
	void *owner;
};

static void on_connection(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct tcp_listener *listener = context;
	listener->readable(listener->owner);
}

struct tcp_listener *tcp_listen(const struct address *address, void (*readable)(void *owner), void *owner,
				struct error *error)
{
	struct tcp_listener *listener = calloc(1, sizeof *listener);
	if (!listener) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		return NULL;
	}
	listener->readable = readable;
	listener->owner = owner;
	listener->socket = address_socket(address->any.sa_family, SOCK_STREAM, address, error);
	if (listener->socket < 0)
		goto failed;
	if (listen(listener->socket, BACKLOG) < 0) {
		char text[ADDRESS_TEXT];
		error_set_errno(error, "cannot listen on %s port %u", address_text(address, text),
				(unsigned)address_port(address));
		goto failed;
	}
	if (address_of_socket(&listener->address, listener->socket, error) < 0)
		goto failed;
	listener->event = event_new(loop_base(), listener->socket, EV_READ, on_connection, listener);
	if (!listener->event) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		goto failed;
	}
	return listener;
failed:
	tcp_listener_free(listener);
	return NULL;
}

const struct address *tcp_listener_address(const struct tcp_listener *listener)
{
	return &listener->address;
}

int tcp_listener_watch(struct tcp_listener *listener)
{
	return event_add(listener->event, NULL);
}

void tcp_listener_free(struct tcp_listener *listener)
{
	if (!listener)
		return;
	if (listener->event)
		event_free(listener->event);
	if (listener->socket >= 0)
		close(listener->socket);
	free(listener);
}

int tcp_take(struct tcp_listener *listener, struct address *remote, bool *nothing, struct error *error)
{
	struct sockaddr_storage name;
	socklen_t length;
	int socket;
	*nothing = false;
	do {
		length = sizeof name;
		socket = accept4(listener->socket, (struct sockaddr *)&name, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (socket < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (socket < 0) {
		*nothing = errno == EAGAIN || errno == EWOULDBLOCK;
		return error_set_errno(error, "cannot accept a connection");
	}
	address_from(remote, (struct sockaddr *)&name, length);
	send_at_once(socket);
	return socket;
}

struct endpoint *tcp_accept(struct tcp_listener *listener, const struct endpoint_handler *handler, void *owner,
			    bool *nothing, struct error *error)
{
	struct address remote = {.length = 0};
	int socket = tcp_take(listener, &remote, nothing, error);
	struct tcp *tcp = socket < 0 ? NULL : make(socket, &remote, handler, owner, error);
	if (!tcp)
		return NULL;
	if (address_of_socket(&tcp->endpoint.local, socket, error) < 0 || event_add(tcp->readable, NULL) < 0) {
		endpoint_free(&tcp->endpoint);
		return NULL;
	}
	tcp->endpoint.state = ENDPOINT_OPEN;
	return &tcp->endpoint;
}
