// SPDX-License-Identifier: BSD-3-Clause
//
// The value of an attribute, out of its octets and into them, by its kind. Decoding takes what the form allows and
// refuses what cannot be read by it; it does not judge: a USERNAME longer than its RFC allows is read, an error code of
// 799 too. What the caller wants judged it finds in the decoded fields, reserved bits included.
#ifndef ASSAY_STUN_VALUE_H
#define ASSAY_STUN_VALUE_H

#include "stun/address.h"
#include "stun/attribute.h"
#include "stun/octets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct reader;
struct writer;

struct stun_error_code {
	uint8_t family;    // of ADDRESS-ERROR-CODE; 0 in ERROR-CODE
	uint32_t reserved; // the bits before the class: 21 in ERROR-CODE, 13 in ADDRESS-ERROR-CODE
	uint8_t class;     // hundreds, 0 to 7
	uint8_t number;    // 0 to 255, though the RFC ends at 99
	struct stun_octets reason;
};

struct stun_algorithm {
	uint16_t algorithm; // 1 MD5, 2 SHA-256 (RFC 8489 18.5)
	struct stun_octets parameters;
};

struct stun_icmp {
	uint16_t reserved;
	uint8_t type;  // 7 bits
	uint16_t code; // 9 bits
	uint32_t data;
};

// Which member holds the value follows from the kind.
struct stun_value {
	enum stun_kind kind;
	uint32_t reserved; // the reserved bits of U8_RESERVED, U16_RESERVED, EVEN_PORT and FAMILY
	union {
		struct stun_octets octets;       // OPAQUE TEXT INTEGRITY INTEGRITY_SHA256 TYPES ALGORITHMS
		uint64_t integer;                // U32 U64 U8_RESERVED U16_RESERVED FINGERPRINT
		bool flag;                       // FLAG EVEN_PORT
		uint8_t family;                  // FAMILY
		struct stun_address address;     // ADDRESS XOR_ADDRESS
		struct stun_error_code error;    // ERROR ADDRESS_ERROR
		struct stun_algorithm algorithm; // ALGORITHM
		struct stun_icmp icmp;           // ICMP
	} as;
};

// Decodes `length` octets by a kind; `transaction` is that of the message (for XOR-ed addresses). The octets stay the
// caller's, and the value points into them. Fails with ERROR_MALFORMED, or ERROR_UNKNOWN for an address family that
// STUN does not know; the offset counts from the start of the value. Lists are checked whole.
int stun_value_decode(enum stun_kind kind, const void *data, size_t length,
		      const uint8_t transaction[STUN_TRANSACTION_SIZE], struct stun_value *value, struct error *error);

// Appends the octets of a value, without padding behind it. Lists are written from as.octets as they are. Fails with
// ERROR_LIMIT when the writer is full, ERROR_NOT_ALLOWED when a number does not fit into its field.
int stun_value_encode(const struct stun_value *value, const uint8_t transaction[STUN_TRANSACTION_SIZE],
		      struct writer *writer, struct error *error);

// Steps through a list of password algorithms (RFC 8489 14.11). Yields 1 with *algorithm filled, 0 at the end, -1 when
// the parameters run past the end (ERROR_MALFORMED). The padding of the last may be missing.
int stun_algorithm_next(struct reader *reader, struct stun_algorithm *algorithm, struct error *error);

// Appends one entry of such a list, padded to four octets.
int stun_algorithm_encode(const struct stun_algorithm *algorithm, struct writer *writer, struct error *error);

// The reason phrase that the RFCs give an error code, for example "Stale Nonce" for 438, or "" where they have none.
const char *stun_error_reason(unsigned code);

#endif
