// SPDX-License-Identifier: BSD-3-Clause
#include "audit/conversation.h"

#include "audit/marks.h"
#include "base/error.h"
#include "capture/dtls_passive.h"
#include "capture/stream.h"
#include "capture/tls_passive.h"
#include "stun/channel.h"
#include "stun/message.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_LIMIT 131072 // octets of a direction that may wait
#define WAITING_SEGMENTS 64 // behind a gap, before it is given up
#define WAITING_OCTETS 65536
#define SEARCH_LIMIT 65536 // octets in which something of STUN must be found
#define GUESSES 3          // datagrams in a row that look like ChannelData, on a flow without STUN
#define READ_SIZE 4096

struct side {
	struct capture_stream *stream; // of TCP
	struct capture_stream *inner;  // of what was in TLS
	uint32_t inner_sequence;
	bool syn;
	uint32_t syn_sequence;
};

struct conversation {
	enum packet_protocol protocol;
	enum conversation_kind kind;
	const struct tls_secrets *secrets;
	struct side sides[2];
	unsigned guesses;
	uint64_t cut, lost;
	struct tls_passive *tls;
	struct dtls_passive *dtls;
	struct marks marks;
	struct mark latest; // of the packet taken last
	// While a packet is taken:
	const struct packet *packet;
	uint64_t first_frame;
	bool (*take)(void *context, const struct conversation_piece *piece);
	void *context;
};

struct conversation *conversation_new(enum packet_protocol protocol, const struct tls_secrets *secrets)
{
	struct conversation *conversation = calloc(1, sizeof *conversation);
	if (conversation) {
		conversation->protocol = protocol;
		conversation->secrets = secrets;
	}
	return conversation;
}

static void drop_streams(struct conversation *conversation)
{
	for (int i = 0; i < 2; i++) {
		capture_stream_free(conversation->sides[i].stream);
		capture_stream_free(conversation->sides[i].inner);
		conversation->sides[i].stream = conversation->sides[i].inner = NULL;
	}
}

void conversation_free(struct conversation *conversation)
{
	if (!conversation)
		return;
	drop_streams(conversation);
	tls_passive_free(conversation->tls);
	dtls_passive_free(conversation->dtls);
	marks_free(&conversation->marks);
	free(conversation);
}

enum conversation_kind conversation_kind(const struct conversation *conversation)
{
	return conversation->kind;
}

uint64_t conversation_cut(struct conversation *conversation)
{
	uint64_t cut = conversation->cut;
	conversation->cut = 0;
	return cut;
}

uint64_t conversation_lost(struct conversation *conversation)
{
	uint64_t lost = conversation->lost;
	conversation->lost = 0;
	return lost;
}

const char *conversation_opaque(const struct conversation *conversation)
{
	for (int i = 0; i < 2; i++) {
		const char *reason = NULL;
		if (conversation->tls && tls_passive_state(conversation->tls, i, &reason) == TLS_PASSIVE_OPAQUE)
			return reason;
		if (conversation->dtls && dtls_passive_state(conversation->dtls, i, &reason) == TLS_PASSIVE_OPAQUE)
			return reason;
	}
	return NULL;
}

// --- what octets look like ------------------------------------------------------------------------------------------

static bool has_cookie(const uint8_t *octets, size_t length)
{
	struct stun_header header;
	return length >= STUN_HEADER_SIZE && octets[0] < 0x40 &&
	       stun_header_parse(octets, length, &header, NULL) == 0 && header.cookie == STUN_MAGIC_COOKIE;
}

// STUN whose cookie is wrong is to be seen where STUN is expected, if nothing else is.
static bool has_lengths(const uint8_t *octets, size_t length)
{
	struct stun_header header;
	return length >= STUN_HEADER_SIZE && stun_header_parse(octets, length, &header, NULL) == 0 &&
	       header.length % 4 == 0 && (size_t)header.length + STUN_HEADER_SIZE == length;
}

// --- handing on -----------------------------------------------------------------------------------------------------

static bool hand_on(struct conversation *conversation, const struct conversation_piece *piece)
{
	return conversation->take(conversation->context, piece);
}

static struct mark mark_here(const struct conversation *conversation)
{
	const struct packet *packet = conversation->packet;
	return packet ? (struct mark){packet->frame, packet->time, packet->offset} : conversation->latest;
}

