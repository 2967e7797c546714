// SPDX-License-Identifier: BSD-3-Clause
#include "capture/reader.h"

#include "base/bytes.h"
#include "base/error.h"
#include "capture/link.h"
#include "capture/pcapng_reader.h"
#include "capture/source.h"

#include <pcap/pcap.h>
#include <stdlib.h>

struct capture_reader {
	struct source *source;
	struct pcapng_reader *pcapng; // one of these two
	pcap_t *pcap;
	uint32_t link; // of a pcap file
	struct error failure;
	bool over;
};

static bool is_pcap(uint32_t magic)
{
	// Microseconds, nanoseconds, and the form with longer records; in either byte order. The rest is libpcap's.
	static const uint32_t magics[] = {0xA1B2C3D4, 0xD4C3B2A1, 0xA1B23C4D, 0x4D3CB2A1, 0xA1B2CD34, 0x34CDB2A1};
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (magic == magics[i])
			return true;
	return false;
}

static int open_pcap(struct capture_reader *reader, const char *path, struct error *error)
{
	char detail[PCAP_ERRBUF_SIZE] = "";
	FILE *stream = source_stream(reader->source, error);
	if (!stream)
		return -1;
	// It owns the stream from here on, unless it fails.
	reader->pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, detail);
	if (!reader->pcap) {
		fclose(stream);
		return error_set(error, ERROR_LIBRARY, (size_t)source_position(reader->source),
				 "cannot read %.64s: %.160s", path, detail);
	}
	reader->link = link_of_dlt(pcap_datalink(reader->pcap));
	return 0;
}

struct capture_reader *capture_reader_open(const char *path, struct error *error)
{
	uint8_t start[4];
	struct reader octets;
	struct capture_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		error_set_errno(error, "cannot read %.128s", path);
		return NULL;
	}
	reader->source = source_open(path, error);
	if (!reader->source)
		goto refuse;
	size_t got = source_read(reader->source, start, sizeof start);
	if (got < sizeof start) {
		if (!source_failed(reader->source, error))
			error_set(error, ERROR_TRUNCATED, 0, "%.128s has %zu octets: no capture file", path, got);
		goto refuse;
	}
	source_unread(reader->source, start, sizeof start);
	reader_init(&octets, start, sizeof start);
	uint32_t magic = reader_u32(&octets);
	if (magic == PCAPNG_MAGIC) {
		reader->pcapng = pcapng_reader_new(reader->source);
		if (!reader->pcapng) {
			error_set_errno(error, "cannot read %.128s", path);
			goto refuse;
		}
	} else if (is_pcap(magic)) {
		if (open_pcap(reader, path, error) < 0)
			goto refuse;
	} else {
		error_set(error, ERROR_UNKNOWN, 0, "%.128s is neither pcap nor pcapng: it begins with 0x%08X", path,
			  magic);
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

static int next_of_pcap(struct capture_reader *reader, struct packet *packet, struct error *error)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	size_t start = (size_t)source_position(reader->source);
	int status = pcap_next_ex(reader->pcap, &header, &data);
	if (status == PCAP_ERROR_BREAK)
		return 0;
	if (status != 1) {
		if (source_failed(reader->source, error))
			return -1;
		return error_set(error, ERROR_LIBRARY, start, "the record at octet %zu: %.200s", start,
				 pcap_geterr(reader->pcap));
	}
	*packet = (struct packet){
		.data = data,
		.captured = header->caplen,
		.length = header->len < header->caplen ? header->caplen : header->len,
		.link = reader->link,
		.time = link_time(&header->ts, true),
	};
	return 1;
}

int capture_reader_next(struct capture_reader *reader, struct packet *packet, struct error *error)
{
	if (!reader->over) {
		int more = reader->pcapng ? pcapng_reader_next(reader->pcapng, packet, &reader->failure)
					  : next_of_pcap(reader, packet, &reader->failure);
		if (more > 0) {
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
