// SPDX-License-Identifier: BSD-3-Clause
#include "stun/address.h"

#include "base/bytes.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static size_t family_size(uint8_t family)
{
	return family == STUN_IPV4 ? 4 : family == STUN_IPV6 ? 16 : 0;
}

const char *stun_family_name(uint8_t family)
{
	return family == STUN_IPV4 ? "IPv4" : family == STUN_IPV6 ? "IPv6" : NULL;
}

uint8_t stun_family_find(const char *name)
{
	return strcmp(name, "IPv4") == 0 ? STUN_IPV4 : strcmp(name, "IPv6") == 0 ? STUN_IPV6 : 0;
}

// Port and address are XOR-ed with the same octets: the cookie, then the transaction id. It is its own inverse.
static void apply_mask(struct stun_address *address, const uint8_t transaction[STUN_TRANSACTION_SIZE])
{
	uint8_t mask[4 + STUN_TRANSACTION_SIZE] = {
		STUN_MAGIC_COOKIE >> 24,
		STUN_MAGIC_COOKIE >> 16 & 0xFF,
		STUN_MAGIC_COOKIE >> 8 & 0xFF,
		STUN_MAGIC_COOKIE & 0xFF,
	};
	memcpy(&mask[4], transaction, STUN_TRANSACTION_SIZE);
	address->port ^= STUN_MAGIC_COOKIE >> 16;
	for (size_t i = 0; i < family_size(address->family); i++)
		address->octets[i] ^= mask[i];
}

int stun_address_decode(const void *value, size_t length, const uint8_t *transaction, struct stun_address *address,
			struct error *error)
{
	struct reader reader;
	reader_init(&reader, value, length);
	*address = (struct stun_address){0};
	reader_u8(&reader);
	address->family = reader_u8(&reader);
	address->port = reader_u16(&reader);
	if (reader.failed)
		return error_set(error, ERROR_MALFORMED, 0, "an address of %zu octets is too short to name its family",
				 length);
	size_t size = family_size(address->family);
	if (!size)
		return error_set(error, ERROR_UNKNOWN, 1, "address family 0x%02X is neither IPv4 (1) nor IPv6 (2)",
				 address->family);
	if (reader_left(&reader) != size)
		return error_set(error, ERROR_MALFORMED, 0, "an %s address has %zu octets of value, not %zu",
				 stun_family_name(address->family), size + 4, length);
	memcpy(address->octets, reader_bytes(&reader, size), size);
	if (transaction)
		apply_mask(address, transaction);
	return 0;
}

int stun_address_encode(const struct stun_address *address, const uint8_t *transaction, struct writer *writer,
			struct error *error)
{
	struct stun_address masked = *address;
	if (transaction)
		apply_mask(&masked, transaction);
	writer_u8(writer, 0);
	writer_u8(writer, masked.family);
	writer_u16(writer, masked.port);
	writer_bytes(writer, masked.octets, family_size(masked.family));
	if (writer->failed)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no room for an address");
	return 0;
}

bool stun_address_parse(const char *text, uint16_t port, struct stun_address *address)
{
	*address = (struct stun_address){.port = port};
	if (inet_pton(AF_INET, text, address->octets) == 1)
		address->family = STUN_IPV4;
	else if (inet_pton(AF_INET6, text, address->octets) == 1)
		address->family = STUN_IPV6;
	return address->family != 0;
}

const char *stun_address_host(const struct stun_address *address, char text[STUN_ADDRESS_TEXT_SIZE])
{
	text[0] = 0;
	inet_ntop(address->family == STUN_IPV6 ? AF_INET6 : AF_INET, address->octets, text, STUN_ADDRESS_TEXT_SIZE);
	return text;
}

const char *stun_address_text(const struct stun_address *address, char text[STUN_ADDRESS_TEXT_SIZE])
{
	char host[STUN_ADDRESS_TEXT_SIZE];
	stun_address_host(address, host);
	snprintf(text, STUN_ADDRESS_TEXT_SIZE, address->family == STUN_IPV6 ? "[%.45s]:%u" : "%.45s:%u", host,
		 address->port);
	return text;
}
