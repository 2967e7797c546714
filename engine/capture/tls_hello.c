// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_hello.h"

#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

enum { EARLY_DATA = 42, SUPPORTED_VERSIONS = 43, CONNECTION_ID = 54 };

// The random of a ServerHello that asks for another ClientHello: SHA-256 of "HelloRetryRequest".
static const uint8_t retry_random[32] = {0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C,
					 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
					 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C};

static void skip(struct reader *reader, size_t length)
{
	reader_bytes(reader, length);
}

static void take_extension(uint16_t type, const uint8_t *content, size_t length, bool server, struct tls_hello *hello)
{
	struct reader inside;
	reader_init(&inside, content, length);
	if (type == EARLY_DATA)
		hello->early_data = true;
	else if (type == CONNECTION_ID)
		hello->connection_id = true;
	else if (type == SUPPORTED_VERSIONS && server && length == 2)
		hello->version = reader_u16(&inside);
}

// Up to the end of the message; none at all is allowed.
static void take_extensions(struct reader *reader, bool server, struct tls_hello *hello)
{
	if (reader_left(reader) == 0)
		return;
	if (reader_u16(reader) != reader_left(reader))
		reader->failed = true;
	while (!reader->failed && reader_left(reader)) {
		uint16_t type = reader_u16(reader);
		size_t length = reader_u16(reader);
		const uint8_t *content = reader_bytes(reader, length);
		if (content)
			take_extension(type, content, length, server, hello);
	}
}

int tls_hello_parse(uint8_t type, bool dtls, const uint8_t *body, size_t length, struct tls_hello *hello,
		    struct error *error)
{
	struct reader reader;
	bool server = type == TLS_SERVER_HELLO;
	const char *name = server ? "ServerHello" : "ClientHello";
	*hello = (struct tls_hello){0};
	if (!body)
		return error_set(error, ERROR_TRUNCATED, 0, "a %s of no octets", name);
	reader_init(&reader, body, length);
	hello->version = reader_u16(&reader);
	const uint8_t *random = reader_bytes(&reader, sizeof hello->random);
	if (random)
		memcpy(hello->random, random, sizeof hello->random);
	skip(&reader, reader_u8(&reader)); // session id
	if (server) {
		hello->suite = reader_u16(&reader);
		hello->compression = reader_u8(&reader);
	} else {
		if (dtls)
			skip(&reader, reader_u8(&reader)); // cookie
		skip(&reader, reader_u16(&reader));        // suites
		skip(&reader, reader_u8(&reader));         // compression methods
	}
	take_extensions(&reader, server, hello);
	if (reader.failed)
		return error_set(error, ERROR_TRUNCATED, reader.offset,
				 "a %s of %zu octets: a field at octet %zu is longer than what is left", name, length,
				 reader.offset);
	hello->retry = server && memcmp(hello->random, retry_random, sizeof retry_random) == 0;
	return 0;
}

bool tls_hello_takes_early_data(const uint8_t *body, size_t length)
{
	struct reader reader;
	struct tls_hello hello = {0};
	reader_init(&reader, body, length);
	take_extensions(&reader, false, &hello);
	return !reader.failed && hello.early_data;
}

const char *tls_hello_version(uint16_t version)
{
	switch (version) {
	case 0x0300:
		return "SSL 3.0";
	case 0x0301:
		return "TLS 1.0";
	case 0x0302:
		return "TLS 1.1";
	case TLS_VERSION_1_2:
		return "TLS 1.2";
	case TLS_VERSION_1_3:
		return "TLS 1.3";
	case 0xFEFF:
		return "DTLS 1.0";
	case TLS_VERSION_DTLS_1_2:
		return "DTLS 1.2";
	case TLS_VERSION_DTLS_1_3:
		return "DTLS 1.3";
	default:
		return "an unknown version";
	}
}
