// SPDX-License-Identifier: BSD-3-Clause
//
// assay report: results of audits, put together. What happens is in suites/support/merge.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"merge", OPTION_FLAG, "merge", NULL, "put the JSON results of audits together (each is a FILE)"},
	{"format", OPTION_TEXT, "format", "FORM", "pretty, tap or json (default: pretty on a terminal, else tap)"},
	{"privacy", OPTION_FLAG, "privacy", NULL, "tell what an eavesdropper learns (RFC 7376)"},
	{"strict", OPTION_FLAG, "strict", NULL, "a warning counts as a failure"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_report(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay report --merge [OPTION]... FILE...",
		.about = "Puts together what `assay audit --format json` wrote of different captures, as if one audit\n"
			 "had read them all (- for standard input). Exit status as that of the audit: 0 nothing\n"
			 "failed, 1 something failed, 2 command line wrong or a file is no such result, 3 no verdict\n"
			 "or a capture that broke off, 4 output not written, 130 an audit was interrupted.",
		.options = options,
		.positional = "files",
	};
	return options_run(&line, "support.merge", argc, argv);
}
