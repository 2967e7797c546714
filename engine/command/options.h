// SPDX-License-Identifier: BSD-3-Clause
//
// The command line of a sub-command as one table: it is parsed from it, handed to Lua as a table of fields, and
// --help is printed from it. What a value means is not decided here.
#ifndef ASSAY_COMMAND_OPTIONS_H
#define ASSAY_COMMAND_OPTIONS_H

#include <lua.h>

enum option_kind {
	OPTION_FLAG,        // field = true
	OPTION_TEXT,        // field = "value"
	OPTION_LIST,        // may be given more than once, as --help then says: field = {"value", ...}
	OPTION_SECRET,      // a list too; its values are blotted out of argv, which every user of the machine can read
	OPTION_SECRET_TEXT, // a text that is blotted out likewise
	OPTION_NUMBER,      // a finite number >= 0: field = 1.5
	OPTION_COUNT,       // a whole number >= 1: field = 4
	OPTION_OFF,         // field = false
};

struct option_row {
	const char *name; // without the dashes
	enum option_kind kind;
	const char *field; // in the table handed to Lua
	const char *value; // what stands for the value in --help, NULL for flags
	const char *help;
};

struct command_line {
	const char *usage;                // "assay run [OPTION]… [SUITE]…"
	const char *about;                // a sentence or two
	const struct option_row *options; // ends with a row whose name is NULL
	const char *positional;           // the field that takes what is no option; NULL when nothing may stand there
};

// Parses argv and pushes the table of fields; a list option that was not given is an empty table.
// A secret that begins with '@' names a file, and stays to be seen.
// Returns -1 with the table pushed, or an exit status with nothing pushed: 0 after --help (printed to stdout),
// 2 after a wrong command line (one line on stderr).
int options_push(lua_State *state, const struct command_line *line, int argc, char **argv);

// Calls MODULE.main(options) with the parsed command line, and returns the exit status it returns.
// A Lua error there is a bug of assay: its traceback goes to stderr and the status is 3.
int options_run(const struct command_line *line, const char *module, int argc, char **argv);

#endif
