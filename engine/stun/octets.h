// SPDX-License-Identifier: BSD-3-Clause
//
// Octets of somebody else, with their number.
#ifndef ASSAY_STUN_OCTETS_H
#define ASSAY_STUN_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct stun_octets {
	const uint8_t *data; // never owned
	size_t length;
};

static inline bool stun_octets_equal(struct stun_octets a, struct stun_octets b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

#endif
