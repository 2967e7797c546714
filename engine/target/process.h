// SPDX-License-Identifier: BSD-3-Clause
//
// A process group that this program started, watches on the event loop and stops: the implementation under test, or
// whatever launches it. It knows nothing of what the process does, nor of readiness, profiles or Lua.
//
// This program becomes the reaper of orphans (PR_SET_CHILD_SUBREAPER), so that what an ended leader leaves in its group
// is killed, waited for and reaped as well, and the ports it held are free before the end is told. What leaves the
// group (setsid) is not followed. Should this program die without a chance to clean up, the kernel kills the leader
// (PR_SET_PDEATHSIG) and the leader alone: a launching script does well to exec its server.
#ifndef ASSAY_TARGET_PROCESS_H
#define ASSAY_TARGET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct process;

struct process_options {
	const char *const *command;     // ends with NULL; the first is looked for in PATH, without a slash
	const char *const *environment; // "NAME=value", ends with NULL; on top of this program's own; NULL: no more
	const char *directory;          // to start in; NULL: this program's own
	const char *log;                // file that stdout and stderr are appended to; made as 0600; NULL: nowhere
};

struct process_status {
	int code;    // exit status, when signal is 0
	int signal;  // the signal that ended it, or 0
	bool dumped; // it left a core
};

// Called once from the event loop when the leader has ended and its group is gone; not after process_kill or
// process_free. The process may be freed in it.
typedef void process_ended(struct process *process, void *context);

// Starts a process in a group of its own, with /dev/null as stdin, no other open file of this program, default
// signals. Waits until it executes, so that a command that cannot be executed, or a directory or a log that cannot be
// used, is told here: NULL with *error filled. The caller owns the result (process_free). Runs on loop_base().
struct process *process_start(const struct process_options *options, process_ended *ended, void *context,
			      struct error *error);

// The leader's process id, which is also the number of its group. Kept after the end.
pid_t process_pid(const struct process *process);

// Whether the leader runs, by asking the kernel now; it can be false before `ended` was called.
bool process_alive(struct process *process);

// Fills *status and returns true when the leader has ended, even if that was not told yet.
bool process_status(struct process *process, struct process_status *status);

// Whether it is all over: the leader reaped, its group gone (`ended` was called, or process_kill).
bool process_over(const struct process *process);

// Sends SIGTERM to the group, and SIGKILL to what is left of it after `grace` seconds. Returns at once; the end is
// told by `ended`. Again: the new grace counts.
void process_terminate(struct process *process, double grace);

// Kills the group and reaps it, blocking for that moment (2 s at the very most). `ended` is not called.
void process_kill(struct process *process);

// process_kill, if it still runs, and gives everything back. NULL is allowed.
void process_free(struct process *process);

// "exited with status 1", "killed by SIGSEGV, core dumped". Returns `text`.
const char *process_status_text(const struct process_status *status, char *text, size_t size);

// "SIGSEGV"; "signal 34" for one without a name. Returns `text`.
const char *process_signal_name(int signal, char *text, size_t size);

#endif
