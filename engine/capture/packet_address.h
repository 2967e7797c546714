// SPDX-License-Identifier: BSD-3-Clause
//
// The address of one end of a captured packet, and its text. It is plain data, of no use to any socket.
#ifndef ASSAY_CAPTURE_PACKET_ADDRESS_H
#define ASSAY_CAPTURE_PACKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct packet_address {
	uint8_t family;     // 4 or 6; 0: none
	uint8_t octets[16]; // the first 4 are used by IPv4
	uint16_t port;      // 0 where there is none
};

#define PACKET_ADDRESS_TEXT (INET6_ADDRSTRLEN + 8) // with brackets and a port

// Whether two are alike but for their ports.
bool packet_address_same_host(const struct packet_address *a, const struct packet_address *b);

// The address without its port, as text: "" where there is none.
const char *packet_address_text(const struct packet_address *address, char text[INET6_ADDRSTRLEN]);

// The same with its port behind it: "192.0.2.1:3478", "[2001:db8::1]:3478".
const char *packet_address_with_port(const struct packet_address *address, char text[PACKET_ADDRESS_TEXT]);

// A numeric IPv4 or IPv6 address; false when it is none. The port is left alone.
bool packet_address_parse(const char *text, struct packet_address *address);

#endif
