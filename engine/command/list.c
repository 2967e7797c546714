// SPDX-License-Identifier: BSD-3-Clause
//
// assay list: the scenarios there are. What is printed is decided in suites/support/list.lua.
#include "command/command.h"
#include "command/options.h"

static const struct option_row options[] = {
	{"requirements", OPTION_FLAG, "requirements", NULL,
	 "the requirements instead, with the scenarios that judge each"},
	{"filter", OPTION_LIST, "filters", "TEXT",
	 "only scenarios whose id holds TEXT, or that judge requirement TEXT"},
	{"format", OPTION_TEXT, "format", "text|json", "the form of the output (default text)"},
	{NULL, OPTION_FLAG, NULL, NULL, NULL},
};

int command_list(int argc, char **argv)
{
	static const struct command_line line = {
		.usage = "assay list [OPTION]... [SUITE]...",
		.about = "Lists scenarios with their titles, or the requirements catalogue with what judges each row.\n"
			 "Exit status: 0 listed, 2 command line wrong, 4 output not written.",
		.options = options,
		.positional = "suites",
	};
	return options_run(&line, "support.list", argc, argv);
}
