// SPDX-License-Identifier: BSD-3-Clause
//
// One TLS connection as a bystander reads it: TLS 1.2 (RFC 5246) and 1.3 (RFC 8446) with AEAD suites, full handshakes
// and resumed ones, whose secrets are in a key log. It takes the octets of both directions in order and hands out the
// application data of every record that verifies, and of no other. What cannot be read is opaque, with the reason. It
// knows nothing of TCP, of files, and of what the application data are.
//
// The two ends are side 0 and side 1, in whichever order the caller likes: who is the client is told by the
// ClientHello. Nothing is expected of the order of octets of different sides. Nothing that arrives is trusted: a
// connection holds at most 256 KiB a side that cannot be read yet.
#ifndef ASSAY_CAPTURE_TLS_PASSIVE_H
#define ASSAY_CAPTURE_TLS_PASSIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_secrets;
struct tls_passive;

enum tls_passive_state {
	TLS_PASSIVE_WAITING,    // for the handshake, for the other side's octets, or for secrets
	TLS_PASSIVE_DECRYPTING, // records of this side verify
	TLS_PASSIVE_OPAQUE,     // nothing more will be read of this side
};

struct tls_passive_piece {
	int side; // that sent it
	const uint8_t
		*octets; // application data of one record, never empty; good until the next call on the connection
	size_t length;
	int64_t tag;      // of what brought the first octet of the record
	int64_t last_tag; // of what brought its last octet
	bool early;       // 0-RTT data, which the server accepted
};

// What a connection is; all but `client` is 0 and NULL until both hellos were read.
struct tls_passive_session {
	int client;             // the side that sent the ClientHello, -1: not known yet
	uint16_t version;       // 0x0303 TLS 1.2, 0x0304 TLS 1.3, 0xFEFD DTLS 1.2
	uint16_t suite;         // number of the cipher suite
	const char *suite_name; // a constant; NULL when it has no name here
	const uint8_t *random;  // of the ClientHello, 32 octets, owned by the connection
};

// Whether octets begin as a TLS connection does: a handshake record with a ClientHello, or (server) a ServerHello.
// At least 6 octets are needed to say so.
bool tls_passive_begins(const uint8_t *octets, size_t length);

// A connection that has seen nothing, owned by the caller; the secrets stay the caller's. NULL when there is no memory.
struct tls_passive *tls_passive_new(const struct tls_secrets *secrets);
// Wipes and frees; NULL is allowed.
void tls_passive_free(struct tls_passive *connection);

// Takes the next octets of a side and copies them. tag is what the caller knows them by, such as a frame number; it
// should not decrease. Call tls_passive_next afterwards until it yields nothing: what is not fetched is held, and
// counts. It cannot fail: what goes wrong makes the side opaque.
void tls_passive_feed(struct tls_passive *connection, int side, const uint8_t *octets, size_t length, int64_t tag);

// Octets of this side that were not captured come next. The side is opaque from here on.
void tls_passive_gap(struct tls_passive *connection, int side, uint64_t length);

// The next piece of application data of either side: true with *piece filled, false when nothing more can be read now.
// Where both sides have some, that of the smaller last tag comes first.
bool tls_passive_next(struct tls_passive *connection, struct tls_passive_piece *piece);

// The capture is over, or the connection is: a side that waits becomes opaque, with the reason. Fetch what there is
// with tls_passive_next before; secrets that came late are used by it.
void tls_passive_finish(struct tls_passive *connection);

// The state of a side. *reason (which may be NULL) is a sentence without its full stop, what is missing or what is
// wrong; "" while decrypting. It is owned by the connection.
enum tls_passive_state tls_passive_state(const struct tls_passive *connection, int side, const char **reason);

void tls_passive_session(const struct tls_passive *connection, struct tls_passive_session *session);

// Octets of this side that were never read: what was fed after it became opaque, and what waited then.
uint64_t tls_passive_unread(const struct tls_passive *connection, int side);

#endif
