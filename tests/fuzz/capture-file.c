// SPDX-License-Identifier: BSD-3-Clause
//
// A capture file: pcap, pcapng or gzip, or anything else. It is read three ways, as it is, compressed and cut off,
// which must agree, and its packets are written to a file that must hold the same.
#include "capture/pcapng.h"
#include "capture/reader.h"
#include "packet.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define MOST 512 // packets that are looked at

struct content {
	uint64_t packets[MOST]; // a sum of each
	size_t count;
	bool opened;
	struct error error; // code ERROR_NONE at an orderly end, or where MOST were read
};

static const char *path_of(int file, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", file);
	return path;
}

static int file_of(const void *octets, size_t size)
{
	int file = memfd_create("capture", 0);
	claim(file >= 0 && write(file, octets, size) == (ssize_t)size);
	return file;
}

static uint64_t sum_of(const struct packet *packet)
{
	const uint64_t numbers[] = {packet->captured, packet->length, packet->link, packet->time,
				    packet->comment_length};
	uint64_t sum = fuzz_sum(0xCBF29CE484222325u, numbers, sizeof numbers);
	sum = fuzz_sum(sum, packet->data, packet->captured);
	return fuzz_sum(sum, packet->comment, packet->comment_length);
}

// Reads the file to its end, and writes every packet to `copy` where there is one.
static void read_file(int file, struct content *content, struct pcapng *copy)
{
	char path[32];
	struct packet packet;
	struct error again, ignored;
	int more = 1;
	*content = (struct content){.count = 0};
	struct capture_reader *reader = capture_reader_open(path_of(file, path), &content->error);
	if (!reader) {
		fuzz_claim_told(&content->error, SIZE_MAX);
		return;
	}
	content->opened = true;
	content->error.code = ERROR_NONE;
	while (content->count < MOST && (more = capture_reader_next(reader, &packet, &content->error)) > 0) {
		claim(packet.captured <= packet.length);
		claim((packet.comment == NULL) == (packet.comment_length == 0));
		fuzz_claim_packet(&packet);
		content->packets[content->count++] = sum_of(&packet);
		if (copy)
			claim(pcapng_packet(copy, &packet, &ignored) > 0 || ignored.code == ERROR_LIMIT);
	}
	if (more < 0) {
		fuzz_claim_told(&content->error, SIZE_MAX);
		claim(capture_reader_next(reader, &packet, &again) < 0);
		claim(again.code == content->error.code && again.offset == content->error.offset);
	} else if (more == 0) {
		claim(content->error.code == ERROR_NONE && capture_reader_next(reader, &packet, &again) == 0);
	}
	capture_reader_close(reader);
}

static void claim_same(const struct content *a, const struct content *b)
{
	claim(a->opened == b->opened && a->count == b->count);
	claim(memcmp(a->packets, b->packets, a->count * sizeof *a->packets) == 0);
	claim(a->error.code == b->error.code && (a->error.code == ERROR_NONE || a->error.offset == b->error.offset));
}

static void check_compressed(const uint8_t *data, size_t size, const struct content *plain)
{
	size_t room = size + 4096;
	uint8_t *packed = malloc(room);
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)size};
	struct content content;
	claim(packed && deflateInit2(&stream, 1, Z_DEFLATED, 16 + 9, 1, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_out = packed;
	stream.avail_out = (uInt)room;
	claim(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	size_t length = room - stream.avail_out;
	deflateEnd(&stream);
	int file = file_of(packed, length);
	read_file(file, &content, NULL);
	close(file);
	claim_same(plain, &content);
	free(packed);
}

// Of a file that ends early, every packet that is there whole is read as it was.
static void check_cut(const uint8_t *data, size_t size, const struct content *whole)
{
	struct content content;
	int file = file_of(data, size - size / 3);
	read_file(file, &content, NULL);
	close(file);
	claim(content.count <= whole->count);
	claim(memcmp(content.packets, whole->packets, content.count * sizeof *content.packets) == 0);
}

// What was written is what was read, but for comments, in which other octets than UTF-8 are written as text.
static void check_copy(int first)
{
	char path[32];
	struct content once, twice;
	int second = memfd_create("copy", 0);
	struct pcapng *copy = pcapng_open(path_of(second, path), "fuzz", NULL, NULL);
	claim(copy);
	read_file(first, &once, copy);
	claim(once.opened && once.error.code == ERROR_NONE && pcapng_close(copy, NULL) == 0);
	read_file(second, &twice, NULL);
	claim_same(&once, &twice);
	close(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32];
	static struct content content;
	bool packed = size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
	int file = file_of(data, size), written = memfd_create("written", 0);
	struct pcapng *copy = pcapng_open(path_of(written, path), NULL, "a comment", NULL);
	claim(copy);
	read_file(file, &content, copy);
	claim(pcapng_close(copy, NULL) == 0);
	check_copy(written);
	if (!packed) {
		check_compressed(data, size, &content);
		check_cut(data, size, &content);
	}
	close(file);
	close(written);
	return 0;
}
