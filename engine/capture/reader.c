// SPDX-License-Identifier: BSD-3-Clause
#include "capture/reader.h"

#include "base/bytes.h"
#include "base/error.h"
#include "capture/link.h"
#include "capture/pcapng_reader.h"
#include "capture/source.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define PCAP_HEADER 24 // octets

struct capture_reader {
	struct source *source;
	struct pcapng_reader *pcapng; // one of these two
	pcap_t *pcap;
	uint32_t link;          // of a pcap file
	uint64_t place;         // of the next record
	uint32_t record_header; // octets
	uint32_t snapshot;
	uint64_t time; // of the packet before
	struct capture_reader_notes notes;
	struct error failure;
	bool over;
};

static bool is_magic(uint32_t magic, uint32_t wanted)
{
	return magic == wanted || magic == __builtin_bswap32(wanted);
}

static bool is_pcap(uint32_t magic)
{
	// Microseconds, nanoseconds, and the form with longer records; in either byte order. The rest is libpcap's.
	return is_magic(magic, 0xA1B2C3D4) || is_magic(magic, 0xA1B23C4D) || is_magic(magic, 0xA1B2CD34);
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") ? path : "the standard input";
}

static int open_pcap(struct capture_reader *reader, const char *path, uint32_t magic, struct error *error)
{
	char detail[PCAP_ERRBUF_SIZE] = "";
	FILE *stream = source_stream(reader->source, error);
	if (!stream)
		return -1;
	// It owns the stream from here on, unless it fails.
	reader->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, detail);
	if (!reader->pcap) {
		bool short_of = feof(stream) || ferror(stream);
		fclose(stream);
		if (short_of && source_failed(reader->source, error))
			return -1;
		if (short_of)
			return error_set(error, ERROR_TRUNCATED, 0, "%.128s ends within the header of a pcap file",
					 name_of(path));
		return error_set(error, ERROR_LIBRARY, 0, "cannot read %.64s: %.160s", name_of(path), detail);
	}
	reader->place = PCAP_HEADER;
	reader->record_header = is_magic(magic, 0xA1B2CD34) ? 24 : 16;
	reader->snapshot = (uint32_t)pcap_snapshot(reader->pcap);
	reader->link = link_of_dlt(pcap_datalink(reader->pcap));
	return 0;
}

// What is no capture, said so that a person sees what it is instead.
static int refuse(const char *path, const uint8_t *start, size_t length, struct error *error)
{
	static const struct {
		const char *octets, *what;
	} others[] = {
		{"\x28\xB5\x2F\xFD", "compressed with zstd (unpack it first: zstd -dc FILE | ...)"},
		{"\xFD"
		 "7zX",
		 "compressed with xz (unpack it first: xz -dc FILE | ...)"},
		{"BZh", "compressed with bzip2 (unpack it first: bzip2 -dc FILE | ...)"},
		{"\x04\x22\x4D\x18", "compressed with lz4 (unpack it first: lz4 -dc FILE | ...)"},
		{"PK\x03\x04", "a zip archive (unpack it first: unzip -p FILE | ...)"},
		{"snoo", "a snoop file (convert it first: editcap FILE OUT.pcapng)"},
	};
	struct reader octets;
	if (length == 0)
		return error_set(error, ERROR_TRUNCATED, 0, "%.128s is empty: not even the header of a capture file",
				 name_of(path));
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (length >= strlen(others[i].octets) &&
		    memcmp(start, others[i].octets, strlen(others[i].octets)) == 0)
			return error_set(error, ERROR_UNKNOWN, 0, "%.128s is neither pcap nor pcapng: it is %s",
					 name_of(path), others[i].what);
	if (length < 4)
		return error_set(error, ERROR_TRUNCATED, 0, "%.128s has %zu octets: no capture file", name_of(path),
				 length);
	reader_init(&octets, start, length);
	return error_set(error, ERROR_UNKNOWN, 0, "%.128s is neither pcap nor pcapng: it begins with 0x%08X",
			 name_of(path), reader_u32(&octets));
}

struct capture_reader *capture_reader_open(const char *path, struct error *error)
{
	size_t there;
	struct reader octets;
	struct capture_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		error_set_errno(error, "cannot read %.128s", path);
		return NULL;
	}
	reader->source = source_open(path, error);
	if (!reader->source)
		goto refuse;
	const uint8_t *start = source_look(reader->source, 4, &there);
	if (there < 4 && source_failed(reader->source, error))
		goto refuse;
	reader_init(&octets, start, there);
	uint32_t magic = reader_u32(&octets);
	if (magic == PCAPNG_MAGIC) {
		reader->pcapng = pcapng_reader_new(reader->source);
		if (!reader->pcapng) {
			error_set_errno(error, "cannot read %.128s", path);
			goto refuse;
		}
	} else if (!is_pcap(magic)) {
		refuse(path, start, there, error);
		goto refuse;
	} else if (open_pcap(reader, path, magic, error) < 0) {
		goto refuse;
	}
	return reader;
