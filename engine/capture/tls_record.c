// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_record.h"

#include "base/bytes.h"
#include "capture/tls_hello.h"

#include <openssl/ssl.h>

bool tls_record_begins(const uint8_t *octets, size_t length)
{
	struct reader reader;
	reader_init(&reader, octets, length);
	bool handshake = reader_u8(&reader) == TLS_HANDSHAKE && reader_u8(&reader) == 3 && reader_u8(&reader) <= 4;
	uint16_t inside = reader_u16(&reader);
	uint8_t type = reader_u8(&reader);
	return !reader.failed && handshake && inside >= 1 && inside <= TLS_RECORD_LARGEST &&
	       (type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO);
}

int tls_record_next(const struct tls_queue *queue, struct tls_record *record)
{
	struct reader reader;
	const uint8_t *octets = tls_queue_octets(queue);
	if (!octets)
		return 0;
	reader_init(&reader, octets, tls_queue_length(queue));
	record->header = octets;
	record->type = reader_u8(&reader);
	uint8_t major = reader_u8(&reader);
	reader_u8(&reader);
	record->length = reader_u16(&reader);
	if (reader.failed)
		return 0;
	if (record->type < TLS_CHANGE_CIPHER_SPEC || record->type > TLS_HEARTBEAT || major != 3 ||
	    record->length > TLS_RECORD_LARGEST)
		return -1;
	record->content = reader_bytes(&reader, record->length);
	if (!record->content)
		return 0;
	record->tag = tls_queue_tag(queue, 0);
	record->last_tag = tls_queue_tag(queue, TLS_RECORD_HEADER + record->length - 1);
	return 1;
}

const char *tls_record_fatal(const uint8_t *content, size_t length)
{
	return length == 2 && content[0] == SSL3_AL_FATAL ? SSL_alert_desc_string_long(content[1]) : NULL;
}
