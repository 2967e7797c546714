// SPDX-License-Identifier: BSD-3-Clause
#include "stun/channel.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/message.h"

static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

int stun_channel_parse(const void *data, size_t length, struct stun_channel *channel, struct error *error)
{
	struct reader reader;
	reader_init(&reader, data, length);
	channel->number = reader_u16(&reader);
	channel->length = reader_u16(&reader);
	if (reader.failed)
		return error_set(error, ERROR_TRUNCATED, length,
				 "%zu octets are too few for ChannelData, its header has 4", length);
	if (channel->number >> 14 != 1)
		return error_set(error, ERROR_MALFORMED, 0, "0x%04X is not a channel number", channel->number);
	channel->data = reader_bytes(&reader, channel->length);
	if (!channel->data)
		return error_set(error, ERROR_TRUNCATED, length, "ChannelData announces %u octets, %zu are there",
				 channel->length, length - STUN_CHANNEL_HEADER_SIZE);
	if (reader_left(&reader) > 3)
		return error_set(error, ERROR_MALFORMED, reader.offset,
				 "%zu octets follow the %u that ChannelData announces", reader_left(&reader),
				 channel->length);
	return 0;
}

int stun_channel_encode(uint16_t number, const void *data, size_t length, struct writer *writer, struct error *error)
{
	if (length > UINT16_MAX)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "%zu octets do not fit into ChannelData", length);
	writer_u16(writer, number);
	writer_u16(writer, (uint16_t)length);
	writer_bytes(writer, data, length);
	if (writer->failed)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "ChannelData of %zu octets does not fit", length);
	return 0;
}

struct stun_frame stun_frame_find(const void *data, size_t length)
{
	struct stun_frame frame = {.kind = STUN_FRAME_MORE, .size = STUN_CHANNEL_HEADER_SIZE};
	struct reader reader;
	reader_init(&reader, data, length);
	unsigned form = reader_u8(&reader) >> 6;
	if (reader.failed)
		return frame;
	if (form > 1)
		return (struct stun_frame){.kind = STUN_FRAME_NEITHER};
	reader_u8(&reader);
	size_t announced = reader_u16(&reader);
	if (reader.failed)
		return frame;
	if (form == 0) {
		if (announced % 4)
			return (struct stun_frame){.kind = STUN_FRAME_NEITHER};
		frame = (struct stun_frame){STUN_FRAME_MESSAGE, STUN_HEADER_SIZE + announced,
					    STUN_HEADER_SIZE + announced};
	} else {
		// On a stream the padding is not optional, and not counted by the length.
		size_t content = STUN_CHANNEL_HEADER_SIZE + announced;
		frame = (struct stun_frame){STUN_FRAME_CHANNEL, padded(content), content};
	}
	if (length < frame.size)
		frame = (struct stun_frame){.kind = STUN_FRAME_MORE, .size = frame.size};
	return frame;
}
