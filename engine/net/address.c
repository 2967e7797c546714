// SPDX-License-Identifier: BSD-3-Clause
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool address_from(struct address *address, const struct sockaddr *from, socklen_t length)
{
	memset(address, 0, sizeof *address);
	if (length >= sizeof address->v4 && from->sa_family == AF_INET)
		address->length = sizeof address->v4;
	else if (length >= sizeof address->v6 && from->sa_family == AF_INET6)
		address->length = sizeof address->v6;
	else
		return false;
	memcpy(&address->any, from, address->length);
	return true;
}

static int look_up(struct addrinfo **found, const char *host, int flags, struct error *error)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM, .ai_flags = flags};
	int outcome = getaddrinfo(host, NULL, &hints, found);
	if (outcome == EAI_SYSTEM)
		return error_set_errno(error, "cannot resolve %s", host);
	if (outcome != 0)
		return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET, "cannot resolve %s: %s", host,
				 gai_strerror(outcome));
	return 0;
}

int address_parse(struct address *address, const char *text, uint16_t port, struct error *error)
{
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->length = sizeof address->v4;
	} else if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
		address->v6.sin6_family = AF_INET6;
		address->length = sizeof address->v6;
	} else if (strchr(text, '%')) {
		// Only the resolver turns the name of an interface into a scope.
		struct addrinfo *found;
		if (look_up(&found, text, AI_NUMERICHOST, error) < 0)
			return -1;
		address_from(address, found->ai_addr, found->ai_addrlen);
		freeaddrinfo(found);
	}
	if (!address->length)
		return error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
				 "\"%.80s\" is not a numeric IPv4 or IPv6 address", text);
	address_set_port(address, port);
	return 0;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT])
{
	if (!address->length ||
	    getnameinfo(&address->any, address->length, text, ADDRESS_TEXT, NULL, 0, NI_NUMERICHOST) != 0)
		strcpy(text, "?");
	return text;
}

uint16_t address_port(const struct address *address)
{
	return ntohs(address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET6)
		address->v6.sin6_port = htons(port);
	else
		address->v4.sin_port = htons(port);
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->length != b->length || a->any.sa_family != b->any.sa_family)
		return false;
	if (!a->length)
		return true;
	if (address_port(a) != address_port(b))
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

int address_of_socket(struct address *address, int socket, struct error *error)
{
	struct sockaddr_storage storage;
	socklen_t length = sizeof storage;
	if (getsockname(socket, (struct sockaddr *)&storage, &length) < 0)
		return error_set_errno(error, "cannot tell the address of a socket");
	if (!address_from(address, (struct sockaddr *)&storage, length))
		return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET, "a socket of an unknown address family");
	return 0;
}

int address_route(struct address *local, const struct address *remote, struct error *error)
{
	char text[ADDRESS_TEXT];
	int outcome = -1;
	int probe = address_socket(remote->any.sa_family, SOCK_DGRAM, NULL, error);
	if (probe < 0)
		return -1;
	struct address towards = *remote;
	if (address_port(&towards) == 0)
		address_set_port(&towards, 9);
	if (connect(probe, &towards.any, towards.length) < 0) {
		error_set_errno(error, "no route to %s", address_text(remote, text));
		goto out;
	}
	if (address_of_socket(local, probe, error) < 0)
		goto out;
	address_set_port(local, 0);
	outcome = 0;
out:
	close(probe);
	return outcome;
}

int address_resolve(struct address *addresses, size_t limit, const char *host, uint16_t port, struct error *error)
{
	struct addrinfo *found;
	size_t count = 0;
	if (look_up(&found, host, 0, error) < 0)
		return -1;
	for (struct addrinfo *entry = found; entry && count < limit; entry = entry->ai_next) {
		struct address *address = &addresses[count];
		if (!address_from(address, entry->ai_addr, entry->ai_addrlen))
			continue;
		address_set_port(address, port);
		size_t same = 0;
		while (same < count && !address_equal(&addresses[same], address))
			same++;
		if (same == count)
			count++;
	}
	freeaddrinfo(found);
	return (int)count;
}

int address_socket(int family, int type, const struct address *local, struct error *error)
{
	char text[ADDRESS_TEXT];
	int on = 1;
	int made = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (made < 0)
		return error_set_errno(error, "cannot open a socket");
	if (family == AF_INET6 && setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) {
		error_set_errno(error, "cannot keep a socket to IPv6");
		goto failed;
	}
	// A listener may be started again at once where one has just closed; a taken port is still refused.
	if (type == SOCK_STREAM && local && setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) {
		error_set_errno(error, "cannot reuse an address");
		goto failed;
	}
	if (local && bind(made, &local->any, local->length) < 0) {
		error_set_errno(error, "cannot bind to %s port %u", address_text(local, text),
				(unsigned)address_port(local));
		goto failed;
	}
	return made;
failed:
	close(made);
	return -1;
}

// Tries the port of *address. Returns it, or -1.
static int try_port(const struct address *address, const int *types, size_t count, struct error *error)
{
	int sockets[4], found = -1;
	size_t made = 0;
	for (; made < count && made < sizeof sockets / sizeof *sockets; made++) {
		// Bound by hand: address_socket would let a listener share a port that is about to be free.
		sockets[made] = address_socket(address->any.sa_family, types[made], NULL, error);
		if (sockets[made] < 0)
			goto out;
		if (bind(sockets[made], &address->any, address->length) < 0) {
			char text[ADDRESS_TEXT];
			error_set_errno(error, "no free port at %s", address_text(address, text));
			close(sockets[made]);
			goto out;
		}
	}
	found = address_port(address);
out:
	while (made > 0)
		close(sockets[--made]);
	return found;
}

int address_free_port(const struct address *address, const struct address *also, const int *types, size_t count,
		      struct error *error)
{
	// Below the ports that the kernel hands out to sockets that name none (32768 on, by default), so that no other
	// socket of this machine gets the port by chance before it is used.
	enum { LOWEST = 10240, HIGHEST = 19999 };
	int port = -1;
	for (unsigned attempt = 0; attempt < 64 && port < 0; attempt++) {
		uint16_t chance;
		if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
			return error_set_errno(error, "no random octets for a port");
		struct address wanted = *address;
		address_set_port(&wanted, (uint16_t)(LOWEST + chance % (HIGHEST - LOWEST + 1)));
		port = try_port(&wanted, types, count, error);
		if (port < 0 || !also)
			continue;
		wanted = *also;
		address_set_port(&wanted, (uint16_t)port);
		port = try_port(&wanted, types, count, error);
	}
	return port;
}
