// SPDX-License-Identifier: BSD-3-Clause
#include "capture/stream.h"

#include "base/bytes.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t seed = 7635;
static volatile uint8_t sink; // makes every octet be read

static uint32_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^= seed << 5;
}

static void write_stun(struct writer *out, uint16_t length)
{
	writer_u16(out, 0x0003);
	writer_u16(out, length);
	writer_u32(out, 0x2112A442);
	for (uint32_t i = 0; i < 12u + length; i++)
		writer_u8(out, (uint8_t)next_random());
}

static void write_channel(struct writer *out, uint16_t length)
{
	writer_u16(out, 0x4001);
	writer_u16(out, length);
	for (uint32_t i = 0; i < length; i++)
		writer_u8(out, (uint8_t)next_random());
	writer_fill(out, 0, (4u - length % 4u) % 4u);
}

static int give(struct capture_stream *stream, uint32_t sequence, const uint8_t *octets, size_t length, int64_t tag,
		struct error *error)
{
	// A copy of exactly the right size, which is gone afterwards: nothing of it may be kept or read past.
	uint8_t *copy = malloc(length ? length : 1);
	if (length)
		memcpy(copy, octets, length);
	struct capture_stream_segment segment = {
		.sequence = sequence, .payload = copy, .length = length, .tag = tag};
	int outcome = capture_stream_segment(stream, &segment, error);
	free(copy);
	return outcome;
}

static void give_syn(struct capture_stream *stream, uint32_t sequence)
{
	struct capture_stream_segment segment = {.sequence = sequence, .syn = true};
	assert_int_equal(capture_stream_segment(stream, &segment, NULL), 0);
}

struct reference {
	struct writer octets;
	int64_t *owner; // of each octet: the tag of the first segment that brought it
	size_t next;    // offset of the next frame
};

static void check_frame(struct reference *reference, const struct capture_stream_frame *frame)
{
	assert_int_equal(frame->offset, reference->next);
	struct reader header;
	reader_init(&header, &reference->octets.data[reference->next], 4);
	bool channel = reader_u16(&header) & 0x4000;
	size_t length = reader_u16(&header) + (size_t)(channel ? 4 : 20);
	assert_int_equal(frame->length, length);
	assert_memory_equal(frame->data, &reference->octets.data[frame->offset], length);
	assert_int_equal(frame->tag, reference->owner[frame->offset]);
	assert_int_equal(frame->last_tag, reference->owner[frame->offset + length - 1]);
	reference->next += channel ? (length + 3) / 4 * 4 : length;
}

static void any_order_and_overlap_gives_the_stream(void **unused)
{
	(void)unused;
	for (int round = 0; round < 400; round++) {
		struct reference reference = {.next = 0};
		struct capture_stream_frame frame;
		struct error error;
		writer_init(&reference.octets, 1 << 20);
		for (int i = 0; i < 12; i++) {
			if (next_random() % 3)
				write_stun(&reference.octets, (uint16_t)(next_random() % 200 / 4 * 4));
			else
				write_channel(&reference.octets, (uint16_t)(next_random() % 70));
		}
		size_t total = reference.octets.length;
		reference.owner = malloc(total * sizeof *reference.owner);
		for (size_t i = 0; i < total; i++)
			reference.owner[i] = -1;
		// Every third round wraps the sequence numbers within the stream.
		uint32_t initial = round % 3 ? next_random() : UINT32_MAX - (uint32_t)(total / 2);
		struct capture_stream *stream = capture_stream_new(0);
		give_syn(stream, initial);

		// Random pieces anywhere until everything was seen, then those that are missing.
		size_t missing = total;
		for (int64_t tag = 1; missing; tag++) {
			size_t start = next_random() % total;
			size_t length = 1 + next_random() % (round % 2 ? 4 : 150);
			if (tag > 300) {
				start = 0;
				while (reference.owner[start] >= 0)
					start++;
			}
			if (length > total - start)
				length = total - start;
			if (tag % 50 == 0)
				give_syn(stream, initial);
			assert_int_equal(give(stream, initial + 1 + (uint32_t)start, &reference.octets.data[start],
					      length, tag, &error),
					 0);
			for (size_t i = start; i < start + length; i++)
				if (reference.owner[i] < 0) {
					reference.owner[i] = tag;
					missing--;
				}
			while (capture_stream_next(stream, &frame, &error) > 0)
				check_frame(&reference, &frame);
		}
		assert_int_equal(reference.next, total);
		assert_int_equal(capture_stream_ready(stream), 0);
		assert_int_equal(capture_stream_held(stream), 0);
		capture_stream_free(stream);
		free(reference.owner);
		writer_free(&reference.octets);
	}
}

