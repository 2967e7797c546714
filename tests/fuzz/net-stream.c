// SPDX-License-Identifier: BSD-3-Clause
//
// What a stream brings to a connection, in pieces: the input says how large they are, and whether a reply is waited
// for. The frames and how it ends are the same however it is cut, and what answers a request goes to it alone.
#include "fuzz.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/transaction.h"
#include "stun/channel.h"
#include "stun/message.h"

#include <event2/buffer.h>
#include <event2/event.h>

struct outcome {
	struct writer frames; // of each its length and its octets
	size_t count;
	size_t replies; // that a transaction took
	char ended[sizeof((struct endpoint *)NULL)->ended];
};

static struct outcome *telling;

static int send_nowhere(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
			struct error *error)
{
	(void)endpoint, (void)octets, (void)length, (void)to, (void)error;
	return 0;
}

static void close_nothing(struct endpoint *endpoint)
{
	(void)endpoint;
}

static const struct endpoint_kind kind = {"tcp", true, send_nowhere, close_nothing, NULL};

static void on_packet(void *owner, const struct packet *packet)
{
	(void)owner;
	if (packet->direction != PACKET_RECEIVED)
		return;
	writer_u32(&telling->frames, (uint32_t)packet->length);
	writer_bytes(&telling->frames, packet->octets, packet->length);
	telling->count++;
}

static const struct endpoint_handler handler = {on_packet, NULL};

static void on_end(struct transaction *transaction)
{
	telling->replies += transaction->failure[0] == 0;
}

// Plays the stream in pieces of up to `step` octets, waiting for a reply with the id of the first message.
static void play(const uint8_t *octets, size_t length, size_t step, bool waits, struct outcome *outcome)
{
	struct endpoint *endpoint = calloc(1, sizeof *endpoint);
	struct evbuffer *input = evbuffer_new();
	struct transaction transaction = {0};
	struct transaction_plan plan = {.schedule.rc = 1, .timeout = 1000};
	uint8_t request[STUN_HEADER_SIZE] = {0, 1};
	*outcome = (struct outcome){.count = 0};
	writer_init(&outcome->frames, 1u << 20);
	telling = outcome;
	claim(endpoint && input);
	endpoint_init(endpoint, &kind, &handler, NULL);
	claim(address_parse(&endpoint->remote, "192.0.2.1", 3478, NULL) == 0);
	endpoint->state = ENDPOINT_OPEN;
	if (waits && length >= sizeof request)
		memcpy(&request[4], &octets[4], sizeof request - 4);
	if (waits)
		claim(transaction_start(&transaction, endpoint, request, sizeof request, NULL, &plan, on_end, NULL,
					NULL) == 0);
	for (size_t given = 0; given < length && endpoint->state == ENDPOINT_OPEN;) {
		size_t piece = step < length - given ? step : length - given;
		claim(evbuffer_add(input, octets + given, piece) == 0);
		endpoint_enter(endpoint);
		stream_deliver(endpoint, input);
		endpoint_leave(endpoint);
		given += piece;
	}
	endpoint_enter(endpoint);
	if (endpoint->state == ENDPOINT_OPEN)
		stream_finish(endpoint, input);
	endpoint_leave(endpoint);
	claim(endpoint->state == ENDPOINT_ENDED);
	claim(endpoint->inbox.items + endpoint->inbox.dropped + outcome->replies == outcome->count);
	claim(fuzz_is_printable(endpoint->ended, strlen(endpoint->ended), false));
	memcpy(outcome->ended, endpoint->ended, sizeof outcome->ended);
	transaction_release(&transaction);
	evbuffer_free(input);
	endpoint_free(endpoint);
}

// What has to come out, frame by frame.
static void claim_frames(const uint8_t *octets, size_t length, const struct outcome *outcome)
{
	struct reader frames, stream;
	reader_init(&frames, outcome->frames.data, outcome->frames.length);
	reader_init(&stream, octets, length);
	struct stun_frame frame = stun_frame_find(octets, length);
	while (frame.kind == STUN_FRAME_MESSAGE || frame.kind == STUN_FRAME_CHANNEL) {
		const uint8_t *here = reader_bytes(&stream, frame.size);
		claim(here && reader_u32(&frames) == frame.content);
		claim(memcmp(reader_bytes(&frames, frame.content), here, frame.content) == 0);
		frame = stun_frame_find(octets + stream.offset, reader_left(&stream));
	}
	claim(reader_left(&frames) == 0);
	if (frame.kind == STUN_FRAME_NEITHER)
		claim(strstr(outcome->ended, "framing: neither"));
	else if (reader_left(&stream))
		claim(strstr(outcome->ended, "framing: the stream ended"));
	else
		claim(strcmp(outcome->ended, "closed") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	struct outcome whole, cut;
	size_t length;
	reader_init(&input, data, size);
	size_t step = (size_t)fuzz_octet(&input) + 1;
	bool waits = fuzz_octet(&input) & 1;
	const uint8_t *octets = fuzz_take(&input, SIZE_MAX, &length);
	claim(loop_base());
	play(octets, length, length + 1, waits, &whole);
	claim_frames(octets, length, &whole);
	play(octets, length, step, waits, &cut);
	claim(cut.count == whole.count && cut.replies == whole.replies && cut.frames.length == whole.frames.length);
	claim(!whole.frames.length || memcmp(cut.frames.data, whole.frames.data, whole.frames.length) == 0);
	// What the first octets of no frame are is told of as many as had come by then.
	if (!strstr(whole.ended, "neither"))
		claim(strcmp(cut.ended, whole.ended) == 0);
	else
		claim(strncmp(cut.ended, whole.ended, strlen(cut.ended)) == 0);
	writer_free(&whole.frames);
	writer_free(&cut.frames);
	return 0;
}
