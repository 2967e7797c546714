// SPDX-License-Identifier: BSD-3-Clause
#include "net/udp.h"

#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM_MOST 65536   // more than any UDP payload, so none is cut
#define DATAGRAMS_PER_WAKE 64 // then the others on the loop have their turn
#define RECEIVE_BUFFER (1 << 20)

struct udp {
	struct endpoint endpoint;
	int socket;
	struct event *readable;
};

struct arrival {
	uint8_t octets[DATAGRAM_MOST];
	size_t length;
	struct sockaddr_storage name;
	struct msghdr header;
	struct iovec place;
	_Alignas(struct cmsghdr) uint8_t control[512];
};

static int receive(const struct udp *udp, struct arrival *arrival, int flags)
{
	arrival->place = (struct iovec){arrival->octets, sizeof arrival->octets};
	arrival->header = (struct msghdr){
		.msg_name = &arrival->name,
		.msg_namelen = sizeof arrival->name,
		.msg_iov = &arrival->place,
		.msg_iovlen = 1,
		.msg_control = arrival->control,
		.msg_controllen = sizeof arrival->control,
	};
	ssize_t length = recvmsg(udp->socket, &arrival->header, flags);
	if (length < 0)
		return -1;
	arrival->length = (size_t)length;
	return 0;
}

static const char *icmp_name(const struct icmp_error *icmp, bool v6)
{
	if (v6 && icmp->type == ICMP6_DST_UNREACH) {
		static const char *const names[] = {"no route",         "administratively prohibited",
						    "beyond scope",     "address unreachable",
						    "port unreachable", "policy failed",
						    "route rejected"};
		return icmp->code < sizeof names / sizeof *names ? names[icmp->code] : "destination unreachable";
	}
	if (!v6 && icmp->type == ICMP_DEST_UNREACH) {
		static const char *const names[] = {"network unreachable",  "host unreachable",
						    "protocol unreachable", "port unreachable",
						    "fragmentation needed", "source route failed"};
		return icmp->code < sizeof names / sizeof *names ? names[icmp->code] : "destination unreachable";
	}
	if (icmp->type == (v6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED))
		return "time exceeded";
	if (v6 && icmp->type == ICMP6_PACKET_TOO_BIG)
		return "packet too big";
	return "error";
}

static void describe(struct icmp_error *icmp, const struct sock_extended_err *cause)
{
	char destination[ADDRESS_TEXT], reporter[ADDRESS_TEXT];
	bool v6 = cause->ee_origin == SO_EE_ORIGIN_ICMP6;
	unsigned port = icmp->destination.length ? address_port(&icmp->destination) : 0;
	address_text(&icmp->destination, destination);
	if (cause->ee_origin == SO_EE_ORIGIN_LOCAL)
		snprintf(icmp->text, sizeof icmp->text, "not sent to %s port %u: %s", destination, port,
			 strerror((int)cause->ee_errno));
	else
		snprintf(icmp->text, sizeof icmp->text, "%s %s (type %u, code %u) from %s for %s port %u",
			 v6 ? "ICMPv6" : "ICMP", icmp_name(icmp, v6), icmp->type, icmp->code,
			 address_text(&icmp->reporter, reporter), destination, port);
}

static bool find_cause(struct arrival *arrival, struct icmp_error *icmp)
{
	struct msghdr *header = &arrival->header;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		bool v4 = control->cmsg_level == SOL_IP && control->cmsg_type == IP_RECVERR;
		bool v6 = control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_RECVERR;
		struct {
			struct sock_extended_err cause;
			struct sockaddr_in6 offender;
		} report = {0};
		size_t length = control->cmsg_len - CMSG_LEN(0);
		if ((!v4 && !v6) || length < sizeof report.cause)
			continue;
		memcpy(&report, CMSG_DATA(control), length < sizeof report ? length : sizeof report);
		icmp->type = report.cause.ee_type;
		icmp->code = report.cause.ee_code;
		address_from(&icmp->reporter, (struct sockaddr *)&report.offender, sizeof report.offender);
		if (icmp->reporter.length)
			address_set_port(&icmp->reporter, 0);
		describe(icmp, &report.cause);
		return true;
	}
	return false;
}

// False when the queue is empty.
static bool read_error(struct udp *udp, struct arrival *arrival)
{
	struct icmp_error icmp = {0};
	if (receive(udp, arrival, MSG_ERRQUEUE) < 0)
		return errno == EINTR;
	address_from(&icmp.destination, (struct sockaddr *)&arrival->name, arrival->header.msg_namelen);
	if (find_cause(arrival, &icmp))
		endpoint_icmp(&udp->endpoint, &icmp, arrival->octets, arrival->length);
	return true;
}

