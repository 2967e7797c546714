// SPDX-License-Identifier: BSD-3-Clause
#include "stun/value.h"

#include "base/bytes.h"
#include "base/error.h"

static const struct {
	unsigned code;
	const char *reason;
} reasons[] = {
	{300, "Try Alternate"},
	{400, "Bad Request"},
	{401, "Unauthenticated"},
	{403, "Forbidden"},
	{405, "Mobility Forbidden"},
	{420, "Unknown Attribute"},
	{437, "Allocation Mismatch"},
	{438, "Stale Nonce"},
	{440, "Address Family not Supported"},
	{441, "Wrong Credentials"},
	{442, "Unsupported Transport Protocol"},
	{443, "Peer Address Family Mismatch"},
	{446, "Connection Already Exists"},
	{447, "Connection Timeout or Failure"},
	{486, "Allocation Quota Reached"},
	{487, "Role Conflict"},
	{500, "Server Error"},
	{508, "Insufficient Capacity"},
};

const char *stun_error_reason(unsigned code)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "";
}

static size_t rest(struct reader *reader, struct stun_octets *octets)
{
	octets->length = reader_left(reader);
	octets->data = reader_bytes(reader, octets->length);
	return octets->length;
}

static int exactly(size_t length, size_t wanted, struct error *error)
{
	if (length == wanted)
		return 0;
	return error_set(error, ERROR_MALFORMED, length < wanted ? length : wanted,
			 "the value has %zu octets, its form has %zu", length, wanted);
}

static int decode_error(struct reader *reader, bool with_family, struct stun_error_code *code, struct error *error)
{
	uint32_t word = reader_u32(reader);
	if (reader->failed)
		return error_set(error, ERROR_MALFORMED, reader->length,
				 "an error code has 4 octets before its reason, this value has %zu", reader->length);
	code->family = with_family ? (uint8_t)(word >> 24) : 0;
	code->reserved = word >> 11 & (with_family ? 0x1FFF : 0x1FFFFF);
	code->class = word >> 8 & 7;
	code->number = word & 0xFF;
	rest(reader, &code->reason);
	if (with_family && !stun_family_name(code->family))
		return error_set(error, ERROR_UNKNOWN, 0, "address family 0x%02X is neither IPv4 (1) nor IPv6 (2)",
				 code->family);
	return 0;
}

static int encode_error(const struct stun_error_code *code, bool with_family, struct writer *writer,
			struct error *error)
{
	if (code->class > 7 || code->reserved > (with_family ? 0x1FFFU : 0x1FFFFFU))
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "an error code has a class of 3 bits and %d reserved bits", with_family ? 13 : 21);
	uint32_t word = code->reserved << 11 | (uint32_t)code->class << 8 | code->number;
	writer_u32(writer, with_family ? word | (uint32_t)code->family << 24 : word);
	writer_bytes(writer, code->reason.data, code->reason.length);
	return 0;
}

int stun_algorithm_next(struct reader *reader, struct stun_algorithm *algorithm, struct error *error)
{
	size_t offset = reader->offset;
	if (!reader_left(reader))
		return 0;
	algorithm->algorithm = reader_u16(reader);
	algorithm->parameters.length = reader_u16(reader);
	if (reader->failed)
		return error_set(error, ERROR_MALFORMED, offset, "a password algorithm has 4 octets, %zu are there",
				 reader->length - offset);
	algorithm->parameters.data = reader_bytes(reader, algorithm->parameters.length);
	if (!algorithm->parameters.data)
		return error_set(error, ERROR_MALFORMED, offset,
				 "password algorithm %u announces %zu octets, %zu are there", algorithm->algorithm,
				 algorithm->parameters.length, reader_left(reader));
	size_t padding = (4 - algorithm->parameters.length % 4) % 4;
	reader_bytes(reader, padding < reader_left(reader) ? padding : reader_left(reader));
	return 1;
}

