// SPDX-License-Identifier: BSD-3-Clause
#include "stun/rewrite.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/attribute.h"
#include "stun/integrity.h"

#include <openssl/crypto.h>

static const struct stun_change *find_change(const struct stun_rewriting *rewriting, uint16_t type, uint64_t *done)
{
	for (size_t i = 0; i < rewriting->change_count && i < 64; i++) {
		if (rewriting->changes[i].type != type || *done >> i & 1)
			continue;
		*done |= UINT64_C(1) << i;
		return &rewriting->changes[i];
	}
	return NULL;
}

static void write_attribute(struct writer *writer, uint16_t type, const void *value, size_t length)
{
	writer_u16(writer, type);
	writer_u16(writer, (uint16_t)length);
	writer_bytes(writer, value, length);
	writer_fill(writer, 0, (4 - length % 4) % 4);
}

// The octets of an XOR-ed address under another transaction identifier: only those of IPv6 depend on it.
static void write_address(struct writer *writer, uint16_t type, const uint8_t *value, size_t length,
			  const uint8_t *before, const uint8_t *after)
{
	enum { IPV6_VALUE = 20, FIRST = 8 };
	uint8_t changed[IPV6_VALUE];
	if (length != IPV6_VALUE || value[1] != STUN_IPV6) {
		write_attribute(writer, type, value, length);
		return;
	}
	for (size_t i = 0; i < IPV6_VALUE; i++)
		changed[i] = i < FIRST ? value[i] : (uint8_t)(value[i] ^ before[i - FIRST] ^ after[i - FIRST]);
	write_attribute(writer, type, changed, length);
}

static int write_integrity(struct stun_integrity *integrity, const struct stun_rewriting *rewriting, uint16_t type,
			   size_t length, struct writer *writer, struct error *error)
{
	uint8_t mac[STUN_INTEGRITY_LIMIT];
	size_t size = type == STUN_MESSAGE_INTEGRITY   ? STUN_INTEGRITY_SIZE
		      : length <= STUN_INTEGRITY_LIMIT ? length
						       : STUN_INTEGRITY_LIMIT;
	struct stun_octets key = type == STUN_MESSAGE_INTEGRITY ? rewriting->key : rewriting->key_sha256;
	if (stun_integrity_compute(integrity, type, key.data, key.length, writer->data, writer->length, size, mac,
				   error) < 0)
		return -1;
	write_attribute(writer, type, mac, size);
	OPENSSL_cleanse(mac, sizeof mac);
	return 0;
}

// The length field as it is when the message ends `behind` octets from here.
static int patch_length(struct writer *writer, size_t behind, struct error *error)
{
	if (writer->failed || writer->length + behind - STUN_HEADER_SIZE > STUN_LENGTH_LIMIT)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "the message made again is longer than STUN can say");
	writer_patch_u16(writer, 2, (uint16_t)(writer->length + behind - STUN_HEADER_SIZE));
	return 0;
}

static int write_one(struct stun_integrity *integrity, const struct stun_rewriting *rewriting,
		     const struct stun_header *header, const struct stun_view *view, const uint8_t *value,
		     uint64_t *done, struct writer *writer, struct error *error)
{
	const struct stun_attribute *known = stun_attribute_find(view->type);
	const struct stun_change *change = find_change(rewriting, view->type, done);
	if (change) {
		write_attribute(writer, view->type, change->value.data, change->value.length);
	} else if (view->type == STUN_MESSAGE_INTEGRITY || view->type == STUN_MESSAGE_INTEGRITY_SHA256) {
		return write_integrity(integrity, rewriting, view->type, view->length, writer, error);
	} else if (view->type == STUN_FINGERPRINT) {
		enum { FINGERPRINT_SIZE = 8 };
		if (patch_length(writer, FINGERPRINT_SIZE, error) < 0)
			return -1;
		uint32_t fingerprint = stun_fingerprint_compute(writer->data, writer->length);
		writer_u16(writer, view->type);
		writer_u16(writer, 4);
		writer_u32(writer, fingerprint);
	} else if (known && known->kind == STUN_KIND_XOR_ADDRESS) {
		write_address(writer, view->type, value, view->length, header->transaction, rewriting->transaction);
	} else {
		write_attribute(writer, view->type, value, view->length);
	}
	return 0;
}

int stun_rewrite(struct stun_integrity *integrity, const void *data, size_t length,
		 const struct stun_rewriting *rewriting, struct writer *writer, struct error *error)
{
	struct stun_header header;
	struct stun_view view;
	size_t offset = STUN_HEADER_SIZE;
	uint64_t done = 0;
	int found;
	if (stun_header_parse(data, length, &header, error) < 0)
		return -1;
	writer_u16(writer, header.type);
	writer_u16(writer, 0);
	writer_u32(writer, header.cookie);
	writer_bytes(writer, rewriting->transaction, STUN_TRANSACTION_SIZE);
	while ((found = stun_attribute_next(data, length, &offset, &view, error)) > 0) {
		struct reader reader;
		reader_init(&reader, data, length);
		reader_bytes(&reader, (size_t)view.offset + STUN_ATTRIBUTE_HEADER_SIZE);
		const uint8_t *value = reader_bytes(&reader, view.length);
		if (write_one(integrity, rewriting, &header, &view, value, &done, writer, error) < 0)
			return -1;
	}
	return found < 0 ? -1 : patch_length(writer, 0, error);
}
