// SPDX-License-Identifier: BSD-3-Clause
#include "capture/pcapng_reader.h"

#include "base/bytes.h"
#include "base/error.h"
#include "capture/source.h"

#include <stdlib.h>

#define LARGEST_BLOCK (16u << 20)
#define MOST_INTERFACES 65536
#define BLOCK_FRAME 12 // type and length in front, length behind
#define SECOND UINT64_C(1000000000)
#define LATEST (INT64_MAX / INT64_C(1000000000) - 1) // seconds

enum { INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3, ENHANCED_PACKET = 6, SECRETS = 10 };
enum { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_TIME_RESOLUTION = 9, OPTION_TIME_OFFSET = 14 };

struct interface {
	uint32_t link;
	uint32_t snapshot;  // octets kept of a packet; 0: all
	uint8_t resolution; // if_tsresol: a negative power of 10, or of 2 with the high bit
	int64_t offset;     // seconds to add to every time
	// Where nothing is to be added and no tick is shorter than a nanosecond: nanoseconds of a tick, and how many
	// ticks make a time that can be told. Otherwise most_ticks is 0.
	uint64_t unit, most_ticks;
};

struct pcapng_reader {
	struct source *source;
	bool little;                  // the byte order of the section
	struct interface *interfaces; // of the section
	size_t interface_count, interface_capacity;
	struct writer comment;
	void (*secrets)(void *context, uint32_t type, const uint8_t *octets, size_t length);
	void *secrets_context;
};

// A block's body and what is needed to say where in the file something stands.
struct body {
	struct reader octets;
	bool little;
	uint64_t place; // of the body in the file
};

struct pcapng_reader *pcapng_reader_new(struct source *source)
{
	struct pcapng_reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return NULL;
	reader->source = source;
	writer_init(&reader->comment, LARGEST_BLOCK);
	return reader;
}

void pcapng_reader_free(struct pcapng_reader *reader)
{
	if (!reader)
		return;
	free(reader->interfaces);
	writer_free(&reader->comment);
	free(reader);
}

void pcapng_reader_on_secrets(struct pcapng_reader *reader,
			      void (*secrets)(void *context, uint32_t type, const uint8_t *octets, size_t length),
			      void *context)
{
	reader->secrets = secrets;
	reader->secrets_context = context;
}

static uint16_t read_u16(struct body *body)
{
	uint16_t value = reader_u16(&body->octets);
	return body->little ? __builtin_bswap16(value) : value;
}

static uint32_t read_u32(struct body *body)
{
	uint32_t value = reader_u32(&body->octets);
	return body->little ? __builtin_bswap32(value) : value;
}

static uint64_t read_u64(struct body *body)
{
	uint64_t value = reader_u64(&body->octets);
	return body->little ? __builtin_bswap64(value) : value;
}

static size_t place_of(const struct body *body)
{
	return (size_t)(body->place + body->octets.offset);
}

// 1 with the next option, its value a body of its own; 0 at the end of the options; -1.
static int next_option(struct body *body, uint16_t *code, struct body *value, struct error *error)
{
	size_t place = place_of(body);
	if (reader_left(&body->octets) == 0)
		return 0;
	*code = read_u16(body);
	size_t length = read_u16(body);
	if (!body->octets.failed && *code == OPTION_END)
		return 0;
	uint64_t start = body->place + body->octets.offset;
	const uint8_t *octets = reader_bytes(&body->octets, length);
	reader_bytes(&body->octets, (4 - length % 4) % 4);
	if (body->octets.failed)
		return error_set(error, ERROR_MALFORMED, place, "an option is longer than its block");
	*value = (struct body){.little = body->little, .place = start};
	reader_init(&value->octets, octets, length);
	return 1;
}

static uint64_t power_of_ten(unsigned exponent)
{
	uint64_t power = 1;
	while (exponent--)
		power *= 10;
	return power;
}

static int read_interface(struct pcapng_reader *reader, struct body *body, struct error *error)
{
	struct interface interface = {.resolution = 6};
	struct body value;
	uint16_t code;
	int more;
	size_t place = place_of(body);
	interface.link = read_u16(body);
	read_u16(body);
	interface.snapshot = read_u32(body);
	if (body->octets.failed)
		return error_set(error, ERROR_MALFORMED, place, "an interface description is too short");
	while ((more = next_option(body, &code, &value, error)) > 0) {
		if (code == OPTION_TIME_RESOLUTION)
			interface.resolution = reader_u8(&value.octets);
		else if (code == OPTION_TIME_OFFSET)
			interface.offset = (int64_t)read_u64(&value);
		if (value.octets.failed)
			return error_set(error, ERROR_MALFORMED, place_of(&value),
					 "an option of an interface is too short");
	}
	if (more < 0)
		return -1;
	if (interface.resolution <= 9 && interface.offset == 0) {
		interface.unit = power_of_ten(9u - interface.resolution);
		interface.most_ticks = LATEST * SECOND / interface.unit;
	}
	if (reader->interface_count == MOST_INTERFACES)
		return error_set(error, ERROR_LIMIT, place, "more than %d interfaces", MOST_INTERFACES);
	if (reader->interface_count == reader->interface_capacity) {
		size_t capacity = reader->interface_capacity ? reader->interface_capacity * 2 : 4;
		struct interface *interfaces = realloc(reader->interfaces, capacity * sizeof *interfaces);
		if (!interfaces)
			return error_set(error, ERROR_LIMIT, place, "no memory for an interface description");
		reader->interfaces = interfaces;
		reader->interface_capacity = capacity;
	}
	reader->interfaces[reader->interface_count++] = interface;
	return 0;
}