// A tag for the packet at hand. On encrypted flows octets may be read long after they came, and the packet that
// brought them is looked up again then.
static int64_t tag_here(struct conversation *conversation)
{
	struct mark here = mark_here(conversation);
	return marks_tag(&conversation->marks, &here);
}

// The packet of such a tag, and on flows in the clear that of a frame; the one at hand where it is forgotten.
static struct mark find_mark(const struct conversation *conversation, int64_t tag)
{
	const struct mark *found = marks_find(&conversation->marks, tag);
	return found ? *found : mark_here(conversation);
}

static struct mark held_mark(const struct conversation *conversation, uint64_t frame)
{
	struct mark here = mark_here(conversation);
	const struct mark *found = frame == here.frame ? NULL : marks_held(&conversation->marks, frame);
	return found ? *found : here;
}

// --- datagrams ------------------------------------------------------------------------------------------------------

static bool take_datagram(struct conversation *conversation, struct conversation_piece *piece)
{
	const uint8_t *octets = piece->octets;
	size_t length = piece->length;
	if (has_cookie(octets, length)) {
		if (conversation->kind == CONVERSATION_UNKNOWN)
			conversation->kind = CONVERSATION_STUN;
		return hand_on(conversation, piece);
	}
	bool known = conversation->kind != CONVERSATION_UNKNOWN;
	struct stun_channel channel;
	if (stun_channel_parse(octets, length, &channel, NULL) == 0) {
		if (!known && ++conversation->guesses < GUESSES)
			return true;
		conversation->kind = known ? conversation->kind : CONVERSATION_STUN;
		piece->channel = true;
		return hand_on(conversation, piece);
	}
	conversation->guesses = 0;
	return !known || !length || octets[0] >= 0x40 || !has_lengths(octets, length) ? true
										      : hand_on(conversation, piece);
}

static bool fetch_dtls(struct conversation *conversation)
{
	struct tls_passive_piece inside;
	while (dtls_passive_next(conversation->dtls, &inside)) {
		struct mark mark = find_mark(conversation, inside.last_tag);
		struct conversation_piece piece = {
			.octets = inside.octets,
			.length = inside.length,
			.side = inside.side,
			.transport = AUDIT_DTLS,
			.first_frame = mark.frame,
			.frame = mark.frame,
			.time = mark.time,
			.offset = mark.offset,
		};
		if (!take_datagram(conversation, &piece))
			return false;
	}
	return true;
}

static bool take_udp(struct conversation *conversation, int side, const struct packet *packet)
{
	const uint8_t *octets = packet->payload;
	size_t length = packet->payload_length;
	if (packet->cut) {
		conversation->cut += conversation->kind != CONVERSATION_UNKNOWN || has_cookie(octets, length);
		return true;
	}
	bool dtls = conversation->kind == CONVERSATION_DTLS || conversation->kind == CONVERSATION_UNKNOWN;
	if (dtls && !has_cookie(octets, length) && dtls_passive_begins(octets, length)) {
		if (!conversation->dtls)
			conversation->dtls = dtls_passive_new(conversation->secrets);
		if (!conversation->dtls)
			return true;
		conversation->kind = CONVERSATION_DTLS;
		dtls_passive_feed(conversation->dtls, side, octets, length, tag_here(conversation));
		return fetch_dtls(conversation);
	}
	struct conversation_piece piece = {
		.octets = octets,
		.length = length,
		.side = side,
		.transport = AUDIT_UDP,
		.first_frame = conversation->first_frame,
		.frame = packet->frame,
		.time = packet->time,
		.offset = packet->offset,
	};
	return take_datagram(conversation, &piece);
}

// --- streams --------------------------------------------------------------------------------------------------------

