// SPDX-License-Identifier: BSD-3-Clause
#include "capture/dtls_hello.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST_BODY 16384

static void forget(struct dtls_fragments *fragments)
{
	free(fragments->body);
	free(fragments->there);
	*fragments = (struct dtls_fragments){0};
}

void dtls_hellos_free(struct dtls_hellos *hellos)
{
	forget(&hellos->fragments[0]);
	forget(&hellos->fragments[1]);
}

static uint32_t read_u24(struct reader *reader)
{
	uint32_t high = reader_u8(reader);
	return high << 16 | reader_u16(reader);
}

// A message of which the first fragment came; false when there is no memory.
static bool begin(struct dtls_fragments *fragments, uint8_t type, uint16_t epoch, uint16_t number, size_t length)
{
	if (fragments->missing && fragments->type == type && fragments->epoch == epoch && fragments->number == number &&
	    fragments->length == length)
		return true;
	forget(fragments);
	fragments->body = malloc(length);
	fragments->there = calloc(1, length);
	if (!fragments->body || !fragments->there) {
		forget(fragments);
		return false;
	}
	fragments->type = type;
	fragments->epoch = epoch;
	fragments->number = number;
	fragments->length = fragments->missing = length;
	return true;
}

static void put(struct dtls_fragments *fragments, size_t offset, const uint8_t *octets, size_t length)
{
	// What came first stays.
	for (size_t i = 0; i < length; i++) {
		if (fragments->there[offset + i])
			continue;
		fragments->there[offset + i] = 1;
		fragments->body[offset + i] = octets[i];
		fragments->missing--;
	}
}

int dtls_hellos_take(struct dtls_hellos *hellos, uint16_t epoch, struct reader *content, uint8_t *type,
		     struct tls_hello *hello)
{
	if (!reader_left(content))
		return -1;
	*type = reader_u8(content);
	size_t length = read_u24(content);
	uint16_t number = reader_u16(content);
	size_t offset = read_u24(content), part = read_u24(content);
	const uint8_t *octets = reader_bytes(content, part);
	if (!octets || offset > length || part > length - offset)
		return -1;
	if ((*type != TLS_CLIENT_HELLO && *type != TLS_SERVER_HELLO) || length == 0 || length > LARGEST_BODY)
		return 0;
	if (part == length)
		return tls_hello_parse(*type, true, octets, length, hello, NULL) == 0;
	struct dtls_fragments *fragments = &hellos->fragments[number % 2];
	if (part == 0 || !begin(fragments, *type, epoch, number, length))
		return 0;
	put(fragments, offset, octets, part);
	if (fragments->missing)
		return 0;
	int outcome = tls_hello_parse(*type, true, fragments->body, length, hello, NULL) == 0;
	forget(fragments);
	return outcome;
}
