// SPDX-License-Identifier: BSD-3-Clause
//
// Base64 as RFC 4648 section 4 has it, and nothing more forgiving: an access token is judged by this decoder.
// The URL-safe alphabet of section 5 is told apart so that the error can name it; it is not decoded.
#ifndef ASSAY_TOKEN_BASE64_H
#define ASSAY_TOKEN_BASE64_H

#include <stddef.h>

struct error;
struct writer;

// Appends the padded text of `length` octets (no terminator). A writer without room ends up `failed`.
void token_base64_encode(struct writer *output, const void *data, size_t length);

// Appends the octets that `text` stands for. Refused, with the offset of the character at fault: characters outside
// the alphabet, white space among them; padding that is missing, too much or in the middle; spare bits that are not
// zero. 0, or -1 with *error filled; on failure `output` holds only what it held before.
int token_base64_decode(struct writer *output, const char *text, size_t length, struct error *error);

#endif