// Nanoseconds since 1970. What a hostile resolution or offset makes too large to hold stays at the largest.
static uint64_t nanoseconds_of(const struct interface *interface, uint64_t ticks)
{
	if (ticks <= interface->most_ticks && interface->most_ticks)
		return ticks * interface->unit;
	unsigned exponent = interface->resolution & 0x7F;
	uint64_t seconds, part;
	if (interface->resolution & 0x80) {
		uint64_t below = exponent < 64 ? ticks & ((UINT64_C(1) << exponent) - 1) : ticks;
		seconds = exponent < 64 ? ticks >> exponent : 0;
		// 32 bits of a second are finer than a nanosecond, and all that the product leaves room for.
		while (exponent > 32) {
			below >>= 1;
			exponent--;
		}
		part = (below * SECOND) >> exponent;
	} else if (exponent <= 9) {
		uint64_t second = power_of_ten(exponent);
		seconds = ticks / second;
		part = ticks % second * power_of_ten(9 - exponent);
	} else {
		uint64_t total = exponent - 9 <= 19 ? ticks / power_of_ten(exponent - 9) : 0;
		seconds = total / SECOND;
		part = total % SECOND;
	}
	int64_t second = seconds > (uint64_t)LATEST ? LATEST : (int64_t)seconds;
	if (__builtin_add_overflow(second, interface->offset, &second) || second > LATEST)
		second = interface->offset < 0 ? 0 : LATEST;
	return second < 0 ? 0 : (uint64_t)second * SECOND + part;
}

// Like the next two: 1, or -1 with *error filled.
static int read_comments(struct pcapng_reader *reader, struct body *body, struct packet *packet, struct error *error)
{
	struct body value;
	uint16_t code;
	int more;
	if (reader_left(&body->octets) == 0)
		return 1;
	writer_reset(&reader->comment);
	while ((more = next_option(body, &code, &value, error)) > 0) {
		if (code != OPTION_COMMENT)
			continue;
		size_t length = reader_left(&value.octets);
		if (reader->comment.length)
			writer_u8(&reader->comment, '\n');
		writer_bytes(&reader->comment, reader_bytes(&value.octets, length), length);
	}
	if (more < 0)
		return -1;
	if (reader->comment.failed)
		return error_set(error, ERROR_LIMIT, place_of(body), "no memory for a comment");
	packet->comment_length = reader->comment.length;
	packet->comment = reader->comment.length ? (const char *)reader->comment.data : NULL;
	return 1;
}

static int take_data(struct body *body, struct packet *packet, size_t captured, size_t length, struct error *error)
{
	size_t place = place_of(body);
	packet->data = reader_bytes(&body->octets, captured);
	packet->captured = captured;
	packet->length = length < captured ? captured : length;
	if (body->octets.failed)
		return error_set(error, ERROR_MALFORMED, place, "a packet of %zu octets in a block with fewer",
				 captured);
	return 1;
}

static int read_packet(struct pcapng_reader *reader, struct body *body, uint32_t type, struct packet *packet,
		       struct error *error)
{
	size_t place = place_of(body);
	uint32_t number = 0;
	uint64_t ticks = 0;
	size_t captured = 0, length;
	*packet = (struct packet){.offset = body->place - 8};
	if (type == ENHANCED_PACKET) {
		number = read_u32(body);
	} else if (type == OLD_PACKET) {
		number = read_u16(body);
		read_u16(body);
	}
	if (type != SIMPLE_PACKET) {
		ticks = (uint64_t)read_u32(body) << 32;
		ticks |= read_u32(body);
		captured = read_u32(body);
	}
	length = read_u32(body);
	if (body->octets.failed)
		return error_set(error, ERROR_MALFORMED, place, "a packet block is too short");
	if (number >= reader->interface_count)
		return error_set(error, ERROR_MALFORMED, place,
				 "a packet of interface %u, of which there is no description", number);
	const struct interface *interface = &reader->interfaces[number];
	packet->link = interface->link;
	if (type == SIMPLE_PACKET) {
		captured = interface->snapshot && interface->snapshot < length ? interface->snapshot : length;
		return take_data(body, packet, captured, length, error);
	}
	packet->time = nanoseconds_of(interface, ticks);
	if (take_data(body, packet, captured, length, error) < 0)
		return -1;
	reader_bytes(&body->octets, (4 - captured % 4) % 4);
	if (body->octets.failed)
		return error_set(error, ERROR_MALFORMED, place, "a packet block ends before its padding");
	return read_comments(reader, body, packet, error);
}