// Frames of a stream, in the clear or out of TLS. False: the judge ends it, or *broken is set: neither STUN nor
// ChannelData follows.
static bool take_frames(struct conversation *conversation, int side, struct capture_stream *stream,
			enum audit_transport transport, bool *broken)
{
	struct capture_stream_frame frame;
	struct error error;
	int found;
	*broken = false;
	while ((found = capture_stream_next(stream, &frame, &error)) > 0) {
		bool channel = frame.length && frame.data[0] >> 6 == 1;
		// Behind a gap it may be what ChannelData carries, which is no word of this client and server.
		if (frame.found) {
			conversation->lost += frame.length;
			continue;
		}
		if (conversation->kind == CONVERSATION_UNKNOWN) {
			// Anything may look like a frame; what is not known to be STUN needs the cookie.
			if (channel || !has_cookie(frame.data, frame.length)) {
				*broken = true;
				return true;
			}
			conversation->kind = CONVERSATION_STUN;
		}
		// Its first octets may have come behind its last ones.
		int64_t began = frame.tag < frame.last_tag ? frame.tag : frame.last_tag;
		int64_t completed = frame.tag < frame.last_tag ? frame.last_tag : frame.tag;
		bool tls = transport == AUDIT_TLS;
		struct mark mark =
			tls ? find_mark(conversation, completed) : held_mark(conversation, (uint64_t)completed);
		uint64_t first = tls ? find_mark(conversation, began).frame : (uint64_t)began;
		struct conversation_piece piece = {
			.octets = frame.data,
			.length = frame.length,
			.side = side,
			.transport = transport,
			.channel = channel,
			.first_frame = first,
			.frame = mark.frame,
			.time = mark.time,
			.offset = mark.offset,
		};
		if (!hand_on(conversation, &piece))
			return false;
	}
	*broken = found < 0;
	return true;
}

static bool fetch_tls(struct conversation *conversation)
{
	struct tls_passive_piece inside;
	while (tls_passive_next(conversation->tls, &inside)) {
		struct side *side = &conversation->sides[inside.side];
		if (!side->inner)
			side->inner = capture_stream_new(STREAM_LIMIT);
		if (!side->inner)
			continue;
		struct capture_stream_segment segment = {
			.sequence = side->inner_sequence,
			.payload = inside.octets,
			.length = inside.length,
			.tag = inside.last_tag,
		};
		side->inner_sequence += (uint32_t)inside.length;
		struct error error;
		bool broken = capture_stream_segment(side->inner, &segment, &error) < 0;
		if (!broken && !take_frames(conversation, inside.side, side->inner, AUDIT_TLS, &broken))
			return false;
		if (broken)
			capture_stream_search(side->inner);
	}
	return true;
}

static bool read_tls(struct conversation *conversation, int side)
{
	uint8_t octets[READ_SIZE];
	int64_t tag;
	size_t length;
	while ((length = capture_stream_read(conversation->sides[side].stream, octets, sizeof octets, &tag)) > 0)
		tls_passive_feed(conversation->tls, side, octets, length, tag);
	return fetch_tls(conversation);
}

// Gives up octets that will not come any more: the receiver has them, or too much waits behind them. Whether it did.
static bool give_up_gap(struct conversation *conversation, int side, bool at_end)
{
	struct side *own = &conversation->sides[side];
	uint64_t offset, length;
	size_t segments;
	int64_t tag;
	if (!own->stream || !capture_stream_gap(own->stream, &offset, &length))
		return false;
	size_t waiting = capture_stream_waiting(own->stream, &segments, &tag);
	if (!at_end && waiting < WAITING_OCTETS && segments < WAITING_SEGMENTS)
		return false;
	uint64_t missing = capture_stream_skip_gap(own->stream);
	conversation->lost += missing;
	if (conversation->tls && missing)
		tls_passive_gap(conversation->tls, side, missing);
	return missing > 0;
}

static bool drain(struct conversation *conversation, int side)
{
	struct side *own = &conversation->sides[side];
	if (!own->stream)
		return true;
	if (conversation->tls)
		return read_tls(conversation, side);
	bool broken;
	if (!take_frames(conversation, side, own->stream, AUDIT_TCP, &broken))
		return false;
	if (!broken)
		return true;
	if (conversation->kind == CONVERSATION_UNKNOWN && own->syn) {
		conversation->kind = CONVERSATION_OTHER;
		drop_streams(conversation);
		return true;
	}
	capture_stream_search(own->stream);
	return take_frames(conversation, side, own->stream, AUDIT_TCP, &broken);
}

// Nothing of STUN in a good stretch of a stream that was not seen from its beginning.
static void end_search(struct conversation *conversation, int side)
{
	uint64_t missing, passed;
	if (conversation->kind != CONVERSATION_UNKNOWN || !conversation->sides[side].stream)
		return;
	capture_stream_lost(conversation->sides[side].stream, &missing, &passed);
	if (passed < SEARCH_LIMIT)
		return;
	conversation->kind = CONVERSATION_OTHER;
	drop_streams(conversation);
}

