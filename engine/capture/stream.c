// SPDX-License-Identifier: BSD-3-Clause
#include "capture/stream.h"

#include "base/bytes.h"
#include "base/error.h"
#include "capture/pieces.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 1048576
#define STUN_HEADER 20
#define CHANNEL_HEADER 4
#define COOKIE 0x2112A442u

struct capture_stream {
	bool started;
	uint32_t initial; // sequence number of the stream's octet 0
	bool ends;
	uint64_t end; // offset of the FIN
	struct pieces pieces;
	struct writer frame; // the one that was handed out last, if it came in several pieces
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
	stream->pieces.limit = limit ? limit : DEFAULT_LIMIT;
	writer_init(&stream->frame, STUN_HEADER + 65535);
	return stream;
}

void capture_stream_free(struct capture_stream *stream)
{
	if (!stream)
		return;
	pieces_free(&stream->pieces);
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
	error_set(&stream->failure, ERROR_LIMIT, (size_t)stream->pieces.read,
		  "from octet %llu of the stream, more %s wait than are held", (unsigned long long)stream->pieces.read,
		  what);
	return failed(stream, error);
}

// Octets that are lent are copied now. -1 without memory.
static int keep(struct capture_stream *stream, struct error *error)
{
	return pieces_keep(&stream->pieces) ? 0 : fail_limit(stream, "octets", error);
}

static void begin(struct capture_stream *stream, uint32_t initial)
{
	pieces_drop(&stream->pieces);
	stream->started = true;
	stream->initial = initial;
	stream->ends = false;
	stream->end = stream->pass_until = 0;
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
	int32_t distance = (int32_t)(sequence - (uint32_t)(stream->initial + stream->pieces.read));
	struct reader octets;
	reader_init(&octets, segment->payload, segment->length);
	uint64_t offset = stream->pieces.read;
	if (distance < 0) {
		size_t old = (size_t)(-(int64_t)distance);
		if (old > segment->length || (old == segment->length && !segment->fin))
			return 0;
		reader_bytes(&octets, old);
	} else {
		offset += (uint64_t)distance;
	}
	uint64_t end = offset + reader_left(&octets);
	const char *excess = pieces_add(&stream->pieces, offset, &octets, segment->tag, segment->lent);
	if (excess)
		return fail_limit(stream, excess, error);
	if (segment->fin && !stream->ends) {
		stream->ends = true;
		stream->end = end;
	}
	return 0;
}

size_t capture_stream_ready(const struct capture_stream *stream)
{
	return pieces_ready(&stream->pieces);
}

size_t capture_stream_read(struct capture_stream *stream, uint8_t *octets, size_t most, int64_t *tag)
{
	size_t length = pieces_read(&stream->pieces, octets, most, tag);
	if (!length)
		keep(stream, NULL);
	return length;
}

static bool take_octets(struct capture_stream *stream, size_t length, struct capture_stream_frame *frame)
{
	frame->offset = stream->pieces.read;
	frame->length = length;
	frame->data = pieces_take(&stream->pieces, length, &frame->tag);
	frame->last_tag = frame->tag;
	if (frame->data)
		return true;
	writer_reset(&stream->frame);
	uint8_t *place = writer_reserve(&stream->frame, length);
	if (!place)
		return false;
	for (size_t taken = 0; taken < length;)
		taken += pieces_read(&stream->pieces, &place[taken], length - taken, &frame->last_tag);
	frame->data = place;
	return true;
}

static void pass_until(struct capture_stream *stream, uint64_t offset)
{
	uint64_t before = stream->pieces.read;
	pieces_pass(&stream->pieces, offset);
	stream->passed += stream->pieces.read - before;
}

