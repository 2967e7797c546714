// SPDX-License-Identifier: BSD-3-Clause
//
// assay decode: a STUN message shown to a person. The decoding is the engine's, its form that of
// suites/support/decode.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"key", OPTION_SECRET, "keys", "KID:ALG:BASE64",
	 "a long-term key, which opens tokens; @FILE reads such lines (ASSAY_KEYS too)"},
	{"server-name", OPTION_TEXT, "server_name", "NAME", "what tokens are sealed for; a key takes it"},
	{"with-secrets", OPTION_FLAG, "with_secrets", NULL, "show mac_key too"},
	{"format", OPTION_TEXT, "format", "text|json", "the form of the output (default text)"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_decode(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay decode [OPTION]... MESSAGE...",
		.about = "Shows a STUN message, given in hex, in base64, or as a file that holds its octets,\n"
			 "and with keys what is inside its token (assay token open shows a token alone).\n"
			 "Exit status: 0 shown, 1 it is not a well-formed message, 2 command line wrong, 4 output\n"
			 "not written.",
		.options = options,
		.positional = "messages",
	};
	return options_run(&line, "support.decode", argc, argv);
}