static int ends_early(struct pcapng_reader *reader, uint64_t start, struct error *error)
{
	if (source_failed(reader->source, error))
		return -1;
	return error_set(
		error, ERROR_TRUNCATED, (size_t)start,
		"the file ends within the block that begins at octet %llu: it was cut off, or is still being written",
		(unsigned long long)start);
}

static int read_secrets(struct pcapng_reader *reader, struct body *body, struct error *error)
{
	size_t place = place_of(body);
	uint32_t type = read_u32(body);
	size_t length = read_u32(body);
	const uint8_t *octets = reader_bytes(&body->octets, length);
	if (!octets)
		return error_set(error, ERROR_MALFORMED, place, "secrets of %zu octets in a block with fewer", length);
	reader->secrets(reader->secrets_context, type, octets, length);
	return 0;
}

// The byte order of a section, which is in the third of the words that its header begins with.
static int begin_section(struct pcapng_reader *reader, const uint8_t *octets, uint64_t start, struct error *error)
{
	struct reader order;
	reader_init(&order, octets, BLOCK_FRAME);
	reader_u64(&order);
	uint32_t magic = reader_u32(&order);
	if (magic != 0x1A2B3C4D && magic != 0x4D3C2B1A)
		return error_set(error, ERROR_MALFORMED, (size_t)start + 8,
				 "no byte-order magic in a section header: 0x%08X", magic);
	reader->little = magic == 0x4D3C2B1A;
	reader->interface_count = 0;
	return 0;
}

static bool is_wanted(const struct pcapng_reader *reader, uint32_t type)
{
	return type == INTERFACE || type == OLD_PACKET || type == SIMPLE_PACKET || type == ENHANCED_PACKET ||
	       (type == SECRETS && reader->secrets);
}

// 1 with the next block in *body, which is empty for blocks of no use here; 0 at the end of the file; -1.
static int read_block(struct pcapng_reader *reader, uint32_t *type, struct body *body, struct error *error)
{
	size_t there;
	uint64_t start = source_position(reader->source);
	const uint8_t *octets = source_look(reader->source, BLOCK_FRAME, &there);
	if (there == 0 && !source_failed(reader->source, error))
		return 0;
	if (there < BLOCK_FRAME)
		return ends_early(reader, start, error);
	struct body frame = {.little = reader->little};
	reader_init(&frame.octets, octets, BLOCK_FRAME);
	*type = read_u32(&frame);
	bool section = *type == PCAPNG_MAGIC;
	if (section && begin_section(reader, octets, start, error) < 0)
		return -1;
	frame.little = reader->little;
	uint32_t total = read_u32(&frame);
	if (total < (section ? 28 : BLOCK_FRAME) || total % 4)
		return error_set(error, ERROR_MALFORMED, (size_t)start + 4, "a block of %u octets, which no block has",
				 total);
	*body = (struct body){.little = reader->little, .place = start + 8};
	if (!is_wanted(reader, *type)) {
		if (source_skip(reader->source, total - 4) < total - 4)
			return ends_early(reader, start, error);
		octets = source_look(reader->source, 4, &there);
		if (there < 4)
			return ends_early(reader, start, error);
		reader_init(&frame.octets, octets, there);
	} else {
		if (total > LARGEST_BLOCK)
			return error_set(error, ERROR_LIMIT, (size_t)start, "a block of %u octets; at most %u are read",
					 total, LARGEST_BLOCK);
		octets = source_look(reader->source, total, &there);
		if (there < total)
			return ends_early(reader, start, error);
		reader_init(&frame.octets, octets, there);
		reader_u64(&frame.octets);
		reader_init(&body->octets, reader_bytes(&frame.octets, total - BLOCK_FRAME), total - BLOCK_FRAME);
	}
	if (read_u32(&frame) != total)
		return error_set(error, ERROR_MALFORMED, (size_t)start, "the two lengths of a block differ");
	source_take(reader->source, there);
	return 1;
}

int pcapng_reader_next(struct pcapng_reader *reader, struct packet *packet, struct error *error)
{
	uint32_t type = 0;
	struct body body;
	int more;
	while ((more = read_block(reader, &type, &body, error)) > 0) {
		if (type == ENHANCED_PACKET || type == SIMPLE_PACKET || type == OLD_PACKET) {
			more = read_packet(reader, &body, type, packet, error);
			break;
		}
		if (type == INTERFACE && read_interface(reader, &body, error) < 0)
			return -1;
		if (type == SECRETS && reader->secrets && read_secrets(reader, &body, error) < 0)
			return -1;
	}
	return more;
}
