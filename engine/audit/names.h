// SPDX-License-Identifier: BSD-3-Clause
//
// Strings that come again and again, kept once and known by a number: server names. What is kept is bounded.
#ifndef ASSAY_AUDIT_NAMES_H
#define ASSAY_AUDIT_NAMES_H

#include "stun/value.h"

#include <stddef.h>
#include <stdint.h>

struct names;

// At most `most` names of at most `longest` octets each. NULL without memory.
struct names *names_new(size_t most, size_t longest);
void names_free(struct names *names); // NULL is fine

// The number of a name, from 1 on, which is kept if it was not; 0 when it is too long or there is no room.
uint32_t names_number(struct names *names, struct stun_octets name);

// The name of a number, owned here; data is NULL for 0 and other numbers that no name has.
struct stun_octets names_of(const struct names *names, uint32_t number);

#endif
