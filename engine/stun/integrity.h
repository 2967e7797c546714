// SPDX-License-Identifier: BSD-3-Clause
//
// MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT: computing and verifying them over the octets of a
// message. The context is made once and used for any number of messages, each with a key of its own; it remembers no
// key that the caller could get back. Where a key comes from, and what to answer when it does not fit, is not known
// here.
#ifndef ASSAY_STUN_INTEGRITY_H
#define ASSAY_STUN_INTEGRITY_H

#include "stun/message.h"

#include <stddef.h>
#include <stdint.h>

struct error;

#define STUN_INTEGRITY_SIZE 20
#define STUN_INTEGRITY_SHA256_SIZE 32
#define STUN_INTEGRITY_LIMIT 32 // octets of the longest of them

enum stun_verdict {
	STUN_ABSENT,  // there is no such attribute
	STUN_INVALID, // it is there and does not verify, or has a size it may not have
	STUN_VALID,
};

struct stun_integrity;

// A new context, for one thread at a time; NULL with *error filled when OpenSSL refuses.
struct stun_integrity *stun_integrity_new(struct error *error);
// Wipes and frees it. NULL is fine.
void stun_integrity_free(struct stun_integrity *integrity);

// Computes the HMAC that an attribute of this type (STUN_MESSAGE_INTEGRITY or STUN_MESSAGE_INTEGRITY_SHA256) has at
// `offset`, over the octets before it, with the header's length field taken as ending with the attribute, whose value
// has `size` octets (RFC 8489 14.5, 14.6). Writes 20 or 32 octets to mac; a shorter value is their beginning. A key of
// no octets is a key. Fails with ERROR_UNKNOWN for another type, ERROR_TRUNCATED when offset does not lie behind a
// header, ERROR_LIMIT when the length cannot be expressed, ERROR_LIBRARY.
int stun_integrity_compute(struct stun_integrity *integrity, uint16_t type, const void *key, size_t key_length,
			   const void *data, size_t offset, size_t size, uint8_t mac[STUN_INTEGRITY_LIMIT],
			   struct error *error);

// Verifies the first attribute of this type in a parsed message, in time that does not depend on where it differs.
// What stands behind the attribute plays no part. What OpenSSL cannot compute is not valid.
enum stun_verdict stun_integrity_verify(struct stun_integrity *integrity, const struct stun_message *message,
					uint16_t type, const void *key, size_t key_length);

// The FINGERPRINT over the first `offset` octets (RFC 8489 14.7), with the length field as it stands.
uint32_t stun_fingerprint_compute(const void *data, size_t offset);

// Verifies FINGERPRINT: four octets, the right CRC, and no attribute behind it.
enum stun_verdict stun_fingerprint_verify(const struct stun_message *message);

// "absent", "invalid" or "valid".
const char *stun_verdict_name(enum stun_verdict verdict);

#endif
