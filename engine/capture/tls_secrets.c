// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_secrets.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 65536
#define LARGEST_FILE 67108864
#define PORTION 16384
#define TLS_KEY_LOG 0x544C534B // the type of its blocks in a pcapng file, "TLSK"
#define LONGEST_LINE 512       // octets; the longest that is used has about 230

static const char *const label_names[TLS_LABELS] = {
	[TLS_MASTER] = "CLIENT_RANDOM",
	[TLS_CLIENT_EARLY] = "CLIENT_EARLY_TRAFFIC_SECRET",
	[TLS_CLIENT_HANDSHAKE] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
	[TLS_SERVER_HANDSHAKE] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	[TLS_CLIENT_TRAFFIC] = "CLIENT_TRAFFIC_SECRET_0",
	[TLS_SERVER_TRAFFIC] = "SERVER_TRAFFIC_SECRET_0",
};

struct entry {
	uint8_t random[TLS_RANDOM];
	enum tls_label label;
	struct tls_secret secret; // of length 0: a free place
};

struct tls_secrets {
	struct entry *table; // open addressing; `places` is a power of two, at least twice the number
	size_t places, number, limit;
	uint64_t seed; // so that nobody can write a log whose lines all fall into one place
	bool closed;   // no more will come
	bool left_out; // some did not fit
};

struct tls_secrets *tls_secrets_new(size_t limit)
{
	struct tls_secrets *secrets = calloc(1, sizeof *secrets);
	if (!secrets)
		return NULL;
	secrets->limit = limit ? limit : DEFAULT_LIMIT;
	if (RAND_bytes((unsigned char *)&secrets->seed, sizeof secrets->seed) != 1) {
		free(secrets);
		return NULL;
	}
	return secrets;
}

void tls_secrets_free(struct tls_secrets *secrets)
{
	if (!secrets)
		return;
	OPENSSL_clear_free(secrets->table, secrets->places * sizeof *secrets->table);
	free(secrets);
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 32) * 0xD6E8FEB86659FD93u;
	value = (value ^ value >> 32) * 0xD6E8FEB86659FD93u;
	return value ^ value >> 32;
}

// The place of the secret, or the free one where it would stand. There is always a free one.
static struct entry *place_of(const struct tls_secrets *secrets, const uint8_t random[TLS_RANDOM], enum tls_label label)
{
	uint64_t words[TLS_RANDOM / 8], hash = secrets->seed + label;
	memcpy(words, random, sizeof words);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		hash = mix(hash ^ words[i]);
	for (size_t place = (size_t)hash;; place++) {
		struct entry *entry = &secrets->table[place & (secrets->places - 1)];
		if (!entry->secret.length || (entry->label == label && !memcmp(entry->random, random, TLS_RANDOM)))
			return entry;
	}
}

const struct tls_secret *tls_secrets_find(const struct tls_secrets *secrets, const uint8_t random[TLS_RANDOM],
					  enum tls_label label)
{
	if (!secrets->number)
		return NULL;
	const struct entry *entry = place_of(secrets, random, label);
	return entry->secret.length ? &entry->secret : NULL;
}

static bool grow(struct tls_secrets *secrets)
{
	struct tls_secrets larger = *secrets;
	larger.places = secrets->places ? secrets->places * 2 : 64;
	larger.table = OPENSSL_zalloc(larger.places * sizeof *larger.table);
	if (!larger.table)
		return false;
	for (size_t i = 0; i < secrets->places; i++) {
		const struct entry *entry = &secrets->table[i];
		if (entry->secret.length)
			*place_of(&larger, entry->random, entry->label) = *entry;
	}
	OPENSSL_clear_free(secrets->table, secrets->places * sizeof *secrets->table);
	*secrets = larger;
	return true;
}

static int insert(struct tls_secrets *secrets, const struct entry *entry, struct tls_secrets_count *count,
		  struct error *error)
{
	if (tls_secrets_find(secrets, entry->random, entry->label)) {
		count->known++;
		return 0;
	}
	if (secrets->number >= secrets->limit) {
		secrets->left_out = true;
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "more than %zu TLS secrets: give the key log of these connections alone",
				 secrets->limit);
	}
	if ((secrets->number + 1) * 2 > secrets->places && !grow(secrets))
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "out of memory for TLS secrets");
	*place_of(secrets, entry->random, entry->label) = *entry;
	secrets->number++;
	count->added++;
	return 0;
}

static int digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter = (char)(letter | 0x20);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Octets written in hexadecimal, at least one and at most `most`; their number, 0 when it is none.
static size_t from_hex(const char *text, size_t length, uint8_t *octets, size_t most)
{
	if (length % 2 || length / 2 > most)
		return 0;
	for (size_t i = 0; i < length / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return 0;
		octets[i] = (uint8_t)(high << 4 | low);
	}
	return length / 2;
}

struct word {
	const char *text;
	size_t length;
};

// The next word of a line, empty at its end; *line is what is left behind it.
static struct word next_word(struct word *line)
{
	size_t from = 0, to;
	while (from < line->length && (line->text[from] == ' ' || line->text[from] == '\t'))
		from++;
	for (to = from; to < line->length && line->text[to] != ' ' && line->text[to] != '\t';)
		to++;
	struct word word = {.text = &line->text[from], .length = to - from};
	line->text = &line->text[to];
	line->length -= to;
	return word;
}

