// SPDX-License-Identifier: BSD-3-Clause
//
// UTF-8 (RFC 3629 section 4): which octets are a character, and how any octets become a text of it.
#ifndef ASSAY_BASE_UTF8_H
#define ASSAY_BASE_UTF8_H

#include "base/bytes.h"

// Octets of the well-formed character in front of the reader, which is left as it is: 1 to 4, and 0 where there is
// none. *value is its code point then; else it means nothing.
size_t utf8_character(const struct reader *reader, uint32_t *value);

// Appends `text` to *out, each octet that is not part of well-formed UTF-8, and each NUL, as the four characters \xHH.
// It stops in front of the first character that would make it more than `most` octets. Returns the number of octets
// appended; that of an *out which failed means nothing.
size_t utf8_write_clean(struct writer *out, const char *text, size_t length, size_t most);

#endif
