// SPDX-License-Identifier: BSD-3-Clause
#include "stun/text.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/channel.h"
#include "stun/message.h"
#include "stun/value.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	OCTETS_SHOWN = 64,      // of a value in hex
	TEXT_SHOWN = 800,       // of a text; longer than any RFC allows
	ATTRIBUTES_SHOWN = 512, // of a message
};

static void print(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct writer *writer, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length > 0)
		writer_bytes(writer, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void stun_text_escape(const void *data, size_t length, struct writer *writer)
{
	static const char digits[] = "0123456789ABCDEF";
	struct reader reader;
	reader_init(&reader, data, length);
	while (reader_left(&reader)) {
		uint8_t octet = reader_u8(&reader);
		if (octet == '"' || octet == '\\') {
			writer_u8(writer, '\\');
			writer_u8(writer, octet);
		} else if (octet >= 0x20 && octet < 0x7F) {
			writer_u8(writer, octet);
		} else {
			writer_bytes(writer, "\\x", 2);
			writer_u8(writer, (uint8_t)digits[octet >> 4]);
			writer_u8(writer, (uint8_t)digits[octet & 15]);
		}
	}
}

static void print_hex(struct writer *writer, const void *data, size_t length)
{
	struct reader reader;
	reader_init(&reader, data, length);
	while (reader_left(&reader) && reader.offset < OCTETS_SHOWN)
		print(writer, "%02x", reader_u8(&reader));
	if (reader_left(&reader))
		print(writer, "... and %zu more", reader_left(&reader));
}

static void print_quoted(struct writer *writer, struct stun_octets text)
{
	size_t shown = text.length < TEXT_SHOWN ? text.length : TEXT_SHOWN;
	print(writer, "\"");
	stun_text_escape(text.data, shown, writer);
	print(writer, "\"");
	if (shown < text.length)
		print(writer, "... and %zu more", text.length - shown);
}

static void print_types(struct writer *writer, struct stun_octets list)
{
	struct reader reader;
	reader_init(&reader, list.data, list.length);
	while (reader_left(&reader) && reader.offset < OCTETS_SHOWN) {
		char name[STUN_ATTRIBUTE_NAME_SIZE];
		uint16_t type = reader_u16(&reader);
		print(writer, "%s%s", reader.offset > 2 ? ", " : "", stun_attribute_name(type, name));
	}
	if (reader_left(&reader))
		print(writer, "... and %zu more", reader_left(&reader) / 2);
}

static void print_algorithm(struct writer *writer, const struct stun_algorithm *algorithm)
{
	const char *name = algorithm->algorithm == 1 ? " MD5" : algorithm->algorithm == 2 ? " SHA-256" : "";
	print(writer, "%u%s", algorithm->algorithm, name);
	if (algorithm->parameters.length) {
		print(writer, " with ");
		print_hex(writer, algorithm->parameters.data, algorithm->parameters.length);
	}
}

static void print_algorithms(struct writer *writer, struct stun_octets list)
{
	struct reader reader;
	struct stun_algorithm algorithm;
	reader_init(&reader, list.data, list.length);
	while (reader.offset < OCTETS_SHOWN && stun_algorithm_next(&reader, &algorithm, NULL) > 0) {
		print_algorithm(writer, &algorithm);
		if (reader_left(&reader))
			print(writer, ", ");
	}
	if (reader_left(&reader))
		print(writer, "... and %zu octets more", reader_left(&reader));
}

static void print_reserved(struct writer *writer, uint32_t reserved)
{
	if (reserved)
		print(writer, ", reserved bits 0x%X", reserved);
}

static const char *protocol_name(uint64_t protocol)
{
	return protocol == 17 ? " UDP" : protocol == 6 ? " TCP" : "";
}

static void print_value(struct writer *writer, const struct stun_value *value)
{
	char text[STUN_ADDRESS_TEXT_SIZE];
	switch (value->kind) {
	case STUN_KIND_OPAQUE:
	case STUN_KIND_INTEGRITY:
	case STUN_KIND_INTEGRITY_SHA256:
		print_hex(writer, value->as.octets.data, value->as.octets.length);
		break;
	case STUN_KIND_TEXT:
		print_quoted(writer, value->as.octets);
		break;
	case STUN_KIND_U32:
		print(writer, "%llu", (unsigned long long)value->as.integer);
		break;
	case STUN_KIND_FINGERPRINT:
		print(writer, "0x%08llX", (unsigned long long)value->as.integer);
		break;
	case STUN_KIND_U64:
		print(writer, "0x%016llX", (unsigned long long)value->as.integer);
		break;
	case STUN_KIND_U8_RESERVED:
		print(writer, "%llu%s", (unsigned long long)value->as.integer, protocol_name(value->as.integer));
		break;
	case STUN_KIND_U16_RESERVED:
		print(writer, "0x%04llX", (unsigned long long)value->as.integer);
		break;
	case STUN_KIND_FLAG:
		print(writer, "set");
		break;
	case STUN_KIND_EVEN_PORT:
		print(writer, value->as.flag ? "reserve the next port" : "do not reserve the next port");
		break;
	case STUN_KIND_FAMILY:
		print(writer, "%s", stun_family_name(value->as.family));
		break;
	case STUN_KIND_ADDRESS:
	case STUN_KIND_XOR_ADDRESS:
		print(writer, "%s", stun_address_text(&value->as.address, text));
		break;
	case STUN_KIND_ADDRESS_ERROR:
		print(writer, "%s ", stun_family_name(value->as.error.family));
		// fall through
	case STUN_KIND_ERROR:
		print(writer, "%u ", value->as.error.class * 100U + value->as.error.number);
		print_quoted(writer, value->as.error.reason);
		if (value->as.error.number > 99)
			print(writer, ", class %u, number %u", value->as.error.class, value->as.error.number);
		print_reserved(writer, value->as.error.reserved);
		break;
	case STUN_KIND_TYPES:
		print_types(writer, value->as.octets);
		break;
	case STUN_KIND_ALGORITHM:
		print_algorithm(writer, &value->as.algorithm);
		break;
	case STUN_KIND_ALGORITHMS:
		print_algorithms(writer, value->as.octets);
		break;
	case STUN_KIND_ICMP:
		print(writer, "type %u, code %u, data 0x%08X", value->as.icmp.type, value->as.icmp.code,
		      value->as.icmp.data);
		print_reserved(writer, value->as.icmp.reserved);
		break;
	}
	print_reserved(writer, value->reserved);
}

static void print_attribute(struct writer *writer, const struct stun_message *message, const struct stun_view *view)
{
	const struct stun_attribute *known = stun_attribute_find(view->type);
	const uint8_t *octets = stun_view_value(message, view), *transaction = message->header.transaction;
	struct stun_value value;
	struct error error;
	print(writer, "%6u  ", view->offset);
	if (known)
		print(writer, "%s (0x%04X), %u octets", known->name, view->type, view->length);
	else
		print(writer, "0x%04X, %u octets", view->type, view->length);
	if (!known) {
		print(writer, ": ");
		print_hex(writer, octets, view->length);
	} else if (stun_value_decode(known->kind, octets, view->length, transaction, &value, &error) < 0) {
		print(writer, ", malformed, %s: ", error.text);
		print_hex(writer, octets, view->length);
	} else {
		if (view->length > known->maximum)
			print(writer, ", %u are allowed", known->maximum);
		if (view->length > 0 || known->kind == STUN_KIND_FLAG || known->kind == STUN_KIND_TEXT) {
			print(writer, ": ");
			print_value(writer, &value);
		}
	}
	size_t padding;
	const uint8_t *behind = stun_view_padding(message, view, &padding);
	if (padding) {
		print(writer, ", padding ");
		print_hex(writer, behind, padding);
	}
	print(writer, "\n");
}

static void print_header(struct writer *writer, const struct stun_message *message)
{
	const struct stun_header *header = &message->header;
	uint16_t number = stun_type_method(header->type);
	const char *method = stun_method_name(number);
	if (method)
		print(writer, "%s ", method);
	else
		print(writer, "method 0x%03x ", number);
	print(writer, "%s, %zu octets, transaction ", stun_class_name(stun_type_class(header->type)), message->length);
	print_hex(writer, header->transaction, sizeof header->transaction);
	print(writer, "\n%6u  type 0x%04X, length %u, cookie 0x%08X", 0, header->type, header->length, header->cookie);
	if (header->cookie != STUN_MAGIC_COOKIE)
		print(writer, ", not 0x%08X", STUN_MAGIC_COOKIE);
	print(writer, "\n");
}

// What the parser says of the whole; it has nothing to add where it finds no fault.
static void print_fault(struct writer *writer, const void *data, size_t length)
{
	struct stun_message message = {0};
	struct error error;
	if (stun_message_parse(&message, data, length, &error) < 0)
		print(writer, "malformed: %s\n", error.text);
	stun_message_free(&message);
}

static void print_message(struct writer *writer, struct stun_message *message)
{
	size_t announced = (size_t)STUN_HEADER_SIZE + message->header.length;
	size_t end = announced < message->length ? announced : message->length;
	size_t offset = STUN_HEADER_SIZE, shown = 0;
	struct stun_view view;
	print_header(writer, message);
	while (shown < ATTRIBUTES_SHOWN && stun_attribute_next(message->data, end, &offset, &view, NULL) > 0) {
		print_attribute(writer, message, &view);
		shown++;
	}
	if (shown == ATTRIBUTES_SHOWN && offset < end) {
		print(writer, "%6zu  and more attributes, in %zu octets\n", offset, end - offset);
	} else if (offset < message->length) {
		struct reader reader;
		reader_init(&reader, message->data, message->length);
		reader_bytes(&reader, offset);
		size_t left = reader_left(&reader);
		print(writer, "%6zu  %zu octets that are no attribute: ", offset, left);
		print_hex(writer, reader_bytes(&reader, left), left);
		print(writer, "\n");
	}
	print_fault(writer, message->data, message->length);
}

static void print_octets(struct writer *writer, const char *what, const void *data, size_t length)
{
	print(writer, "%s, %zu octets: ", what, length);
	print_hex(writer, data, length);
	print(writer, "\n");
}

int stun_text(const void *data, size_t length, struct writer *writer, struct error *error)
{
	struct stun_message message = {.data = data, .length = length};
	struct stun_channel channel;
	struct reader reader;
	struct error fault;
	reader_init(&reader, data, length);
	if (stun_header_parse(data, length, &message.header, &fault) == 0) {
		print_message(writer, &message);
	} else if (reader_u8(&reader) >> 6 != 1) {
		print_octets(writer,
			     fault.code == ERROR_TRUNCATED ? "too short for STUN" : "neither STUN nor ChannelData",
			     data, length);
	} else if (stun_channel_parse(data, length, &channel, &fault) < 0) {
		print_octets(writer, "ChannelData", data, length);
		print(writer, "malformed: %s\n", fault.text);
	} else {
		print(writer, "ChannelData on 0x%04X, ", channel.number);
		print_octets(writer, "data", channel.data, channel.length);
	}
	if (writer->failed)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "the text is longer than %zu octets",
				 writer->limit);
	return 0;
}