static void first_octets_stay(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	uint8_t octets[16];
	int64_t tag;
	(void)unused;
	give_syn(stream, 99);
	assert_int_equal(give(stream, 104, (const uint8_t *)"second", 6, 1, NULL), 0);
	assert_int_equal(give(stream, 100, (const uint8_t *)"FIRSTXXXXXYY", 12, 2, NULL), 0);
	assert_int_equal(capture_stream_read(stream, octets, sizeof octets, &tag), 4);
	assert_memory_equal(octets, "FIRS", 4);
	assert_int_equal(tag, 2);
	assert_int_equal(capture_stream_read(stream, octets, 2, &tag), 2);
	assert_int_equal(capture_stream_read(stream, octets, sizeof octets, &tag), 4);
	assert_memory_equal(octets, "cond", 4);
	assert_int_equal(tag, 1);
	assert_int_equal(capture_stream_read(stream, octets, sizeof octets, &tag), 2);
	assert_memory_equal(octets, "YY", 2);
	assert_int_equal(capture_stream_read(stream, octets, sizeof octets, &tag), 0);
	capture_stream_free(stream);
}

static void a_gap_is_seen_and_closed(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	uint64_t offset, length;
	uint8_t octets[32] = {0};
	(void)unused;
	give_syn(stream, 0);
	assert_false(capture_stream_gap(stream, &offset, &length));
	give(stream, 1, octets, 8, 1, NULL);
	assert_false(capture_stream_gap(stream, &offset, &length));
	give(stream, 12, octets, 8, 2, NULL);
	assert_true(capture_stream_gap(stream, &offset, &length));
	assert_int_equal(offset, 8);
	assert_int_equal(length, 3);
	struct capture_stream_segment fin = {.sequence = 24, .fin = true};
	assert_int_equal(capture_stream_segment(stream, &fin, NULL), 0);
	give(stream, 8, octets, 8, 3, NULL);
	assert_true(capture_stream_gap(stream, &offset, &length));
	assert_int_equal(offset, 19);
	assert_int_equal(length, 4);
	assert_false(capture_stream_finished(stream));
	give(stream, 20, octets, 4, 4, NULL);
	assert_false(capture_stream_gap(stream, &offset, &length));
	int64_t tag;
	while (capture_stream_read(stream, octets, sizeof octets, &tag))
		;
	assert_true(capture_stream_finished(stream));
	capture_stream_free(stream);
}

static void a_stream_without_its_start(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct writer out;
	(void)unused;
	writer_init(&out, 1000);
	write_stun(&out, 4);
	struct capture_stream_segment nothing = {.sequence = 4000};
	assert_int_equal(capture_stream_segment(stream, &nothing, NULL), 0);
	give(stream, 5000, out.data, out.length, 7, NULL);
	give(stream, 4990, out.data, 10, 8, NULL); // before the start: dropped
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.tag, 7);
	assert_int_equal(capture_stream_held(stream), 0);
	writer_free(&out);
	capture_stream_free(stream);
}

