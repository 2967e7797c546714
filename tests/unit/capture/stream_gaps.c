// SPDX-License-Identifier: BSD-3-Clause
//
// Streams of which segments are missing: what is found behind a gap, and what is held and freed meanwhile.
#include "segments.h"

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
		cmocka_unit_test(what_follows_a_gap_is_found),
		cmocka_unit_test(a_message_within_another_is_not_taken_for_it),
		cmocka_unit_test(a_search_holds_nothing),
		cmocka_unit_test(padding_in_many_segments_leaves_the_frame),
		cmocka_unit_test(what_was_passed_over_takes_no_frame_with_it),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
