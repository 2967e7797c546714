// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of captures: where it reads from, and what it tells besides the packets.
#include "files.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <zlib.h>

// What is written comes through a pipe, in small portions.
static void through_a_pipe(const uint8_t *octets, size_t length, size_t portion, int *end)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		for (size_t done = 0; done < length;) {
			size_t some = length - done < portion ? length - done : portion;
			if (write(ends[1], &octets[done], some) != (ssize_t)some)
				_exit(1);
			done += some;
		}
		_exit(0);
	}
	close(ends[1]);
	*end = ends[0];
}

static size_t pack(const struct writer *in, uint8_t *packed, size_t most)
{
	z_stream stream = {0};
	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = in->data;
	stream.avail_in = (uInt)in->length;
	stream.next_out = packed;
	stream.avail_out = (uInt)most;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	size_t length = stream.total_out;
	deflateEnd(&stream);
	return length;
}

// The standard input, a pipe with the writer's own portions, gzip from it, and a file of two gzip members.
static void standard_input_and_pipes(void **unused)
{
	static uint8_t packed[100000];
	char text[60];
	(void)unused;
	for (int kind = 0; kind < 8; kind++) {
		struct writer out;
		struct packet packet;
		struct error error;
		writer_init(&out, 1 << 20);
		little = kind & 1;
		if (kind & 2) {
			write_pcap(&out, 0xA1B2C3D4, 101);
		} else {
			section(&out);
			interface(&out, 101, 0, 6, NULL);
		}
		for (uint32_t i = 0; i < 1000; i++) {
			snprintf(text, sizeof text, "packet %u of many", i);
			if (kind & 2)
				write_record(&out, 17, i, text);
			else
				enhanced(&out, 0, UINT64_C(17000000) + i, text, i % 3 ? NULL : "note");
		}
		int end, saved = dup(STDIN_FILENO);
		if (kind & 4) {
			size_t length = pack(&out, packed, sizeof packed);
			memmove(&packed[length], "junk behind it", 14); // passed over, as gzip does
			through_a_pipe(packed, length + 14, 1 + 7 * (size_t)(kind & 3), &end);
		} else {
			through_a_pipe(out.data, out.length, 1 + 1000 * (size_t)(kind & 3), &end);
		}
		dup2(end, STDIN_FILENO);
		close(end);
		struct capture_reader *reader = capture_reader_open("-", &error);
		assert_non_null(reader);
		dup2(saved, STDIN_FILENO); // it has one of its own
		close(saved);
		for (uint32_t i = 0; i < 1000; i++) {
			snprintf(text, sizeof text, "packet %u of many", i);
			expect(reader, 101, UINT64_C(17000000000) + i * 1000,
			       text, kind & 2 || i % 3 ? NULL : "note\ntwo");
		}
		assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
		assert_int_equal(capture_reader_notes(reader)->octets, out.length);
		capture_reader_close(reader);
		writer_free(&out);
		assert_true(wait(NULL) > 0);
	}
}

static void gzip_members_one_after_the_other(void **unused)
{
	static uint8_t packed[2000];
	struct writer out;
	struct packet packet;
	struct error error;
	(void)unused;
	writer_init(&out, 10000);
	little = true;
	write_pcap(&out, 0xA1B2C3D4, 101);
	write_record(&out, 17, 0, "first");
	size_t length = pack(&out, packed, sizeof packed);
	writer_reset(&out);
	write_record(&out, 18, 0, "second");
	length += pack(&out, &packed[length], sizeof packed - length);
	put(packed, length);
	struct capture_reader *reader = capture_reader_open(path, &error);
	expect(reader, 101, UINT64_C(17000000000), "first", NULL);
	expect(reader, 101, UINT64_C(18000000000), "second", NULL);
	assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
	capture_reader_close(reader);
	// Damage in the second one: the first is read.
	packed[length - 6] ^= 1; // of the check
	put(packed, length);
	reader = capture_reader_open(path, &error);
	expect(reader, 101, UINT64_C(17000000000), "first", NULL);
	expect(reader, 101, UINT64_C(18000000000), "second", NULL);
	assert_int_equal(capture_reader_next(reader, &packet, &error), -1);
	assert_int_equal(error.code, ERROR_TRUNCATED);
	assert_non_null(strstr(error.text, "compressed capture file is damaged"));
	assert_int_equal(error.offset, 24 + 16 + 5 + 16 + 6);
	capture_reader_close(reader);
	writer_free(&out);
}

