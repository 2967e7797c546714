// SPDX-License-Identifier: BSD-3-Clause
//
// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), one packet at a time. It works on one block, of at most 16
// MiB, in the buffer of its source, and believes no length in it. It does not decode what is in a packet.
#ifndef ASSAY_CAPTURE_PCAPNG_READER_H
#define ASSAY_CAPTURE_PCAPNG_READER_H

#include "capture/packet.h"

struct error;
struct source;
struct pcapng_reader;

// The first four octets of every pcapng file, whatever its byte order.
#define PCAPNG_MAGIC 0x0A0D0D0Au

// Reads `source`, which stays the caller's and stands at the start of a section. Owned by the caller; NULL when there
// is no memory.
struct pcapng_reader *pcapng_reader_new(struct source *source);
void pcapng_reader_free(struct pcapng_reader *reader);

// As capture_reader_on_secrets.
void pcapng_reader_on_secrets(struct pcapng_reader *reader,
			      void (*secrets)(void *context, uint32_t type, const uint8_t *octets, size_t length),
			      void *context);

// As capture_reader_next, but the packet is not decoded and has no frame number.
int pcapng_reader_next(struct pcapng_reader *reader, struct packet *packet, struct error *error);

#endif
