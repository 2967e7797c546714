// SPDX-License-Identifier: BSD-3-Clause
#include "stun/draft.h"

#include "base/bytes.h"
#include "base/error.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct stun_octets *owned)
{
	OPENSSL_clear_free((void *)(uintptr_t)owned->data, owned->length);
	*owned = (struct stun_octets){0};
}

static void drop_attribute(struct stun_draft_attribute *attribute)
{
	drop(&attribute->value);
	drop(&attribute->key);
	drop(&attribute->padding);
}

int stun_draft_assign(struct stun_octets *owned, struct stun_octets octets, struct error *error)
{
	struct stun_octets copy = {0};
	if (octets.length > 0) {
		uint8_t *data = OPENSSL_memdup(octets.data, octets.length);
		if (!data)
			return error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		copy = (struct stun_octets){data, octets.length};
	}
	drop(owned);
	*owned = copy;
	return 0;
}

void stun_draft_init(struct stun_draft *draft, uint16_t type, uint32_t cookie,
		     const uint8_t transaction[STUN_TRANSACTION_SIZE])
{
	*draft = (struct stun_draft){.type = type, .cookie = cookie};
	memcpy(draft->transaction, transaction, STUN_TRANSACTION_SIZE);
}

void stun_draft_free(struct stun_draft *draft)
{
	for (size_t i = 0; i < draft->count; i++)
		drop_attribute(&draft->attributes[i]);
	free(draft->attributes);
	draft->attributes = NULL;
	draft->count = draft->capacity = 0;
}

int stun_draft_insert(struct stun_draft *draft, size_t index, const struct stun_draft_attribute *attribute,
		      struct error *error)
{
	if (index > draft->count)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "a draft of %zu attributes has no place %zu", draft->count, index);
	struct stun_draft_attribute copy = *attribute;
	copy.value = copy.key = copy.padding = (struct stun_octets){0};
	if (stun_draft_assign(&copy.value, attribute->value, error) < 0 ||
	    stun_draft_assign(&copy.key, attribute->key, error) < 0 ||
	    stun_draft_assign(&copy.padding, attribute->padding, error) < 0)
		goto fail;
	if (draft->count == draft->capacity) {
		size_t capacity = draft->capacity ? draft->capacity * 2 : 16;
		struct stun_draft_attribute *grown = reallocarray(draft->attributes, capacity, sizeof *grown);
		if (!grown) {
			error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
			goto fail;
		}
		draft->attributes = grown;
		draft->capacity = capacity;
	}
	memmove(&draft->attributes[index + 1], &draft->attributes[index], (draft->count - index) * sizeof copy);
	draft->attributes[index] = copy;
	draft->count++;
	return 0;
fail:
	drop_attribute(&copy);
	return -1;
}

void stun_draft_remove(struct stun_draft *draft, size_t index)
{
	drop_attribute(&draft->attributes[index]);
	draft->count--;
	memmove(&draft->attributes[index], &draft->attributes[index + 1],
		(draft->count - index) * sizeof *draft->attributes);
}

size_t stun_draft_find(const struct stun_draft *draft, uint16_t type)
{
	for (size_t i = 0; i < draft->count; i++)
		if (draft->attributes[i].type == type)
			return i;
	return STUN_NOWHERE;
}

static int too_long(struct error *error)
{
	return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
			 "the message is longer than its header can say, %d octets", STUN_LENGTH_LIMIT);
}

static int compute_integrity(const struct stun_draft_attribute *attribute, struct stun_integrity *integrity,
			     const struct writer *writer, uint8_t mac[STUN_INTEGRITY_LIMIT], size_t *size,
			     struct error *error)
{
	size_t whole = attribute->type == STUN_MESSAGE_INTEGRITY ? STUN_INTEGRITY_SIZE : STUN_INTEGRITY_SHA256_SIZE;
	*size = attribute->size ? attribute->size : whole;
	if (*size > whole)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "the HMAC has %zu octets, not %zu", whole,
				 *size);
	return stun_integrity_compute(integrity, attribute->type, attribute->key.data, attribute->key.length,
				      writer->data, writer->length, *size, mac, error);
}

static int compute_fingerprint(struct writer *writer, uint8_t octets[4], struct error *error)
{
	size_t announced = writer->length - STUN_HEADER_SIZE + STUN_ATTRIBUTE_HEADER_SIZE + 4;
	if (announced > STUN_LENGTH_LIMIT)
		return too_long(error);
	writer_patch_u16(writer, 2, (uint16_t)announced);
	uint32_t crc = stun_fingerprint_compute(writer->data, writer->length);
	for (int i = 0; i < 4; i++)
		octets[i] = (uint8_t)(crc >> (24 - 8 * i));
	return 0;
}

static int encode_attribute(const struct stun_draft_attribute *attribute, struct stun_integrity *integrity,
			    struct writer *writer, struct stun_placement *placement, struct error *error)
{
	uint8_t computed[STUN_INTEGRITY_LIMIT];
	struct stun_octets value = attribute->value;
	if (writer->failed)
		return too_long(error);
	if (attribute->role == STUN_ROLE_INTEGRITY) {
		value.data = computed;
		if (compute_integrity(attribute, integrity, writer, computed, &value.length, error) < 0)
			return -1;
	} else if (attribute->role == STUN_ROLE_FINGERPRINT) {
		value = (struct stun_octets){computed, 4};
		if (compute_fingerprint(writer, computed, error) < 0)
			return -1;
	}
	if (!attribute->has_length && value.length > UINT16_MAX)
		return too_long(error);
	if (placement)
		*placement = (struct stun_placement){attribute->type, writer->length, value.length};
	writer_u16(writer, attribute->type);
	writer_u16(writer, attribute->has_length ? attribute->length : (uint16_t)value.length);
	writer_bytes(writer, value.data, value.length);
	if (attribute->has_padding)
		writer_bytes(writer, attribute->padding.data, attribute->padding.length);
	else
		writer_fill(writer, 0, (4 - value.length % 4) % 4);
	return 0;
}

int stun_draft_encode(const struct stun_draft *draft, struct stun_integrity *integrity, struct writer *writer,
		      struct stun_placement *placements, struct error *error)
{
	if (writer->length > 0)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "a message is encoded into an empty writer");
	writer_u16(writer, draft->type);
	writer_u16(writer, 0);
	writer_u32(writer, draft->cookie);
	writer_bytes(writer, draft->transaction, sizeof draft->transaction);
	for (size_t i = 0; i < draft->count; i++)
		if (encode_attribute(&draft->attributes[i], integrity, writer, placements ? &placements[i] : NULL,
				     error) < 0)
			return -1;
	if (writer->failed || writer->length > STUN_SIZE_LIMIT)
		return too_long(error);
	writer_patch_u16(writer, 2, (uint16_t)(writer->length - STUN_HEADER_SIZE));
	return 0;
}
