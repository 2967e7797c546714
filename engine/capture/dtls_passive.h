// SPDX-License-Identifier: BSD-3-Clause
//
// One DTLS 1.2 association (RFC 6347) as a bystander reads it: AEAD suites whose secrets are in a key log. It takes
// datagrams as they were captured, lost, reordered and repeated ones too, and hands out the application data of every
// record that verifies, once. It knows nothing of UDP, of files, and of what the application data are.
//
// As in tls_passive.h, whose words are used here, side 0 and side 1 are the two ends in any order, and at most 256 KiB
// are held that cannot be read yet; of these the oldest go first.
#ifndef ASSAY_CAPTURE_DTLS_PASSIVE_H
#define ASSAY_CAPTURE_DTLS_PASSIVE_H

#include "capture/tls_passive.h"

struct dtls_passive;

struct dtls_passive_count { // records of a side
	uint64_t opened;    // verified, whatever was in them
	uint64_t repeated;  // verified before, or so far behind that a receiver drops them (RFC 6347 section 4.1.2.6)
	uint64_t not_verified; // with keys that opened others
	uint64_t malformed;    // and what follows them in their datagram
	uint64_t unread;       // for want of keys: what waits is not counted until it is given up
};

// Whether a datagram is one of DTLS: content types 20 to 25, a DTLS version, and a length that fits.
bool dtls_passive_begins(const uint8_t *octets, size_t length);

// An association that has seen nothing, owned by the caller; the secrets stay the caller's. NULL when there is no
// memory.
struct dtls_passive *dtls_passive_new(const struct tls_secrets *secrets);
// Wipes and frees; NULL is allowed.
void dtls_passive_free(struct dtls_passive *association);

// Takes a datagram of a side and copies of it what is needed. Call dtls_passive_next afterwards until it yields
// nothing. It cannot fail: what is wrong is counted.
void dtls_passive_feed(struct dtls_passive *association, int side, const uint8_t *octets, size_t length, int64_t tag);

// The application data of the next record, in the order of capture: true with *piece filled (tag and last_tag are those
// of the datagram), false when nothing more can be read now.
bool dtls_passive_next(struct dtls_passive *association, struct tls_passive_piece *piece);

// The capture is over: what waits is given up.
void dtls_passive_finish(struct dtls_passive *association);

// As tls_passive_state. A side that is opaque is read again when a new handshake gives it keys.
enum tls_passive_state dtls_passive_state(const struct dtls_passive *association, int side, const char **reason);

void dtls_passive_session(const struct dtls_passive *association, struct tls_passive_session *session);
void dtls_passive_count(const struct dtls_passive *association, int side, struct dtls_passive_count *count);

#endif
