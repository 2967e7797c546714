// SPDX-License-Identifier: BSD-3-Clause
#include "stun/credential.h"

#include "base/error.h"

#include <openssl/evp.h>

static int hash_joined(const EVP_MD *digest, const struct stun_octets *parts, size_t count, uint8_t *hash,
		       size_t *length, struct error *error)
{
	int outcome = -1;
	unsigned size = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || !EVP_DigestInit_ex(context, digest, NULL))
		goto done;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && !EVP_DigestUpdate(context, ":", 1))
			goto done;
		if (parts[i].length > 0 && !EVP_DigestUpdate(context, parts[i].data, parts[i].length))
			goto done;
	}
	if (EVP_DigestFinal_ex(context, hash, &size))
		outcome = 0;
done:
	EVP_MD_CTX_free(context);
	*length = size;
	return outcome < 0 ? error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "OpenSSL does not hash") : 0;
}

int stun_credential_key(unsigned algorithm, struct stun_octets user, struct stun_octets realm,
			struct stun_octets password, uint8_t key[STUN_KEY_LIMIT], size_t *length, struct error *error)
{
	struct stun_octets parts[] = {user, realm, password};
	*length = 0;
	if (algorithm != STUN_PASSWORD_MD5 && algorithm != STUN_PASSWORD_SHA256)
		return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET,
				 "password algorithm %u is neither MD5 (1) nor SHA-256 (2)", algorithm);
	return hash_joined(algorithm == STUN_PASSWORD_MD5 ? EVP_md5() : EVP_sha256(), parts, 3, key, length, error);
}

int stun_credential_userhash(struct stun_octets user, struct stun_octets realm, uint8_t hash[STUN_USERHASH_SIZE],
			     struct error *error)
{
	struct stun_octets parts[] = {user, realm};
	size_t length;
	return hash_joined(EVP_sha256(), parts, 2, hash, &length, error);
}
