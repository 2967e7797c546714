// SPDX-License-Identifier: BSD-3-Clause
//
// A conversation out of packets. The first octet says whether it is of UDP, of TCP with any segments at all, or of TCP
// where the segments of a stream of right frames come cut, late and doubled: then all frames have to come out, each
// with the packets and the time that it came with. Whatever the packets are, a piece is what it is said to be, and
// packet, time and offset of it belong together.
#include "audit/conversation.h"
#include "capture/tls_secrets.h"
#include "fuzz.h"
#include "stun/message.h"

#define PACKETS 200
#define SPACE 8192 // octets of the stream that is known
#define FRAMES 64
#define SEGMENTS 60
#define START UINT64_C(1700000000000000000)

enum { UDP, ANY_TCP, RIGHT_TCP };

struct taken {
	const struct packet *packet; // at hand; NULL at the end
	uint64_t last;               // number of the last packet
	uint64_t pieces, end;        // the piece that ends the whole; 0: none does
	// The stream that is known:
	uint8_t octets[SPACE];
	uint64_t owners[SPACE]; // the packet that brought the octet first; 0: none
	struct {
		size_t start, length;
		bool channel;
	} frames[FRAMES];
	size_t frame_count, length;
	bool known;
};

static uint64_t time_of(uint64_t frame)
{
	return START + frame * 1000000;
}

static void claim_known(const struct taken *taken, const struct conversation_piece *piece)
{
	claim(taken->pieces < taken->frame_count);
	size_t start = taken->frames[taken->pieces].start, length = taken->frames[taken->pieces].length;
	claim(piece->channel == taken->frames[taken->pieces].channel && piece->side == 1);
	claim(piece->length == length && memcmp(piece->octets, &taken->octets[start], length) == 0);
	uint64_t first = taken->owners[start], last = taken->owners[start + length - 1];
	claim(piece->first_frame == (first < last ? first : last));
	// Padding that comes later completes it too.
	bool padded = length % 4 && taken->packet && piece->frame == taken->packet->frame;
	claim(padded || piece->frame == (first < last ? last : first));
}

static bool take(void *context, const struct conversation_piece *piece)
{
	struct taken *taken = context;
	claim(piece->side == 0 || piece->side == 1);
	claim(piece->length >= (piece->channel ? 4 : STUN_HEADER_SIZE));
	claim(piece->octets[0] >> 6 == piece->channel);
	free(fuzz_copy(piece->octets, piece->length));
	claim(piece->first_frame >= 1 && piece->first_frame <= piece->frame);
	claim(piece->frame <= taken->last);
	claim(piece->time == time_of(piece->frame) && piece->offset == piece->frame * 100);
	if (piece->transport == AUDIT_UDP)
		claim(taken->packet && piece->octets == taken->packet->payload &&
		      piece->frame == taken->packet->frame && piece->length == taken->packet->payload_length);
	if (taken->known)
		claim_known(taken, piece);
	taken->pieces++;
	return taken->pieces != taken->end;
}

static bool feed(struct conversation *conversation, struct taken *taken, int side, struct packet *packet,
		 const uint8_t *payload, size_t length)
{
	uint8_t *copy = fuzz_copy(payload, length);
	packet->frame = ++taken->last;
	packet->time = time_of(packet->frame);
	packet->offset = packet->frame * 100;
	packet->payload = copy;
	packet->payload_length = length;
	taken->packet = packet;
	conversation_restarts(conversation, side, packet);
	bool on = conversation_packet(conversation, side, packet, packet->frame, take, taken);
	taken->packet = NULL;
	free(copy);
	return on;
}

static bool feed_any(struct conversation *conversation, struct taken *taken, struct reader *input, bool tcp)
{
	static uint32_t next[2];
	bool on = true;
	next[0] = next[1] = 7;
	for (int i = 0; on && i < PACKETS && reader_left(input); i++) {
		uint8_t what = fuzz_octet(input);
		int side = what & 1;
		size_t length = what & 2 ? fuzz_octet(input) * (size_t)(what & 4 ? 16 : 1) : STUN_HEADER_SIZE;
		struct packet packet = {.protocol = tcp ? PACKET_TCP : PACKET_UDP, .cut = what == 0xFF};
		if (tcp) {
			packet.tcp_flags = what >> 3 & 0x17;
			packet.tcp_sequence = next[side] + (what & 0x80 ? (uint32_t)(fuzz_octet(input) - 64) : 0);
			packet.tcp_acknowledgement = next[!side] - (what & 0x40 ? fuzz_octet(input) : 0u);
		}
		const uint8_t *payload = fuzz_take(input, length, &length);
		on = feed(conversation, taken, side, &packet, payload, length);
		next[side] += (uint32_t)length + (packet.tcp_flags & PACKET_TCP_SYN ? 1 : 0);
	}
	return on;
}

