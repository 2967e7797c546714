// SPDX-License-Identifier: BSD-3-Clause
//
// assay: finds the command and hands over.
#include "command/command.h"

#include "base/version.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"run", command_run, "run conformance scenarios against a server and report the verdicts"},
	{"audit", command_audit, "judge the traffic in captures"},
	{"report", command_report, "put the results of audits together"},
	{"replay", command_replay, "send the requests of a capture to a live server and compare"},
	{"probe", command_probe, "ask a server what it offers and write a first profile of it"},
	{"serve", command_serve, "run the reference server, conforming or with a fault"},
	{"list", command_list, "list the scenarios and the requirements they judge"},
	{"token", command_token, "seal an access token, or open one"},
	{"decode", command_decode, "show a STUN message to a person"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *out)
{
	fprintf(out, "usage: assay COMMAND [OPTION]...\n\nassay judges implementations of RFC 7635, "
		     "the third-party authorization of STUN and TURN.\n\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].about);
	fprintf(out, "\n`assay COMMAND --help` tells what a command takes.\n");
}

// What was printed so far is written, or said to be lost. Returns the exit status.
static int printed(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "assay: cannot write to stdout: %s\n", strerror(errno));
	return 4;
}

// A stream that the caller closed stays unusable: else a socket or a results file would take its number, and the report
// be written into that.
static void keep_standard_streams(void)
{
	for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++)
		if (fcntl(number, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			_exit(4);
}

int main(int argc, char **argv)
{
	// Lua makes and frees small blocks by the million. The fast lists of glibc are put together again at every
	// larger block, which costs a quarter of the time that a replay takes.
	mallopt(M_MXFAST, 0);
	keep_standard_streams();
	// A report's reader that goes away, or a target that closes its end, is an error to be told, not a death.
	// So is a file that has become as large as it may be.
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);

	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return printed();
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("assay %s\n", ASSAY_VERSION);
		return printed();
	}
	for (int i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "assay: there is no command '%s'; `assay --help` lists them\n", argv[1]);
	return 2;
}