bool conversation_restarts(const struct conversation *conversation, int side, const struct packet *packet)
{
	const struct side *own = &conversation->sides[side];
	return packet->protocol == PACKET_TCP && packet->tcp_flags & PACKET_TCP_SYN &&
	       !(packet->tcp_flags & PACKET_TCP_ACK) && (own->syn || conversation->kind != CONVERSATION_UNKNOWN) &&
	       !(own->syn && own->syn_sequence == packet->tcp_sequence);
}

static bool take_tcp(struct conversation *conversation, int side, const struct packet *packet)
{
	struct side *own = &conversation->sides[side], *peer = &conversation->sides[!side];
	if (packet->tcp_flags & PACKET_TCP_SYN) {
		own->syn = true;
		own->syn_sequence = packet->tcp_sequence;
	}
	if (conversation->kind == CONVERSATION_UNKNOWN && tls_passive_begins(packet->payload, packet->payload_length)) {
		conversation->tls = tls_passive_new(conversation->secrets);
		if (conversation->tls)
			conversation->kind = CONVERSATION_TLS;
	}
	if (!own->stream && !(own->stream = capture_stream_new(STREAM_LIMIT)))
		return true;
	struct capture_stream_segment segment = {
		.sequence = packet->tcp_sequence,
		.syn = packet->tcp_flags & PACKET_TCP_SYN,
		.fin = packet->tcp_flags & PACKET_TCP_FIN,
		.payload = packet->payload,
		.length = packet->payload_length,
		.tag = conversation->tls ? tag_here(conversation) : (int64_t)packet->frame,
		.lent = !conversation->tls,
	};
	struct error error;
	uint64_t gap, missing;
	size_t held = capture_stream_held(own->stream);
	if (capture_stream_segment(own->stream, &segment, &error) < 0) {
		conversation->kind = CONVERSATION_OTHER;
		drop_streams(conversation);
		return true;
	}
	if (capture_stream_gap(own->stream, &gap, &missing) && capture_stream_held(own->stream) > held)
		marks_hold(&conversation->marks, &(struct mark){packet->frame, packet->time, packet->offset});
	if (!drain(conversation, side))
		return false;
	// What this packet acknowledges has arrived: octets of the other side that were not captured are lost to us.
	bool acknowledged = packet->tcp_flags & PACKET_TCP_ACK && peer->stream &&
			    capture_stream_acknowledged(peer->stream, packet->tcp_acknowledgement);
	give_up_gap(conversation, side, false);
	if (acknowledged)
		give_up_gap(conversation, !side, true);
	if (!drain(conversation, side) || (acknowledged && !drain(conversation, !side)))
		return false;
	end_search(conversation, side);
	return true;
}

// The octets of a packet are lent to its stream until this is called; most often all of them were read before.
static void end_loan(struct conversation *conversation, int side)
{
	int64_t tag;
	if (conversation->sides[side].stream)
		capture_stream_read(conversation->sides[side].stream, NULL, 0, &tag);
}

bool conversation_packet(struct conversation *conversation, int side, const struct packet *packet, uint64_t first_frame,
			 bool (*take)(void *context, const struct conversation_piece *piece), void *context)
{
	if (conversation->kind == CONVERSATION_OTHER)
		return true;
	conversation->packet = packet;
	conversation->first_frame = first_frame;
	conversation->take = take;
	conversation->context = context;
	bool go_on = packet->protocol == PACKET_UDP ? take_udp(conversation, side, packet)
						    : take_tcp(conversation, side, packet);
	end_loan(conversation, side);
	conversation->latest = mark_here(conversation);
	conversation->packet = NULL;
	return go_on;
}

bool conversation_finish(struct conversation *conversation,
			 bool (*take)(void *context, const struct conversation_piece *piece), void *context)
{
	conversation->take = take;
	conversation->context = context;
	for (int side = 0; side < 2; side++)
		while (conversation->kind != CONVERSATION_OTHER) {
			bool more = give_up_gap(conversation, side, true);
			if (!drain(conversation, side))
				return false;
			if (!more)
				break;
		}
	bool go_on = true;
	if (conversation->tls) {
		go_on = fetch_tls(conversation);
		tls_passive_finish(conversation->tls);
	}
	if (conversation->dtls) {
		go_on = go_on && fetch_dtls(conversation);
		dtls_passive_finish(conversation->dtls);
	}
	return go_on;
}
