// SPDX-License-Identifier: BSD-3-Clause
#include "stun/attribute.h"

#include <stdio.h>
#include <string.h>

#define ANY 65535

// Sorted by type: stun_attribute_find searches by halves.
// clang-format off
static const struct stun_attribute attributes[] = {
	{0x0001,  8,  20, STUN_KIND_ADDRESS,          "MAPPED-ADDRESS",            "RFC 8489 14.1"},
	{0x0003,  4,   4, STUN_KIND_U32,              "CHANGE-REQUEST",            "RFC 5780 7.2"},
	{0x0006,  0, 512, STUN_KIND_TEXT,             "USERNAME",                  "RFC 5389 15.3"},
	{0x0008, 20,  20, STUN_KIND_INTEGRITY,        "MESSAGE-INTEGRITY",         "RFC 8489 14.5"},
	{0x0009,  4, 767, STUN_KIND_ERROR,            "ERROR-CODE",                "RFC 8489 14.8"},
	{0x000A,  0, ANY, STUN_KIND_TYPES,            "UNKNOWN-ATTRIBUTES",        "RFC 8489 14.13"},
	{0x000C,  4,   4, STUN_KIND_U16_RESERVED,     "CHANNEL-NUMBER",            "RFC 8656 18.1"},
	{0x000D,  4,   4, STUN_KIND_U32,              "LIFETIME",                  "RFC 8656 18.2"},
	{0x0012,  8,  20, STUN_KIND_XOR_ADDRESS,      "XOR-PEER-ADDRESS",          "RFC 8656 18.3"},
	{0x0013,  0, ANY, STUN_KIND_OPAQUE,           "DATA",                      "RFC 8656 18.4"},
	{0x0014,  0, 763, STUN_KIND_TEXT,             "REALM",                     "RFC 8489 14.9"},
	{0x0015,  0, 763, STUN_KIND_TEXT,             "NONCE",                     "RFC 8489 14.10"},
	{0x0016,  8,  20, STUN_KIND_XOR_ADDRESS,      "XOR-RELAYED-ADDRESS",       "RFC 8656 18.5"},
	{0x0017,  4,   4, STUN_KIND_FAMILY,           "REQUESTED-ADDRESS-FAMILY",  "RFC 8656 18.6"},
	{0x0018,  1,   1, STUN_KIND_EVEN_PORT,        "EVEN-PORT",                 "RFC 8656 18.7"},
	{0x0019,  4,   4, STUN_KIND_U8_RESERVED,      "REQUESTED-TRANSPORT",       "RFC 8656 18.8"},
	{0x001A,  0,   0, STUN_KIND_FLAG,             "DONT-FRAGMENT",             "RFC 8656 18.9"},
	{0x001B,  0, ANY, STUN_KIND_OPAQUE,           "ACCESS-TOKEN",              "RFC 7635 6.2"},
	{0x001C, 16,  32, STUN_KIND_INTEGRITY_SHA256, "MESSAGE-INTEGRITY-SHA256",  "RFC 8489 14.6"},
	{0x001D,  4, ANY, STUN_KIND_ALGORITHM,        "PASSWORD-ALGORITHM",        "RFC 8489 14.12"},
	{0x001E, 32,  32, STUN_KIND_OPAQUE,           "USERHASH",                  "RFC 8489 14.4"},
	{0x0020,  8,  20, STUN_KIND_XOR_ADDRESS,      "XOR-MAPPED-ADDRESS",        "RFC 8489 14.2"},
	{0x0022,  8,   8, STUN_KIND_OPAQUE,           "RESERVATION-TOKEN",         "RFC 8656 18.10"},
	{0x0024,  4,   4, STUN_KIND_U32,              "PRIORITY",                  "RFC 8445 16.1"},
	{0x0025,  0,   0, STUN_KIND_FLAG,             "USE-CANDIDATE",             "RFC 8445 16.1"},
	{0x0026,  0, ANY, STUN_KIND_OPAQUE,           "PADDING",                   "RFC 5780 7.6"},
	{0x0027,  4,   4, STUN_KIND_U16_RESERVED,     "RESPONSE-PORT",             "RFC 5780 7.5"},
	{0x002A,  4,   4, STUN_KIND_U32,              "CONNECTION-ID",             "RFC 6062 6.2.1"},
	{0x8000,  4,   4, STUN_KIND_FAMILY,           "ADDITIONAL-ADDRESS-FAMILY", "RFC 8656 18.11"},
	{0x8001,  4, 767, STUN_KIND_ADDRESS_ERROR,    "ADDRESS-ERROR-CODE",        "RFC 8656 18.12"},
	{0x8002,  0, ANY, STUN_KIND_ALGORITHMS,       "PASSWORD-ALGORITHMS",       "RFC 8489 14.11"},
	{0x8003,  0, 255, STUN_KIND_TEXT,             "ALTERNATE-DOMAIN",          "RFC 8489 14.16"},
	{0x8004,  8,   8, STUN_KIND_ICMP,             "ICMP",                      "RFC 8656 18.13"},
	{0x8022,  0, 763, STUN_KIND_TEXT,             "SOFTWARE",                  "RFC 8489 14.14"},
	{0x8023,  8,  20, STUN_KIND_ADDRESS,          "ALTERNATE-SERVER",          "RFC 8489 14.15"},
	{0x8028,  4,   4, STUN_KIND_FINGERPRINT,      "FINGERPRINT",               "RFC 8489 14.7"},
	{0x8029,  8,   8, STUN_KIND_U64,              "ICE-CONTROLLED",            "RFC 8445 16.1"},
	{0x802A,  8,   8, STUN_KIND_U64,              "ICE-CONTROLLING",           "RFC 8445 16.1"},
	{0x802B,  8,  20, STUN_KIND_ADDRESS,          "RESPONSE-ORIGIN",           "RFC 5780 7.3"},
	{0x802C,  8,  20, STUN_KIND_ADDRESS,          "OTHER-ADDRESS",             "RFC 5780 7.4"},
	{0x802E,  0, ANY, STUN_KIND_TEXT,             "THIRD-PARTY-AUTHORIZATION", "RFC 7635 6.1"},
	{0x8030,  0, ANY, STUN_KIND_OPAQUE,           "MOBILITY-TICKET",           "RFC 8016 3.3"},
};
// clang-format on