struct given {
	int count;
	uint32_t type;
	size_t length;
	uint8_t first;
};

static void take_secrets(void *context, uint32_t type, const uint8_t *octets, size_t length)
{
	struct given *given = context;
	given->count++;
	given->type = type;
	given->length = length;
	given->first = length ? octets[0] : 0;
}

static void secrets(struct writer *out, uint32_t type, const char *lines, uint32_t announced)
{
	size_t start = begin(out, 10);
	u32(out, type);
	u32(out, announced);
	padded(out, lines, strlen(lines));
	option(out, 1, "comment", 7);
	option(out, 0, "", 0);
	end(out, start);
}

static void secrets_are_handed_out_in_front_of_packets(void **unused)
{
	(void)unused;
	for (int round = 0; round < 2; round++) {
		struct given given = {0};
		struct writer out;
		struct error error;
		struct packet packet;
		writer_init(&out, 10000);
		little = round;
		section(&out);
		interface(&out, 101, 0, 9, NULL);
		secrets(&out, CAPTURE_READER_TLS_KEYS, "CLIENT_RANDOM a b", 17);
		enhanced(&out, 0, 1, "one", NULL);
		secrets(&out, 0x57474B4C, "", 0);
		enhanced(&out, 0, 2, "two", NULL);
		size_t place = out.length;
		secrets(&out, CAPTURE_READER_TLS_KEYS, "CLIENT_RANDOM a b", 60);
		put(out.data, out.length);
		struct capture_reader *reader = capture_reader_open(path, &error);
		capture_reader_on_secrets(reader, take_secrets, &given);
		assert_int_equal(given.count, 0);
		expect(reader, 101, 1, "one", NULL);
		assert_int_equal(given.count, 1);
		assert_int_equal(given.type, CAPTURE_READER_TLS_KEYS);
		assert_int_equal(given.length, 17);
		assert_int_equal(given.first, 'C');
		expect(reader, 101, 2, "two", NULL);
		assert_int_equal(given.count, 2);
		assert_int_equal(given.type, 0x57474B4C);
		assert_int_equal(given.length, 0);
		assert_int_equal(capture_reader_next(reader, &packet, &error), -1);
		assert_int_equal(error.code, ERROR_MALFORMED);
		assert_int_equal(error.offset, place + 8);
		assert_non_null(strstr(error.text, "secrets of 60 octets"));
		assert_int_equal(given.count, 2);
		capture_reader_close(reader);
		writer_free(&out);
	}
}

static void what_a_person_should_know_is_noted(void **unused)
{
	struct writer out;
	struct packet packet;
	struct error error;
	(void)unused;
	writer_init(&out, 10000);
	little = true;
	section(&out);
	interface(&out, 101, 0, 9, NULL);
	interface(&out, 127, 0, 9, NULL);
	interface(&out, 105, 0, 9, NULL);
	size_t places[9];
	static const uint64_t times[] = {50, 60, 60, 55, 70, 69, 0, 69};
	for (uint32_t i = 0; i < 8; i++) {
		places[i] = out.length;
		if (i == 6) {
			size_t start = begin(&out, 3); // has no time
			u32(&out, 4);
			padded(&out, "none", 4);
			end(&out, start);
		} else {
			enhanced(&out, i == 2 || i == 4 ? 1 : i == 3 ? 2 : 0, times[i], "octets", NULL);
		}
	}
	places[8] = out.length;
	put(out.data, out.length);
	struct capture_reader *reader = capture_reader_open(path, &error);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
		assert_int_equal(packet.frame, i + 1);
		assert_int_equal(packet.offset, places[i]);
		assert_int_equal(capture_reader_notes(reader)->octets, places[i + 1]);
	}
	const struct capture_reader_notes *notes = capture_reader_notes(reader);
	assert_int_equal(notes->packets, 8);
	assert_int_equal(notes->backwards, 2);
	assert_int_equal(notes->backwards_frame, 4);
	assert_int_equal(notes->backwards_offset, places[3]);
	assert_int_equal(notes->cut, 7);
	assert_int_equal(notes->cut_frame, 1);
	assert_int_equal(notes->unknown_links, 3);
	assert_int_equal(notes->links[0].link, 127);
	assert_int_equal(notes->links[0].packets, 2);
	assert_int_equal(notes->links[0].first_frame, 3);
	assert_int_equal(notes->links[1].link, 105);
	assert_int_equal(notes->links[1].packets, 1);
	assert_int_equal(notes->links[2].packets, 0);
	capture_reader_close(reader);
	writer_free(&out);
}

