// SPDX-License-Identifier: BSD-3-Clause
//
// What the fuzz targets share. A target is one function that is called with any octets at all, and claims what must
// hold whatever they are; a claim that does not hold ends the process, as a finding of the sanitizers does. It is
// linked with libFuzzer (make fuzz), or with replay.c, which calls it once for each file of the corpus (make test).
// Nothing a target does may depend on what an earlier call left behind.
#ifndef ASSAY_TESTS_FUZZ_FUZZ_H
#define ASSAY_TESTS_FUZZ_FUZZ_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define claim(condition) ((condition) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #condition))

static inline _Noreturn void fuzz_broken(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: a claim does not hold: %s\n", file, line, condition);
	abort();
}

// A copy of exactly this size on the heap, so that a read behind it is seen. The caller frees it.
static inline uint8_t *fuzz_copy(const void *data, size_t size)
{
	uint8_t *copy = calloc(size ? size : 1, 1);
	claim(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

// The next octets of an input that has a structure: as many as are left, up to `most`. *length is set to their number.
static inline const uint8_t *fuzz_take(struct reader *input, size_t most, size_t *length)
{
	*length = most < reader_left(input) ? most : reader_left(input);
	return reader_bytes(input, *length);
}

// The next octet, 0 where there is none.
static inline uint8_t fuzz_octet(struct reader *input)
{
	return reader_left(input) ? reader_u8(input) : 0;
}

static inline uint16_t fuzz_u16(struct reader *input)
{
	uint16_t high = fuzz_octet(input);
	return (uint16_t)(high << 8 | fuzz_octet(input));
}

// Whether all of the text is printable ASCII, and line ends where `lines` are allowed.
static inline bool fuzz_is_printable(const void *text, size_t length, bool lines)
{
	const uint8_t *octets = text;
	for (size_t i = 0; i < length; i++)
		if ((octets[i] < 0x20 || octets[i] > 0x7E) && !(lines && octets[i] == '\n'))
			return false;
	return true;
}

// A failure says what it is, in words, and its place lies within the input of this size or right behind it.
static inline void fuzz_claim_told(const struct error *error, size_t size)
{
	claim(error->code != ERROR_NONE);
	claim(memchr(error->text, 0, sizeof error->text) && error->text[0]);
	claim(error->offset == ERROR_NO_OFFSET || error->offset <= size);
}

#endif
