// SPDX-License-Identifier: BSD-3-Clause
//
// ChannelData, and streams cut into frames whatever pieces they come in.
#include "stun/channel.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	for (size_t length = 0; length < 9; length++) {
		struct writer writer;
		struct stun_channel channel;
		writer_init(&writer, 100);
		assert_int_equal(stun_channel_encode(0x4001, "abcdefgh", length, &writer, NULL), 0);
		assert_int_equal(writer.length, 4 + length);
		assert_int_equal(stun_channel_parse(writer.data, writer.length, &channel, NULL), 0);
		assert_int_equal(channel.number, 0x4001);
		assert_int_equal(channel.length, length);
		assert_memory_equal(channel.data, "abcdefgh", length);
		writer_free(&writer);
	}
}

static void padding_is_borne_and_more_is_not(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("40010005 6162636465 aabbcc dd");
	struct stun_channel channel;
	struct error error;
	for (size_t length = 9; length <= 12; length++) {
		assert_int_equal(stun_channel_parse(octets.data, length, &channel, NULL), 0);
		assert_int_equal(channel.length, 5);
	}
	assert_int_equal(stun_channel_parse(octets.data, 13, &channel, &error), -1);
	assert_int_equal(error.code, ERROR_MALFORMED);
	assert_int_equal(error.offset, 9);
	free(octets.data);
}

static void a_cut_at_every_octet_is_refused(void **state)
{
	(void)state;
	struct octets whole = octets_from_hex("40010005 6162636465");
	for (size_t length = 0; length < whole.length; length++) {
		struct octets part = octets_copy(whole.data, length);
		struct stun_channel channel;
		struct error error;
		assert_int_equal(stun_channel_parse(part.data, length, &channel, &error), -1);
		assert_int_equal(error.code, ERROR_TRUNCATED);
		free(part.data);
	}
	free(whole.data);
}

static void only_channel_numbers_are_channels(void **state)
{
	(void)state;
	for (unsigned number = 0; number <= 0xFFFF; number++) {
		uint8_t octets[4] = {(uint8_t)(number >> 8), (uint8_t)number};
		struct stun_channel channel;
		bool is_channel = number >= 0x4000 && number <= 0x7FFF;
		assert_int_equal(stun_channel_parse(octets, 4, &channel, NULL), is_channel ? 0 : -1);
	}
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct writer writer;
	struct error error;
	uint8_t *data = calloc(1, 65536);
	writer_init(&writer, 70000);
	assert_int_equal(stun_channel_encode(0x4000, data, 65536, &writer, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(stun_channel_encode(0x4000, data, 65535, &writer, &error), 0);
	assert_int_equal(stun_channel_encode(0x4000, data, 65535, &writer, &error), -1);
	writer_free(&writer);
	free(data);
}

static void each_prefix_says_how_much_more_is_needed(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex("40010005 6162636465 000000");
	for (size_t length = 0; length <= octets.length; length++) {
		struct octets part = octets_copy(octets.data, length);
		struct stun_frame frame = stun_frame_find(part.data, length);
		if (length < 12) {
			assert_int_equal(frame.kind, STUN_FRAME_MORE);
			assert_int_equal(frame.size, length < 4 ? 4 : 12);
			assert_int_equal(frame.content, 0);
		} else {
			assert_int_equal(frame.kind, STUN_FRAME_CHANNEL);
			assert_int_equal(frame.size, 12);
			assert_int_equal(frame.content, 9);
		}
		free(part.data);
	}
	free(octets.data);

	octets = octets_from_hex(SAMPLE_IPV4);
	for (size_t length = 0; length <= octets.length; length++) {
		struct stun_frame frame = stun_frame_find(octets.data, length);
		assert_int_equal(frame.kind, length < octets.length ? STUN_FRAME_MORE : STUN_FRAME_MESSAGE);
		assert_int_equal(frame.size, length < 4 ? 4 : octets.length);
	}
	free(octets.data);
}

static void a_stream_is_cut_into_its_frames(void **state)
{
	(void)state;
	static const char *const pieces[] = {SAMPLE_IPV4,         "40010005 6162636465 ffffff",
					     "4fff0000",          SAMPLE_LONG_TERM,
					     "40000004 61626364", "00010000 2112a442 000000000000000000000000"};
	static const size_t contents[] = {80, 9, 4, 116, 8, 20};
	struct writer stream;
	writer_init(&stream, 4096);
	for (size_t i = 0; i < 6; i++) {
		struct octets piece = octets_from_hex(pieces[i]);
		writer_bytes(&stream, piece.data, piece.length);
		free(piece.data);
	}
	struct reader reader;
	reader_init(&reader, stream.data, stream.length);
	for (size_t i = 0; i < 6; i++) {
		struct stun_frame frame = stun_frame_find(&stream.data[reader.offset], reader_left(&reader));
		assert_int_equal(frame.kind, i == 0 || i == 3 || i == 5 ? STUN_FRAME_MESSAGE : STUN_FRAME_CHANNEL);
		assert_int_equal(frame.content, contents[i]);
		assert_non_null(reader_bytes(&reader, frame.size));
	}
	assert_int_equal(reader_left(&reader), 0);
	writer_free(&stream);
}

static void the_rest_is_neither(void **state)
{
	(void)state;
	for (unsigned first = 0x80; first <= 0xFF; first++) {
		uint8_t octet = (uint8_t)first;
		assert_int_equal(stun_frame_find(&octet, 1).kind, STUN_FRAME_NEITHER);
	}
	for (uint8_t length = 0; length < 16; length++) {
		uint8_t octets[4] = {0, 1, 0, length};
		assert_int_equal(stun_frame_find(octets, 4).kind, length % 4 ? STUN_FRAME_NEITHER : STUN_FRAME_MORE);
	}
}

static void the_largest_frames_are_bounded(void **state)
{
	(void)state;
	static const uint8_t channel[] = {0x7F, 0xFF, 0xFF, 0xFF}, message[] = {0x3F, 0xFF, 0xFF, 0xFC};
	assert_int_equal(stun_frame_find(channel, 4).size, 65540);
	assert_int_equal(stun_frame_find(message, 4).size, 65552);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(padding_is_borne_and_more_is_not),
		cmocka_unit_test(a_cut_at_every_octet_is_refused),
		cmocka_unit_test(only_channel_numbers_are_channels),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(each_prefix_says_how_much_more_is_needed),
		cmocka_unit_test(a_stream_is_cut_into_its_frames),
		cmocka_unit_test(the_rest_is_neither),
		cmocka_unit_test(the_largest_frames_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
