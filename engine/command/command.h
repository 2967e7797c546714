// SPDX-License-Identifier: BSD-3-Clause
//
// The sub-commands of assay, one a file of this folder. Here a person is spoken to: what goes wrong is said in one line
// on stderr, and how it went is the exit status.
#ifndef ASSAY_COMMAND_COMMAND_H
#define ASSAY_COMMAND_COMMAND_H

// argv[0] is the sub-command's name. Each returns the exit status of the program.
int command_run(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_report(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_token(int argc, char **argv);
int command_decode(int argc, char **argv);
int command_list(int argc, char **argv);

#endif
