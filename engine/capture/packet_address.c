// SPDX-License-Identifier: BSD-3-Clause
#include "capture/packet_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool packet_address_same_host(const struct packet_address *a, const struct packet_address *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, a->family == 4 ? 4 : 16) == 0;
}

const char *packet_address_text(const struct packet_address *address, char text[INET6_ADDRSTRLEN])
{
	text[0] = 0;
	if (address->family)
		inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, text, INET6_ADDRSTRLEN);
	return text;
}

const char *packet_address_with_port(const struct packet_address *address, char text[PACKET_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN];
	packet_address_text(address, host);
	snprintf(text, PACKET_ADDRESS_TEXT, address->family == 6 ? "[%s]:%u" : "%s:%u", host, (unsigned)address->port);
	return text;
}

bool packet_address_parse(const char *text, struct packet_address *address)
{
	uint8_t octets[16] = {0};
	if (inet_pton(AF_INET, text, octets) == 1)
		address->family = 4;
	else if (inet_pton(AF_INET6, text, octets) == 1)
		address->family = 6;
	else
		return false;
	memcpy(address->octets, octets, sizeof octets);
	return true;
}
