// SPDX-License-Identifier: BSD-3-Clause
#include "capture/pcapng.h"

#include "base/error.h"
#include "capture/reader.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char path[] = "/tmp/assay-pcapng-XXXXXX";

static int make_path(void **unused)
{
	(void)unused;
	int descriptor = mkstemp(path);
	return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_path(void **unused)
{
	(void)unused;
	return unlink(path);
}

static struct packet frame(uint32_t link, const char *octets, size_t length, const char *comment)
{
	return (struct packet){
		.data = (const uint8_t *)octets,
		.captured = length,
		.length = length,
		.link = link,
		.time = UINT64_C(1700000000123456789),
		.comment = comment,
		.comment_length = comment ? strlen(comment) : 0,
	};
}

static size_t read_file(uint8_t *octets, size_t most)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t length = fread(octets, 1, most, file);
	fclose(file);
	return length;
}

static void what_is_written_is_read(void **unused)
{
	static const struct {
		uint32_t link;
		const char *octets;
		size_t length, wire;
		const char *comment, *read_as;
	} frames[] = {
		{101, "\x45\0\0", 3, 3, "server/challenge: Allocate, no credentials", NULL},
		{1, "an Ethernet frame", 17, 60, NULL, NULL},
		{101, "", 0, 0, "line\nend, quote \", \xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80", NULL},
		{276, "abcd", 4, 4, "\xFF\xC3(\xED\xA0\x80\xC0\x80\xF4\x90\x80\x80\xE2\x82",
		 "\\xFF\\xC3(\\xED\\xA0\\x80\\xC0\\x80\\xF4\\x90\\x80\\x80\\xE2\\x82"},
		{101, "e", 1, 1, "\xE0\x80\xAF\xF0\x80\x80\xAF\xF5\x80\x80\x80",
		 "\\xE0\\x80\\xAF\\xF0\\x80\\x80\\xAF\\xF5\\x80\\x80\\x80"},
		{1, "12345", 5, 5, "", NULL},
	};
	struct error error;
	(void)unused;
	struct pcapng *file = pcapng_open(path, "assay \xFF", "a file", &error);
	assert_non_null(file);
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct packet packet = frame(frames[i].link, frames[i].octets, frames[i].length, frames[i].comment);
		packet.length = frames[i].wire;
		packet.time += i;
		assert_int_equal(pcapng_packet(file, &packet, &error), i + 1);
		if (i == 1)
			assert_int_equal(pcapng_secrets(file, "CLIENT_RANDOM 00 11\n", 20, &error), 0);
	}
	assert_int_equal(pcapng_close(file, &error), 0);

	struct capture_reader *reader = capture_reader_open(path, &error);
	assert_non_null(reader);
	assert_string_equal(capture_reader_format(reader), "pcapng");
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct packet packet;
		assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
		assert_int_equal(packet.link, frames[i].link);
		assert_int_equal(packet.captured, frames[i].length);
		assert_int_equal(packet.length, frames[i].wire);
		assert_memory_equal(packet.data, frames[i].octets, frames[i].length);
		assert_true(packet.time == UINT64_C(1700000000123456789) + i);
		const char *comment = frames[i].read_as ? frames[i].read_as : frames[i].comment;
		if (!comment)
			comment = "";
		assert_int_equal(packet.comment_length, strlen(comment));
		if (packet.comment_length)
			assert_memory_equal(packet.comment, comment, packet.comment_length);
	}
	struct packet packet;
	assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
	assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
	capture_reader_close(reader);
}

