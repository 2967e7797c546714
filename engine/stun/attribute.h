// SPDX-License-Identifier: BSD-3-Clause
//
// What the RFCs say of each attribute, as one constant table: its number, name, form, the lengths its value may have
// and the section that defines it. Everything else in this room (parsing, values, building, text) asks this table and
// has no list of attributes of its own. It does not know which attribute belongs in which message: that is judgement.
#ifndef ASSAY_STUN_ATTRIBUTE_H
#define ASSAY_STUN_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The form of a value. Attributes of one kind are decoded, encoded and printed alike.
enum stun_kind {
	STUN_KIND_OPAQUE,           // octets
	STUN_KIND_TEXT,             // octets meant as UTF-8
	STUN_KIND_U32,              // 32-bit number
	STUN_KIND_U64,              // 64-bit number
	STUN_KIND_U8_RESERVED,      // 8-bit number and 24 reserved bits: REQUESTED-TRANSPORT
	STUN_KIND_U16_RESERVED,     // 16-bit number and 16 reserved bits: CHANNEL-NUMBER, RESPONSE-PORT
	STUN_KIND_FLAG,             // no value: being there is the message
	STUN_KIND_EVEN_PORT,        // one octet whose first bit is R
	STUN_KIND_FAMILY,           // address family and 24 reserved bits
	STUN_KIND_ADDRESS,          // family, port, address
	STUN_KIND_XOR_ADDRESS,      // the same, XOR-ed with cookie and transaction id
	STUN_KIND_ERROR,            // error class, number and reason phrase
	STUN_KIND_ADDRESS_ERROR,    // address family, then as an error
	STUN_KIND_TYPES,            // list of attribute types
	STUN_KIND_ALGORITHM,        // a password algorithm and its parameters
	STUN_KIND_ALGORITHMS,       // list of those
	STUN_KIND_ICMP,             // ICMP type, code and data
	STUN_KIND_INTEGRITY,        // HMAC-SHA1 of the message so far
	STUN_KIND_INTEGRITY_SHA256, // HMAC-SHA256 of the message so far, perhaps cut
	STUN_KIND_FINGERPRINT,      // CRC-32 of the message so far
};

struct stun_attribute {
	uint16_t type;
	uint16_t minimum; // octets of value that the RFC allows at least
	uint16_t maximum; // and at most; 65535 where it sets no bound
	enum stun_kind kind;
	const char *name; // as the RFC writes it
	const char *rfc;  // "RFC 8489 14.5"
};

// The attribute types that code in the engine names itself.
enum {
	STUN_USERNAME = 0x0006,
	STUN_MESSAGE_INTEGRITY = 0x0008,
	STUN_CHANNEL_NUMBER = 0x000C,
	STUN_LIFETIME = 0x000D,
	STUN_REALM = 0x0014,
	STUN_NONCE = 0x0015,
	STUN_XOR_RELAYED_ADDRESS = 0x0016,
	STUN_REQUESTED_TRANSPORT = 0x0019,
	STUN_ACCESS_TOKEN = 0x001B,
	STUN_MESSAGE_INTEGRITY_SHA256 = 0x001C,
	STUN_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_SOFTWARE = 0x8022,
	STUN_FINGERPRINT = 0x8028,
	STUN_THIRD_PARTY_AUTHORIZATION = 0x802E,
};

// Room for the name of any attribute, known or not, with its NUL.
#define STUN_ATTRIBUTE_NAME_SIZE 32

// All descriptors, in the order of their types; *count is set to their number.
const struct stun_attribute *stun_attribute_all(size_t *count);

// The descriptor of a type, or NULL when no RFC known here defines it.
const struct stun_attribute *stun_attribute_find(uint16_t type);

// The descriptor with this name (`length` octets, exactly as the RFC writes it), or NULL.
const struct stun_attribute *stun_attribute_find_name(const char *name, size_t length);

// Whether a receiver that does not know the type must refuse the message (RFC 8489 14: types 0x0000 to 0x7FFF).
bool stun_attribute_required(uint16_t type);

// The name of a type, or its number as 0x7F00. Yields `name`.
const char *stun_attribute_name(uint16_t type, char name[STUN_ATTRIBUTE_NAME_SIZE]);

// The name of a kind, for scripts and messages: "text", "xor-address".
const char *stun_kind_name(enum stun_kind kind);

#endif
