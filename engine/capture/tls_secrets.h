// SPDX-License-Identifier: BSD-3-Clause
//
// The secrets of TLS and DTLS sessions by client random and label, as key logs hold them (SSLKEYLOGFILE,
// draft-ietf-tls-keylogfile), from a file or from a pcapng decryption secrets block. It knows nothing of what is
// done with a secret. Nothing a log says is trusted: lines are bounded, secrets are counted, and all is wiped.
#ifndef ASSAY_CAPTURE_TLS_SECRETS_H
#define ASSAY_CAPTURE_TLS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct tls_secrets;

enum { TLS_RANDOM = 32, TLS_SECRET_MOST = 64 }; // octets

enum tls_label {
	TLS_MASTER,           // CLIENT_RANDOM: the master secret of TLS 1.2 and before, 48 octets
	TLS_CLIENT_EARLY,     // CLIENT_EARLY_TRAFFIC_SECRET
	TLS_CLIENT_HANDSHAKE, // CLIENT_HANDSHAKE_TRAFFIC_SECRET
	TLS_SERVER_HANDSHAKE, // SERVER_HANDSHAKE_TRAFFIC_SECRET
	TLS_CLIENT_TRAFFIC,   // CLIENT_TRAFFIC_SECRET_0
	TLS_SERVER_TRAFFIC,   // SERVER_TRAFFIC_SECRET_0
	TLS_LABELS,
};

struct tls_secret {
	uint8_t octets[TLS_SECRET_MOST];
	size_t length;
};

// What reading a log has come to, in lines.
struct tls_secrets_count {
	size_t added;
	size_t known;           // were there before
	size_t passed_over;     // empty, comments, labels not needed here (EXPORTER_SECRET, RSA, ...)
	size_t malformed;       // neither that nor a line of a key log
	size_t first_malformed; // its number, from 1; 0: none
};

// Empty, owned by the caller, shared by any number of connections, which it must outlive. It holds at most `limit`
// secrets (0: 65536). NULL when there is no memory.
struct tls_secrets *tls_secrets_new(size_t limit);
// Wipes and frees; NULL is allowed.
void tls_secrets_free(struct tls_secrets *secrets);

// Takes in the lines of a text, which ends with or without a line end. What is no key log line is counted and passed
// over, as other readers do; the first secret for a client random and label stays. *count (which may be NULL) is added
// to. -1 with *error filled: ERROR_LIMIT when there are more secrets than are held; those that fit are there.
int tls_secrets_add(struct tls_secrets *secrets, const char *text, size_t length, struct tls_secrets_count *count,
		    struct error *error);

// Takes in a decryption secrets block of a pcapng file, of which those with a TLS key log are used: what
// capture_reader_on_secrets may be given, with the store as its context. What does not fit is left out.
void tls_secrets_take(void *secrets, uint32_t type, const uint8_t *octets, size_t length);

// As tls_secrets_add, with a file (or a pipe) of at most 64 MiB. -1 with *error filled: ERROR_SYSTEM, ERROR_LIMIT, and
// ERROR_MALFORMED when there is no key log line in it at all.
int tls_secrets_read(struct tls_secrets *secrets, const char *path, struct tls_secrets_count *count,
		     struct error *error);

// The secret, owned by the store and good until the next call that adds; NULL when there is none.
const struct tls_secret *tls_secrets_find(const struct tls_secrets *secrets, const uint8_t random[TLS_RANDOM],
					  enum tls_label label);

size_t tls_secrets_number(const struct tls_secrets *secrets);
// Whether there were more than it holds: then one that is not found may have been given.
bool tls_secrets_left_out(const struct tls_secrets *secrets);

// Says that no more secrets will come. Until then a connection without its secret waits for it (a secrets block may
// stand behind the packets that need it) and holds what it cannot read yet.
void tls_secrets_close(struct tls_secrets *secrets);
bool tls_secrets_closed(const struct tls_secrets *secrets);

// The label as a key log writes it; a constant.
const char *tls_secrets_label(enum tls_label label);

#endif
