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
#define COOKIE 0x2112A442u

// Octets that one segment brought and that no earlier one had.
struct piece {
	uint64_t offset; // of its first octet in the stream
	size_t length;
	int64_t tag;
	const uint8_t *data;
	uint8_t *owned; // data, or NULL where it is lent
	size_t spent;   // octets at data that were read
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
	struct writer frame; // the one that was handed out last, if it came in several pieces
	uint8_t *done;       // the piece that it lies in otherwise, when nothing else of it is left
	bool searching;      // for the start of a frame
	bool unsure;         // a search found a start, and no second frame has followed it yet
	bool found;          // the next frame was found by a search
	uint64_t pass_until; // the next frame begins here
	uint64_t missing, passed;
	uint64_t lost_before; // missing and passed, at the frame before
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
	free(stream->done);
	stream->done = NULL;
	for (size_t i = stream->first; i < stream->count; i++)
		free(stream->pieces[i].owned);
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

// Takes copies of what is lent, which is never more than what is left of the first piece. -1 without memory.
static int keep(struct capture_stream *stream, struct error *error)
{
	if (stream->first == stream->count || stream->pieces[stream->first].owned)
		return 0;
	struct piece *piece = &stream->pieces[stream->first];
	uint8_t *copy = malloc(piece->length);
	if (!copy)
		return fail_limit(stream, "octets", error);
	memcpy(copy, &piece->data[piece->spent], piece->length);
	piece->data = piece->owned = copy;
	piece->spent = 0;
	return 0;
}

static int insert_piece(struct capture_stream *stream, size_t index, uint64_t offset, const uint8_t *data,
			size_t length, const struct capture_stream_segment *segment, struct error *error)
{
	if (stream->count == stream->capacity) {
		size_t capacity = stream->capacity ? stream->capacity * 2 : 16;
		struct piece *pieces = realloc(stream->pieces, capacity * sizeof *pieces);
		if (!pieces)
			return fail_limit(stream, "segments", error);
		stream->pieces = pieces;
		stream->capacity = capacity;
	}
	uint8_t *copy = NULL;
	if (!segment->lent || stream->first < stream->count || offset != stream->read) {
		copy = malloc(length);
		if (!copy)
			return fail_limit(stream, "octets", error);
		memcpy(copy, data, length);
	}
	memmove(&stream->pieces[index + 1], &stream->pieces[index], (stream->count - index) * sizeof *stream->pieces);
	stream->pieces[index] = (struct piece){
		.offset = offset, .length = length, .tag = segment->tag, .data = copy ? copy : data, .owned = copy};
	stream->count++;
	stream->held += length;
	return 0;
}

// Moves the pieces to the front when the spent ones are many, so that the array stays as large as what it holds.
static void close_ranks(struct capture_stream *stream)
{
	if (stream->first == stream->count)
		stream->first = stream->count = 0;
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

static int take_in(struct capture_stream *stream, uint64_t offset, struct reader *octets,
		   const struct capture_stream_segment *segment, struct error *error)
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
			if (insert_piece(stream, index, offset, reader_bytes(octets, length), length, segment, error) <
			    0)
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
	stream->read = stream->end = stream->pass_until = 0;
	stream->missing = stream->passed = stream->lost_before = 0;
	stream->searching = stream->unsure = stream->found = false;
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
	if (keep(stream, error) < 0)
		return -1;
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
	if (take_in(stream, offset, &octets, segment, error) < 0)
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

// The first piece, if the next octet is in it.
static struct piece *next_piece(const struct capture_stream *stream)
{
	struct piece *piece = stream->first < stream->count ? &stream->pieces[stream->first] : NULL;
	return piece && piece->offset == stream->read ? piece : NULL;
}

// Marks octets of the first piece as read. What becomes empty is freed at the next call.
static void spend(struct capture_stream *stream, struct piece *piece, size_t length)
{
	stream->read += length;
	stream->held -= length;
	piece->spent += length;
	piece->offset += length;
	piece->length -= length;
	if (piece->length == 0) {
		free(stream->done);
		stream->done = piece->owned;
		stream->first++;
	}
}

static void spend_until(struct capture_stream *stream, uint64_t offset)
{
	struct piece *piece;
	while (stream->read < offset && (piece = next_piece(stream)) != NULL)
		spend(stream, piece,
		      offset - stream->read < piece->length ? (size_t)(offset - stream->read) : piece->length);
}

size_t capture_stream_read(struct capture_stream *stream, uint8_t *octets, size_t most, int64_t *tag)
{
	struct piece *piece = next_piece(stream);
	if (!piece || most == 0) {
		keep(stream, NULL);
		return 0;
	}
	size_t length = piece->length < most ? piece->length : most;
	memcpy(octets, &piece->data[piece->spent], length);
	*tag = piece->tag;
	spend(stream, piece, length);
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
	struct piece *piece = next_piece(stream);
	frame->offset = stream->read;
	frame->tag = frame->last_tag = piece->tag;
	frame->length = length;
	if (piece->length >= length) {
		frame->data = &piece->data[piece->spent];
		spend(stream, piece, length);
		return true;
	}
	writer_reset(&stream->frame);
	uint8_t *place = writer_reserve(&stream->frame, length);
	if (!place)
		return false;
	for (size_t taken = 0; taken < length;)
		taken += capture_stream_read(stream, &place[taken], length - taken, &frame->last_tag);
	frame->data = place;
	return true;
}

static void pass_until(struct capture_stream *stream, uint64_t offset)
{
	uint64_t before = stream->read;
	spend_until(stream, offset);
	stream->passed += stream->read - before;
}

// Passes over what cannot be the start of a frame. True with the next octet at one that looks like it.
static bool search(struct capture_stream *stream)
{
	uint64_t window = 0, end = stream->read;
	uint32_t before = 0;
	for (size_t i = stream->first; i < stream->count && stream->pieces[i].offset == end; i++) {
		const struct piece *piece = &stream->pieces[i];
		for (size_t k = 0; k < piece->length; k++) {
			before = before << 8 | (uint32_t)(window >> 56);
			window = window << 8 | piece->data[piece->spent + k];
			end++;
			uint32_t size = (uint32_t)(window >> 32) & 0xFFFF;
			if ((uint32_t)window != COOKIE || window >> 62 != 0 || size % 4 || end - stream->read < 8)
				continue;
			bool channel = end - stream->read >= 12 && before >> 28 == 4 &&
				       (before & 0xFFFF) == size + STUN_HEADER;
			pass_until(stream, end - (channel ? 12 : 8));
			return true;
		}
	}
	// The end may hold the beginning of one.
	if (end - stream->read > 11)
		pass_until(stream, end - 11);
	return false;
}

// Octets that the frame at the next octet takes with its padding, of which *content are its own; 0 when its header is
// not all there, SIZE_MAX when it is none.
static size_t frame_size(const struct capture_stream *stream, size_t *content)
{
	uint8_t start[4];
	struct reader header;
	size_t there = peek(stream, start);
	if (there && start[0] & 0x80)
		return SIZE_MAX;
	if (there < sizeof start)
		return 0;
	reader_init(&header, start, sizeof start);
	bool channel = reader_u16(&header) & 0x4000;
	*content = reader_u16(&header) + (size_t)(channel ? CHANNEL_HEADER : STUN_HEADER);
	return channel ? (*content + 3) / 4 * 4 : *content;
}

// Padding spans pieces as anything does, and must not free the frame in front of it: that is in the piece that became
// empty first, be it by the frame or by the padding behind it.
static void pass_padding(struct capture_stream *stream, uint64_t end)
{
	uint8_t *data = stream->done;
	struct piece *piece;
	stream->done = NULL;
	while (stream->read < end && (piece = next_piece(stream)) != NULL) {
		uint64_t left = end - stream->read;
		spend(stream, piece, left < piece->length ? (size_t)left : piece->length);
		if (data)
			free(stream->done);
		else
			data = stream->done;
		stream->done = NULL;
	}
	stream->done = data;
}

static int next_frame(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error)
{
	size_t content = 0, size;
	for (;;) {
		if (stream->read < stream->pass_until)
			pass_until(stream, stream->pass_until);
		if (stream->read < stream->pass_until)
			return 0;
		if (stream->searching) {
			if (!search(stream))
				return 0;
			stream->searching = false;
			stream->unsure = stream->found = true;
		}
		size = frame_size(stream, &content);
		if (size != SIZE_MAX)
			break;
		if (!stream->unsure) {
			uint8_t octet[4];
			peek(stream, octet);
			error_set(&stream->failure, ERROR_MALFORMED, (size_t)stream->read,
				  "framing: octet %llu of the stream (0x%02X) begins neither a STUN message nor "
				  "ChannelData",
				  (unsigned long long)stream->read, octet[0]);
			return failed(stream, error);
		}
		// What the search had found was inside something else.
		stream->searching = true;
	}
	// Most often all that is held is in order.
	if (size == 0 || stream->held < size || capture_stream_ready(stream) < size)
		return 0;
	if (!take_octets(stream, content, frame))
		return fail_limit(stream, "octets", error);
	pass_padding(stream, frame->offset + size);
	frame->lost = stream->missing + stream->passed - stream->lost_before;
	frame->found = stream->found;
	stream->lost_before = stream->missing + stream->passed;
	stream->unsure = stream->unsure && stream->found;
	stream->found = false;
	return 1;
}

int capture_stream_next(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error)
{
	free(stream->done);
	stream->done = NULL;
	*frame = (struct capture_stream_frame){0};
	if (stream->failure.code)
		return failed(stream, error);
	int more = next_frame(stream, frame, error);
	if (more > 0)
		return more;
	return keep(stream, error) < 0 ? -1 : more;
}

void capture_stream_search(struct capture_stream *stream)
{
	if (stream->failure.code == ERROR_MALFORMED)
		stream->failure.code = ERROR_NONE;
	stream->searching = true;
	stream->pass_until = stream->read;
}

uint64_t capture_stream_skip_gap(struct capture_stream *stream)
{
	uint64_t offset, length;
	size_t content, size = 0;
	if (stream->failure.code || !capture_stream_gap(stream, &offset, &length))
		return 0;
	uint64_t behind = offset + length;
	// Where a frame ends that is passed over already is known from the gap before.
	if (stream->pass_until <= stream->read && !stream->searching) {
		size = frame_size(stream, &content);
		stream->pass_until = size == SIZE_MAX ? 0 : stream->read + size;
	}
	stream->searching = stream->searching || stream->pass_until < behind;
	pass_until(stream, offset);
	stream->read = behind;
	stream->missing += length;
	if (stream->searching)
		stream->pass_until = behind;
	return length;
}

void capture_stream_lost(const struct capture_stream *stream, uint64_t *missing, uint64_t *passed)
{
	*missing = stream->missing;
	*passed = stream->passed;
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

size_t capture_stream_waiting(const struct capture_stream *stream, size_t *segments, int64_t *tag)
{
	uint64_t end = stream->read;
	size_t i = stream->first;
	while (i < stream->count && stream->pieces[i].offset == end)
		end += stream->pieces[i++].length;
	*segments = stream->count - i;
	if (i < stream->count)
		*tag = stream->pieces[i].tag;
	return stream->held - (size_t)(end - stream->read);
}

bool capture_stream_acknowledged(const struct capture_stream *stream, uint32_t acknowledgement)
{
	uint64_t offset, length;
	if (!capture_stream_gap(stream, &offset, &length))
		return false;
	return (int32_t)(acknowledgement - (uint32_t)(stream->initial + offset)) > 0;
}

bool capture_stream_finished(const struct capture_stream *stream)
{
	return stream->ends && stream->read >= stream->end;
}

size_t capture_stream_held(const struct capture_stream *stream)
{
	return stream->held;
}
