// SPDX-License-Identifier: BSD-3-Clause
//
// assay replay: the requests of a capture sent again to a live server. What happens is in suites/support/replay.lua.
#include "command/command.h"
#include "command/common_options.h"

static const struct option_row options[] = {
	{"target", OPTION_LIST, "targets", "FILE",
	 "the profile of a server; several servers are compared with each other too"},
	OPTIONS_TARGET,
	{"speed", OPTION_NUMBER, "speed", "N", "1: with the captured spacing (default), 2: twice as fast, 0: at once"},
	{"verbatim", OPTION_FLAG, "verbatim", NULL,
	 "send the requests octet for octet, as somebody would who replays what he overheard"},
	{"no-wait", OPTION_OFF, "wait", NULL, "wait for no answer before the next request"},
	{"data", OPTION_FLAG, "data", NULL,
	 "send Send indications and ChannelData too: a server relays them to the peers that the capture names"},
	{"without", OPTION_LIST, "without", "FRAMES",
	 "leave out what is in these frames, as 17,40-52, numbered as by Wireshark"},
	{"only", OPTION_LIST, "only", "FRAMES", "leave out what is in all others"},
	{"captured-key", OPTION_SECRET, "captured_keys", "KID:ALG:BASE64",
	 "a key of the server in the capture, where it is not the target's; @FILE reads such lines"},
	{"captured-user", OPTION_SECRET, "captured_users", "NAME:PASSWORD", "first-party credentials of it, likewise"},
	{"captured-server-name", OPTION_LIST, "names", "NAME",
	 "the name that tokens in the capture are sealed with, where no 401 in it tells"},
	{"keylog", OPTION_LIST, "keylogs", "FILE",
	 "secrets of TLS and DTLS sessions in the capture (the form of SSLKEYLOGFILE)"},
	{"format", OPTION_TEXT, "format", "FORM",
	 "pretty, tap, tap14 or json (default: pretty on a terminal, else tap)"},
	OPTIONS_SCHEDULE,
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_replay(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay replay [OPTION]... FILE",
		.about =
			"Sends the requests in a capture to a live server again, freshly keyed, and compares its\n"
			"answers with the captured ones by class, code and attributes. Without a target the\n"
			"embedded reference server answers. With --data what clients wanted relayed is sent too, and\n"
			"goes on to the peers in the capture, whoever they are. Exit status: 0 all alike, 1 something\n"
			"differs, 2 command line or profile wrong, 3 nothing to replay or no server, 4 output not\n"
			"written, 130 interrupted.",
		.options = options,
		.positional = "files",
	};
	return options_run(&line, "support.replay", argc, argv);
}
