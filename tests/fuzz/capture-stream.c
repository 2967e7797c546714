// SPDX-License-Identifier: BSD-3-Clause
//
// TCP put together from segments. The input is a list of doings: segments in order, ahead, behind, overlapping, with
// octets of their own or those of a stream that is known, FIN, SYN, reads. A model that knows every octet's place says
// what has to come out. Then what is left of the input is taken as a stream of frames, which must be the same however
// it is cut into segments, and the same that a live connection would have; and where segments are lost, frames must
// hold what stands at their place.
#include "capture/stream.h"
#include "fuzz.h"
#include "stun/channel.h"
#include "stun/message.h"

#define SPACE 16384 // octets of a stream that the model knows
#define DOINGS 100

struct model {
	uint8_t octets[SPACE];
	int16_t tags[SPACE];    // -1: not there
	size_t read, held, top; // nothing is known from `top` on
	bool started, ends, failed;
	size_t end;
	uint32_t initial;
	size_t limit;
};

static struct model model;

static void forget(uint32_t initial)
{
	memset(model.tags, 0xFF, sizeof model.tags);
	model.read = model.held = model.end = model.top = 0;
	model.started = true;
	model.ends = model.failed = false;
	model.initial = initial;
}

static size_t ready(void)
{
	size_t end = model.read;
	while (end < model.top && model.tags[end] >= 0)
		end++;
	return end - model.read;
}

static void compare(const struct capture_stream *stream)
{
	uint64_t offset, length;
	size_t gap = model.read + ready(), next = gap;
	claim(capture_stream_ready(stream) == ready());
	claim(capture_stream_held(stream) == model.held);
	claim(capture_stream_finished(stream) == (model.ends && model.read >= model.end));
	while (next < model.top && model.tags[next] < 0)
		next++;
	if (next >= model.top)
		next = model.ends && model.end > gap ? model.end : gap;
	claim(capture_stream_gap(stream, &offset, &length) == (next > gap));
	claim(offset == gap && length == next - gap);
}

// What the stream has to make of a segment: 0, or -1 when it is to refuse it.
static int expect(const struct capture_stream_segment *segment, size_t place)
{
	uint32_t first = segment->sequence + segment->syn;
	if (segment->syn && (!model.started || first != model.initial))
		forget(first);
	if (model.failed)
		return -1;
	if (!model.started) {
		if (!segment->length)
			return 0;
		forget(first);
	}
	size_t fresh = 0, end = place + segment->length;
	for (size_t i = place; i < end; i++)
		fresh += i >= model.read && model.tags[i] < 0;
	if (fresh > model.limit - model.held) {
		model.failed = true;
		return -1;
	}
	for (size_t i = place; i < end; i++)
		if (i >= model.read && model.tags[i] < 0) {
			model.octets[i] = segment->payload[i - place];
			model.tags[i] = (int16_t)segment->tag;
		}
	model.held += fresh;
	if (fresh && end > model.top)
		model.top = end;
	if (segment->fin && !model.ends && end >= model.read) {
		model.ends = true;
		model.end = end;
	}
	return 0;
}

static void give(struct capture_stream *stream, struct reader *input, uint8_t what, int16_t tag)
{
	struct capture_stream_segment segment = {.syn = what & 8, .fin = what & 16, .tag = tag};
	struct error error = {0};
	uint8_t octets[256];
	size_t length = fuzz_octet(input) % sizeof octets, place = model.read + ready();
	if (!model.started || segment.syn)
		place = 0;
	else if ((what & 3) == 1)
		place = fuzz_u16(input) % (SPACE - sizeof octets);
	else if ((what & 3) == 2)
		place = place + fuzz_octet(input);
	else if ((what & 3) == 3)
		place -= place < 64 ? place : 64;
	if (place + sizeof octets > SPACE)
		return;
	for (size_t i = 0; i < length; i++)
		octets[i] = what & 32 ? (uint8_t)((place + i) * 13) : (uint8_t)tag;
	segment.payload = fuzz_copy(octets, length);
	segment.length = length;
	if (segment.syn)
		segment.sequence = what & 64 ? fuzz_u16(input) * 0x10001u : model.initial - 1;
	else
		segment.sequence = (model.started ? model.initial : 0xFFFFFF00u) + (uint32_t)place;
	int wanted = expect(&segment, place);
	claim(capture_stream_segment(stream, &segment, &error) == wanted);
	claim(wanted == 0 || error.code == ERROR_LIMIT);
	free((void *)(uintptr_t)segment.payload);
}

static void take(struct capture_stream *stream, size_t most)
{
	uint8_t octets[256];
	int64_t tag = -1;
	size_t there = ready(), length = capture_stream_read(stream, octets, most, &tag);
	claim(length <= most && length <= there && (length > 0 || most == 0 || there == 0));
	for (size_t i = 0; i < length; i++) {
		claim(octets[i] == model.octets[model.read + i]);
		claim(tag == model.tags[model.read + i]);
	}
	model.read += length;
	model.held -= length;
}

