// SPDX-License-Identifier: BSD-3-Clause
//
// TLS and DTLS out of capture files, from the frames to the application data. Without arguments it is a test: files are
// made of what two peers say, and read. With arguments, CAPTURE [KEY-LOG], it prints what is in one for another test to
// compare: a line for each record with the stream (numbered by transport from 0, as Wireshark does), the sender's port,
// the frame and the application data in hexadecimal; then for each side of each stream how it stands.
#include "base/error.h"
#include "capture/dtls_passive.h"
#include "capture/pcapng.h"
#include "capture/reader.h"
#include "capture/stream.h"
#include "capture/synthesize.h"
#include "capture/tls_passive.h"
#include "capture/tls_secrets.h"

#include "tls_peers.h"

#include <stdio.h>
#include <unistd.h>

#define STREAMS 512

struct stream {
	enum packet_protocol protocol;
	struct packet_address ends[2]; // by side
	unsigned number;
	struct capture_stream *tcp[2];
	struct tls_passive *tls;
	struct dtls_passive *dtls;
};

static struct stream streams[STREAMS];
static size_t stream_count;

typedef void listener(const struct stream *stream, const struct tls_passive_piece *piece);

static bool same_address(const struct packet_address *one, const struct packet_address *other)
{
	return one->family == other->family && one->port == other->port &&
	       memcmp(one->octets, other->octets, one->family == 4 ? 4 : 16) == 0;
}

static struct stream *find_stream(const struct packet *packet, const struct tls_secrets *secrets, int *side)
{
	unsigned number = 0;
	for (size_t i = 0; i < stream_count; i++) {
		struct stream *stream = &streams[i];
		number += stream->protocol == packet->protocol;
		for (*side = 0; *side < 2 && stream->protocol == packet->protocol; ++*side)
			if (same_address(&stream->ends[*side], &packet->source) &&
			    same_address(&stream->ends[1 - *side], &packet->destination))
				return stream;
	}
	*side = 0;
	if (stream_count == STREAMS)
		return NULL;
	struct stream *stream = &streams[stream_count++];
	*stream = (struct stream){
		.protocol = packet->protocol, .ends = {packet->source, packet->destination}, .number = number};
	if (packet->protocol == PACKET_UDP) {
		stream->dtls = dtls_passive_new(secrets);
	} else {
		stream->tls = tls_passive_new(secrets);
		stream->tcp[0] = capture_stream_new(0);
		stream->tcp[1] = capture_stream_new(0);
	}
	return stream;
}

static void fetch(struct stream *stream, listener *listen)
{
	struct tls_passive_piece piece;
	while (stream->tls ? tls_passive_next(stream->tls, &piece) : dtls_passive_next(stream->dtls, &piece))
		listen(stream, &piece);
}

static void take_packet(struct stream *stream, int side, const struct packet *packet, int64_t frame, listener *listen)
{
	if (stream->dtls) {
		dtls_passive_feed(stream->dtls, side, packet->payload, packet->payload_length, frame);
	} else {
		uint8_t octets[4096];
		int64_t tag;
		size_t length;
		struct capture_stream_segment segment = {
			.sequence = packet->tcp_sequence,
			.syn = packet->tcp_flags & PACKET_TCP_SYN,
			.fin = packet->tcp_flags & PACKET_TCP_FIN,
			.payload = packet->payload,
			.length = packet->payload_length,
			.tag = frame,
		};
		capture_stream_segment(stream->tcp[side], &segment, NULL);
		while ((length = capture_stream_read(stream->tcp[side], octets, sizeof octets, &tag)) > 0)
			tls_passive_feed(stream->tls, side, octets, length, tag);
	}
	fetch(stream, listen);
}

