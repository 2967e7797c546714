// SPDX-License-Identifier: BSD-3-Clause
//
// assay audit: captures judged by the rules for every message. What happens is in suites/support/audit.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64",
	 "a long-term key of the server; @FILE reads such lines (ASSAY_KEYS too)"},
	{"user", OPTION_SECRET, "users", "NAME:PASSWORD",
	 "first-party credentials; @FILE reads such lines (ASSAY_USERS too)"},
	{"server-name", OPTION_TEXT, "server_name", "NAME",
	 "the name that tokens are sealed with, where no 401 in the capture tells it"},
	{"keylog", OPTION_LIST, "keylogs", "FILE",
	 "secrets of TLS and DTLS sessions (the form of SSLKEYLOGFILE) besides those in the capture"},
	{"delta", OPTION_NUMBER, "delta", "SECONDS", "the Delta of RFC 7635 section 7 (default 5)"},
	{"complete", OPTION_FLAG, "complete", NULL,
	 "everything that was ever said to the servers is in the capture, from their start"},
	{"rfc8489", OPTION_FLAG, "rfc8489", NULL, "the servers claim RFC 8489, and padding is to be of zeros"},
	{"identity", OPTION_LIST, "identities", "NAME", "a name a user is known by, which no message should tell"},
	{"annotate", OPTION_TEXT, "annotate", "FILE",
	 "write the capture again as pcapng, with a comment on each packet that breaks a requirement"},
	{"sessions", OPTION_COUNT, "sessions", "N",
	 "flows that are followed at once (default 12288; the longest idle goes first)"},
	{"jobs", OPTION_COUNT, "jobs", "N", "captures that are read at once (default: one a processor)"},
	{"shard", OPTION_TEXT, "shard", "I/N", "read only the part I of N of the captures"},
	{"list", OPTION_FLAG, "list", NULL, "only name the captures that would be read, each followed by a NUL"},
	{"privacy", OPTION_FLAG, "privacy", NULL, "tell what an eavesdropper learns (RFC 7376)"},
	{"every", OPTION_FLAG, "every", NULL, "judge every message by itself, and not one of each kind (slow)"},
	{"format", OPTION_TEXT, "format", "FORM", "pretty, tap or json (default: pretty on a terminal, else tap)"},
	{"strict", OPTION_FLAG, "strict", NULL, "a warning counts as a failure"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_audit(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay audit [OPTION]... FILE...",
		.about =
			"Judges the STUN and TURN traffic in captures (pcap or pcapng, also gzip; a folder stands for\n"
			"all captures in it, - for standard input). Exit status: 0 nothing failed, 1 something\n"
			"failed, 2 command line wrong, 3 no verdict or a capture that broke off, 4 output not\n"
			"written, 130 interrupted.",
		.options = options,
		.positional = "files",
	};
	return options_run(&line, "support.audit", argc, argv);
}
