// SPDX-License-Identifier: BSD-3-Clause
//
// assay serve: the reference server as a program. What it does is in suites/reference/serve.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"address", OPTION_TEXT, "address", "ADDRESS", "IPv4 or IPv6 address to serve on (default 127.0.0.1)"},
	{"address6", OPTION_TEXT, "address6", "ADDRESS", "IPv6 address to serve on too, at the same ports"},
	{"port", OPTION_TEXT, "port", "N", "UDP and TCP port; 0 for a free one, which is printed (default 0)"},
	{"tls-port", OPTION_TEXT, "tls_port", "N", "port for TLS, 0 for a free one (default: TLS is not served)"},
	{"dtls-port", OPTION_TEXT, "dtls_port", "N", "port for DTLS, likewise"},
	{"certificate", OPTION_TEXT, "certificate", "FILE", "of the server, for TLS and DTLS (PEM, with its chain)"},
	{"private-key", OPTION_TEXT, "private_key", "FILE", "the key of that certificate (PEM)"},
	{"relay-address", OPTION_TEXT, "relay_address", "ADDRESS", "address of the relayed ports (default: --address)"},
	{"realm", OPTION_TEXT, "realm", "REALM", "REALM of the challenges"},
	{"server-name", OPTION_TEXT, "server_name", "NAME", "the name it announces, and that tokens are bound to"},
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64", "a long-term key; @FILE reads such lines (ASSAY_KEYS too)"},
	{"user", OPTION_SECRET, "users", "NAME:PASSWORD", "first-party credentials; @FILE as above (ASSAY_USERS too)"},
	{"no-third-party", OPTION_OFF, "third_party", NULL, "take no tokens"},
	{"fault", OPTION_LIST, "faults", "NAME", "break it"},
	{"list-faults", OPTION_FLAG, "list_faults", NULL, "list the faults and what they break, and end"},
	{"format", OPTION_TEXT, "format", "text|json", "form of that list; JSON is one fault a line (default text)"},
	{"delta", OPTION_NUMBER, "delta", "SECONDS", "grace for the time of tokens (default 5)"},
	{"nonce-lifetime", OPTION_NUMBER, "nonce_lifetime", "SECONDS", "how long a nonce is good (default 600)"},
	{"default-lifetime", OPTION_COUNT, "default_lifetime", "SECONDS", "LIFETIME where none is asked (default 600)"},
	{"max-lifetime", OPTION_COUNT, "max_lifetime", "SECONDS", "largest LIFETIME (default 3600)"},
	{"idle", OPTION_NUMBER, "idle", "SECONDS",
	 "how long a DTLS session lasts without an allocation or a word (default 60)"},
	{"strict", OPTION_FLAG, "strict", NULL, "end with status 70 on an error in the server itself"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_serve(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay serve [OPTION]...",
		.about = "Runs the reference server for STUN and TURN with third-party authorization, over UDP and\n"
			 "TCP, and TLS and DTLS where a port is named for them, until SIGINT or SIGTERM. Without\n"
			 "--key and --user it uses the published ones of suites/reference/defaults.lua, which\n"
			 "protect nothing. What the command line does not say is taken from ASSAY_ADDRESS,\n"
			 "ASSAY_ADDRESS6, ASSAY_PORT, ASSAY_TLS_PORT, ASSAY_DTLS_PORT, ASSAY_CERTIFICATE,\n"
			 "ASSAY_PRIVATE_KEY, ASSAY_REALM, ASSAY_SERVER_NAME, ASSAY_KEYS, ASSAY_USERS and\n"
			 "ASSAY_THIRD_PARTY (yes or no). Exit status: 0 ended by a signal, 2 command line wrong,\n"
			 "3 it cannot serve there, 4 output not written.",
		.options = options,
	};
	return options_run(&line, "reference.serve", argc, argv);
}