int stun_algorithm_encode(const struct stun_algorithm *algorithm, struct writer *writer, struct error *error)
{
	if (algorithm->parameters.length > UINT16_MAX)
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "the parameters of an algorithm end at 65535 octets");
	writer_u16(writer, algorithm->algorithm);
	writer_u16(writer, (uint16_t)algorithm->parameters.length);
	writer_bytes(writer, algorithm->parameters.data, algorithm->parameters.length);
	writer_fill(writer, 0, (4 - algorithm->parameters.length % 4) % 4);
	return writer->failed ? error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no room for a password algorithm") : 0;
}

static int check_algorithms(const void *data, size_t length, struct error *error)
{
	struct reader reader;
	struct stun_algorithm algorithm;
	int more;
	reader_init(&reader, data, length);
	while ((more = stun_algorithm_next(&reader, &algorithm, error)) > 0)
		;
	return more;
}

static int decode_algorithm(struct reader *reader, struct stun_algorithm *algorithm, struct error *error)
{
	int found = stun_algorithm_next(reader, algorithm, error);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(error, ERROR_MALFORMED, 0, "a password algorithm has 4 octets, 0 are there");
	if (reader_left(reader))
		return error_set(error, ERROR_MALFORMED, reader->offset, "%zu octets follow the password algorithm",
				 reader_left(reader));
	return 0;
}

int stun_value_decode(enum stun_kind kind, const void *data, size_t length,
		      const uint8_t transaction[STUN_TRANSACTION_SIZE], struct stun_value *value, struct error *error)
{
	struct reader reader;
	reader_init(&reader, data, length);
	*value = (struct stun_value){.kind = kind};
	switch (kind) {
	case STUN_KIND_OPAQUE:
	case STUN_KIND_TEXT:
		rest(&reader, &value->as.octets);
		return 0;
	case STUN_KIND_U32:
	case STUN_KIND_FINGERPRINT:
		value->as.integer = reader_u32(&reader);
		return exactly(length, 4, error);
	case STUN_KIND_U64:
		value->as.integer = reader_u64(&reader);
		return exactly(length, 8, error);
	case STUN_KIND_U8_RESERVED:
	case STUN_KIND_FAMILY: {
		uint32_t word = reader_u32(&reader);
		value->reserved = word & 0xFFFFFF;
		if (exactly(length, 4, error) < 0)
			return -1;
		if (kind == STUN_KIND_U8_RESERVED) {
			value->as.integer = word >> 24;
			return 0;
		}
		value->as.family = (uint8_t)(word >> 24);
		if (!stun_family_name(value->as.family))
			return error_set(error, ERROR_UNKNOWN, 0,
					 "address family 0x%02X is neither IPv4 (1) nor IPv6 (2)", value->as.family);
		return 0;
	}
	case STUN_KIND_U16_RESERVED:
		value->as.integer = reader_u16(&reader);
		value->reserved = reader_u16(&reader);
		return exactly(length, 4, error);
	case STUN_KIND_FLAG:
		value->as.flag = true;
		return exactly(length, 0, error);
	case STUN_KIND_EVEN_PORT: {
		uint8_t octet = reader_u8(&reader);
		value->as.flag = octet >> 7;
		value->reserved = octet & 0x7F;
		return exactly(length, 1, error);
	}
	case STUN_KIND_ADDRESS:
		return stun_address_decode(data, length, NULL, &value->as.address, error);
	case STUN_KIND_XOR_ADDRESS:
		return stun_address_decode(data, length, transaction, &value->as.address, error);
	case STUN_KIND_ERROR:
	case STUN_KIND_ADDRESS_ERROR:
		return decode_error(&reader, kind == STUN_KIND_ADDRESS_ERROR, &value->as.error, error);
	case STUN_KIND_TYPES:
		if (rest(&reader, &value->as.octets) % 2)
			return error_set(error, ERROR_MALFORMED, length - 1,
					 "a list of attribute types has an even length, not %zu", length);
		return 0;
	case STUN_KIND_ALGORITHM:
		return decode_algorithm(&reader, &value->as.algorithm, error);
	case STUN_KIND_ALGORITHMS:
		rest(&reader, &value->as.octets);
		return check_algorithms(data, length, error);
	case STUN_KIND_ICMP: {
		value->as.icmp.reserved = reader_u16(&reader);
		uint16_t both = reader_u16(&reader);
		value->as.icmp.type = (uint8_t)(both >> 9);
		value->as.icmp.code = both & 0x1FF;
		value->as.icmp.data = reader_u32(&reader);
		return exactly(length, 8, error);
	}
	case STUN_KIND_INTEGRITY:
		rest(&reader, &value->as.octets);
		return exactly(length, 20, error);
	case STUN_KIND_INTEGRITY_SHA256:
		rest(&reader, &value->as.octets);
		if (length < 16 || length > 32 || length % 4)
			return error_set(error, ERROR_MALFORMED, 0,
					 "the value has %zu octets, not 16 to 32 in steps of 4", length);
		return 0;
	}
	return error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET, "there is no kind %d of value", (int)kind);
}

