// SPDX-License-Identifier: BSD-3-Clause
//
// ChannelData, and how a stream is cut into frames: the first octets tell a STUN message from ChannelData and both
// from anything else, and how long the frame is. It keeps no buffer and reads no socket; the caller has the octets.
#ifndef ASSAY_STUN_CHANNEL_H
#define ASSAY_STUN_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct writer;

#define STUN_CHANNEL_HEADER_SIZE 4
// The numbers a client may bind (RFC 8656 12; RFC 5766 went up to 0x7FFF, and what it allowed is still recognised).
#define STUN_CHANNEL_FIRST 0x4000
#define STUN_CHANNEL_LAST 0x4FFF

struct stun_channel {
	uint16_t number;
	uint16_t length;     // octets of data, as the header says
	const uint8_t *data; // inside the input, which owns it
};

// Reads one ChannelData message (RFC 8656 12.4). Up to three octets may follow the data: over UDP padding is allowed,
// though not needed. Fails with ERROR_TRUNCATED, or ERROR_MALFORMED when the number is not one of a channel or more
// follows than padding explains.
int stun_channel_parse(const void *data, size_t length, struct stun_channel *channel, struct error *error);

// Appends a ChannelData message without padding. Any number is written, also one that no channel has. Fails with
// ERROR_LIMIT when the data is longer than 65535 octets or the writer is full.
int stun_channel_encode(uint16_t number, const void *data, size_t length, struct writer *writer, struct error *error);

enum stun_frame_kind {
	STUN_FRAME_MORE,    // not all there yet
	STUN_FRAME_MESSAGE, // a STUN message
	STUN_FRAME_CHANNEL, // a ChannelData message
	STUN_FRAME_NEITHER, // the stream carries something else, and cannot be followed any further
};

struct stun_frame {
	enum stun_frame_kind kind;
	size_t size;    // octets the frame takes of the stream, padding included; for MORE, the octets needed to go on
	size_t content; // octets of it to hand on, padding of ChannelData left out; 0 for MORE and NEITHER
};

// The frame that a TCP or TLS stream begins with (RFC 8489 6.2.2, RFC 8656 12.5), given the first `length` octets of
// it. It takes at most 65552 octets. The magic cookie is not looked at: a peer that gets it wrong is to be seen, not
// cut off. A first octet from 0x80 on, and a STUN length that is no multiple of four, are neither.
struct stun_frame stun_frame_find(const void *data, size_t length);

#endif