// Against the format's own text, not our reader.
static void octets_of_a_small_file(void **unused)
{
	static const uint8_t expected[] = {
		0x0A, 0x0D, 0x0D, 0x0A, 0, 0, 0, 40, 0x1A, 0x2B, 0x3C, 0x4D, 0, 1, 0, 0,
		0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 4, 0, 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40,
		0, 0, 0, 1, 0, 0, 0, 32, 0, 101, 0, 0, 0, 4, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32,
		0, 0, 0, 10, 0, 0, 0, 24, 0x54, 0x4C, 0x53, 0x4B, 0, 0, 0, 2, 'k', '\n', 0, 0, 0, 0, 0, 24,
		0, 0, 0, 6, 0, 0, 0, 48, 0, 0, 0, 0, 0x17, 0x97, 0x9C, 0xFE, 0x3D, 0x85, 0xCD, 0x15,
		0, 0, 0, 1, 0, 0, 0, 1, 'x', 0, 0, 0, 0, 1, 0, 1, '!', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48,
	};
	uint8_t octets[1000];
	struct error error;
	(void)unused;
	struct pcapng *file = pcapng_open(path, "a", NULL, &error);
	assert_non_null(file);
	// The section header is there at once, so an empty recording is a file, too.
	assert_int_equal(read_file(octets, sizeof octets), 40);
	struct packet packet = frame(101, "x", 1, "!");
	assert_int_equal(pcapng_packet(file, &packet, &error), 1);
	assert_int_equal(pcapng_flush(file, &error), 0);
	assert_int_equal(pcapng_close(file, &error), 0);
	// All but the secrets, which were not asked for.
	size_t length = read_file(octets, sizeof octets);
	assert_int_equal(length, sizeof expected - 24);
	assert_memory_equal(octets, expected, 72);
	assert_memory_equal(&octets[72], &expected[96], sizeof expected - 96);

	file = pcapng_open(path, "a", NULL, &error);
	assert_int_equal(pcapng_secrets(file, "k\n", 2, &error), 0);
	assert_int_equal(pcapng_close(file, &error), 0);
	length = read_file(octets, sizeof octets);
	assert_int_equal(length, 64);
	assert_memory_equal(&octets[40], &expected[72], 24);
}

static size_t count_frames(struct error *error, int *end)
{
	struct packet packet;
	size_t count = 0;
	struct capture_reader *reader = capture_reader_open(path, error);
	*end = -1;
	if (!reader)
		return 0;
	while ((*end = capture_reader_next(reader, &packet, error)) > 0)
		count++;
	capture_reader_close(reader);
	return count;
}

static void a_full_disk_leaves_a_valid_file(void **unused)
{
	char octets[700];
	struct rlimit before;
	struct error error, again;
	(void)unused;
	memset(octets, 'd', sizeof octets);
	struct packet packet = frame(101, octets, sizeof octets, NULL);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	// Every residue of a block is met: the write is cut within a header, within a frame, and between two.
	for (rlim_t limit = 100000; limit < 100000 + 800; limit += 37) {
		int64_t frames = 0, number;
		struct rlimit tight = {limit, before.rlim_max};
		struct pcapng *file = pcapng_open(path, "assay", NULL, &error);
		assert_non_null(file);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
		while ((number = pcapng_packet(file, &packet, &error)) > 0)
			frames = number;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		assert_int_equal(error.code, ERROR_SYSTEM);
		assert_non_null(strstr(error.text, "File too large"));
		// There is room again, but frames were lost: the failure stands.
		assert_int_equal(pcapng_packet(file, &packet, &again), -1);
		assert_string_equal(again.text, error.text);
		assert_int_equal(pcapng_secrets(file, "", 0, &again), -1);
		assert_int_equal(pcapng_close(file, &again), -1);
		assert_string_equal(again.text, error.text);
		int end;
		size_t readable = count_frames(&error, &end);
		assert_int_equal(end, 0);
		assert_true(readable > 100 && readable <= (size_t)frames + 1);
		struct stat status;
		assert_int_equal(stat(path, &status), 0);
		assert_true(limit - (rlim_t)status.st_size < 740);
	}
	signal(SIGXFSZ, SIG_DFL);
	assert_null(pcapng_open("/dev/full", NULL, NULL, &error));
	assert_non_null(strstr(error.text, "No space left"));
	assert_null(pcapng_open("/nowhere/at/all", NULL, NULL, &error));
	assert_non_null(strstr(error.text, "No such file"));
}

