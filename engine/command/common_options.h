// SPDX-License-Identifier: BSD-3-Clause
//
// Rows of options that several commands have, word for word: what is named alike means the same everywhere.
#ifndef ASSAY_COMMAND_COMMON_OPTIONS_H
#define ASSAY_COMMAND_COMMON_OPTIONS_H

#include "command/options.h"

// What is shared with a server.
#define OPTIONS_CREDENTIALS \
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64", \
	 "a long-term key it shares with us; @FILE reads such lines (ASSAY_KEYS too)"}, \
	{ \
		"user", OPTION_SECRET, "users", "NAME:PASSWORD", \
			"first-party credentials; @FILE reads such lines (ASSAY_USERS too)" \
	}

// A target that no profile describes.
#define OPTIONS_TARGET \
	{"server", OPTION_TEXT, "server", "HOST:PORT", \
	 "a target without a profile; an IPv6 address stands in brackets"}, \
		{"transport", OPTION_LIST, "transports", "NAME", "udp, tcp, tls or dtls (default udp)"}, \
		{"ca", OPTION_TEXT, "ca", "FILE", "the certificates (PEM) that vouch for its own, over TLS and DTLS"}, \
		{"insecure", OPTION_FLAG, "insecure", NULL, "take any certificate of it; the report says so"}, \
		{"server-name", OPTION_TEXT, "server_name", "NAME", \
		 "the name that it announces in THIRD-PARTY-AUTHORIZATION"}, \
		{"realm", OPTION_TEXT, "realm", "REALM", "its realm, where that is to be compared"}, \
		OPTIONS_CREDENTIALS, \
		{"no-third-party", OPTION_OFF, "third_party", NULL, \
		 "it takes no tokens, and is judged as a server that does not"}, \
		{"launch", OPTION_TEXT, "launch", "COMMAND", \
		 "start it and watch it; {host} and {port} are filled in"}, \
	{ \
		"fault", OPTION_LIST, "faults", "NAME", \
			"break the embedded reference server (assay serve --list-faults)" \
	}

// How patiently it is asked.
#define OPTIONS_SCHEDULE \
	{"rto", OPTION_NUMBER, "rto", "SECONDS", "first retransmission on UDP, RFC 5389 7.2.1 (default 0.5)"}, \
		{"rc", OPTION_COUNT, "rc", "N", "transmissions on UDP (default 7)"}, \
	{ \
		"rm", OPTION_NUMBER, "rm", "N", "the last wait, in units of the RTO (default 16)" \
	}

#endif
