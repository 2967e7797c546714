// SPDX-License-Identifier: BSD-3-Clause
#include "stun/integrity.h"

#include "base/bytes.h"
#include "base/error.h"
#include "stun/attribute.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct stun_integrity {
	EVP_MAC_CTX *sha1;
	EVP_MAC_CTX *sha256;
};

// The digest is set once: looking it up again for each message would cost as much as a short message does.
static EVP_MAC_CTX *hmac_new(EVP_MAC *hmac, char *digest)
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
	if (context && !EVP_MAC_CTX_set_params(context, parameters)) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	return context;
}

struct stun_integrity *stun_integrity_new(struct error *error)
{
	struct stun_integrity *integrity = calloc(1, sizeof *integrity);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (integrity && hmac) {
		integrity->sha1 = hmac_new(hmac, (char[]){"SHA1"});
		integrity->sha256 = hmac_new(hmac, (char[]){"SHA256"});
	}
	EVP_MAC_free(hmac);
	if (integrity && integrity->sha1 && integrity->sha256)
		return integrity;
	stun_integrity_free(integrity);
	error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "OpenSSL offers no HMAC with SHA-1 and SHA-256");
	return NULL;
}

void stun_integrity_free(struct stun_integrity *integrity)
{
	if (!integrity)
		return;
	EVP_MAC_CTX_free(integrity->sha1);
	EVP_MAC_CTX_free(integrity->sha256);
	free(integrity);
}

int stun_integrity_compute(struct stun_integrity *integrity, uint16_t type, const void *key, size_t key_length,
			   const void *data, size_t offset, size_t size, uint8_t mac[STUN_INTEGRITY_LIMIT],
			   struct error *error)
{
	if (type != STUN_MESSAGE_INTEGRITY && type != STUN_MESSAGE_INTEGRITY_SHA256)
		return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET, "attribute 0x%04X holds no integrity", type);
	struct reader reader;
	reader_init(&reader, data, offset);
	const uint8_t *header = reader_bytes(&reader, STUN_HEADER_SIZE);
	if (!header)
		return error_set(error, ERROR_TRUNCATED, offset, "integrity at octet %zu would stand inside the header",
				 offset);
	size_t body = reader_left(&reader);
	const uint8_t *rest = reader_bytes(&reader, body);
	size_t announced = body + STUN_ATTRIBUTE_HEADER_SIZE + size;
	if (announced > STUN_LENGTH_LIMIT)
		return error_set(error, ERROR_LIMIT, offset, "a message of %zu octets cannot say its length",
				 announced);

	// The length that is signed ends with this attribute, whatever the message goes on with.
	uint8_t adjusted[STUN_HEADER_SIZE];
	memcpy(adjusted, header, sizeof adjusted);
	adjusted[2] = (uint8_t)(announced >> 8);
	adjusted[3] = (uint8_t)announced;

	EVP_MAC_CTX *context = type == STUN_MESSAGE_INTEGRITY ? integrity->sha1 : integrity->sha256;
	size_t written = 0;
	if (!EVP_MAC_init(context, key ? key : (const void *)"", key_length, NULL) ||
	    !EVP_MAC_update(context, adjusted, sizeof adjusted) || !EVP_MAC_update(context, rest, body) ||
	    !EVP_MAC_final(context, mac, &written, STUN_INTEGRITY_LIMIT))
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "OpenSSL does not compute the HMAC");
	return 0;
}

enum stun_verdict stun_integrity_verify(struct stun_integrity *integrity, const struct stun_message *message,
					uint16_t type, const void *key, size_t key_length)
{
	const struct stun_view *view = stun_message_find(message, type, 1);
	if (!view)
		return STUN_ABSENT;
	size_t size = view->length;
	bool fits = type == STUN_MESSAGE_INTEGRITY ? size == STUN_INTEGRITY_SIZE
						   : size >= 16 && size <= STUN_INTEGRITY_SHA256_SIZE && size % 4 == 0;
	uint8_t mac[STUN_INTEGRITY_LIMIT];
	if (!fits ||
	    stun_integrity_compute(integrity, type, key, key_length, message->data, view->offset, size, mac, NULL) < 0)
		return STUN_INVALID;
	bool same = CRYPTO_memcmp(mac, stun_view_value(message, view), size) == 0;
	// What the right value would have been is enough to forge with.
	OPENSSL_cleanse(mac, sizeof mac);
	return same ? STUN_VALID : STUN_INVALID;
}

uint32_t stun_fingerprint_compute(const void *data, size_t offset)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, offset) ^ 0x5354554EU;
}

enum stun_verdict stun_fingerprint_verify(const struct stun_message *message)
{
	const struct stun_view *view = stun_message_find(message, STUN_FINGERPRINT, 1);
	if (!view)
		return STUN_ABSENT;
	if (view->length != 4 || view != &message->attributes[message->count - 1])
		return STUN_INVALID;
	struct reader reader;
	reader_init(&reader, stun_view_value(message, view), view->length);
	return reader_u32(&reader) == stun_fingerprint_compute(message->data, view->offset) ? STUN_VALID : STUN_INVALID;
}

const char *stun_verdict_name(enum stun_verdict verdict)
{
	static const char *const names[] = {
		[STUN_ABSENT] = "absent", [STUN_INVALID] = "invalid", [STUN_VALID] = "valid"};
	return names[verdict];
}
