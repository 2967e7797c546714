// SPDX-License-Identifier: BSD-3-Clause
//
// The packets of a capture file, in its order: pcap (through libpcap) and pcapng (by our own reader: several link
// types, either byte order, any time resolution, comments), gzip-compressed or not, from a file or a pipe. Nothing a
// file says is trusted: a damaged one yields every packet in front of the damage and then an error with its place.
#ifndef ASSAY_CAPTURE_READER_H
#define ASSAY_CAPTURE_READER_H

#include "capture/packet.h"

struct error;
struct capture_reader;

// Owned by the caller. NULL with *error filled: ERROR_SYSTEM (no such file), ERROR_TRUNCATED, or ERROR_UNKNOWN for
// what is neither pcap nor pcapng.
struct capture_reader *capture_reader_open(const char *path, struct error *error);
void capture_reader_close(struct capture_reader *reader);

// The next packet, decoded: 1, its octets and its comment (several are joined by line ends) good until the next call;
// 0 at the end; -1 with *error filled: ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_LIMIT, ERROR_LIBRARY (the word of
// libpcap) or ERROR_SYSTEM, whose offset is that of the record or block, in octets of the (uncompressed) file. An
// error is final.
int capture_reader_next(struct capture_reader *reader, struct packet *packet, struct error *error);

// "pcap" or "pcapng".
const char *capture_reader_format(const struct capture_reader *reader);

#endif