static int read_file(const char *path, struct tls_secrets *secrets, listener *listen, struct error *error)
{
	struct packet packet;
	int more, side;
	struct capture_reader *reader = capture_reader_open(path, error);
	if (!reader)
		return -1;
	capture_reader_on_secrets(reader, tls_secrets_take, secrets);
	stream_count = 0;
	for (int64_t frame = 1; (more = capture_reader_next(reader, &packet, error)) > 0; frame++) {
		if (!packet.payload || (packet.protocol != PACKET_UDP && packet.protocol != PACKET_TCP))
			continue;
		struct stream *stream = find_stream(&packet, secrets, &side);
		if (stream)
			take_packet(stream, side, &packet, frame, listen);
	}
	capture_reader_close(reader);
	for (size_t i = 0; i < stream_count; i++) {
		struct stream *stream = &streams[i];
		uint64_t offset, length;
		for (side = 0; side < 2 && stream->tls; side++)
			if (capture_stream_gap(stream->tcp[side], &offset, &length))
				tls_passive_gap(stream->tls, side, length);
		fetch(stream, listen);
		if (stream->tls)
			tls_passive_finish(stream->tls);
		else
			dtls_passive_finish(stream->dtls);
	}
	return more;
}

static enum tls_passive_state state_of(const struct stream *stream, int side, const char **reason)
{
	return stream->tls ? tls_passive_state(stream->tls, side, reason)
			   : dtls_passive_state(stream->dtls, side, reason);
}

static void forget_streams(void)
{
	for (size_t i = 0; i < stream_count; i++) {
		capture_stream_free(streams[i].tcp[0]);
		capture_stream_free(streams[i].tcp[1]);
		tls_passive_free(streams[i].tls);
		dtls_passive_free(streams[i].dtls);
	}
	stream_count = 0;
}

static const char *protocol_of(const struct stream *stream)
{
	return stream->tls ? "tcp" : "udp";
}

static void print_piece(const struct stream *stream, const struct tls_passive_piece *piece)
{
	printf("data\t%s\t%u\t%u\t%lld\t", protocol_of(stream), stream->number, stream->ends[piece->side].port,
	       (long long)piece->last_tag);
	for (size_t i = 0; i < piece->length; i++)
		printf("%02x", piece->octets[i]);
	printf("\n");
}

static int print_file(const char *path, const char *log)
{
	static const char *const names[] = {"waiting", "decrypting", "opaque"};
	struct error error;
	int status = 0;
	struct tls_secrets *secrets = tls_secrets_new(0);
	if ((log && tls_secrets_read(secrets, log, NULL, &error) < 0) ||
	    read_file(path, secrets, print_piece, &error) < 0) {
		fprintf(stderr, "%s\n", error.text);
		status = 1;
	}
	for (size_t i = 0; i < stream_count; i++)
		for (int side = 0; side < 2; side++) {
			const char *reason;
			enum tls_passive_state state = state_of(&streams[i], side, &reason);
			printf("state\t%s\t%u\t%u\t%s\t%s\n", protocol_of(&streams[i]), streams[i].number,
			       streams[i].ends[side].port, names[state], reason);
		}
	forget_streams();
	tls_secrets_free(secrets);
	return status;
}

static struct peers peers;
static uint8_t heard[2][65536];
static size_t heard_length[2];

static void hear(const struct stream *stream, const struct tls_passive_piece *piece)
{
	(void)stream;
	assert_true(piece->length <= sizeof heard[0] - heard_length[piece->side]);
	memcpy(&heard[piece->side][heard_length[piece->side]], piece->octets, piece->length);
	heard_length[piece->side] += piece->length;
}

static void write_packet(struct pcapng *file, struct synthesize *what)
{
	struct writer octets;
	writer_init(&octets, 70000);
	assert_int_equal(synthesize_packet(what, &octets, NULL), 0);
	struct packet packet = {
		.data = octets.data, .captured = octets.length, .length = octets.length, .link = PACKET_LINK_RAW};
	assert_true(pcapng_packet(file, &packet, NULL) > 0);
	writer_free(&octets);
}