static const char *const kind_names[] = {
	[STUN_KIND_OPAQUE] = "opaque",
	[STUN_KIND_TEXT] = "text",
	[STUN_KIND_U32] = "u32",
	[STUN_KIND_U64] = "u64",
	[STUN_KIND_U8_RESERVED] = "u8",
	[STUN_KIND_U16_RESERVED] = "u16",
	[STUN_KIND_FLAG] = "flag",
	[STUN_KIND_EVEN_PORT] = "even-port",
	[STUN_KIND_FAMILY] = "family",
	[STUN_KIND_ADDRESS] = "address",
	[STUN_KIND_XOR_ADDRESS] = "xor-address",
	[STUN_KIND_ERROR] = "error",
	[STUN_KIND_ADDRESS_ERROR] = "address-error",
	[STUN_KIND_TYPES] = "types",
	[STUN_KIND_ALGORITHM] = "algorithm",
	[STUN_KIND_ALGORITHMS] = "algorithms",
	[STUN_KIND_ICMP] = "icmp",
	[STUN_KIND_INTEGRITY] = "integrity",
	[STUN_KIND_INTEGRITY_SHA256] = "integrity-sha256",
	[STUN_KIND_FINGERPRINT] = "fingerprint",
};

const struct stun_attribute *stun_attribute_all(size_t *count)
{
	*count = sizeof attributes / sizeof *attributes;
	return attributes;
}

const struct stun_attribute *stun_attribute_find(uint16_t type)
{
	size_t low = 0, high = sizeof attributes / sizeof *attributes;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (attributes[middle].type == type)
			return &attributes[middle];
		if (attributes[middle].type < type)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct stun_attribute *stun_attribute_find_name(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (strlen(attributes[i].name) == length && memcmp(attributes[i].name, name, length) == 0)
			return &attributes[i];
	return NULL;
}

bool stun_attribute_required(uint16_t type)
{
	return type < 0x8000;
}

const char *stun_attribute_name(uint16_t type, char name[STUN_ATTRIBUTE_NAME_SIZE])
{
	const struct stun_attribute *known = stun_attribute_find(type);
	if (known)
		snprintf(name, STUN_ATTRIBUTE_NAME_SIZE, "%s", known->name);
	else
		snprintf(name, STUN_ATTRIBUTE_NAME_SIZE, "0x%04X", type);
	return name;
}

const char *stun_kind_name(enum stun_kind kind)
{
	return kind_names[kind];
}