// Passes over what cannot be the start of a frame. True with the next octet at one that looks like it.
static bool search(struct capture_stream *stream)
{
	const struct pieces *pieces = &stream->pieces;
	uint64_t window = 0, end = pieces->read;
	uint32_t before = 0;
	for (size_t i = pieces->first; i < pieces->count && pieces->list[i].offset == end; i++) {
		const struct piece *piece = &pieces->list[i];
		for (size_t k = 0; k < piece->length; k++) {
			before = before << 8 | (uint32_t)(window >> 56);
			window = window << 8 | piece->data[piece->spent + k];
			end++;
			uint32_t size = (uint32_t)(window >> 32) & 0xFFFF;
			if ((uint32_t)window != COOKIE || window >> 62 != 0 || size % 4 || end - pieces->read < 8)
				continue;
			bool channel = end - pieces->read >= 12 && before >> 28 == 4 &&
				       (before & 0xFFFF) == size + STUN_HEADER;
			pass_until(stream, end - (channel ? 12 : 8));
			return true;
		}
	}
	// The end may hold the beginning of one.
	if (end - pieces->read > 11)
		pass_until(stream, end - 11);
	return false;
}

// Octets that the frame at the next octet takes with its padding, of which *content are its own; 0 when its header is
// not all there, SIZE_MAX when it is none.
static size_t frame_size(const struct capture_stream *stream, size_t *content)
{
	uint8_t start[4];
	struct reader header;
	size_t there = pieces_peek(&stream->pieces, start);
	if (there && start[0] & 0x80)
		return SIZE_MAX;
	if (there < sizeof start)
		return 0;
	reader_init(&header, start, sizeof start);
	bool channel = reader_u16(&header) & 0x4000;
	*content = reader_u16(&header) + (size_t)(channel ? CHANNEL_HEADER : STUN_HEADER);
	return channel ? (*content + 3) / 4 * 4 : *content;
}

static int next_frame(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error)
{
	size_t content = 0, size;
	for (;;) {
		if (stream->pieces.read < stream->pass_until)
			pass_until(stream, stream->pass_until);
		if (stream->pieces.read < stream->pass_until)
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
			pieces_peek(&stream->pieces, octet);
			error_set(&stream->failure, ERROR_MALFORMED, (size_t)stream->pieces.read,
				  "framing: octet %llu of the stream (0x%02X) begins neither a STUN message nor "
				  "ChannelData",
				  (unsigned long long)stream->pieces.read, octet[0]);
			return failed(stream, error);
		}
		// What the search had found was inside something else.
		stream->searching = true;
	}
	// Most often all that is held is in order.
	if (size == 0 || stream->pieces.held < size || pieces_ready(&stream->pieces) < size)
		return 0;
	if (!take_octets(stream, content, frame))
		return fail_limit(stream, "octets", error);
	pieces_pass_behind(&stream->pieces, frame->offset + size);
	frame->lost = stream->missing + stream->passed - stream->lost_before;
	frame->found = stream->found;
	stream->lost_before = stream->missing + stream->passed;
	stream->unsure = stream->unsure && stream->found;
	stream->found = false;
	return 1;
}

int capture_stream_next(struct capture_stream *stream, struct capture_stream_frame *frame, struct error *error)
{
	pieces_release(&stream->pieces);
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
	stream->pass_until = stream->pieces.read;
}

uint64_t capture_stream_skip_gap(struct capture_stream *stream)
{
	uint64_t offset, length;
	size_t content, size = 0;
	if (stream->failure.code || !capture_stream_gap(stream, &offset, &length))
		return 0;
	uint64_t behind = offset + length;
	// Where a frame ends that is passed over already is known from the gap before.
	if (stream->pass_until <= stream->pieces.read && !stream->searching) {
		size = frame_size(stream, &content);
		stream->pass_until = size == SIZE_MAX ? 0 : stream->pieces.read + size;
	}
	stream->searching = stream->searching || stream->pass_until < behind;
	pass_until(stream, offset);
	stream->pieces.read = behind;
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
	const struct piece *behind = pieces_behind_gap(&stream->pieces, offset, NULL);
	uint64_t next = behind ? behind->offset : *offset;
	if (!behind && stream->ends && stream->end > next)
		next = stream->end;
	*length = next - *offset;
	return next > *offset;
}

size_t capture_stream_waiting(const struct capture_stream *stream, size_t *segments, int64_t *tag)
{
	uint64_t end;
	const struct piece *behind = pieces_behind_gap(&stream->pieces, &end, segments);
	if (behind)
		*tag = behind->tag;
	return stream->pieces.held - (size_t)(end - stream->pieces.read);
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
	return stream->ends && stream->pieces.read >= stream->end;
}

size_t capture_stream_held(const struct capture_stream *stream)
{
	return stream->pieces.held;
}
