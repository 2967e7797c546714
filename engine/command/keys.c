// SPDX-License-Identifier: BSD-3-Clause
#include "command/keys.h"

#include "base/error.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_LIMIT 65536 // octets; a line is about a hundred

static int add(struct key_ring *ring, const char *spec, size_t length, struct error *error)
{
	size_t kid_length;
	struct token_key key;
	if (token_key_parse(&key, &kid_length, spec, length, error) < 0)
		return -1;
	// The ring moves when it grows, and what it leaves behind is wiped.
	size_t size = ring->count * sizeof *ring->keys;
	struct named_key *keys = OPENSSL_clear_realloc(ring->keys, size, size + sizeof *keys);
	char *kid = strndup(spec, kid_length);
	if (keys)
		ring->keys = keys;
	if (keys && kid)
		keys[ring->count++] = (struct named_key){.key = key, .kid = kid, .kid_length = kid_length};
	else
		free(kid);
	token_key_wipe(&key);
	return keys && kid ? 0 : error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
}

static int add_lines(struct key_ring *ring, const char *text, const char *source, struct error *error)
{
	size_t line = 1;
	struct error reason;
	for (const char *end; *text; text = *end ? end + 1 : end, line++) {
		end = text + strcspn(text, "\n");
		size_t length = (size_t)(end - text);
		if (length && text[length - 1] == '\r')
			length--;
		if (length == 0 || *text == '#')
			continue;
		if (add(ring, text, length, &reason) < 0)
			return error_set(error, reason.code, reason.offset, "%s, line %zu: %s", source, line,
					 reason.text);
	}
	return 0;
}

static int add_file(struct key_ring *ring, const char *path, struct error *error)
{
	int outcome = -1;
	size_t before = ring->count, length = 0;
	FILE *file = fopen(path, "r");
	char *text = OPENSSL_zalloc(FILE_LIMIT + 1);
	if (!file) {
		error_set_errno(error, "key file %s", path);
	} else if (!text) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
	} else {
		setvbuf(file, NULL, _IONBF, 0);
		length = fread(text, 1, FILE_LIMIT, file);
		if (ferror(file))
			error_set_errno(error, "key file %s", path);
		else if (length == FILE_LIMIT)
			error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "key file %s: %d octets or more; is it one?",
				  path, FILE_LIMIT);
		else if (memchr(text, 0, length))
			error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET, "key file %s: no text, it has NULs", path);
		else
			outcome = add_lines(ring, text, path, error);
	}
	if (outcome == 0 && ring->count == before)
		outcome = error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
				    "key file %s: no key in it; expected KID:ALGORITHM:BASE64, one a line", path);
	OPENSSL_clear_free(text, FILE_LIMIT + 1);
	if (file)
		fclose(file);
	return outcome;
}

int keys_add(struct key_ring *ring, const char *argument, struct error *error)
{
	return *argument == '@' ? add_file(ring, argument + 1, error) : add(ring, argument, strlen(argument), error);
}

int keys_add_environment(struct key_ring *ring, struct error *error)
{
	const char *text = getenv(KEYS_ENVIRONMENT);
	return text ? add_lines(ring, text, KEYS_ENVIRONMENT, error) : 0;
}

void keys_free(struct key_ring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		free(ring->keys[i].kid);
	OPENSSL_clear_free(ring->keys, ring->count * sizeof *ring->keys);
	*ring = (struct key_ring){0};
}