static void a_reader_that_went_away_is_an_error(void **unused)
{
	char fifo[] = "/tmp/assay-fifo-XXXXXX";
	struct error error;
	struct packet packet = frame(101, "abc", 3, NULL);
	(void)unused;
	assert_non_null(mkdtemp(fifo));
	char place[64];
	snprintf(place, sizeof place, "%s/pipe", fifo);
	assert_int_equal(mkfifo(place, 0600), 0);
	int reading = open(place, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct pcapng *file = pcapng_open(place, "assay", NULL, &error);
	assert_non_null(file);
	assert_true(fcntl(reading, F_GETFD) & FD_CLOEXEC);
	close(reading);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(pcapng_packet(file, &packet, &error), 1);
	assert_int_equal(pcapng_flush(file, &error), -1);
	assert_non_null(strstr(error.text, "Broken pipe"));
	assert_int_equal(pcapng_packet(file, &packet, &error), -1);
	assert_int_equal(pcapng_secrets(file, "", 0, &error), -1);
	assert_int_equal(pcapng_close(file, &error), -1);
	sigset_t pending;
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	unlink(place);
	rmdir(fifo);
}

static void limits(void **unused)
{
	struct error error;
	char *octets = calloc(1, PCAPNG_LARGEST_FRAME + 1);
	(void)unused;
	struct pcapng *file = pcapng_open(path, NULL, NULL, &error);
	assert_non_null(file);
	struct packet packet = frame(101, octets, PCAPNG_LARGEST_FRAME + 1, NULL);
	assert_int_equal(pcapng_packet(file, &packet, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	packet.link = 65536;
	packet.captured--;
	assert_int_equal(pcapng_packet(file, &packet, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	// Neither has harmed the file; and the largest frame fits, its long comment cut between two characters.
	char *comment = malloc(70001);
	for (size_t i = 0; i < 70000; i += 2)
		memcpy(&comment[i], "\xC3\xA4", 2);
	comment[70000] = 0;
	packet.link = 101;
	packet.comment = comment;
	packet.comment_length = 70000;
	assert_int_equal(pcapng_packet(file, &packet, &error), 1);
	assert_int_equal(pcapng_secrets(file, octets, 300000, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	assert_int_equal(pcapng_close(file, &error), 0);
	struct capture_reader *reader = capture_reader_open(path, &error);
	assert_int_equal(capture_reader_next(reader, &packet, &error), 1);
	assert_int_equal(packet.captured, PCAPNG_LARGEST_FRAME);
	assert_int_equal(packet.comment_length, 65534);
	assert_int_equal(capture_reader_next(reader, &packet, &error), 0);
	capture_reader_close(reader);
	free(comment);
	free(octets);
}

static void a_file_cut_anywhere_gives_its_whole_frames(void **unused)
{
	uint8_t octets[2000];
	size_t ends[8], frames = 0, tried = 0;
	struct error error;
	(void)unused;
	struct pcapng *file = pcapng_open(path, "assay", NULL, &error);
	for (; frames < 6; frames++) {
		const char *comment = frames % 3 ? NULL : "comment";
		struct packet packet = frame(frames % 2 ? 1 : 101, "some octets", 5 + frames, comment);
		struct stat status;
		assert_int_equal(pcapng_packet(file, &packet, &error), frames + 1);
		assert_int_equal(pcapng_flush(file, &error), 0);
		assert_int_equal(stat(path, &status), 0);
		ends[frames] = (size_t)status.st_size;
	}
	assert_int_equal(pcapng_close(file, &error), 0);
	size_t length = read_file(octets, sizeof octets);
	assert_int_equal(length, ends[frames - 1]);
	for (size_t cut = length; cut-- > 0; tried++) {
		assert_int_equal(truncate(path, (off_t)cut), 0);
		size_t whole = 0;
		while (whole < frames && ends[whole] <= cut)
			whole++;
		int end;
		size_t got = count_frames(&error, &end);
		assert_int_equal(got, whole);
		if (end < 0)
			assert_true(error.offset <= cut || error.offset == ERROR_NO_OFFSET);
		if (whole && cut == ends[whole - 1])
			assert_int_equal(end, 0);
		else if (end == 0) // between two blocks that are not frames
			assert_true(cut % 4 == 0);
	}
	assert_int_equal(tried, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(octets_of_a_small_file),
		cmocka_unit_test(a_full_disk_leaves_a_valid_file),
		cmocka_unit_test(a_reader_that_went_away_is_an_error),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_file_cut_anywhere_gives_its_whole_frames),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_path, remove_path);
}
