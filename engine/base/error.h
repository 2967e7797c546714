// SPDX-License-Identifier: BSD-3-Clause
//
// One error record for the whole engine: what went wrong, at which octet of the input, said to a person.
// It is filled once, where the fault is found, and only handed upwards after that. Library code never prints.
#ifndef ASSAY_BASE_ERROR_H
#define ASSAY_BASE_ERROR_H

#include <stddef.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_TRUNCATED,     // the input ends before what it announced
	ERROR_MALFORMED,     // the input breaks the rules of its format
	ERROR_UNKNOWN,       // well formed, but names something that is not known here
	ERROR_NOT_ALLOWED,   // known, but not in this place or not by this caller
	ERROR_LIMIT,         // larger or more than what is bounded here
	ERROR_NOT_AUTHENTIC, // a tag, MAC or signature does not verify
	ERROR_SYSTEM,        // the operating system refused; the text has its reason
	ERROR_LIBRARY,       // OpenSSL, libevent, libpcap or jansson refused; the text has its reason
};

// Where the fault has no place in any input.
#define ERROR_NO_OFFSET ((size_t)-1)

struct error {
	enum error_code code;
	size_t offset; // octets from the start of the input, or ERROR_NO_OFFSET
	char text[256];
};

// Fills *error (which may be NULL) and returns -1, so that a function may end with `return error_set(...)`.
int error_set(struct error *error, enum error_code code, size_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

// The same with the reason of errno behind the text.
int error_set_errno(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