static void framing(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct error error;
	struct writer out;
	(void)unused;
	writer_init(&out, 1 << 20);
	write_channel(&out, 5);
	write_stun(&out, 65535); // the largest, and of an odd length: what is framed is not judged here
	writer_u8(&out, 0x80);
	give_syn(stream, 0);
	for (size_t i = 0; i < 11; i++) { // the padding belongs to the frame
		assert_int_equal(give(stream, (uint32_t)i + 1, &out.data[i], 1, 1, NULL), 0);
		assert_int_equal(capture_stream_next(stream, &frame, &error), 0);
	}
	assert_int_equal(give(stream, 12, &out.data[11], out.length - 11, 2, NULL), 0);
	assert_int_equal(capture_stream_next(stream, &frame, &error), 1);
	assert_int_equal(frame.length, 9);
	assert_int_equal(frame.last_tag, 1);
	assert_int_equal(capture_stream_next(stream, &frame, &error), 1);
	assert_int_equal(frame.length, 65555);
	assert_int_equal(capture_stream_next(stream, &frame, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	assert_int_equal(error.offset, 12 + 65555);
	assert_int_equal(strncmp(error.text, "framing: ", 9), 0);
	assert_int_equal(give(stream, 1, out.data, 1, 3, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	// The same ports again: a new connection.
	give_syn(stream, 777777);
	give(stream, 777778, out.data, 12, 9, NULL);
	assert_int_equal(capture_stream_next(stream, &frame, &error), 1);
	assert_int_equal(frame.offset, 0);
	assert_int_equal(frame.tag, 9);
	writer_free(&out);
	capture_stream_free(stream);
}

static void what_is_held_is_bounded(void **unused)
{
	struct capture_stream *stream = capture_stream_new(1000);
	struct error error;
	uint8_t octets[600] = {0};
	(void)unused;
	give_syn(stream, 0);
	assert_int_equal(give(stream, 100, octets, 600, 1, &error), 0);
	assert_int_equal(give(stream, 1000, octets, 400, 2, &error), 0);
	assert_int_equal(give(stream, 2000, octets, 1, 3, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(capture_stream_held(stream), 1000);
	assert_int_equal(give(stream, 1, octets, 99, 4, &error), -1);
	capture_stream_free(stream);

	// Of a segment around what is there already, with a FIN, nothing stays when not all of it has room.
	stream = capture_stream_new(500);
	uint64_t offset, length;
	give_syn(stream, 0);
	assert_int_equal(give(stream, 101, octets, 10, 1, &error), 0);
	struct capture_stream_segment around = {.sequence = 1, .fin = true, .payload = octets, .length = 600, .tag = 2};
	assert_int_equal(capture_stream_segment(stream, &around, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(capture_stream_held(stream), 10);
	assert_int_equal(capture_stream_ready(stream), 0);
	assert_true(capture_stream_gap(stream, &offset, &length));
	assert_int_equal(length, 100);
	capture_stream_free(stream);

	stream = capture_stream_new(0);
	give_syn(stream, 0);
	int outcome = 0;
	int64_t tag = 0;
	for (; outcome == 0 && tag < 100000; tag++)
		outcome = give(stream, 10 + 2 * (uint32_t)tag, octets, 1, tag, &error);
	assert_int_equal(outcome, -1);
	assert_int_equal(tag, 16385);
	capture_stream_free(stream);
}

static void hostile_segments_are_survived(void **unused)
{
	struct capture_stream *stream = capture_stream_new(20000);
	struct capture_stream_frame frame;
	uint8_t octets[300];
	(void)unused;
	for (int i = 0; i < 100000; i++) {
		uint32_t length = next_random() % sizeof octets;
		for (uint32_t k = 0; k < length; k++)
			octets[k] = (uint8_t)(next_random() & 0x43);
		struct capture_stream_segment segment = {
			.sequence = i % 100 ? next_random() % 3000 : next_random(),
			.syn = next_random() % 50 == 0,
			.fin = next_random() % 50 == 0,
			.payload = octets,
			.length = length,
			.tag = i,
			.lent = next_random() % 2,
		};
		if (i % 7 == 0)
			capture_stream_skip_gap(stream);
		if (i % 501 == 0)
			capture_stream_search(stream);
		capture_stream_segment(stream, &segment, NULL);
		assert_true(capture_stream_held(stream) <= 20000);
		assert_true(capture_stream_ready(stream) <= capture_stream_held(stream));
		while (capture_stream_next(stream, &frame, NULL) > 0)
			for (size_t k = 0; k < frame.length; k++)
				sink ^= frame.data[k];
	}
	capture_stream_free(stream);
}

static int lend(struct capture_stream *stream, uint32_t sequence, const uint8_t *octets, size_t length, int64_t tag)
{
	struct capture_stream_segment segment = {
		.sequence = sequence, .payload = octets, .length = length, .tag = tag, .lent = true};
	return capture_stream_segment(stream, &segment, NULL);
}

// Segments in order, cut anywhere, each gone as soon as the stream has said that it wants more.
static void lent_segments(void **unused)
{
	(void)unused;
	for (int round = 0; round < 200; round++) {
		struct reference reference = {.next = 0};
		struct capture_stream_frame frame;
		writer_init(&reference.octets, 1 << 20);
		for (int i = 0; i < 20; i++) {
			if (next_random() % 2)
				write_stun(&reference.octets, (uint16_t)(next_random() % 300 / 4 * 4));
			else
				write_channel(&reference.octets, (uint16_t)(next_random() % 90));
		}
		size_t total = reference.octets.length;
		reference.owner = malloc(total * sizeof *reference.owner);
		struct capture_stream *stream = capture_stream_new(0);
		give_syn(stream, 41);
		int64_t tag = 0;
		for (size_t start = 0; start < total; tag++) {
			size_t length = 1 + next_random() % (round % 3 ? 700 : 30);
			length = length > total - start ? total - start : length;
			for (size_t i = start; i < start + length; i++)
				reference.owner[i] = tag;
			uint8_t *copy = malloc(length);
			memcpy(copy, &reference.octets.data[start], length);
			assert_int_equal(lend(stream, 42 + (uint32_t)start, copy, length, tag), 0);
			while (capture_stream_next(stream, &frame, NULL) > 0) {
				check_frame(&reference, &frame);
				assert_int_equal(frame.lost, 0);
				assert_false(frame.found);
			}
			free(copy);
			start += length;
		}
		assert_int_equal(reference.next, total);
		assert_int_equal(capture_stream_held(stream), 0);
		capture_stream_free(stream);
		free(reference.owner);
		writer_free(&reference.octets);
	}
	// What is lent and in order stays where it is.
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct writer out;
	writer_init(&out, 1000);
	write_stun(&out, 8);
	write_channel(&out, 5);
	lend(stream, 1, out.data, out.length, 1);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_ptr_equal(frame.data, out.data);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_ptr_equal(frame.data, out.data + 28);
	capture_stream_free(stream);
	writer_free(&out);
}

// The offsets of the frames, and where the whole is cut into segments.
static size_t make_frames(struct writer *out, size_t *starts, size_t most, int channels)
{
	size_t count = 0;
	writer_init(out, 1 << 20);
	while (count < most) {
		starts[count++] = out->length;
		if (channels && count < most - 2 && next_random() % 3 == 0)
			write_channel(out, (uint16_t)(next_random() % 60));
		else
			write_stun(out, (uint16_t)(next_random() % 100 / 4 * 4));
	}
	return out->length;
}

// Every piece of a stream lost in turn: all frames in front of it are seen, and behind it those from some place on,
// each of them one that was sent, and what was lost is told to the octet.
static void what_follows_a_gap_is_found(void **unused)
{
	size_t starts[31];
	struct writer out;
	(void)unused;
	for (int round = 0; round < 300; round++) {
		size_t total = make_frames(&out, starts, 30, round % 2);
		starts[30] = total;
		size_t gap = next_random() % (starts[27] - 90), length = 1 + next_random() % 90;
		struct capture_stream *stream = capture_stream_new(0);
		struct capture_stream_frame frame;
		uint64_t offset, missing, passed, segments_from = 0;
		size_t index = 0, segments;
		int64_t tag = 0;
		give_syn(stream, 0xFFFFFF00);
		uint32_t first = 0xFFFFFF01;
		give(stream, first, out.data, gap, 1, NULL);
		while (capture_stream_next(stream, &frame, NULL) > 0)
			assert_int_equal(frame.offset, starts[index++]);
		assert_true(starts[index] <= gap && gap < starts[index + 1]);
		assert_int_equal(capture_stream_waiting(stream, &segments, &tag), 0);
		assert_int_equal(segments, 0);
		assert_int_equal(capture_stream_skip_gap(stream), 0);
		segments_from = gap + length;
		size_t middle = segments_from + (total - segments_from) / 2;
		give(stream, first + (uint32_t)middle, &out.data[middle], total - middle, 3, NULL);
		give(stream, first + (uint32_t)segments_from, &out.data[segments_from], middle - segments_from, 2,
		     NULL);
		assert_int_equal(capture_stream_next(stream, &frame, NULL), 0);
		assert_int_equal(capture_stream_waiting(stream, &segments, &tag), total - segments_from);
		assert_int_equal(segments, middle > segments_from ? 2 : 1);
		assert_int_equal(tag, middle > segments_from ? 2 : 3);
		assert_true(capture_stream_gap(stream, &offset, &missing));
		assert_int_equal(offset, gap);
		assert_false(capture_stream_acknowledged(stream, first + (uint32_t)gap));
		assert_true(capture_stream_acknowledged(stream, first + (uint32_t)gap + 1));
		assert_int_equal(capture_stream_skip_gap(stream), length);
		bool searched = false;
		uint64_t end = starts[index], lost = 0;
		for (int count = 0; capture_stream_next(stream, &frame, NULL) > 0; count++) {
			while (starts[index] < frame.offset)
				index++;
			if (starts[index] != frame.offset)
				fail_msg("round %d: a frame at %zu, which none begins at", round, (size_t)frame.offset);
			assert_int_equal(frame.lost, frame.offset - end);
			assert_true(count == 0 || (!frame.found && frame.lost == 0));
			searched = searched || frame.found;
			lost += frame.lost;
			end = starts[++index];
		}
		assert_int_equal(end, total);
		assert_int_equal(index, 30);
		capture_stream_lost(stream, &missing, &passed);
		assert_int_equal(missing, length);
		assert_int_equal(missing + passed, lost);
		// Searched for only where the frame with the gap in it did not tell.
		size_t begun = 0;
		while (starts[begun + 1] <= gap)
			begun++;
		assert_int_equal(searched, !(gap >= starts[begun] + 4 && segments_from <= starts[begun + 1]));
		assert_int_equal(capture_stream_held(stream), 0);
		capture_stream_free(stream);
		writer_free(&out);
	}
}

static void a_message_within_another_is_not_taken_for_it(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct writer out, inner;
	(void)unused;
	writer_init(&out, 10000);
	writer_init(&inner, 1000);
	write_stun(&inner, 8);
	write_channel(&out, 50);
	size_t channel = out.length;
	writer_u16(&out, 0x4002); // ChannelData that holds a STUN message
	writer_u16(&out, (uint16_t)inner.length);
	writer_bytes(&out, inner.data, inner.length);
	size_t data = out.length;
	writer_u16(&out, 0x0017); // a Data indication that holds one, and an attribute behind it
	writer_u16(&out, (uint16_t)(4 + inner.length + 8));
	writer_u32(&out, 0x2112A442);
	writer_fill(&out, 7, 12);
	writer_u16(&out, 0x0013);
	writer_u16(&out, (uint16_t)inner.length);
	writer_bytes(&out, inner.data, inner.length);
	writer_u32(&out, 0x80220004);
	writer_fill(&out, 'x', 4);
	size_t last = out.length;
	write_stun(&out, 0);

	give(stream, 8, &out.data[8], out.length - 8, 1, NULL);
	capture_stream_search(stream);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.offset, channel - 8);
	assert_int_equal(frame.length, 4 + inner.length);
	assert_true(frame.found);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.offset, data - 8);
	assert_false(frame.found);
	capture_stream_free(stream);

	// Behind the header of the indication: what is inside is found, said to be found, and not the end of it all.
	stream = capture_stream_new(0);
	give(stream, 0, &out.data[data + 20], out.length - data - 20, 1, NULL);
	capture_stream_search(stream);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.length, inner.length);
	assert_true(frame.found);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.offset, last - data - 20);
	assert_int_equal(frame.lost, 8);
	assert_true(frame.found);
	capture_stream_free(stream);
	writer_free(&out);
	writer_free(&inner);
}

static void a_search_holds_nothing(void **unused)
{
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct error error;
	struct writer out;
	uint64_t missing, passed;
	uint8_t noise[1000];
	(void)unused;
	memset(noise, 0x91, sizeof noise);
	give(stream, 0, noise, sizeof noise, 1, NULL);
	assert_int_equal(capture_stream_next(stream, &frame, &error), -1);
	assert_int_equal(give(stream, 1000, noise, sizeof noise, 2, &error), -1);
	capture_stream_search(stream);
	for (uint32_t i = 1; i < 3000; i++) {
		assert_int_equal(lend(stream, 1000 * i, noise, sizeof noise, i), 0);
		assert_int_equal(capture_stream_next(stream, &frame, &error), 0);
		assert_int_equal(capture_stream_held(stream), 11);
	}
	writer_init(&out, 1000);
	write_stun(&out, 4);
	for (uint32_t i = 0; i < out.length; i++) { // octet by octet
		assert_int_equal(capture_stream_next(stream, &frame, &error), 0);
		give(stream, 3000000 + i, &out.data[i], 1, 5000 + i, NULL);
	}
	assert_int_equal(capture_stream_next(stream, &frame, &error), 1);
	assert_int_equal(frame.offset, 3000000);
	assert_int_equal(frame.lost, 3000000);
	assert_int_equal(frame.tag, 5000);
	assert_memory_equal(frame.data, out.data, out.length);
	capture_stream_lost(stream, &missing, &passed);
	assert_int_equal(missing, 0);
	assert_int_equal(passed, 3000000);
	// The end of the stream can be what is missing.
	struct capture_stream_segment fin = {.sequence = 3000124, .fin = true};
	capture_stream_segment(stream, &fin, NULL);
	assert_int_equal(capture_stream_skip_gap(stream), 100);
	assert_true(capture_stream_finished(stream));
	capture_stream_free(stream);
	writer_free(&out);
}

// The frame ends within a segment, and its padding goes on through others: all of them may be gone, the frame not.
static void padding_in_many_segments_leaves_the_frame(void **unused)
{
	(void)unused;
	static const uint8_t octets[12] = {0x40, 0x01, 0x00, 0x05, 'a', 'b', 'c', 'd', 'e'};
	static const size_t cuts[] = {0, 10, 11, 12};
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	give_syn(stream, 0);
	for (size_t i = 3; i-- > 0;)
		assert_false(give(stream, 1 + (uint32_t)cuts[i], &octets[cuts[i]], cuts[i + 1] - cuts[i], 0, 0));
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.length, 9);
	assert_memory_equal(frame.data, octets, 9);
	assert_int_equal(capture_stream_held(stream), 0);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 0);
	capture_stream_free(stream);
}

// The rest of a message with a gap in it is passed over in one segment, the next frame stands in another with its
// padding.
static void what_was_passed_over_takes_no_frame_with_it(void **unused)
{
	(void)unused;
	static const uint8_t octets[12] = {0x40, 0x01, 0x00, 0x05, 'a', 'b', 'c', 'd', 'e'};
	struct capture_stream *stream = capture_stream_new(0);
	struct capture_stream_frame frame;
	struct writer out;
	writer_init(&out, 100);
	write_stun(&out, 0);
	give_syn(stream, 0);
	assert_false(give(stream, 1, out.data, 10, 1, NULL));
	assert_false(give(stream, 13, &out.data[12], 8, 2, NULL));
	assert_false(give(stream, 21, octets, sizeof octets, 3, NULL));
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 0);
	assert_int_equal(capture_stream_skip_gap(stream), 2);
	assert_int_equal(capture_stream_next(stream, &frame, NULL), 1);
	assert_int_equal(frame.tag, 3);
	assert_int_equal(frame.length, 9);
	assert_memory_equal(frame.data, octets, 9);
	assert_int_equal(capture_stream_held(stream), 0);
	capture_stream_free(stream);
	writer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_and_overlap_gives_the_stream),
		cmocka_unit_test(first_octets_stay),
		cmocka_unit_test(a_gap_is_seen_and_closed),
		cmocka_unit_test(a_stream_without_its_start),
		cmocka_unit_test(framing),
		cmocka_unit_test(what_is_held_is_bounded),
		cmocka_unit_test(hostile_segments_are_survived),
		cmocka_unit_test(lent_segments),
		cmocka_unit_test(what_follows_a_gap_is_found),
		cmocka_unit_test(a_message_within_another_is_not_taken_for_it),
		cmocka_unit_test(a_search_holds_nothing),
		cmocka_unit_test(padding_in_many_segments_leaves_the_frame),
		cmocka_unit_test(what_was_passed_over_takes_no_frame_with_it),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