refuse:
	capture_reader_close(reader);
	return NULL;
}

void capture_reader_close(struct capture_reader *reader)
{
	if (!reader)
		return;
	if (reader->pcap)
		pcap_close(reader->pcap);
	pcapng_reader_free(reader->pcapng);
	source_close(reader->source);
	free(reader);
}

static int fail_pcap(struct capture_reader *reader, struct error *error)
{
	unsigned long long start = reader->place;
	FILE *stream = pcap_file(reader->pcap);
	if (ferror(stream) && source_failed(reader->source, error))
		error->offset = (size_t)start;
	else if (feof(stream))
		error_set(
			error, ERROR_TRUNCATED, (size_t)start,
			"the file ends within the record that begins at octet %llu: it was cut off, or is still being "
			"written",
			start);
	else
		error_set(error, ERROR_LIBRARY, (size_t)start, "the record at octet %llu: %.200s", start,
			  pcap_geterr(reader->pcap));
	return -1;
}

static int next_of_pcap(struct capture_reader *reader, struct packet *packet, struct error *error)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int status = pcap_next_ex(reader->pcap, &header, &data);
	if (status == PCAP_ERROR_BREAK)
		return 0;
	if (status != 1)
		return fail_pcap(reader, error);
	*packet = (struct packet){
		.data = data,
		.captured = header->caplen,
		.length = header->len < header->caplen ? header->caplen : header->len,
		.link = reader->link,
		.time = link_time(&header->ts, true),
		.offset = reader->place,
	};
	reader->place += reader->record_header + header->caplen;
	// Of a record longer than the file says they are, libpcap passes over the rest.
	if (header->caplen >= reader->snapshot)
		reader->place = (uint64_t)ftello(pcap_file(reader->pcap));
	return 1;
}

static void note_link(struct capture_reader_notes *notes, uint32_t link)
{
	notes->unknown_links++;
	for (size_t i = 0; i < CAPTURE_READER_LINKS; i++) {
		if (notes->links[i].packets && notes->links[i].link != link)
			continue;
		if (notes->links[i].packets++ == 0) {
			notes->links[i].link = link;
			notes->links[i].first_frame = notes->packets;
		}
		return;
	}
}

static void note(struct capture_reader *reader, struct packet *packet)
{
	struct capture_reader_notes *notes = &reader->notes;
	packet->frame = ++notes->packets;
	if (packet->time && packet->time < reader->time && notes->backwards++ == 0) {
		notes->backwards_frame = packet->frame;
		notes->backwards_offset = packet->offset;
	}
	// A simple packet block of pcapng has no time.
	if (packet->time)
		reader->time = packet->time;
	if (packet->captured < packet->length && notes->cut++ == 0)
		notes->cut_frame = packet->frame;
	if (!packet_link_known(packet->link))
		note_link(notes, packet->link);
}

int capture_reader_next(struct capture_reader *reader, struct packet *packet, struct error *error)
{
	if (!reader->over) {
		int more = reader->pcapng ? pcapng_reader_next(reader->pcapng, packet, &reader->failure)
					  : next_of_pcap(reader, packet, &reader->failure);
		reader->notes.octets = reader->pcapng ? source_position(reader->source) : reader->place;
		if (more > 0) {
			note(reader, packet);
			packet_decode(packet);
			return 1;
		}
		reader->over = true;
		if (more == 0)
			reader->failure.code = ERROR_NONE;
	}
	if (!reader->failure.code)
		return 0;
	if (error)
		*error = reader->failure;
	return -1;
}

const char *capture_reader_format(const struct capture_reader *reader)
{
	return reader->pcapng ? "pcapng" : "pcap";
}

const struct capture_reader_notes *capture_reader_notes(const struct capture_reader *reader)
{
	return &reader->notes;
}

void capture_reader_on_secrets(struct capture_reader *reader,
			       void (*secrets)(void *context, uint32_t type, const uint8_t *octets, size_t length),
			       void *context)
{
	if (reader->pcapng)
		pcapng_reader_on_secrets(reader->pcapng, secrets, context);
}