static void check_doings(struct reader *input)
{
	model.limit = (size_t)fuzz_octet(input) * 16 + 1;
	forget(0);
	model.started = false;
	struct capture_stream *stream = capture_stream_new(model.limit);
	claim(stream);
	for (int16_t i = 0; i < DOINGS && reader_left(input); i++) {
		uint8_t what = fuzz_octet(input);
		if (what == 0xFF)
			break;
		if (what & 128)
			take(stream, what & 127);
		else
			give(stream, input, what, i);
		compare(stream);
	}
	capture_stream_free(stream);
}

// The frame that a capture has at the start of these octets: that of a live connection, but that a STUN message whose
// length is no multiple of 4 is still followed, to be judged.
static struct stun_frame frame_at(const uint8_t *octets, size_t length)
{
	struct stun_frame frame = stun_frame_find(octets, length);
	if (frame.kind != STUN_FRAME_NEITHER || octets[0] & 0xC0)
		return frame;
	size_t size = STUN_HEADER_SIZE + (size_t)(octets[2] << 8 | octets[3]);
	return (struct stun_frame){length < size ? STUN_FRAME_MORE : STUN_FRAME_MESSAGE, size, size};
}

// Feeds the stream in pieces and claims that its frames are those that a live connection has.
static void check_frames(const uint8_t *octets, size_t length, size_t step)
{
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct error error = {0};
	size_t given = 0, at = 0;
	bool over = false;
	claim(stream);
	for (int64_t tag = 0; given < length && !over; tag++) {
		size_t take = step < length - given ? step : length - given;
		struct capture_stream_segment segment = {.sequence = (uint32_t)given, .tag = tag};
		segment.payload = octets + given;
		segment.length = take;
		claim(capture_stream_segment(stream, &segment, NULL) == 0);
		given += take;
		while (!over) {
			struct stun_frame live = frame_at(octets + at, given - at);
			int more = capture_stream_next(stream, &frame, &error);
			claim((more < 0) == (live.kind == STUN_FRAME_NEITHER));
			claim((more == 0) == (live.kind == STUN_FRAME_MORE));
			if (more > 0) {
				claim(frame.offset == at && frame.length == live.content);
				claim(memcmp(frame.data, octets + at, frame.length) == 0);
				claim(frame.tag == (int64_t)(at / step));
				claim(frame.last_tag == (int64_t)((at + live.content - 1) / step));
				at += live.size;
			} else if (more < 0) {
				claim(error.code == ERROR_MALFORMED && error.offset == at);
				claim(capture_stream_next(stream, &frame, NULL) < 0);
			}
			over = more < 0;
			if (more == 0)
				break;
		}
	}
	capture_stream_free(stream);
}

// Segments that the capture lost, a bit for each in turn.
struct losses {
	uint32_t mask;
	size_t step;
};

static bool is_lost(const struct losses *losses, size_t segment)
{
	return segment > 0 && losses->mask >> segment % 32 & 1;
}

// All frames that are there now hold what stands at their place, and nothing of what was lost.
static void drain_frames(struct capture_stream *stream, const uint8_t *octets, size_t length,
			 const struct losses *losses, uint64_t *at)
{
	struct capture_stream_frame frame;
	for (;;) {
		int more = capture_stream_next(stream, &frame, NULL);
		if (more == 0)
			return;
		if (more < 0) {
			capture_stream_search(stream);
			continue;
		}
		claim(frame.offset >= *at && frame.offset + frame.length <= length);
		claim(memcmp(frame.data, octets + frame.offset, frame.length) == 0);
		size_t first = (size_t)frame.offset / losses->step;
		size_t last = (size_t)(frame.offset + frame.length - 1) / losses->step;
		claim(frame.tag == (int64_t)first && frame.last_tag == (int64_t)last);
		for (size_t i = first; i <= last; i++)
			claim(!is_lost(losses, i));
		*at = frame.offset + frame.length;
	}
}

// Feeds the stream with gaps, which are given up now or later, and searches on where it fails.
static void check_losses(const uint8_t *octets, size_t length, size_t step)
{
	struct losses losses = {.step = step};
	for (size_t i = 0; i < 4 && i < length; i++)
		losses.mask = losses.mask << 8 | octets[length - 1 - i];
	struct capture_stream *stream = capture_stream_new(0);
	uint64_t at = 0;
	claim(stream);
	for (size_t i = 0; i * step < length; i++) {
		if (is_lost(&losses, i))
			continue;
		size_t given = i * step, left = length - given;
		uint8_t *copy = fuzz_copy(octets + given, left < step ? left : step);
		struct capture_stream_segment segment = {.sequence = (uint32_t)given, .tag = (int64_t)i};
		segment.payload = copy;
		segment.length = left < step ? left : step;
		claim(capture_stream_segment(stream, &segment, NULL) == 0);
		free(copy);
		drain_frames(stream, octets, length, &losses, &at);
		if (losses.mask >> (i + 5) % 32 & 1 && capture_stream_skip_gap(stream))
			drain_frames(stream, octets, length, &losses, &at);
	}
	while (capture_stream_skip_gap(stream))
		drain_frames(stream, octets, length, &losses, &at);
	capture_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	size_t length;
	reader_init(&input, data, size);
	check_doings(&input);
	size_t step = (size_t)fuzz_octet(&input) + 1;
	const uint8_t *octets = fuzz_take(&input, SIZE_MAX, &length);
	check_frames(octets, length, step);
	check_frames(octets, length, length + 1);
	check_losses(octets, length, step);
	return 0;
}
