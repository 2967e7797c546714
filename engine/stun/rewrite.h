// SPDX-License-Identifier: BSD-3-Clause
//
// A message made again for another occasion: another transaction identifier, other values for some attributes, and
// therefore another integrity and another fingerprint. All else stays: the order, what is unknown, what is there twice;
// only padding becomes zeros.
#ifndef ASSAY_STUN_REWRITE_H
#define ASSAY_STUN_REWRITE_H

#include "stun/message.h"
#include "stun/value.h"

#include <stddef.h>
#include <stdint.h>

struct error;
struct stun_integrity;
struct writer;

struct stun_change {
	uint16_t type;
	struct stun_octets value; // of the first attribute of that type, where there is one
};

struct stun_rewriting {
	const uint8_t *transaction; // STUN_TRANSACTION_SIZE octets
	const struct stun_change *changes;
	size_t change_count;
	struct stun_octets key;        // of MESSAGE-INTEGRITY, where there is one
	struct stun_octets key_sha256; // of MESSAGE-INTEGRITY-SHA256
};

// Appends the message made again to an empty writer. Addresses that are XOR-ed with the transaction identifier stay the
// same addresses; an integrity attribute keeps its length. Fails with ERROR_LIMIT when the result is too long for
// STUN, ERROR_MALFORMED when the lengths of the message cannot be followed, ERROR_LIBRARY.
int stun_rewrite(struct stun_integrity *integrity, const void *data, size_t length,
		 const struct stun_rewriting *rewriting, struct writer *writer, struct error *error);

#endif
