// SPDX-License-Identifier: BSD-3-Clause
//
// A STUN message as it was received: the header, and where each attribute lies. It follows the lengths and nothing
// else: padding may hold anything, attributes may be unknown, repeated or out of order, the cookie may be wrong;
// whether that is right is for others to say. Only octets that cannot be followed are an error. It looks into no value.
#ifndef ASSAY_STUN_MESSAGE_H
#define ASSAY_STUN_MESSAGE_H

#include "stun/octets.h"

#include <stddef.h>
#include <stdint.h>

struct error;

#define STUN_HEADER_SIZE 20
#define STUN_TRANSACTION_SIZE 12
#define STUN_ATTRIBUTE_HEADER_SIZE 4
#define STUN_MAGIC_COOKIE 0x2112A442U
#define STUN_LENGTH_LIMIT 65535 // what the length field of the header can say
// A whole message has at most this many octets.
#define STUN_SIZE_LIMIT (STUN_HEADER_SIZE + STUN_LENGTH_LIMIT)

enum stun_class {
	STUN_REQUEST = 0,
	STUN_INDICATION = 1,
	STUN_SUCCESS = 2,
	STUN_ERROR = 3,
};

// The methods that code in the engine names itself (RFC 8489, RFC 8656, RFC 6062).
enum {
	STUN_METHOD_BINDING = 0x001,
	STUN_METHOD_ALLOCATE = 0x003,
	STUN_METHOD_REFRESH = 0x004,
	STUN_METHOD_SEND = 0x006,
	STUN_METHOD_DATA = 0x007,
	STUN_METHOD_CHANNEL_BIND = 0x009,
	STUN_METHOD_CONNECTION_ATTEMPT = 0x00C,
};

struct stun_header {
	uint16_t type;   // class and method, woven together
	uint16_t length; // octets behind the header, as it says
	uint32_t cookie;
	uint8_t transaction[STUN_TRANSACTION_SIZE];
};

// Where one attribute lies. Its value begins STUN_ATTRIBUTE_HEADER_SIZE behind offset, its padding behind the value.
struct stun_view {
	uint16_t type;
	uint16_t length; // octets of value, as declared
	uint32_t offset; // of the attribute's header, from the start of the message
};

struct stun_message {
	const uint8_t *data; // the caller's, and must outlive this
	size_t length;       // octets
	struct stun_header header;
	struct stun_view *attributes; // in the order of the message; owned
	size_t count;
	size_t capacity;
};

// The class and method of a message type (RFC 8489 5), and back. Methods have 12 bits.
enum stun_class stun_type_class(uint16_t type);
uint16_t stun_type_method(uint16_t type);
uint16_t stun_type(enum stun_class class, uint16_t method);

// "request", "indication", "success" or "error"; and back, -1 for any other word.
const char *stun_class_name(enum stun_class class);
int stun_class_find(const char *name);

// The name of a method (RFC 8489, 8656, 6062), or NULL; and back, -1 for any other word.
const char *stun_method_name(uint16_t method);
int stun_method_find(const char *name);

// Reads the 20 octets of a header and looks no further. Fails with ERROR_TRUNCATED when there are fewer, and with
// ERROR_MALFORMED when the first two bits are not zero, so that it is not STUN.
int stun_header_parse(const void *data, size_t length, struct stun_header *header, struct error *error);

// Steps through the attributes without any memory. Start with *offset = STUN_HEADER_SIZE; yields 1 with *view filled
// and *offset moved behind its padding, 0 at the end, -1 when what stands at *offset runs past the `length` octets
// (ERROR_MALFORMED; *offset stays, *view says what was announced). The last padding may be missing: then *offset ends
// at `length`, and who needs it there asks stun_view_padding.
int stun_attribute_next(const void *data, size_t length, size_t *offset, struct stun_view *view, struct error *error);

// Parses a whole message (RFC 8489 5, 14): exactly one, with nothing behind it. *message must be zero or have been
// parsed before, its memory is used again. Free it in the end with stun_message_free, also after a failure.
// Fails with ERROR_TRUNCATED when octets are missing that the header announces, ERROR_MALFORMED when the lengths
// contradict each other, ERROR_SYSTEM out of memory; the offset says where.
int stun_message_parse(struct stun_message *message, const void *data, size_t length, struct error *error);

// Frees what the message owns and leaves it zero. The octets stay the caller's.
void stun_message_free(struct stun_message *message);

// The nth attribute of a type, counted from 1, or NULL.
const struct stun_view *stun_message_find(const struct stun_message *message, uint16_t type, size_t nth);

// The value of the first attribute of a type, inside the message; data NULL where there is none.
struct stun_octets stun_message_octets(const struct stun_message *message, uint16_t type);

// How many attributes of a type there are.
size_t stun_message_count(const struct stun_message *message, uint16_t type);

// The value of an attribute: view->length octets inside the message.
const uint8_t *stun_view_value(const struct stun_message *message, const struct stun_view *view);

// The padding of an attribute, inside the message; *length is set to its octets, 0 to 3.
const uint8_t *stun_view_padding(const struct stun_message *message, const struct stun_view *view, size_t *length);

#endif
