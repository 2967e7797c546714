// SPDX-License-Identifier: BSD-3-Clause
#include "stun/message.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/attribute.h"

#include <stdlib.h>
#include <string.h>

static const char *const classes[] = {
	[STUN_REQUEST] = "request",
	[STUN_INDICATION] = "indication",
	[STUN_SUCCESS] = "success",
	[STUN_ERROR] = "error",
};

// clang-format off
static const char *const methods[] = {
	[0x001] = "Binding",
	[0x003] = "Allocate",
	[0x004] = "Refresh",
	[0x006] = "Send",
	[0x007] = "Data",
	[0x008] = "CreatePermission",
	[0x009] = "ChannelBind",
	[0x00A] = "Connect",
	[0x00B] = "ConnectionBind",
	[0x00C] = "ConnectionAttempt",
};
// clang-format on

enum { METHODS = sizeof methods / sizeof *methods };

// The two class bits stand at 4 and 8, the twelve method bits around them: M11..M7 C1 M6..M4 C0 M3..M0.
enum stun_class stun_type_class(uint16_t type)
{
	return (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
}

uint16_t stun_type_method(uint16_t type)
{
	return (uint16_t)((type & 0x000F) | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2);
}

uint16_t stun_type(enum stun_class class, uint16_t method)
{
	unsigned c = (unsigned)class, m = method;
	return (uint16_t)((m & 0x000F) | (m & 0x0070) << 1 | (m & 0x0F80) << 2 | (c & 1) << 4 | (c & 2) << 7);
}

const char *stun_class_name(enum stun_class class)
{
	return classes[class];
}

int stun_class_find(const char *name)
{
	for (int i = STUN_REQUEST; i <= STUN_ERROR; i++)
		if (strcmp(classes[i], name) == 0)
			return i;
	return -1;
}

const char *stun_method_name(uint16_t method)
{
	return method < METHODS ? methods[method] : NULL;
}

int stun_method_find(const char *name)
{
	for (int i = 0; i < METHODS; i++)
		if (methods[i] && strcmp(methods[i], name) == 0)
			return i;
	return -1;
}

int stun_header_parse(const void *data, size_t length, struct stun_header *header, struct error *error)
{
	struct reader reader;
	reader_init(&reader, data, length);
	header->type = reader_u16(&reader);
	header->length = reader_u16(&reader);
	header->cookie = reader_u32(&reader);
	const uint8_t *transaction = reader_bytes(&reader, STUN_TRANSACTION_SIZE);
	if (!transaction)
		return error_set(error, ERROR_TRUNCATED, length, "%zu octets are too few for STUN, its header has %d",
				 length, STUN_HEADER_SIZE);
	memcpy(header->transaction, transaction, STUN_TRANSACTION_SIZE);
	if (header->type >> 14)
		return error_set(error, ERROR_MALFORMED, 0,
				 "the first two bits of STUN are zero, these octets begin 0x%04X", header->type);
	return 0;
}

int stun_attribute_next(const void *data, size_t length, size_t *offset, struct stun_view *view, struct error *error)
{
	if (*offset >= length)
		return 0;
	struct reader reader;
	reader_init(&reader, data, length);
	reader_bytes(&reader, *offset);
	view->offset = (uint32_t)*offset;
	// One read for both: a verifier of many messages spends its time here, next to the HMAC.
	uint32_t header = reader_u32(&reader);
	view->type = (uint16_t)(header >> 16);
	view->length = (uint16_t)header;
	if (reader.failed)
		return error_set(error, ERROR_MALFORMED, *offset,
				 "the attribute at octet %zu has %zu octets, its header needs %d", *offset,
				 length - *offset, STUN_ATTRIBUTE_HEADER_SIZE);
	if (!reader_bytes(&reader, view->length)) {
		char name[STUN_ATTRIBUTE_NAME_SIZE];
		return error_set(error, ERROR_MALFORMED, *offset, "%s at octet %zu announces %u octets, %zu are there",
				 stun_attribute_name(view->type, name), *offset, view->length, reader_left(&reader));
	}
	size_t padding = (4 - view->length % 4u) % 4;
	*offset = reader.offset + (padding < reader_left(&reader) ? padding : reader_left(&reader));
	return 1;
}

static int check_length(const struct stun_header *header, size_t length, struct error *error)
{
	size_t behind = length - STUN_HEADER_SIZE;
	if (header->length % 4)
		return error_set(error, ERROR_MALFORMED, 2, "the length %u of the message is not a multiple of 4",
				 header->length);
	if (behind < header->length)
		return error_set(error, ERROR_TRUNCATED, length,
				 "the header announces %u octets behind it, %zu are there", header->length, behind);
	if (behind > header->length)
		return error_set(error, ERROR_MALFORMED, (size_t)STUN_HEADER_SIZE + header->length,
				 "%zu octets follow the %u that the header announces", behind - header->length,
				 header->length);
	return 0;
}

int stun_message_parse(struct stun_message *message, const void *data, size_t length, struct error *error)
{
	message->data = data;
	message->length = length;
	message->count = 0;
	if (stun_header_parse(data, length, &message->header, error) < 0 ||
	    check_length(&message->header, length, error) < 0)
		return -1;
	struct stun_view view;
	size_t offset = STUN_HEADER_SIZE;
	int found;
	while ((found = stun_attribute_next(data, length, &offset, &view, error)) > 0) {
		if (message->count == message->capacity) {
			size_t capacity = message->capacity ? message->capacity * 2 : 16;
			struct stun_view *grown = reallocarray(message->attributes, capacity, sizeof *grown);
			if (!grown)
				return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
			message->attributes = grown;
			message->capacity = capacity;
		}
		message->attributes[message->count++] = view;
	}
	return found;
}

void stun_message_free(struct stun_message *message)
{
	free(message->attributes);
	*message = (struct stun_message){0};
}

const struct stun_view *stun_message_find(const struct stun_message *message, uint16_t type, size_t nth)
{
	for (size_t i = 0; i < message->count; i++)
		if (message->attributes[i].type == type && --nth == 0)
			return &message->attributes[i];
	return NULL;
}

struct stun_octets stun_message_octets(const struct stun_message *message, uint16_t type)
{
	const struct stun_view *view = stun_message_find(message, type, 1);
	return view ? (struct stun_octets){stun_view_value(message, view), view->length}
		    : (struct stun_octets){NULL, 0};
}

size_t stun_message_count(const struct stun_message *message, uint16_t type)
{
	size_t count = 0;
	for (size_t i = 0; i < message->count; i++)
		count += message->attributes[i].type == type;
	return count;
}

static const uint8_t *inside(const struct stun_message *message, size_t offset, size_t length)
{
	struct reader reader;
	reader_init(&reader, message->data, message->length);
	reader_bytes(&reader, offset);
	return reader_bytes(&reader, length);
}

const uint8_t *stun_view_value(const struct stun_message *message, const struct stun_view *view)
{
	return inside(message, (size_t)view->offset + STUN_ATTRIBUTE_HEADER_SIZE, view->length);
}

const uint8_t *stun_view_padding(const struct stun_message *message, const struct stun_view *view, size_t *length)
{
	size_t offset = (size_t)view->offset + STUN_ATTRIBUTE_HEADER_SIZE + view->length;
	size_t padding = (4 - view->length % 4u) % 4;
	size_t left = offset < message->length ? message->length - offset : 0;
	*length = padding < left ? padding : left;
	return inside(message, offset, *length);
}