// A stream of STUN messages and ChannelData, of letters within: nothing in it looks like the start of something else.
static void make_stream(struct taken *taken, struct reader *input)
{
	memset(taken->octets, 'x', sizeof taken->octets);
	size_t count = 1 + fuzz_octet(input) % FRAMES;
	for (size_t i = 0; i < count && taken->length + 300 < SPACE; i++) {
		uint8_t what = fuzz_octet(input), *at = &taken->octets[taken->length];
		bool channel = i > 0 && what & 1;
		size_t inside = channel ? what >> 1 : (what >> 1) & ~3u, padding = channel ? (4 - inside % 4) % 4 : 0;
		at[0] = channel ? 0x40 : 0;
		at[1] = channel ? what >> 4 : 1;
		at[2] = 0;
		at[3] = (uint8_t)inside;
		if (!channel)
			memcpy(&at[4], "\x21\x12\xA4\x42", 4);
		taken->frames[i].start = taken->length;
		taken->frames[i].length = (channel ? 4 : STUN_HEADER_SIZE) + inside;
		taken->frames[i].channel = channel;
		taken->length += taken->frames[i].length + padding;
		taken->frame_count++;
	}
	taken->known = true;
}

static bool send_part(struct conversation *conversation, struct taken *taken, size_t start, size_t end)
{
	struct packet packet = {.protocol = PACKET_TCP, .tcp_sequence = 8 + (uint32_t)start};
	for (size_t i = start; i < end; i++)
		if (!taken->owners[i])
			taken->owners[i] = taken->last + 1;
	return feed(conversation, taken, 1, &packet, &taken->octets[start], end - start);
}

static bool feed_stream(struct conversation *conversation, struct taken *taken, struct reader *input)
{
	size_t cuts[SEGMENTS + 1], count = 0;
	bool sent[SEGMENTS] = {false};
	make_stream(taken, input);
	for (cuts[0] = 0; cuts[count] < taken->length; count++) {
		size_t left = taken->length - cuts[count], length = 1 + fuzz_octet(input) * 2u;
		cuts[count + 1] = cuts[count] + (length > left || count == SEGMENTS - 1 ? left : length);
	}
	struct packet opens = {.protocol = PACKET_TCP, .tcp_flags = PACKET_TCP_SYN, .tcp_sequence = 7};
	bool on = feed(conversation, taken, 1, &opens, NULL, 0);
	for (int i = 0; on && i < PACKETS && reader_left(input); i++) {
		size_t which = fuzz_octet(input) % count;
		sent[which] = true;
		on = send_part(conversation, taken, cuts[which], cuts[which + 1]);
	}
	for (size_t i = 0; on && i < count; i++)
		if (!sent[i])
			on = send_part(conversation, taken, cuts[i], cuts[i + 1]);
	return on;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	reader_init(&input, data, size);
	uint8_t what = fuzz_octet(&input);
	struct taken *taken = calloc(1, sizeof *taken);
	struct tls_secrets *secrets = tls_secrets_new(10);
	bool udp = what % 3 == UDP, on;
	struct conversation *conversation = conversation_new(udp ? PACKET_UDP : PACKET_TCP, secrets);
	claim(taken && secrets && conversation);
	taken->end = what >= 0xC0 ? what - 0xBFu : 0;
	if (what % 3 == RIGHT_TCP)
		on = feed_stream(conversation, taken, &input);
	else
		on = feed_any(conversation, taken, &input, !udp);
	tls_secrets_close(secrets);
	if (on)
		on = conversation_finish(conversation, take, taken);
	claim(on == (taken->pieces != taken->end || !taken->end));
	if (taken->known && on) {
		claim(taken->pieces == taken->frame_count && conversation_lost(conversation) == 0);
		claim(conversation_kind(conversation) == CONVERSATION_STUN);
	}
	uint64_t cut = conversation_cut(conversation);
	claim(cut <= taken->last && conversation_cut(conversation) == 0);
	conversation_lost(conversation);
	claim(conversation_lost(conversation) == 0);
	const char *opaque = conversation_opaque(conversation);
	claim(!opaque || opaque[0]);
	conversation_free(conversation);
	tls_secrets_free(secrets);
	free(taken);
	return 0;
}
