// SPDX-License-Identifier: BSD-3-Clause
//
// Tells quickly that none of some secrets stands in a message, in any of the forms in which secrets are looked for: as
// it is, in hex of either case, in base64 and base64url. It may be wrong the other way: where it says that one may
// stand there, somebody has to look. It knows only the first octets of each form.
#ifndef ASSAY_AUDIT_NEEDLES_H
#define ASSAY_AUDIT_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEEDLES_SHORTEST 8 // octets; shorter secrets are not looked for

struct needles {
	uint8_t grams[1 << 13]; // a bit for each hash of four octets; telling of secrets, so its owner wipes it
};

// Adds a secret to those looked for; all zero is a set of none. A short one is left out.
void needles_add(struct needles *needles, const uint8_t *secret, size_t length);

// Whether one of them, or the one given here (NULL: none), may stand in the octets. *needles is as before afterwards.
bool needles_may_stand(struct needles *needles, const uint8_t *secret, size_t secret_length, const void *octets,
		       size_t length);

#endif
