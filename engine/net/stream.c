// SPDX-License-Identifier: BSD-3-Clause
#include "net/stream.h"

#include "net/loop.h"
#include "stun/channel.h"

#include <event2/buffer.h>
#include <stdio.h>

#define SHOWN 16 // octets of a stream that is not ours

static struct stun_frame next_frame(struct evbuffer *input)
{
	size_t available = evbuffer_get_length(input);
	size_t head = available < STUN_CHANNEL_HEADER_SIZE ? available : STUN_CHANNEL_HEADER_SIZE;
	if (head == 0)
		return (struct stun_frame){.kind = STUN_FRAME_MORE};
	struct stun_frame frame = stun_frame_find(evbuffer_pullup(input, (ev_ssize_t)head), head);
	// The head tells the size; only a frame that is all there is moved into one piece.
	if (frame.kind == STUN_FRAME_MORE && frame.size <= available && frame.size > head)
		frame = stun_frame_find(evbuffer_pullup(input, (ev_ssize_t)frame.size), frame.size);
	return frame;
}

static void end_unframed(struct endpoint *endpoint, struct evbuffer *input)
{
	char text[sizeof endpoint->ended];
	uint8_t octets[SHOWN];
	ev_ssize_t count = evbuffer_copyout(input, octets, sizeof octets);
	int used = snprintf(text, sizeof text, "framing: neither a STUN message nor ChannelData begins with");
	for (ev_ssize_t i = 0; i < count; i++)
		used += snprintf(text + used, sizeof text - (size_t)used, " %02x", octets[i]);
	endpoint_ended(endpoint, text);
}

void stream_deliver(struct endpoint *endpoint, struct evbuffer *input)
{
	while (endpoint->state == ENDPOINT_OPEN) {
		struct stun_frame frame = next_frame(input);
		if (frame.kind == STUN_FRAME_MORE)
			return;
		if (frame.kind == STUN_FRAME_NEITHER) {
			end_unframed(endpoint, input);
			return;
		}
		const uint8_t *octets = evbuffer_pullup(input, (ev_ssize_t)frame.size);
		endpoint_received(endpoint, octets, frame.content, &endpoint->remote, loop_wall());
		if (endpoint->state == ENDPOINT_OPEN)
			evbuffer_drain(input, frame.size);
	}
}

void stream_finish(struct endpoint *endpoint, struct evbuffer *input)
{
	char text[sizeof endpoint->ended];
	size_t left = evbuffer_get_length(input);
	snprintf(text, sizeof text, "closed");
	if (left)
		snprintf(text, sizeof text, "framing: the stream ended %zu octets into a frame", left);
	endpoint_ended(endpoint, text);
}
