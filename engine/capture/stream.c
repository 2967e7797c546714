// SPDX-License-Identifier: BSD-3-Clause
#include "capture/stream.h"

#include "base/bytes.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 1048576
#define MOST_PIECES 16384
#define STUN_HEADER 20
#define CHANNEL_HEADER 4

// Octets that one segment brought and that no earlier one had.
struct piece {
	uint64_t offset; // of its first octet in the stream
	size_t length;
	int64_t tag;
	uint8_t *data;
	size_t spent; // octets at data that were read
};

struct capture_stream {
	bool started;
	uint32_t initial; // sequence number of the stream's octet 0
	bool ends;
	uint64_t end;         // offset of the FIN
	uint64_t read;        // offset of the next octet to read; no piece begins before it
	struct piece *pieces; // by offset, without overlaps; those before `first` are spent
	size_t first, count, capacity;
	size_t held, limit;  // octets
	struct writer frame; // the one that was handed out last
	struct error failure;
};

struct capture_stream *capture_stream_new(size_t limit)
{
	struct capture_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->limit = limit ? limit : DEFAULT_LIMIT;
	writer_init(&stream->frame, STUN_HEADER + 65535);
	return stream;
}

static void drop_pieces(struct capture_stream *stream)
{
	for (size_t i = stream->first; i < stream->count; i++)
		free(stream->pieces[i].data);
	stream->first = stream->count = 0;
	stream->held = 0;
}

void capture_stream_free(struct capture_stream *stream)
{
	if (!stream)
		return;
	drop_pieces(stream);
	free(stream->pieces);
	writer_free(&stream->frame);
	free(stream);
}

static int failed(const struct capture_stream *stream, struct error *error)
{
	if (error)
		*error = stream->failure;
	return -1;
}

static int fail_limit(struct capture_stream *stream, const char *what, struct error *error)
{
	error_set(&stream->failure, ERROR_LIMIT, (size_t)stream->read,
		  "from octet %llu of the stream, more %s wait than are held", (unsigned long long)stream->read, what);
	return failed(stream, error);
}

static int insert_piece(struct capture_stream *stream, size_t index, uint64_t offset, const uint8_t *data,
			size_t length, int64_t tag, struct error *error)
{
	if (stream->count == stream->capacity) {
		size_t capacity = stream->capacity ? stream->capacity * 2 : 16;
		struct piece *pieces = realloc(stream->pieces, capacity * sizeof *pieces);
		if (!pieces)
			return fail_limit(stream, "segments", error);
		stream->pieces = pieces;
		stream->capacity = capacity;
	}
	uint8_t *copy = malloc(length);
	if (!copy)
		return fail_limit(stream, "octets", error);
	memcpy(copy, data, length);
	memmove(&stream->pieces[index + 1], &stream->pieces[index], (stream->count - index) * sizeof *stream->pieces);
	stream->pieces[index] = (struct piece){.offset = offset, .length = length, .tag = tag, .data = copy};
	stream->count++;
	stream->held += length;
	return 0;
}

// Moves the pieces to the front when the spent ones are many, so that the array stays as large as what it holds.
static void close_ranks(struct capture_stream *stream)
{
	if (stream->first < 64 || stream->first < stream->count / 2)
		return;
	memmove(stream->pieces, &stream->pieces[stream->first],
		(stream->count - stream->first) * sizeof *stream->pieces);
	stream->count -= stream->first;
	stream->first = 0;
}

