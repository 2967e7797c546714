// SPDX-License-Identifier: BSD-3-Clause
//
// Transport addresses as STUN attributes carry them: family, port and IPv4 or IPv6 address, plain or XOR-ed, and their
// text. It knows no socket address: a value from a message need not be one that anybody could bind.
#ifndef ASSAY_STUN_ADDRESS_H
#define ASSAY_STUN_ADDRESS_H

#include "stun/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct writer;

enum stun_family {
	STUN_IPV4 = 0x01,
	STUN_IPV6 = 0x02,
};

struct stun_address {
	uint8_t family; // STUN_IPV4 or STUN_IPV6
	uint16_t port;
	uint8_t octets[16]; // in network order; IPv4 uses the first four
};

// Room for "[address]:port" with its NUL.
#define STUN_ADDRESS_TEXT_SIZE 64

// "IPv4", "IPv6", or NULL for a family STUN does not know; and back, 0 for any other word.
const char *stun_family_name(uint8_t family);
uint8_t stun_family_find(const char *name);

// Reads the value of an address attribute (RFC 8489 14.1). With a transaction id, of STUN_TRANSACTION_SIZE octets, it
// is taken as XOR-ed (14.2) and the XOR undone; with NULL it is plain. The first octet may hold anything, as the RFC
// says. Fails with ERROR_UNKNOWN for another family, ERROR_MALFORMED when the length is not that of the family; the
// offset counts from the start of the value.
int stun_address_decode(const void *value, size_t length, const uint8_t *transaction, struct stun_address *address,
			struct error *error);

// Appends the value for an address, XOR-ed when a transaction id is given. Fails, with ERROR_LIMIT, only for want of
// room in the writer.
int stun_address_encode(const struct stun_address *address, const uint8_t *transaction, struct writer *writer,
			struct error *error);

// Takes a numeric address ("192.0.2.1", "2001:db8::1"). False when it is neither form.
bool stun_address_parse(const char *text, uint16_t port, struct stun_address *address);

// The address alone as text, without port or brackets. Yields `text`.
const char *stun_address_host(const struct stun_address *address, char text[STUN_ADDRESS_TEXT_SIZE]);

// "192.0.2.1:3478" or "[2001:db8::1]:3478". Yields `text`.
const char *stun_address_text(const struct stun_address *address, char text[STUN_ADDRESS_TEXT_SIZE]);

#endif
