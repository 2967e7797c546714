// SPDX-License-Identifier: BSD-3-Clause
//
// Makes any octets into UTF-8 that a capture file may hold as a text.
#ifndef ASSAY_CAPTURE_UTF8_H
#define ASSAY_CAPTURE_UTF8_H

#include "base/bytes.h"

// Appends `text` to *out, each octet that is not part of well-formed UTF-8 (RFC 3629 section 4), and each NUL, as the
// four characters \xHH. It stops in front of the first character that would make it more than `most` octets. Returns
// the number of octets appended; that of an *out which failed means nothing.
size_t utf8_write_clean(struct writer *out, const char *text, size_t length, size_t most);

#endif
