// SPDX-License-Identifier: BSD-3-Clause
//
// The octets of a stream that nobody has read yet, by their place in it: each place once, those behind a gap too, with
// the tag of what brought them. Where two bring different octets for one place, those that came first stay. It knows
// neither sequence numbers nor frames.
#ifndef ASSAY_CAPTURE_PIECES_H
#define ASSAY_CAPTURE_PIECES_H

#include "base/bytes.h"

// Octets that one segment brought and that no earlier one had.
struct piece {
	uint64_t offset; // of its first octet in the stream
	size_t length;
	int64_t tag;
	const uint8_t *data;
	uint8_t *owned; // data, or NULL where it is lent
	size_t spent;   // octets at data that were read
};

// All zero but `limit` it is empty.
struct pieces {
	uint64_t read;      // offset of the next octet to read; whoever gives up a gap moves it behind that
	struct piece *list; // by offset, without overlaps, none before `read`; those before `first` are spent
	size_t first, count, capacity;
	size_t held, limit; // octets
	uint8_t *done;      // what was read to its end last, still to be freed
};

// Forgets all octets, and begins at offset 0 again.
void pieces_drop(struct pieces *pieces);
void pieces_free(struct pieces *pieces);

// Takes in all that the reader has left, for the place at that offset, which does not lie in front of pieces->read.
// lent: octets that are next to be read are not copied, and stay where they are until pieces_keep. NULL; or, when it is
// more than may be held or memory has, what there is too much of: "octets" or "segments". A limit that is exceeded
// leaves everything as it was.
const char *pieces_add(struct pieces *pieces, uint64_t offset, struct reader *octets, int64_t tag, bool lent);

// Takes copies of what is lent. False without memory.
bool pieces_keep(struct pieces *pieces);

// How many octets can be read.
size_t pieces_ready(const struct pieces *pieces);

// The first piece behind octets that are missing, NULL when there is none. *offset is that of the first octet that is
// missing, or not there yet. *count (which may be NULL): that piece and those behind it.
const struct piece *pieces_behind_gap(const struct pieces *pieces, uint64_t *offset, size_t *count);

// Up to 4 octets from the next one on, without taking them; returns their number.
size_t pieces_peek(const struct pieces *pieces, uint8_t octets[4]);

// Reads up to `most` octets of the next piece, and its tag; returns their number.
size_t pieces_read(struct pieces *pieces, uint8_t *octets, size_t most, int64_t *tag);

// Takes the next octets where they are; NULL when they are not all in one piece, which pieces_read is for. *tag is that
// of the first. They stay good until the next call but pieces_pass_behind. At least one octet must be ready.
const uint8_t *pieces_take(struct pieces *pieces, size_t length, int64_t *tag);

// Passes over what is there in order in front of that offset; _behind: and keeps what was taken last.
void pieces_pass(struct pieces *pieces, uint64_t offset);
void pieces_pass_behind(struct pieces *pieces, uint64_t offset);

// Nothing that was taken is needed any more.
void pieces_release(struct pieces *pieces);

#endif
