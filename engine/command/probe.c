// SPDX-License-Identifier: BSD-3-Clause
//
// assay probe: a first profile of a server. What is asked and what is made of it is in suites/support/probe.lua.
#include "command/command.h"
#include "command/common_options.h"

static const struct option_row options[] = {
	{"server", OPTION_TEXT, "server", "HOST:PORT", "where it is; an IPv6 address stands in brackets"},
	{"transport", OPTION_LIST, "transports", "NAME", "try only udp, tcp, tls or dtls (default: all four)"},
	{"tls-port", OPTION_COUNT, "tls_port", "N", "its port for TLS (default: that of --server)"},
	{"dtls-port", OPTION_COUNT, "dtls_port", "N", "its port for DTLS (default: that of --server)"},
	{"ca", OPTION_TEXT, "ca", "FILE", "the certificates (PEM) that vouch for its own, over TLS and DTLS"},
	{"insecure", OPTION_FLAG, "insecure", NULL, "take any certificate of it; the profile says so"},
	{"server-name", OPTION_TEXT, "server_name", "NAME",
	 "what tokens are made for, where it announces no name (or another one)"},
	OPTIONS_CREDENTIALS,
	{"no-largest", OPTION_OFF, "largest", NULL,
	 "do not look for its largest message, which may end a server that has no room for one"},
	{"max-rate", OPTION_NUMBER, "max_rate", "N", "requests a second at most (default 20)"},
	{"with-secrets", OPTION_FLAG, "with_secrets", NULL, "write keys and passwords into the profile"},
	{"out", OPTION_TEXT, "out", "FILE", "write the profile to this new file (default: stdout)"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_probe(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay probe --server HOST:PORT [OPTION]...",
		.about =
			"Asks a server what it offers, and writes a first profile of it for assay run --target, which\n"
			"a person completes. What was not seen stands in it as a comment. One allocation is held at a\n"
			"time and each is deleted. Without --key and --user it writes what a stranger sees. Exit\n"
			"status: 0 written, 2 command line wrong, 3 nothing answered, 4 the profile could not be\n"
			"written, 130 interrupted.",
		.options = options,
	};
	return options_run(&line, "support.probe", argc, argv);
}
