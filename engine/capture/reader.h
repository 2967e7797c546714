// SPDX-License-Identifier: BSD-3-Clause
//
// The packets of a capture file, in its order: pcap (through libpcap) and pcapng (by our own reader: several link
// types, either byte order, any time resolution, comments, secrets), gzip-compressed or not, from a file or a pipe.
// Nothing a file says is trusted: a damaged one yields every packet in front of the damage and then an error with its
// place.
#ifndef ASSAY_CAPTURE_READER_H
#define ASSAY_CAPTURE_READER_H

#include "capture/packet.h"

struct error;
struct capture_reader;

// "-" is the standard input. Owned by the caller. NULL with *error filled: ERROR_SYSTEM (no such file),
// ERROR_TRUNCATED, or ERROR_UNKNOWN for what is neither pcap nor pcapng.
struct capture_reader *capture_reader_open(const char *path, struct error *error);
void capture_reader_close(struct capture_reader *reader);

// The next packet, decoded: 1, its octets and its comment (several are joined by line ends) good until the next call;
// 0 at the end; -1 with *error filled: ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_LIMIT, ERROR_LIBRARY (the word of
// libpcap) or ERROR_SYSTEM, whose offset is that of the record or block, in octets of the (uncompressed) file. An
// error is final.
int capture_reader_next(struct capture_reader *reader, struct packet *packet, struct error *error);

// Decryption secrets of a pcapng file: `secrets` is called, from within capture_reader_next, before the packets behind
// them are handed out. The octets are good during the call.
#define CAPTURE_READER_TLS_KEYS 0x544C534Bu // of `type`: lines of a TLS key log (the form of SSLKEYLOGFILE)
void capture_reader_on_secrets(struct capture_reader *reader,
			       void (*secrets)(void *context, uint32_t type, const uint8_t *octets, size_t length),
			       void *context);

// What a person should know of the file besides an error, as far as it was read.
#define CAPTURE_READER_LINKS 8
struct capture_reader_notes {
	uint64_t packets;
	uint64_t octets;    // of the (uncompressed) file
	uint64_t backwards; // packets with an earlier time than the one before, and the first of them
	uint64_t backwards_frame, backwards_offset;
	uint64_t cut; // packets of which the capture did not keep all octets, and the first of them
	uint64_t cut_frame;
	uint64_t unknown_links; // packets of link types that are not decoded here
	struct {
		uint32_t link;
		uint64_t packets, first_frame;
	} links[CAPTURE_READER_LINKS]; // those types, as many as find room; packets is 0 in the rest
};
const struct capture_reader_notes *capture_reader_notes(const struct capture_reader *reader);

// "pcap" or "pcapng".
const char *capture_reader_format(const struct capture_reader *reader);

#endif