static double time_of(struct arrival *arrival)
{
	struct msghdr *header = &arrival->header;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		struct timespec time;
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&time, CMSG_DATA(control), sizeof time);
		return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
	}
	return loop_wall();
}

// False when nothing is there. An error that the kernel reports here came by ICMP too, and stands in the error queue.
static bool read_datagram(struct udp *udp, struct arrival *arrival)
{
	struct address from;
	if (receive(udp, arrival, 0) < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK;
	if (address_from(&from, (struct sockaddr *)&arrival->name, arrival->header.msg_namelen))
		endpoint_received(&udp->endpoint, arrival->octets, arrival->length, &from, time_of(arrival));
	return true;
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct udp *udp = context;
	struct arrival arrival;
	endpoint_enter(&udp->endpoint);
	for (unsigned i = 0; i < DATAGRAMS_PER_WAKE && udp->endpoint.state == ENDPOINT_OPEN; i++)
		if (!read_error(udp, &arrival))
			break;
	for (unsigned i = 0; i < DATAGRAMS_PER_WAKE && udp->endpoint.state == ENDPOINT_OPEN; i++)
		if (!read_datagram(udp, &arrival))
			break;
	endpoint_leave(&udp->endpoint);
}

static int udp_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		    struct error *error)
{
	struct udp *udp = (struct udp *)endpoint;
	// The kernel gives an ICMP error of an earlier datagram to whoever sends next, in place of sending: the second
	// attempt tells it from a refusal.
	ssize_t sent = -1;
	for (unsigned attempt = 0; attempt < 3 && sent < 0; attempt++)
		sent = sendto(udp->socket, octets, length, MSG_NOSIGNAL, &to->any, to->length);
	if (sent < 0) {
		char text[ADDRESS_TEXT];
		return error_set_errno(error, "cannot send %zu octets to %s port %u", length, address_text(to, text),
				       (unsigned)address_port(to));
	}
	return 0;
}

static void udp_close(struct endpoint *endpoint)
{
	struct udp *udp = (struct udp *)endpoint;
	if (udp->readable)
		event_free(udp->readable);
	if (udp->socket >= 0)
		close(udp->socket);
	udp->readable = NULL;
	udp->socket = -1;
}

static const struct endpoint_kind udp_kind = {"udp", false, udp_send, udp_close, NULL};

static int prepare_socket(int socket, int family, struct error *error)
{
	int on = 1, size = RECEIVE_BUFFER;
	int outcome = family == AF_INET6 ? setsockopt(socket, SOL_IPV6, IPV6_RECVERR, &on, sizeof on)
					 : setsockopt(socket, SOL_IP, IP_RECVERR, &on, sizeof on);
	if (outcome < 0)
		return error_set_errno(error, "cannot ask for ICMP errors");
	if (setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
		return error_set_errno(error, "cannot ask for times of arrival");
	// A kernel that gives less room only drops sooner.
	(void)setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return 0;
}

struct endpoint *udp_open(const struct address *remote, const struct address *local,
			  const struct endpoint_handler *handler, void *owner, struct error *error)
{
	struct address source;
	if (local)
		source = *local;
	else if (!remote)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "neither a remote nor a local address"),
		       NULL;
	else if (address_route(&source, remote, error) < 0)
		return NULL;
	if (remote && remote->any.sa_family != source.any.sa_family)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "the local and the remote address are not of one family"),
		       NULL;
	struct udp *udp = calloc(1, sizeof *udp);
	if (!udp)
		return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory"), NULL;
	endpoint_init(&udp->endpoint, &udp_kind, handler, owner);
	udp->socket = address_socket(source.any.sa_family, SOCK_DGRAM, &source, error);
	if (udp->socket < 0 || prepare_socket(udp->socket, source.any.sa_family, error) < 0 ||
	    address_of_socket(&udp->endpoint.local, udp->socket, error) < 0)
		goto failed;
	udp->readable = event_new(loop_base(), udp->socket, EV_READ | EV_PERSIST, on_readable, udp);
	if (!udp->readable || event_add(udp->readable, NULL) < 0) {
		error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "the event loop takes no more sockets");
		goto failed;
	}
	if (remote)
		udp->endpoint.remote = *remote;
	udp->endpoint.state = ENDPOINT_OPEN;
	return &udp->endpoint;
failed:
	udp_close(&udp->endpoint);
	free(udp);
	return NULL;
}
