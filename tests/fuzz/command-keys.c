// SPDX-License-Identifier: BSD-3-Clause
//
// Keys as a person gives them, KID:ALGORITHM:BASE64: one alone, a file of them, and base64 by itself. What is read can
// be written again, and nothing that is said of a failure quotes a key.
#include "command/keys.h"
#include "fuzz.h"
#include "token/base64.h"

#include <sys/mman.h>
#include <unistd.h>

static void check_base64(const uint8_t *data, size_t size)
{
	struct writer text, octets, again;
	struct error error = {0};
	writer_init(&text, 2 * size + 4);
	writer_init(&octets, size);
	writer_init(&again, 2 * size + 4);
	token_base64_encode(&text, data, size);
	claim(!text.failed && text.length == (size + 2) / 3 * 4);
	claim(token_base64_decode(&octets, (const char *)text.data, text.length, &error) == 0);
	claim(octets.length == size && (!size || memcmp(octets.data, data, size) == 0));
	// The input taken as text: what is let in has one form, so it comes out again as it was.
	writer_reset(&octets);
	if (token_base64_decode(&octets, (const char *)data, size, &error) == 0) {
		token_base64_encode(&again, octets.data, octets.length);
		claim(again.length == size && (!size || memcmp(again.data, data, size) == 0));
	} else {
		fuzz_claim_told(&error, size);
		claim(octets.length == 0 && fuzz_is_printable(error.text, strlen(error.text), false));
	}
	writer_free(&text);
	writer_free(&octets);
	writer_free(&again);
}

// The key written out is the one that was read.
static void claim_written(const struct token_key *key, size_t kid_length, const char *text, size_t length)
{
	struct writer again;
	writer_init(&again, length);
	writer_bytes(&again, text, kid_length);
	writer_u8(&again, ':');
	writer_bytes(&again, key->algorithm->name, strlen(key->algorithm->name));
	writer_u8(&again, ':');
	token_base64_encode(&again, key->octets, key->algorithm->key_length);
	claim(again.length == length && memcmp(again.data, text, length) == 0);
	writer_free(&again);
}

static void check_key(const char *text, size_t length)
{
	struct token_key key;
	struct error error = {0};
	size_t kid_length = 0;
	if (token_key_parse(&key, &kid_length, text, length, &error) == 0) {
		claim(kid_length > 0 && kid_length < length);
		claim_written(&key, kid_length, text, length);
		token_key_wipe(&key);
	} else {
		fuzz_claim_told(&error, length);
		claim(fuzz_is_printable(error.text, strlen(error.text), false));
	}
}

// Every key of a ring is one of the lines it was read from.
static void claim_ring(const struct key_ring *ring, const char *text)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct named_key *named = &ring->keys[i];
		struct writer line;
		claim(named->kid_length > 0 && strlen(named->kid) == named->kid_length);
		writer_init(&line, 65536);
		writer_bytes(&line, named->kid, named->kid_length);
		writer_u8(&line, ':');
		writer_bytes(&line, named->key.algorithm->name, strlen(named->key.algorithm->name));
		writer_u8(&line, ':');
		token_base64_encode(&line, named->key.octets, named->key.algorithm->key_length);
		writer_u8(&line, 0);
		claim(!line.failed && strstr(text, (const char *)line.data));
		writer_free(&line);
	}
}

static void check_file(const uint8_t *data, size_t size, const char *text)
{
	char argument[40];
	struct key_ring ring = {0};
	struct error error = {0};
	int file = memfd_create("keys", 0);
	claim(file >= 0 && write(file, data, size) == (ssize_t)size);
	snprintf(argument, sizeof argument, "@/proc/self/fd/%d", file);
	if (keys_add(&ring, argument, &error) == 0) {
		claim(ring.count > 0);
	} else {
		claim(error.code != ERROR_NONE && error.text[0]);
		// The place is named, so that the fault is found among many lines.
		claim(strstr(error.text, "/proc/self/fd/"));
	}
	claim(!memchr(data, 0, size) || ring.count == 0);
	claim_ring(&ring, text);
	keys_free(&ring);
	close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct key_ring ring = {0};
	struct error error = {0};
	char *text = (char *)malloc(size + 1);
	claim(text);
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	check_base64(data, size);
	check_key((const char *)data, size);
	check_file(data, size, text);
	if (text[0] != '@' && keys_add(&ring, text, &error) == 0) {
		claim(ring.count == 1);
		claim_ring(&ring, text);
	}
	keys_free(&ring);
	claim(setenv(KEYS_ENVIRONMENT, text, 1) == 0);
	if (keys_add_environment(&ring, &error) < 0)
		claim(strstr(error.text, KEYS_ENVIRONMENT ", line "));
	claim_ring(&ring, text);
	keys_free(&ring);
	unsetenv(KEYS_ENVIRONMENT);
	free(text);
	return 0;
}
