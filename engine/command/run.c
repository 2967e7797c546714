// SPDX-License-Identifier: BSD-3-Clause
//
// assay run: the scenarios against an implementation under test. What happens is in suites/support/run.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"target", OPTION_TEXT, "target", "FILE",
	 "the profile of the implementation under test (scripts/targets/ has examples)"},
	{"server", OPTION_TEXT, "server", "HOST:PORT",
	 "a target without a profile; an IPv6 address stands in brackets"},
	{"transport", OPTION_LIST, "transports", "NAME",
	 "udp, tcp, tls or dtls; more than once for several (default udp)"},
	{"ca", OPTION_TEXT, "ca", "FILE", "the certificates (PEM) that vouch for its own, over TLS and DTLS"},
	{"insecure", OPTION_FLAG, "insecure", NULL, "take any certificate of it; the report says so"},
	{"server-name", OPTION_TEXT, "server_name", "NAME", "the name that it announces in THIRD-PARTY-AUTHORIZATION"},
	{"realm", OPTION_TEXT, "realm", "REALM", "its realm, where that is to be compared"},
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64",
	 "a long-term key it shares with us; @FILE reads such lines (ASSAY_KEYS too)"},
	{"user", OPTION_SECRET, "users", "NAME:PASSWORD",
	 "first-party credentials; @FILE reads such lines (ASSAY_USERS too)"},
	{"no-third-party", OPTION_OFF, "third_party", NULL,
	 "it takes no tokens, and is judged as a server that does not"},
	{"launch", OPTION_TEXT, "launch", "COMMAND", "start it and watch it; {host} and {port} are filled in"},
	{"fault", OPTION_LIST, "faults", "NAME", "break the embedded reference server (assay serve --list-faults)"},
	{"out", OPTION_TEXT, "out", "DIR", "keep results, TAP, capture and log there"},
	{"format", OPTION_TEXT, "format", "FORM",
	 "pretty, tap, tap14 or json (default: pretty on a terminal, else tap)"},
	{"filter", OPTION_LIST, "filters", "TEXT",
	 "only scenarios whose id holds TEXT, or that judge requirement TEXT"},
	{"jobs", OPTION_COUNT, "jobs", "N", "scenarios that run at once (default 32)"},
	{"strict", OPTION_FLAG, "strict", NULL, "a warning counts as a failure"},
	{"no-capture", OPTION_OFF, "capture", NULL, "do not use libpcap: record from assay's own sockets"},
	{"rto", OPTION_NUMBER, "rto", "SECONDS", "first retransmission on UDP, RFC 5389 7.2.1 (default 0.5)"},
	{"rc", OPTION_COUNT, "rc", "N", "transmissions on UDP (default 7)"},
	{"rm", OPTION_NUMBER, "rm", "N", "the last wait, in units of the RTO (default 16)"},
	{"seed", OPTION_COUNT, "seed", "N", "of what the robustness suite leaves to chance (default 1)"},
	{"input", OPTION_TEXT, "input", "FILE",
	 "send the messages of a reproducer that a run wrote (robustness/reproduce)"},
	{"with-secrets", OPTION_FLAG, "with_secrets", NULL, "let keys and passwords into the reports"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_run(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay run [OPTION]... [SUITE]...",
		.about = "Runs conformance scenarios against a target, or against the embedded reference server when\n"
			 "none is named, and reports each verdict. A SUITE is a folder of suites/ by name (server), a\n"
			 "file, or the id of a scenario. Exit status: 0 nothing failed, 1 something failed, 2 command\n"
			 "line or profile wrong, 3 no verdict, 4 output could not be written, 130 interrupted.",
		.options = options,
		.positional = "suites",
	};
	return options_run(&line, "support.run", argc, argv);
}