// Index of the first piece that ends behind `offset`.
static size_t piece_behind(const struct capture_stream *stream, uint64_t offset)
{
	size_t low = stream->first, high = stream->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct piece *piece = &stream->pieces[middle];
		if (piece->offset + piece->length > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

// Whether the stream may hold what is new among `length` octets. It is asked before anything is taken, so that of a
// segment that is refused nothing stays.
static int check_room(struct capture_stream *stream, uint64_t offset, size_t length, struct error *error)
{
	size_t fresh = length, pieces = 1;
	uint64_t end = offset + length;
	for (size_t i = piece_behind(stream, offset); i < stream->count && stream->pieces[i].offset < end; i++) {
		const struct piece *piece = &stream->pieces[i];
		uint64_t from = piece->offset > offset ? piece->offset : offset;
		uint64_t to = piece->offset + piece->length < end ? piece->offset + piece->length : end;
		fresh -= (size_t)(to - from);
		pieces++;
	}
	if (fresh > stream->limit - stream->held)
		return fail_limit(stream, "octets", error);
	if (fresh && stream->count - stream->first + pieces > MOST_PIECES)
		return fail_limit(stream, "segments", error);
	return 0;
}

static int take_in(struct capture_stream *stream, uint64_t offset, struct reader *octets, int64_t tag,
		   struct error *error)
{
	if (check_room(stream, offset, reader_left(octets), error) < 0)
		return -1;
	size_t index = piece_behind(stream, offset);
	while (reader_left(octets)) {
		size_t length = reader_left(octets);
		const struct piece *next = index < stream->count ? &stream->pieces[index] : NULL;
		if (next && next->offset <= offset) {
			uint64_t known = next->offset + next->length - offset;
			length = known < length ? (size_t)known : length;
			reader_bytes(octets, length);
		} else {
			if (next && next->offset - offset < length)
				length = (size_t)(next->offset - offset);
			if (insert_piece(stream, index, offset, reader_bytes(octets, length), length, tag, error) < 0)
				return -1;
		}
		offset += length;
		index++;
	}
	return 0;
}

static void begin(struct capture_stream *stream, uint32_t initial)
{
	drop_pieces(stream);
	stream->started = true;
	stream->initial = initial;
	stream->ends = false;
	stream->read = stream->end = 0;
	stream->failure.code = ERROR_NONE;
}

int capture_stream_segment(struct capture_stream *stream, const struct capture_stream_segment *segment,
			   struct error *error)
{
	uint32_t sequence = segment->sequence + (segment->syn ? 1 : 0);
	if (segment->syn && (!stream->started || sequence != stream->initial))
		begin(stream, sequence);
	if (stream->failure.code)
		return failed(stream, error);
	if (!stream->started) {
		if (!segment->length)
			return 0;
		begin(stream, sequence);
	}
	// Sequence numbers wrap, offsets do not: the segment lies within 2 GiB of the next octet to read.
	int32_t distance = (int32_t)(sequence - (uint32_t)(stream->initial + stream->read));
	struct reader octets;
	reader_init(&octets, segment->payload, segment->length);
	uint64_t offset = stream->read;
	if (distance < 0) {
		size_t old = (size_t)(-(int64_t)distance);
		if (old > segment->length || (old == segment->length && !segment->fin))
			return 0;
		reader_bytes(&octets, old);
	} else {
		offset += (uint64_t)distance;
	}
	uint64_t end = offset + reader_left(&octets);
	close_ranks(stream);
	if (take_in(stream, offset, &octets, segment->tag, error) < 0)
		return -1;
	if (segment->fin && !stream->ends) {
		stream->ends = true;
		stream->end = end;
	}
	return 0;
}

size_t capture_stream_ready(const struct capture_stream *stream)
{
	uint64_t end = stream->read;
	for (size_t i = stream->first; i < stream->count && stream->pieces[i].offset == end; i++)
		end += stream->pieces[i].length;
	return (size_t)(end - stream->read);
}

size_t capture_stream_read(struct capture_stream *stream, uint8_t *octets, size_t most, int64_t *tag)
{
	if (stream->first == stream->count || stream->pieces[stream->first].offset != stream->read || most == 0)
		return 0;
	struct piece *piece = &stream->pieces[stream->first];
	size_t length = piece->length < most ? piece->length : most;
	memcpy(octets, &piece->data[piece->spent], length);
	*tag = piece->tag;
	stream->read += length;
	stream->held -= length;
	if (length == piece->length) {
		free(piece->data);
		stream->first++;
	} else {
		piece->spent += length;
		piece->offset += length;
		piece->length -= length;
	}
	return length;
}

// Up to 4 octets from the next one on, without taking them.
static size_t peek(const struct capture_stream *stream, uint8_t octets[4])
{
	uint64_t end = stream->read;
	size_t count = 0;
	for (size_t i = stream->first; i < stream->count && stream->pieces[i].offset == end && count < 4; i++) {
		const struct piece *piece = &stream->pieces[i];
		size_t length = piece->length < 4 - count ? piece->length : 4 - count;
		memcpy(octets + count, &piece->data[piece->spent], length);
		count += length;
		end += piece->length;
	}
	return count;
}

static bool take_octets(struct capture_stream *stream, size_t length, struct capture_stream_frame *frame)
{
	writer_reset(&stream->frame);
	frame->offset = stream->read;
	uint8_t *place = writer_reserve(&stream->frame, length);
	if (!place)
		return false;
	size_t taken = capture_stream_read(stream, place, length, &frame->tag);
	frame->last_tag = frame->tag;
	while (taken < length)
		taken += capture_stream_read(stream, &place[taken], length - taken, &frame->last_tag);
	frame->data = place;
	frame->length = length;
	return true;
}

int capture_stream_next(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error)
{
	uint8_t start[4];
	struct reader header;
	*frame = (struct capture_stream_frame){0};
	if (stream->failure.code)
		return failed(stream, error);
	size_t there = peek(stream, start);
	if (there == 0)
		return 0;
	if (start[0] & 0x80) {
		error_set(&stream->failure, ERROR_MALFORMED, (size_t)stream->read,
			  "framing: octet %llu of the stream (0x%02X) begins neither a STUN message nor ChannelData",
			  (unsigned long long)stream->read, start[0]);
		return failed(stream, error);
	}
	if (there < sizeof start)
		return 0;
	reader_init(&header, start, sizeof start);
	bool channel = reader_u16(&header) & 0x4000;
	size_t length = reader_u16(&header) + (size_t)(channel ? CHANNEL_HEADER : STUN_HEADER);
	size_t padding = channel ? (4 - length % 4) % 4 : 0;
	if (capture_stream_ready(stream) < length + padding)
		return 0;
	if (!take_octets(stream, length, frame)) {
		fail_limit(stream, "octets", error);
		return -1;
	}
	for (size_t left = padding; left;) {
		uint8_t dropped[4];
		int64_t tag;
		left -= capture_stream_read(stream, dropped, left, &tag);
	}
	return 1;
}

bool capture_stream_gap(const struct capture_stream *stream, uint64_t *offset, uint64_t *length)
{
	uint64_t end = stream->read;
	size_t i = stream->first;
	while (i < stream->count && stream->pieces[i].offset == end)
		end += stream->pieces[i++].length;
	uint64_t next = i < stream->count ? stream->pieces[i].offset : end;
	if (i == stream->count && stream->ends && stream->end > end)
		next = stream->end;
	*offset = end;
	*length = next - end;
	return next > end;
}

bool capture_stream_finished(const struct capture_stream *stream)
{
	return stream->ends && stream->read >= stream->end;
}

size_t capture_stream_held(const struct capture_stream *stream)
{
	return stream->held;
}
