// SPDX-License-Identifier: BSD-3-Clause
//
// assay run: the scenarios against an implementation under test. What happens is in suites/support/run.lua.
#include "command/command.h"
#include "command/common_options.h"

static const struct option_row options[] = {
	{"target", OPTION_TEXT, "target", "FILE",
	 "the profile of the implementation under test (scripts/targets/ has examples)"},
	OPTIONS_TARGET,
	{"out", OPTION_TEXT, "out", "DIR", "keep results, TAP, capture and log there"},
	{"format", OPTION_TEXT, "format", "FORM",
	 "pretty, tap, tap14 or json (default: pretty on a terminal, else tap)"},
	{"filter", OPTION_LIST, "filters", "TEXT",
	 "only scenarios whose id holds TEXT, or that judge requirement TEXT"},
	{"jobs", OPTION_COUNT, "jobs", "N", "scenarios that run at once (default 32)"},
	{"strict", OPTION_FLAG, "strict", NULL, "a warning counts as a failure"},
	{"no-capture", OPTION_OFF, "capture", NULL, "do not use libpcap: record from assay's own sockets"},
	OPTIONS_SCHEDULE,
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