// The tape as a capture: TCP cut into segments of `most` octets, pairs of which change places; the secrets in front, or
// behind it all. `lost` is a segment that is left out.
static void write_tape(const char *path, size_t most, bool secrets_first, size_t lost)
{
	static const struct packet_address ends[2] = {{4, {192, 0, 2, 1}, 4000}, {4, {192, 0, 2, 2}, 5349}};
	uint32_t sequence[2] = {0xFFFFFF00u, 5};
	size_t number = 0;
	struct pcapng *file = pcapng_open(path, NULL, NULL, NULL);
	assert_non_null(file);
	if (secrets_first)
		assert_int_equal(pcapng_secrets(file, peers_log, strlen(peers_log), NULL), 0);
	for (size_t i = 0; i < peers.count; i++) {
		const struct tape_entry *entry = &peers.tape[i];
		struct synthesize what = {
			.protocol = peers.dtls ? PACKET_UDP : PACKET_TCP,
			.source = ends[entry->side],
			.destination = ends[1 - entry->side],
			.flags = PACKET_TCP_ACK,
		};
		size_t step = peers.dtls ? entry->length : most;
		size_t pieces = (entry->length + step - 1) / step;
		for (size_t j = 0; j < pieces; j++) {
			// In the order 0, 2, 1, 4, 3, ...: the first tells where the stream begins.
			size_t piece = j == 0 ? 0 : j % 2 ? j + 1 : j - 1;
			piece = piece == pieces ? j : piece;
			what.payload = &entry->octets[piece * step];
			what.payload_length = entry->length - piece * step < step ? entry->length - piece * step : step;
			what.sequence = sequence[entry->side] + (uint32_t)(piece * step);
			if (number++ != lost)
				write_packet(file, &what);
		}
		sequence[entry->side] += (uint32_t)entry->length;
	}
	if (!secrets_first)
		assert_int_equal(pcapng_secrets(file, peers_log, strlen(peers_log), NULL), 0);
	assert_int_equal(pcapng_close(file, NULL), 0);
}

static void read_tape(const char *path)
{
	struct tls_secrets *secrets = tls_secrets_new(0);
	heard_length[0] = heard_length[1] = 0;
	assert_int_equal(read_file(path, secrets, hear, NULL), 0);
	assert_int_equal(stream_count, 1);
	tls_secrets_free(secrets);
}

static void a_file_yields_what_was_said(void **state)
{
	char path[] = "/tmp/assay-decrypt-XXXXXX";
	(void)state;
	close(mkstemp(path));
	for (int variant = 0; variant < 6; variant++) {
		static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION, DTLS1_2_VERSION};
		peers_open(&peers, versions[variant / 2], variant / 2 == 2);
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		peers_talk(&peers);
		write_tape(path, 300, variant % 2, SIZE_MAX);
		read_tape(path);
		for (int side = 0; side < 2; side++) {
			const char *reason;
			assert_int_equal(heard_length[side], peers.said_length[side]);
			assert_memory_equal(heard[side], peers.said[side], peers.said_length[side]);
			assert_int_equal(state_of(&streams[0], side, &reason), TLS_PASSIVE_DECRYPTING);
		}
		forget_streams();
		peers_close(&peers);
	}
	unlink(path);
}

static void behind_a_lost_segment_nothing_is_read(void **state)
{
	char path[] = "/tmp/assay-decrypt-XXXXXX";
	const char *reason;
	(void)state;
	close(mkstemp(path));
	peers_open(&peers, TLS1_2_VERSION, false);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
	write_tape(path, 20000, true, peers.count - 3); // of the server
	read_tape(path);
	assert_int_equal(state_of(&streams[0], 1, &reason), TLS_PASSIVE_OPAQUE);
	assert_non_null(strstr(reason, "a segment is missing, "));
	assert_true(heard_length[1] < peers.said_length[1] && heard_length[1] > 0);
	assert_memory_equal(heard[1], peers.said[1], heard_length[1]);
	assert_int_equal(heard_length[0], peers.said_length[0]);
	forget_streams();
	peers_close(&peers);
	unlink(path);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_yields_what_was_said),
		cmocka_unit_test(behind_a_lost_segment_nothing_is_read),
	};
	if (count > 1)
		return print_file(arguments[1], count > 2 ? arguments[2] : NULL);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("captures, decrypted", tests, NULL, NULL);
}
