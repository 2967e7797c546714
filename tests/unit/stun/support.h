// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of this room share: the messages of RFC 5769 and RFC 8489 B.1 in readable hex, and octets from hex.
#ifndef ASSAY_TESTS_STUN_SUPPORT_H
#define ASSAY_TESTS_STUN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SHORT_TERM_KEY "VOkJxbRl1RmTxUk/WvJxBt"

#define SAMPLE_REQUEST \
	"00010058 2112a442 b7e7a701bc34d686fa87dfae" \
	"80220010 5354554e207465737420636c69656e74" \
	"00240004 6e0001ff" \
	"80290008 932ff9b151263b36" \
	"00060009 6576746a3a68367659 202020" \
	"00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" \
	"80280004 e57a3bcf"

#define SAMPLE_IPV4 \
	"0101003c 2112a442 b7e7a701bc34d686fa87dfae" \
	"8022000b 7465737420766563746f72 20" \
	"00200008 0001a147e112a643" \
	"00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7" \
	"80280004 c07d4c96"

#define SAMPLE_IPV6 \
	"01010048 2112a442 b7e7a701bc34d686fa87dfae" \
	"8022000b 7465737420766563746f72 20" \
	"00200014 0002a1470113a9faa5d3f179bc25f4b5bed2b9d9" \
	"00080014 a382954e4be67bf11784c97c8292c275bfe3ed41" \
	"80280004 c8fb0b4c"

#define SAMPLE_LONG_TERM \
	"00010060 2112a442 78ad3433c6ad72c029da412e" \
	"00060012 e3839ee38388e383aae38383e382afe382b9 0000" \
	"0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341" \
	"0014000b 6578616d706c652e6f7267 00" \
	"00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666"

// As erratum 6268 of RFC 8489 corrects it.
#define SAMPLE_SHA256 \
	"00010090 2112a442 78ad3433c6ad72c029da412e" \
	"001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704" \
	"00150029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341 000000" \
	"0014000b 6578616d706c652e6f7267 00" \
	"001d0004 00020000" \
	"001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65"

#define LONG_TERM_USER "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"

struct octets {
	uint8_t *data; // exactly `length` on the heap, so that a sanitizer sees one octet too many
	size_t length;
};

static inline struct octets octets_copy(const void *data, size_t length)
{
	struct octets octets = {malloc(length + !length), length};
	assert_non_null(octets.data);
	if (length)
		memcpy(octets.data, data, length);
	return octets;
}

static inline struct octets octets_from_hex(const char *hex)
{
	uint8_t buffer[1024];
	size_t digits = 0;
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_non_null(strchr("0123456789abcdef", *hex));
		assert_true(digits / 2 < sizeof buffer);
		uint8_t value = (uint8_t)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
		buffer[digits / 2] = (uint8_t)(digits % 2 ? buffer[digits / 2] | value : value << 4);
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	return octets_copy(buffer, digits / 2);
}

#endif
