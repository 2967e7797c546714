// SPDX-License-Identifier: BSD-3-Clause
//
// The annotated copy of a capture: its packets as pcapng, each with the comment it is given. A packet is written when
// the next one comes, so that what turns out behind the last one of a capture still finds a packet to stand on.
#ifndef ASSAY_LUA_AUDIT_COPY_H
#define ASSAY_LUA_AUDIT_COPY_H

#include "capture/packet.h"

#include <stddef.h>
#include <stdint.h>

struct audit_copy;
struct error;

// Begins the file at `path`. NULL with *error filled.
struct audit_copy *audit_copy_open(const char *path, struct error *error);

// Takes a packet in; what it points to is copied. -1 with *error filled, of this packet or of the one before.
int audit_copy_packet(struct audit_copy *copy, const struct packet *packet, struct error *error);

// The comment of the packet taken in last, not terminated; NULL when it has none. *frame: the number of that packet, 0
// when there is none.
const char *audit_copy_comment(const struct audit_copy *copy, size_t *length, uint64_t *frame);

// Gives that packet another comment, which is copied. -1 with *error filled: no memory.
int audit_copy_set_comment(struct audit_copy *copy, const char *comment, size_t length, struct error *error);

// TLS key log lines that stand in the capture.
void audit_copy_secrets(struct audit_copy *copy, const char *lines, size_t length);

// Writes what is held, and ends the file. -1 with *error filled (which may be NULL). NULL is fine.
int audit_copy_close(struct audit_copy *copy, struct error *error);

#endif