// The place of a record stays right behind records that are longer than the file says they are, over the stream's
// buffer, and beyond 4 GiB (where a block of no use here is the length of a hole).
static void places_are_exact(void **unused)
{
	static char octets[100001];
	struct writer out;
	struct packet packet;
	struct error error;
	(void)unused;
	memset(octets, 'x', 100000);
	writer_init(&out, 10 << 20);
	little = true;
	write_pcap(&out, 0xA1B2C3D4, 101);
	writer_patch_u32(&out, 16, __builtin_bswap32(1000));
	size_t places[40];
	for (uint32_t i = 0; i < 40; i++) {
		places[i] = out.length;
		write_record(&out, 17, i, &octets[100000 - (i * 2503) % 5000]);
	}
	out.length -= 3;
	put(out.data, out.length);
	struct capture_reader *reader = capture_reader_open(path, &error);
	for (uint32_t i = 0; i < 39; i++) {
		assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
		assert_int_equal(packet.offset, places[i]);
	}
	assert_int_equal(capture_reader_next(reader, &packet, &error), -1);
	assert_int_equal(error.code, ERROR_TRUNCATED);
	assert_int_equal(error.offset, places[39]);
	assert_non_null(strstr(error.text, "cut off, or is still being written"));
	assert_int_equal(capture_reader_notes(reader)->octets, places[39]);
	capture_reader_close(reader);
	writer_free(&out);

	writer_init(&out, 10000);
	section(&out);
	interface(&out, 101, 0, 9, NULL);
	uint64_t place = out.length, hole = UINT64_C(0x90000000);
	put(out.data, out.length);
	for (int i = 0; i < 2; i++) {
		uint32_t head[2] = {0x40000BAD, (uint32_t)hole};
		assert_int_equal(pwrite(descriptor, head, 8, (off_t)place), 8);
		assert_int_equal(pwrite(descriptor, &head[1], 4, (off_t)(place + hole - 4)), 4);
		place += hole;
	}
	writer_reset(&out);
	enhanced(&out, 0, 7, "far", NULL);
	writer_u32(&out, 0);
	assert_int_equal(pwrite(descriptor, out.data, out.length, (off_t)place), out.length);
	reader = capture_reader_open(path, &error);
	assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
	assert_true(packet.offset == place);
	assert_int_equal(capture_reader_next(reader, &packet, &error), -1);
	assert_true(error.offset == place + out.length - 4);
	assert_int_equal(error.code, ERROR_TRUNCATED);
	capture_reader_close(reader);
	assert_int_equal(ftruncate(descriptor, 0), 0);
	writer_free(&out);
}

static void what_else_it_is_is_said(void **unused)
{
	static const struct {
		const char *octets;
		size_t length;
		const char *text;
	} files[] = {
		{"", 0, "is empty"},
		{"\n", 1, "has 1 octets"},
		{"\x28\xB5\x2F\xFD....", 8, "compressed with zstd"},
		{"\xFD"
		 "7zXZ",
		 5, "compressed with xz"},
		{"BZh9", 4, "compressed with bzip2"},
		{"\xD4\xC3\xB2\xA1\x02\x00\x04", 7, "ends within the header of a pcap file"},
		{"\x1F\x8B", 2, "ends early"},
	};
	struct error error;
	(void)unused;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		put((const uint8_t *)files[i].octets, files[i].length);
		assert_null(capture_reader_open(path, &error));
		if (!strstr(error.text, files[i].text))
			assert_string_equal(error.text, files[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_input_and_pipes),
		cmocka_unit_test(gzip_members_one_after_the_other),
		cmocka_unit_test(secrets_are_handed_out_in_front_of_packets),
		cmocka_unit_test(what_a_person_should_know_is_noted),
		cmocka_unit_test(places_are_exact),
		cmocka_unit_test(what_else_it_is_is_said),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_file, close_file);
}
