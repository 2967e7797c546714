// SPDX-License-Identifier: BSD-3-Clause
//
// What passes on one flow, cut into STUN messages and ChannelData: datagrams of UDP, frames of TCP, and either of them
// inside DTLS and TLS where the secrets are known. What a flow carries is found out from cookie and structure, never
// from port numbers. A flow that carries something else costs nothing more. It looks into no message.
#ifndef ASSAY_AUDIT_CONVERSATION_H
#define ASSAY_AUDIT_CONVERSATION_H

#include "audit/facts.h"
#include "capture/packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conversation;
struct tls_secrets;

enum conversation_kind {
	CONVERSATION_UNKNOWN,
	CONVERSATION_STUN, // STUN and ChannelData, in the clear
	CONVERSATION_TLS,
	CONVERSATION_DTLS,
	CONVERSATION_OTHER,
};

struct conversation_piece {
	const uint8_t *octets; // good during the call
	size_t length;
	int side; // that sent it: 0 or 1, as given with its packet
	enum audit_transport transport;
	bool channel;                // ChannelData, its header being right; else STUN, not parsed yet
	uint64_t first_frame, frame; // of the packets that began and completed it
	uint64_t time, offset;       // of the latter packet
};

// NULL without memory. The secrets stay the caller's.
struct conversation *conversation_new(enum packet_protocol protocol, const struct tls_secrets *secrets);
void conversation_free(struct conversation *conversation); // NULL is fine

// Whether this packet opens another TCP connection on the same ports.
bool conversation_restarts(const struct conversation *conversation, int side, const struct packet *packet);

// Takes a decoded packet of a side; first_frame is that of its first fragment. Each message that is complete by now is
// handed to `take`, which returns false to end it: then this returns false.
bool conversation_packet(struct conversation *conversation, int side, const struct packet *packet, uint64_t first_frame,
			 bool (*take)(void *context, const struct conversation_piece *piece), void *context);

// The capture is over: hands out what waited for octets or secrets that did not come.
bool conversation_finish(struct conversation *conversation,
			 bool (*take)(void *context, const struct conversation_piece *piece), void *context);

enum conversation_kind conversation_kind(const struct conversation *conversation);

// Messages that the capture holds a part of only, and octets of TCP that are in no frame, since the last call.
uint64_t conversation_cut(struct conversation *conversation);
uint64_t conversation_lost(struct conversation *conversation);

// Why TLS or DTLS could not be read (a sentence without its full stop); NULL when it could.
const char *conversation_opaque(const struct conversation *conversation);

#endif
