// SPDX-License-Identifier: BSD-3-Clause
#include "token/base64.h"

#include "base/bytes.h"
#include "base/error.h"

#include <openssl/crypto.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void token_base64_encode(struct writer *output, const void *data, size_t length)
{
	struct reader reader;
	reader_init(&reader, data, length);
	for (size_t left; (left = reader_left(&reader)) > 0;) {
		size_t take = left < 3 ? left : 3;
		uint32_t bits = 0;
		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < take ? reader_u8(&reader) : 0u);
		for (size_t i = 0; i < 4; i++)
			writer_u8(output, (uint8_t)(i <= take ? alphabet[bits >> (18 - 6 * i) & 63] : '='));
	}
}

// 0..63, or -1 for a character outside the alphabet.
static int digit(char character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	return character == '+' ? 62 : character == '/' ? 63 : -1;
}

static int foreign(char character, size_t offset, struct error *error)
{
	if (character == '-' || character == '_')
		return error_set(error, ERROR_MALFORMED, offset,
				 "base64: '%c' at character %zu is of the URL-safe alphabet (RFC 4648 5); "
				 "expected the standard one (section 4), which has '%c' there",
				 character, offset, character == '-' ? '+' : '/');
	if (character == ' ' || (character >= '\t' && character <= '\r'))
		return error_set(error, ERROR_MALFORMED, offset,
				 "base64: white space at character %zu; expected none (RFC 4648 3.3)", offset);
	if (character == '=')
		return error_set(error, ERROR_MALFORMED, offset,
				 "base64: padding at character %zu, before the end or too much of it", offset);
	return error_set(error, ERROR_MALFORMED, offset,
			 "base64: octet 0x%02X at character %zu is not of the alphabet (RFC 4648 4)",
			 (unsigned char)character, offset);
}

int token_base64_decode(struct writer *output, const char *text, size_t length, struct error *error)
{
	size_t padding = 0, before = output->length;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	size_t digits = length - padding;
	// What is foreign is told before what is misplaced: a line end behind the padding would otherwise pass for
	// padding in the middle.
	for (size_t i = 0; i < length; i++)
		if (digit(text[i]) < 0 && text[i] != '=')
			return foreign(text[i], i, error);
	for (size_t i = 0; i < digits; i++)
		if (text[i] == '=')
			return foreign(text[i], i, error);
	if (length % 4 != 0 || digits % 4 == 1)
		return error_set(error, digits % 4 == 1 || padding ? ERROR_MALFORMED : ERROR_TRUNCATED, length,
				 digits % 4 == 1
					 ? "base64: %zu characters are no whole number of octets; one may be lost"
					 : "base64: %zu characters are no multiple of 4; expected '=' padding "
					   "at the end (RFC 4648 3.2)",
				 length);
	uint32_t bits = 0;
	for (size_t i = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)digit(text[i]);
		if (i % 4 != 0)
			writer_u8(output, (uint8_t)(bits >> (6 - i % 4 * 2)));
	}
	int outcome = 0;
	if (padding && (bits & (padding == 1 ? 3u : 15u)))
		outcome = error_set(error, ERROR_MALFORMED, digits - 1,
				    "base64: the spare bits of character %zu are not zero (RFC 4648 3.5)", digits - 1);
	else if (output->failed)
		outcome = error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				    "base64: more than the %zu octets allowed here", output->limit);
	if (outcome < 0 && output->data) {
		OPENSSL_cleanse(&output->data[before], output->length - before);
		output->length = before;
	}
	OPENSSL_cleanse(&bits, sizeof bits);
	return outcome;
}
