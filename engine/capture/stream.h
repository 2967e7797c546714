// SPDX-License-Identifier: BSD-3-Clause
//
// One direction of a TCP connection, put together from its captured segments: in order, each octet once, and for each
// octet the segment that brought it. On top of it, the frames of STUN over TCP (RFC 8489 section 6.2.2) and
// ChannelData (RFC 8656 section 12.5). It knows nothing of addresses, files or what is in a frame.
//
// Where two segments bring different octets for one place, those that came first stay, as a receiver would have it.
// Without a SYN, the first segment with octets is taken as the start, and what lies before it is dropped.
#ifndef ASSAY_CAPTURE_STREAM_H
#define ASSAY_CAPTURE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct capture_stream;

struct capture_stream_segment {
	uint32_t sequence;
	bool syn, fin;
	const uint8_t *payload;
	size_t length;
	int64_t tag; // what the caller knows the segment by, such as a frame number
	// The payload stays good until capture_stream_next or capture_stream_read has returned 0 or less, or any other
	// call that changes the stream has begun: octets that are in order are then read where they are, and what is
	// left of them is copied only at the end of that time. False: all is copied at once.
	bool lent;
};

struct capture_stream_frame {
	const uint8_t *data; // owned by the stream, good until its next call; ChannelData without its padding
	size_t length;
	uint64_t offset;  // of its first octet in the stream
	int64_t tag;      // of the segment that brought its first octet
	int64_t last_tag; // of the one that brought its last octet (of its content, not of the padding)
	uint64_t lost;    // octets of the stream between the frame before and this one: never seen, or passed over
	bool found;       // by a search behind octets that were lost: it may be the content of another frame
};

// A stream that has seen nothing, owned by the caller; it holds at most `limit` octets that nobody has read (0: 1 MiB)
// in at most 16384 pieces. NULL when there is no memory.
struct capture_stream *capture_stream_new(size_t limit);
void capture_stream_free(struct capture_stream *stream);

// Takes a segment in and copies what is new of it. A SYN with another sequence number than the one before begins the
// stream anew (the ports were used again). -1 with *error filled: ERROR_LIMIT when more waits (for a missing segment,
// or for a reader) than the stream may hold; nothing of the segment is kept, and every later call fails alike.
int capture_stream_segment(struct capture_stream *stream, const struct capture_stream_segment *segment,
			   struct error *error);

// The next whole frame: 1 with *frame filled, 0 when octets are missing yet, -1 with *error filled: ERROR_MALFORMED
// with the offset in the stream of an octet that begins neither STUN nor ChannelData; every later call fails alike.
int capture_stream_next(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error);

// Takes up to `most` octets that are there in order, for streams of other content, and returns their number. *tag is
// that of the first octet. All octets returned came in one segment.
size_t capture_stream_read(struct capture_stream *stream, uint8_t *octets, size_t most, int64_t *tag);

// Octets from the first one not read yet that are there in order.
size_t capture_stream_ready(const struct capture_stream *stream);

// Whether later octets wait behind ones that were not seen: *offset of the first missing one, *length of the gap.
bool capture_stream_gap(const struct capture_stream *stream, uint64_t *offset, uint64_t *length);

// What waits behind that gap: the number of octets, that of segments in *segments, the tag of the first one in *tag.
// 0 when nothing does (but the FIN may).
size_t capture_stream_waiting(const struct capture_stream *stream, size_t *segments, int64_t *tag);

// Whether the receiver has acknowledged the first octets that are missing here: then it has them, the capture lost
// them, and they will not be sent again.
bool capture_stream_acknowledged(const struct capture_stream *stream, uint32_t acknowledgement);

// Gives up on the octets that are missing first, and on what in front of them was not read (the caller has taken all
// frames before). Where the header of the frame with the gap in it was there and tells where it ends behind the gap,
// the next frame begins there; else it is searched for, as with capture_stream_search. Returns the number of octets
// that were missing, 0 when there was no gap.
uint64_t capture_stream_skip_gap(struct capture_stream *stream);

// From the next octet on, searches for what looks like a STUN message: the first two bits 00, the length a multiple
// of 4, the magic cookie (or like ChannelData that holds exactly that). It ends a failure of framing, and is also for
// streams whose beginning was not captured. What does not look so is passed over and not held.
void capture_stream_search(struct capture_stream *stream);

// Octets since the start of the stream that are in no frame: those given up as missing, and those passed over.
void capture_stream_lost(const struct capture_stream *stream, uint64_t *missing, uint64_t *passed);

// Octets held, those in order and those behind a gap together.
size_t capture_stream_held(const struct capture_stream *stream);

// Whether a FIN was seen and everything before it was read.
bool capture_stream_finished(const struct capture_stream *stream);

#endif
