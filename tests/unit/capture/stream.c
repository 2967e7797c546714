// SPDX-License-Identifier: BSD-3-Clause
#include "segments.h"

static volatile uint8_t sink; // makes every octet be read

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
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
