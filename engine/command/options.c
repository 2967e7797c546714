// SPDX-License-Identifier: BSD-3-Clause
#include "command/options.h"

#include "base/error.h"
#include "lua/state.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_OK = 0, STATUS_USAGE = 2, STATUS_NO_VERDICT = 3, STATUS_NOT_WRITTEN = 4 };

static bool is_list(const struct option_row *row)
{
	return row->kind == OPTION_LIST || row->kind == OPTION_SECRET;
}

static int print_help(const struct command_line *line)
{
	printf("usage: %s\n\n%s\n\n", line->usage, line->about);
	for (const struct option_row *row = line->options; row->name; row++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
		printf("  %-28s %s%s\n", left, row->help, is_list(row) ? "; more than once for several" : "");
	}
	printf("  %-28s %s\n", "--help", "this text");
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_OK;
	fprintf(stderr, "assay: cannot write to stdout: %s\n", strerror(errno));
	return STATUS_NOT_WRITTEN;
}

static int complain(const struct command_line *line, const char *problem, const char *what)
{
	fprintf(stderr, "assay: %s%s; usage: %s (--help tells more)\n", problem, what, line->usage);
	return STATUS_USAGE;
}

static const struct option_row *find(const struct command_line *line, const char *name, size_t length)
{
	for (const struct option_row *row = line->options; row->name; row++)
		if (strlen(row->name) == length && memcmp(row->name, name, length) == 0)
			return row;
	return NULL;
}

// Sets the field in the table on top of the stack. Returns 0, or -1 when the value does not fit the kind.
static int set_field(lua_State *state, const struct option_row *row, const char *value)
{
	char *end = NULL;
	double number = value ? (errno = 0, strtod(value, &end)) : 0;
	bool is_number = value && *value && end && !*end && !errno && isfinite(number) && number >= 0;
	switch (row->kind) {
	case OPTION_FLAG:
	case OPTION_OFF:
		lua_pushboolean(state, row->kind == OPTION_FLAG);
		break;
	case OPTION_TEXT:
	case OPTION_SECRET_TEXT:
		lua_pushstring(state, value);
		break;
	case OPTION_LIST:
	case OPTION_SECRET:
		lua_getfield(state, -1, row->field);
		lua_pushstring(state, value);
		lua_rawseti(state, -2, (lua_Integer)lua_rawlen(state, -2) + 1);
		lua_pop(state, 1);
		return 0;
	case OPTION_NUMBER:
		if (!is_number)
			return -1;
		lua_pushnumber(state, number);
		break;
	case OPTION_COUNT:
		if (!is_number || number < 1 || number > 1e9 || number != floor(number))
			return -1;
		lua_pushinteger(state, (lua_Integer)number);
		break;
	}
	lua_setfield(state, -2, row->field);
	return 0;
}

static bool is_secret(const struct option_row *row)
{
	return row->kind == OPTION_SECRET || row->kind == OPTION_SECRET_TEXT;
}

// Takes the option at argv[*at], with its value, and leaves *at at the last word of it. -1, or the exit status.
static int take_option(lua_State *state, const struct command_line *line, int argc, char **argv, int *at)
{
	char *word = argv[*at];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return print_help(line);
	char *name = word + (word[1] == '-' ? 2 : 1);
	char *equals = strchr(name, '=');
	const struct option_row *row =
		word[1] == '-' ? find(line, name, equals ? (size_t)(equals - name) : strlen(name)) : NULL;
	if (!row)
		return complain(line, "unknown option ", word);
	char *value = equals ? equals + 1 : NULL;
	if (!row->value && value)
		return complain(line, "this option takes no value: ", word);
	if (row->value && !value) {
		if (++*at == argc)
			return complain(line, "a value is missing behind ", word);
		value = argv[*at];
	}
	if (set_field(state, row, value) < 0)
		return complain(line,
				row->kind == OPTION_COUNT ? "a whole number from 1 on is expected behind --"
							  : "a number from 0 on is expected behind --",
				row->name);
	if (is_secret(row) && *value != '@')
		memset(value, '*', strlen(value));
	return -1;
}

int options_push(lua_State *state, const struct command_line *line, int argc, char **argv)
{
	int top = lua_gettop(state);
	lua_newtable(state);
	for (const struct option_row *row = line->options; row->name; row++)
		if (is_list(row)) {
			lua_newtable(state);
			lua_setfield(state, -2, row->field);
		}
	struct option_row positional = {.kind = OPTION_LIST, .field = line->positional};
	if (line->positional) {
		lua_newtable(state);
		lua_setfield(state, -2, line->positional);
	}

	int status = -1;
	bool only_positional = false;
	for (int i = 1; i < argc && status < 0; i++) {
		char *word = argv[i];
		if (!only_positional && strcmp(word, "--") == 0)
			only_positional = true;
		else if (!only_positional && word[0] == '-' && word[1])
			status = take_option(state, line, argc, argv, &i);
		else if (line->positional)
			set_field(state, &positional, word);
		else
			status = complain(line, "no argument is expected here: ", word);
	}
	if (status >= 0)
		lua_settop(state, top);
	return status;
}

int options_run(const struct command_line *line, const char *module, int argc, char **argv)
{
	struct error error;
	lua_State *state = state_new(&error);
	if (!state) {
		fprintf(stderr, "assay: %s\n", error.text);
		return STATUS_NO_VERDICT;
	}
	int status = options_push(state, line, argc, argv);
	if (status < 0) {
		status = STATUS_NO_VERDICT;
		lua_getglobal(state, "require");
		lua_pushstring(state, module);
		if (state_call(state, 1, 1)) {
			lua_getfield(state, -1, "main");
			lua_pushvalue(state, -3);
			if (state_call(state, 1, 1))
				status = (int)lua_tointeger(state, -1);
			else
				fprintf(stderr, "assay: this is a bug of assay: %s\n", lua_tostring(state, -1));
		} else {
			fprintf(stderr, "assay: %s\n", lua_tostring(state, -1));
		}
	}
	lua_close(state);
	return status;
}
