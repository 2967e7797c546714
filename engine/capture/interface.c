// SPDX-License-Identifier: BSD-3-Clause
#include "capture/interface.h"

#include "base/error.h"
#include "capture/packet.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union place {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse(const char *text, struct packet_address *address, struct error *error)
{
	static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	if (!packet_address_parse(text, address))
		return error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET, "'%.64s' is not a numeric IP address", text);
	if (address->family == 6 && memcmp(address->octets, mapped, sizeof mapped) == 0) {
		address->family = 4;
		memmove(address->octets, address->octets + sizeof mapped, 4);
		memset(address->octets + 4, 0, sizeof mapped);
	}
	return 0;
}

static bool has_address(const struct ifaddrs *entry, const struct packet_address *address)
{
	if (!entry->ifa_addr)
		return false;
	if (address->family == 4 && entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *place = (const void *)entry->ifa_addr;
		return memcmp(&place->sin_addr, address->octets, 4) == 0;
	}
	if (address->family == 6 && entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *place = (const void *)entry->ifa_addr;
		return memcmp(&place->sin6_addr, address->octets, 16) == 0;
	}
	return false;
}

static bool is_loopback_network(const struct packet_address *address)
{
	return address->family == 4 && address->octets[0] == 127;
}

static void keep(char name[IFNAMSIZ], const struct ifaddrs *entry)
{
	snprintf(name, IFNAMSIZ, "%s", entry->ifa_name);
}

// The first that has the address (NULL: any); else, where a loopback interface will do, that.
static int find(const struct packet_address *address, bool loopback, char name[IFNAMSIZ], struct error *error)
{
	struct ifaddrs *list;
	bool found = false;
	if (getifaddrs(&list) < 0)
		return error_set_errno(error, "cannot list the network interfaces");
	for (const struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next)
		if (address && has_address(entry, address)) {
			keep(name, entry);
			found = true;
		}
	for (const struct ifaddrs *entry = list; entry && loopback && !found; entry = entry->ifa_next)
		if (entry->ifa_flags & IFF_LOOPBACK) {
			keep(name, entry);
			found = true;
		}
	freeifaddrs(list);
	return found ? 0
		     : error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET,
				 "no network interface of this machine has that address");
}

int interface_of(const char *text, char name[IFNAMSIZ], struct error *error)
{
	struct packet_address address = {0};
	if (parse(text, &address, error) < 0)
		return -1;
	return find(&address, is_loopback_network(&address), name, error);
}

int interface_to(const char *text, char name[IFNAMSIZ], struct error *error)
{
	struct packet_address address = {0};
	struct packet_address local = {0};
	union place place = {0};
	if (parse(text, &address, error) < 0)
		return -1;
	local.family = address.family;
	socklen_t size = address.family == 4 ? sizeof place.v4 : sizeof place.v6;
	if (address.family == 4) {
		place.v4.sin_family = AF_INET;
		place.v4.sin_port = htons(3478);
		memcpy(&place.v4.sin_addr, address.octets, 4);
	} else {
		place.v6.sin6_family = AF_INET6;
		place.v6.sin6_port = htons(3478);
		memcpy(&place.v6.sin6_addr, address.octets, 16);
	}
	// Connecting a datagram socket sends nothing; it makes the kernel choose the route and the source address.
	int outcome = -1;
	int descriptor = socket(place.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0 || connect(descriptor, &place.any, size) < 0 ||
	    getsockname(descriptor, &place.any, &size) < 0) {
		error_set_errno(error, "no route to %.64s", text);
		goto done;
	}
	if (address.family == 4)
		memcpy(local.octets, &place.v4.sin_addr, 4);
	else
		memcpy(local.octets, &place.v6.sin6_addr, 16);
	if (memcmp(local.octets, address.octets, sizeof local.octets) == 0 || is_loopback_network(&address))
		outcome = find(NULL, true, name, error);
	else
		outcome = find(&local, false, name, error);
done:
	if (descriptor >= 0)
		close(descriptor);
	return outcome;
}

bool interface_is_loopback(const char *name)
{
	struct ifaddrs *list;
	bool loopback = false;
	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
		if (strcmp(entry->ifa_name, name) == 0 && entry->ifa_flags & IFF_LOOPBACK)
			loopback = true;
	freeifaddrs(list);
	return loopback;
}
