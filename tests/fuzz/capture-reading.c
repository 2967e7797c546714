// SPDX-License-Identifier: BSD-3-Clause
//
// A capture file as an audit reads it, from the file to the frames of its streams: packets, fragments joined, flows,
// TCP put together in both directions with gaps given up, frames searched for where framing failed. The tables are
// small, so that they overflow.
#include "capture/flow.h"
#include "capture/fragments.h"
#include "capture/reader.h"
#include "capture/stream.h"
#include "packet.h"

#include <sys/mman.h>
#include <unistd.h>

#define MOST 400 // packets that are looked at

struct state {
	struct capture_stream *streams[2];
};

static void let_go(struct flow *flow, enum flow_end why, void *context)
{
	struct state *state = flow->state;
	size_t *ended = context;
	claim(why == FLOW_IDLE || why == FLOW_CROWDED || why == FLOW_CLOSED || why == FLOW_OVER);
	ended[0]++;
	for (int i = 0; state && i < 2; i++)
		capture_stream_free(state->streams[i]);
	free(state);
}

static void take_secrets(void *context, uint32_t type, const uint8_t *octets, size_t length)
{
	*(uint64_t *)context += fuzz_sum(type, octets, length);
}

static void take_frames(struct capture_stream *stream, const struct packet *packet)
{
	struct capture_stream_frame frame;
	struct error error;
	uint64_t missing, passed, end = 0;
	size_t segments;
	int64_t tag;
	int more;
	while ((more = capture_stream_next(stream, &frame, &error)) > 0) {
		fuzz_sum(0, frame.data, frame.length);
		claim(frame.length >= 4 && frame.offset >= end);
		claim(!frame.found || (frame.data[0] & 0xF0) == 0x40 ||
		      memcmp(&frame.data[4], "\x21\x12\xA4\x42", 4) == 0);
		end = frame.offset + frame.length;
	}
	if (more < 0) {
		claim(error.code == ERROR_MALFORMED || error.code == ERROR_LIMIT);
		capture_stream_search(stream);
	}
	size_t waiting = capture_stream_waiting(stream, &segments, &tag);
	claim((waiting > 0) == (segments > 0) && waiting <= capture_stream_held(stream));
	if (segments > 3 || (packet->tcp_flags & PACKET_TCP_FIN))
		capture_stream_skip_gap(stream);
	capture_stream_lost(stream, &missing, &passed);
	claim(missing + passed < UINT64_MAX / 2);
}

static void take_packet(struct flow_table *table, const struct packet *packet)
{
	bool back, again;
	struct flow *flow = flow_table_of(table, packet, &back);
	if (!flow)
		return;
	claim(flow_table_find(table, packet->protocol, &packet->source, &packet->destination, &again) == flow);
	claim(again == back);
	if (!flow->state) {
		struct state *state = calloc(1, sizeof *state);
		claim(state);
		for (int i = 0; i < 2; i++)
			state->streams[i] = capture_stream_new(4096);
		flow->state = state;
	}
	if (packet->protocol != PACKET_TCP)
		return;
	struct capture_stream *stream = ((struct state *)flow->state)->streams[back];
	struct capture_stream_segment segment = {
		.sequence = packet->tcp_sequence,
		.syn = packet->tcp_flags & PACKET_TCP_SYN,
		.fin = packet->tcp_flags & PACKET_TCP_FIN,
		.payload = packet->payload,
		.length = packet->payload_length,
		.tag = (int64_t)packet->frame,
		.lent = packet->frame % 2,
	};
	if (packet->payload)
		capture_stream_segment(stream, &segment, NULL);
	take_frames(stream, packet);
	if (packet->tcp_flags & PACKET_TCP_RST)
		flow_table_close(table, flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fragments_limits limits = {.octets = 10000, .datagrams = 4};
	char path[32];
	struct packet packet;
	struct fragments_joined joined;
	uint64_t sum = 0;
	size_t ended = 0;
	struct flow_table_options options = {
		.most = 4, .idle = 1000000000, .seed = 1, .gone = let_go, .context = &ended};
	int file = memfd_create("capture", 0);
	claim(file >= 0 && write(file, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	struct capture_reader *reader = capture_reader_open(path, NULL);
	struct flow_table *table = flow_table_new(&options);
	struct fragments *fragments = fragments_new(&limits);
	claim(table && fragments);
	if (reader) {
		capture_reader_on_secrets(reader, take_secrets, &sum);
		for (uint64_t i = 1; i < MOST && capture_reader_next(reader, &packet, NULL) > 0; i++) {
			claim(packet.frame == i && capture_reader_notes(reader)->packets == i);
			fuzz_claim_packet(&packet);
			claim(packet.fragment == (packet.part.data != NULL));
			claim(fuzz_is_inside(&packet, packet.part.data, packet.part.length));
			if (!packet.fragment)
				take_packet(table, &packet);
			else if (fragments_add(fragments, &packet, &joined) > 0) {
				fuzz_claim_packet(&joined.packet);
				claim(joined.first_frame <= joined.last_frame && joined.last_frame == i);
				take_packet(table, &joined.packet);
			}
			claim(flow_table_statistics(table).count <= 4 && fragments_waiting(fragments) <= 4);
		}
	}
	size_t begun = flow_table_statistics(table).begun;
	flow_table_free(table);
	claim(ended == begun);
	fragments_free(fragments);
	capture_reader_close(reader);
	close(file);
	return 0;
}
