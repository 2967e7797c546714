// SPDX-License-Identifier: BSD-3-Clause
//
// Writes a pcapng file (draft-ietf-opsawg-pcapng): frames of any number of link types, times in nanoseconds, a
// comment on a frame, TLS secrets. It knows nothing of what is in a frame.
//
// Whole blocks are gathered in a buffer of 64 KiB and written when it is full, at pcapng_flush and at pcapng_close.
// The file begins to exist, valid, at pcapng_open; a process that is killed loses the frames since the last write and
// leaves a valid file. When a write fails half way (a full disk), a regular file is cut back to its last whole block;
// what went into a pipe cannot be taken back. The first failure is final: every later call reports it again.
#ifndef ASSAY_CAPTURE_PCAPNG_H
#define ASSAY_CAPTURE_PCAPNG_H

#include "capture/packet.h"

struct error;
struct pcapng;

// The largest frame that is written, in octets; what other tools read at most.
#define PCAPNG_LARGEST_FRAME 262144

// Makes or empties the file at `path`. `application` (the program that writes) and `comment` (on the whole file) are
// texts or NULL. NULL with *error filled: ERROR_SYSTEM.
struct pcapng *pcapng_open(const char *path, const char *application, const char *comment, struct error *error);

// Appends a frame: data, captured, length, link, time and comment of *packet; nothing of it is kept. Octets of the
// comment that are not UTF-8 are written as \xHH, and it is cut to 65535 octets. Returns the frame's number, from 1
// up, as other tools number it; -1 with *error filled: ERROR_LIMIT for a frame larger than PCAPNG_LARGEST_FRAME, which
// writes nothing and is no failure of the file, or ERROR_SYSTEM.
int64_t pcapng_packet(struct pcapng *file, const struct packet *packet, struct error *error);

// Appends a decryption secrets block with TLS key log lines (SSLKEYLOGFILE form), which readers use for the frames
// behind it. At most 256 KiB. -1 with *error filled as above.
int pcapng_secrets(struct pcapng *file, const char *lines, size_t length, struct error *error);

// Hands what is gathered to the operating system. -1 with *error filled: ERROR_SYSTEM (a full disk, a reader that went
// away: EPIPE is reported, SIGPIPE is not raised).
int pcapng_flush(struct pcapng *file, struct error *error);

// Flushes, closes and frees, also when it fails; NULL is allowed. -1 with *error filled as pcapng_flush, also for a
// failure that was reported before.
int pcapng_close(struct pcapng *file, struct error *error);

#endif