static int in_field(uint64_t number, uint64_t most, struct error *error)
{
	if (number <= most)
		return 0;
	return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET, "%llu does not fit, the field ends at %llu",
			 (unsigned long long)number, (unsigned long long)most);
}

int stun_value_encode(const struct stun_value *value, const uint8_t transaction[STUN_TRANSACTION_SIZE],
		      struct writer *writer, struct error *error)
{
	int outcome = 0;
	switch (value->kind) {
	case STUN_KIND_OPAQUE:
	case STUN_KIND_TEXT:
	case STUN_KIND_TYPES:
	case STUN_KIND_ALGORITHMS:
	case STUN_KIND_INTEGRITY:
	case STUN_KIND_INTEGRITY_SHA256:
		writer_bytes(writer, value->as.octets.data, value->as.octets.length);
		break;
	case STUN_KIND_U32:
	case STUN_KIND_FINGERPRINT:
		outcome = in_field(value->as.integer, UINT32_MAX, error);
		writer_u32(writer, (uint32_t)value->as.integer);
		break;
	case STUN_KIND_U64:
		writer_u64(writer, value->as.integer);
		break;
	case STUN_KIND_U8_RESERVED:
		outcome = in_field(value->as.integer, UINT8_MAX, error);
		writer_u32(writer, (uint32_t)(value->as.integer << 24) | (value->reserved & 0xFFFFFF));
		break;
	case STUN_KIND_U16_RESERVED:
		outcome = in_field(value->as.integer, UINT16_MAX, error);
		writer_u32(writer, (uint32_t)(value->as.integer << 16) | (value->reserved & 0xFFFF));
		break;
	case STUN_KIND_FLAG:
		break;
	case STUN_KIND_EVEN_PORT:
		writer_u8(writer, (uint8_t)((value->as.flag ? 0x80 : 0) | (value->reserved & 0x7F)));
		break;
	case STUN_KIND_FAMILY:
		writer_u32(writer, (uint32_t)value->as.family << 24 | (value->reserved & 0xFFFFFF));
		break;
	case STUN_KIND_ADDRESS:
	case STUN_KIND_XOR_ADDRESS:
		outcome = stun_address_encode(&value->as.address,
					      value->kind == STUN_KIND_XOR_ADDRESS ? transaction : NULL, writer, error);
		break;
	case STUN_KIND_ERROR:
	case STUN_KIND_ADDRESS_ERROR:
		outcome = encode_error(&value->as.error, value->kind == STUN_KIND_ADDRESS_ERROR, writer, error);
		break;
	case STUN_KIND_ALGORITHM:
		outcome = stun_algorithm_encode(&value->as.algorithm, writer, error);
		break;
	case STUN_KIND_ICMP:
		if (value->as.icmp.type > 0x7F || value->as.icmp.code > 0x1FF)
			outcome = error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
					    "an ICMP type has 7 bits and a code has 9");
		writer_u16(writer, value->as.icmp.reserved);
		writer_u16(writer, (uint16_t)(value->as.icmp.type << 9 | (value->as.icmp.code & 0x1FF)));
		writer_u32(writer, value->as.icmp.data);
		break;
	}
	if (outcome == 0 && writer->failed)
		outcome = error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET, "no room for the value");
	return outcome;
}