static bool is_label(struct word word)
{
	for (size_t i = 0; i < word.length; i++) {
		char letter = word.text[i];
		if (!((letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '_'))
			return false;
	}
	return word.length > 0;
}

static bool length_fits(enum tls_label label, size_t length)
{
	// A hash of SHA-256, SHA-384 or (of no suite so far) SHA-512.
	return label == TLS_MASTER ? length == 48 : length == 32 || length == 48 || length == 64;
}

// What a line is: 1 a secret, 0 passed over, -1 malformed.
static int read_line(struct word line, struct entry *entry)
{
	if (line.length && line.text[line.length - 1] == '\r')
		line.length--;
	if (line.length > LONGEST_LINE)
		return -1;
	struct word label = next_word(&line), random = next_word(&line), secret = next_word(&line);
	if (!label.length || label.text[0] == '#')
		return 0;
	if (!is_label(label) || !secret.length || next_word(&line).length)
		return -1;
	size_t which = 0;
	while (which < TLS_LABELS && (strlen(label_names[which]) != label.length ||
				      memcmp(label_names[which], label.text, label.length) != 0))
		which++;
	if (which == TLS_LABELS)
		return 0;
	entry->label = (enum tls_label)which;
	if (from_hex(random.text, random.length, entry->random, TLS_RANDOM) != TLS_RANDOM)
		return -1;
	entry->secret.length = from_hex(secret.text, secret.length, entry->secret.octets, TLS_SECRET_MOST);
	return length_fits(entry->label, entry->secret.length) ? 1 : -1;
}

static int add_line(struct tls_secrets *secrets, struct word line, size_t number, struct tls_secrets_count *count,
		    struct error *error)
{
	struct entry entry = {0};
	int outcome = 0, kind = read_line(line, &entry);
	if (kind > 0)
		outcome = insert(secrets, &entry, count, error);
	else if (kind == 0)
		count->passed_over++;
	else if (count->malformed++ == 0)
		count->first_malformed = number;
	OPENSSL_cleanse(&entry, sizeof entry);
	return outcome;
}

int tls_secrets_add(struct tls_secrets *secrets, const char *text, size_t length, struct tls_secrets_count *count,
		    struct error *error)
{
	struct tls_secrets_count nobody_asked = {0};
	size_t number = 0;
	for (size_t from = 0, to; from < length; from = to + 1) {
		const char *end = memchr(&text[from], '\n', length - from);
		to = end ? (size_t)(end - text) : length;
		struct word line = {.text = &text[from], .length = to - from};
		if (add_line(secrets, line, ++number, count ? count : &nobody_asked, error) < 0)
			return -1;
	}
	return 0;
}

void tls_secrets_take(void *secrets, uint32_t type, const uint8_t *octets, size_t length)
{
	if (type == TLS_KEY_LOG)
		tls_secrets_add(secrets, (const char *)octets, length, NULL, NULL);
}

// The whole file, in memory that tls_secrets_read wipes.
static int read_file(FILE *file, const char *path, char **text, size_t *length, size_t *capacity, struct error *error)
{
	size_t got;
	do {
		if (*capacity - *length < PORTION) {
			size_t larger = *capacity ? *capacity * 2 : 4 * (size_t)PORTION;
			char *moved = *length > LARGEST_FILE ? NULL : OPENSSL_clear_realloc(*text, *capacity, larger);
			if (!moved)
				return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
						 "%s: a key log of more than %d octets is not read", path,
						 LARGEST_FILE);
			*text = moved;
			*capacity = larger;
		}
		errno = 0;
		got = fread(*text + *length, 1, PORTION, file);
		*length += got;
	} while (got == PORTION);
	return ferror(file) ? error_set_errno(error, "%s", path) : 0;
}

int tls_secrets_read(struct tls_secrets *secrets, const char *path, struct tls_secrets_count *count,
		     struct error *error)
{
	struct tls_secrets_count here = {0};
	char *text = NULL;
	size_t length = 0, capacity = 0;
	int outcome = -1;
	FILE *file = fopen(path, "re");
	if (!file)
		return error_set_errno(error, "%s", path);
	// The C library's own buffer would keep secrets that nobody wipes.
	setvbuf(file, NULL, _IONBF, 0);
	if (read_file(file, path, &text, &length, &capacity, error) < 0 ||
	    tls_secrets_add(secrets, text, length, &here, error) < 0)
		goto done;
	if (!here.added && !here.known && here.malformed) {
		error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET,
			  "%s: line %zu is no line of a TLS key log, and there is none in the file "
			  "(expected LABEL, client random and secret in hexadecimal, as SSLKEYLOGFILE has them)",
			  path, here.first_malformed);
		goto done;
	}
	if (count) {
		count->added += here.added;
		count->known += here.known;
		count->passed_over += here.passed_over;
		count->malformed += here.malformed;
		if (!count->first_malformed)
			count->first_malformed = here.first_malformed;
	}
	outcome = 0;
done:
	OPENSSL_clear_free(text, capacity);
	fclose(file);
	return outcome;
}

size_t tls_secrets_number(const struct tls_secrets *secrets)
{
	return secrets->number;
}

bool tls_secrets_left_out(const struct tls_secrets *secrets)
{
	return secrets->left_out;
}

void tls_secrets_close(struct tls_secrets *secrets)
{
	secrets->closed = true;
}

bool tls_secrets_closed(const struct tls_secrets *secrets)
{
	return secrets->closed;
}

const char *tls_secrets_label(enum tls_label label)
{
	return label_names[label];
}
