// SPDX-License-Identifier: BSD-3-Clause
//
//   repeat OCTETS SPACING IN.pcap ADDRESS >OUT.pcap
//
// Repeats a capture, to make one of at least so many octets out of one that was quick to record: as many times as it
// takes the same packets, each copy SPACING seconds after the one before, so that copies overlap, merged by time. In
// copy K > 0 every IPv4 address but ADDRESS, the server's, has K added to its third octet (checksums follow), so each
// copy has flows of its own, as if its clients stood behind a translating router: what STUN carries stays as it is,
// since the integrity covers it. Tokens thus stay good under their keys, and in time as long as (copies - 1) * SPACING
// is less than their lifetimes (uclient: four minutes and more).
//
// IN is a pcap file of Ethernet frames as tcpdump writes it on this machine: nothing else is taken. Exit status: 0, or
// 1 with a sentence on stderr.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct record { // as pcap has it
	uint32_t seconds;
	uint32_t microseconds;
	uint32_t captured;
	uint32_t length;
};

struct cursor { // one copy: where it is in the file, and the time of the packet there
	size_t offset;
	uint64_t time; // microseconds
};

enum { HEADER = 24, RECORD = sizeof(struct record), ETHERNET = 14, LARGEST = 262144, MOST_COPIES = 256 };

static const uint8_t *file;
static size_t size;

static int fail(const char *what, size_t offset)
{
	fprintf(stderr, "repeat: %s (octet %zu)\n", what, offset);
	return 1;
}

// Reads the record at the cursor and its time. False at the end of the file; a record that is cut off ends it too.
static bool load(struct cursor *cursor, struct record *record, uint64_t shift)
{
	if (size - cursor->offset < RECORD)
		return false;
	memcpy(record, file + cursor->offset, RECORD);
	if (record->captured > LARGEST || size - cursor->offset - RECORD < record->captured)
		return false;
	cursor->time = (uint64_t)record->seconds * 1000000 + record->microseconds + shift;
	return true;
}

// A 16-bit word of what a checksum covers has changed (RFC 1624, equation 3).
static void adjust(uint8_t *checksum, uint16_t from, uint16_t to)
{
	uint16_t old = (uint16_t)(checksum[0] << 8 | checksum[1]);
	uint32_t sum = (uint32_t)(uint16_t)~old + (uint16_t)~from + to;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t new = (uint16_t)~sum;
	checksum[0] = (uint8_t)(new >> 8);
	checksum[1] = (uint8_t) new;
}

static void translate(uint8_t *frame, size_t length, unsigned copy, const uint8_t server[4])
{
	if (copy == 0 || length < ETHERNET + 20 || frame[12] != 8 || frame[13] != 0 || frame[ETHERNET] >> 4 != 4)
		return;
	uint8_t *ip = frame + ETHERNET;
	size_t header = (size_t)(ip[0] & 15) * 4;
	bool first = (((ip[6] & 31) << 8) | ip[7]) == 0;
	size_t at = ip[9] == 17 ? header + 6 : ip[9] == 6 ? header + 16 : 0; // the checksum of UDP or TCP
	uint8_t *inner = first && at && length - ETHERNET >= at + 2 ? ip + at : NULL;
	if (inner && ip[9] == 17 && inner[0] == 0 && inner[1] == 0)
		inner = NULL; // UDP without one
	for (size_t address = 12; address <= 16; address += 4) {
		if (memcmp(ip + address, server, 4) == 0)
			continue;
		uint16_t from = (uint16_t)(ip[address + 2] << 8 | ip[address + 3]);
		ip[address + 2] = (uint8_t)(ip[address + 2] + copy);
		uint16_t to = (uint16_t)(ip[address + 2] << 8 | ip[address + 3]);
		adjust(ip + 10, from, to);
		if (inner)
			adjust(inner, from, to);
	}
}

int main(int count, char **arguments)
{
	static struct cursor cursors[MOST_COPIES];
	static uint8_t frame[LARGEST];
	static char buffer[1 << 20];
	if (count != 5) {
		fprintf(stderr, "usage: repeat OCTETS SPACING IN.pcap ADDRESS >OUT.pcap\n");
		return 1;
	}
	uint64_t wanted = strtoull(arguments[1], NULL, 10);
	double spacing = strtod(arguments[2], NULL);
	uint8_t server[4];
	if (wanted < 1 || spacing < 0 || spacing > 86400)
		return fail("at least one octet, and copies at most 86400 seconds apart", 0);
	if (inet_pton(AF_INET, arguments[4], server) != 1)
		return fail("the server's address is no IPv4 address", 0);
	int descriptor = open(arguments[3], O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (descriptor < 0 || fstat(descriptor, &status) != 0 || status.st_size < HEADER)
		return fail("cannot read a capture from that file", 0);
	size = (size_t)status.st_size;
	file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	if (file == MAP_FAILED)
		return fail("cannot map the file", 0);
	uint32_t magic, link;
	memcpy(&magic, file, 4);
	memcpy(&link, file + 20, 4);
	if (magic != 0xa1b2c3d4 || link != 1)
		return fail("no pcap file of Ethernet with microseconds in this machine's order of octets", 0);
	uint64_t copies = (wanted - 1) / (size - HEADER + 1) + 1;
	if (copies > MOST_COPIES)
		return fail("the capture is too small: 256 copies do not make so many octets", 0);
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	fwrite(file, 1, HEADER, stdout);

	uint64_t shift = (uint64_t)(spacing * 1000000);
	struct record record;
	for (unsigned copy = 0; copy < copies; copy++) {
		cursors[copy].offset = HEADER;
		if (!load(&cursors[copy], &record, copy * shift))
			return fail("there is no packet in it", HEADER);
	}
	// A copy that is done has no time. With a few dozen of them, looking through all is as quick as a heap.
	for (;;) {
		unsigned next = 0;
		for (unsigned copy = 1; copy < copies; copy++) {
			if (cursors[copy].time < cursors[next].time)
				next = copy;
		}
		struct cursor *cursor = &cursors[next];
		if (cursor->time == UINT64_MAX)
			break;
		load(cursor, &record, next * shift);
		memcpy(frame, file + cursor->offset + RECORD, record.captured);
		translate(frame, record.captured, next, server);
		record.seconds = (uint32_t)(cursor->time / 1000000);
		record.microseconds = (uint32_t)(cursor->time % 1000000);
		if (fwrite(&record, RECORD, 1, stdout) != 1 ||
		    fwrite(frame, 1, record.captured, stdout) != record.captured)
			return 1; // nobody reads on
		cursor->offset += RECORD + record.captured;
		struct record following;
		if (!load(cursor, &following, next * shift))
			cursor->time = UINT64_MAX;
	}
	return fflush(stdout) == 0 ? 0 : fail("cannot write", 0);
}
