// SPDX-License-Identifier: BSD-3-Clause
//
// What a person reads: a message as lines of text, each attribute with its octet offset and decoded value. The octets
// may be hostile, and broken at any place: the text is printable ASCII and line ends whatever they hold, ends after a
// bounded number of lines, and goes as far as the lengths can be followed. It hides nothing: who must not see a value
// is not given the text.
//
//   Allocate error, 88 octets, transaction 000102030405060708090a0b
//       0  type 0x0113, length 68, cookie 0x2112A442
//      20  ERROR-CODE (0x0009), 19 octets: 401 "Unauthenticated", padding 00
#ifndef ASSAY_STUN_TEXT_H
#define ASSAY_STUN_TEXT_H

#include <stddef.h>

struct error;
struct writer;

// Appends the text of a datagram or frame: a STUN message, ChannelData, or something else, which is shown as octets.
// Nothing makes it fail but a full writer (ERROR_LIMIT).
int stun_text(const void *data, size_t length, struct writer *writer, struct error *error);

// Appends octets as they may be shown between quotes: what is not printable ASCII as \xHH, quote and backslash escaped.
void stun_text_escape(const void *data, size_t length, struct writer *writer);

#endif
