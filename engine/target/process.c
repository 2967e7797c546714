// SPDX-License-Identifier: BSD-3-Clause
#include "target/process.h"

#include "base/error.h"
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_INTERVAL 0.005 // seconds between two looks at what is left of a group whose leader has ended
#define KILL_PATIENCE 2.0    // seconds until a group that outlives SIGKILL (uninterruptible sleep) is given up

struct process {
	pid_t pid;
	int pidfd;
	struct event *exit;  // the pidfd turned readable: the leader has ended
	struct event *timer; // the grace is over, or the next look at the group
	process_ended *ended;
	void *context;
	struct process_status status;
	bool status_known;
	bool reaped; // the leader; from then on its number is ours only as long as others are in the group
	bool over;
	bool terminating;
	double deadline;  // monotonic; after it, SIGKILL
	double killed_at; // monotonic; 0: not yet
};

// What the child sends up when it cannot become the command.
struct failure {
	enum { FAILED_GROUP, FAILED_DIRECTORY, FAILED_FILES, FAILED_EXEC } stage;
	int reason; // errno
};

// Variables of `own` hide those of this program that have the same name. The strings stay where they are.
static char **merge_environment(const char *const *own)
{
	extern char **environ;
	size_t inherited = 0, added = 0, used = 0;
	while (environ && environ[inherited])
		inherited++;
	while (own && own[added])
		added++;
	char **merged = calloc(inherited + added + 1, sizeof *merged);
	if (!merged)
		return NULL;
	for (size_t i = 0; i < inherited; i++) {
		size_t name = strcspn(environ[i], "=");
		bool hidden = false;
		for (size_t j = 0; j < added && !hidden; j++)
			hidden = strncmp(environ[i], own[j], name) == 0 && own[j][name] == '=';
		if (!hidden)
			merged[used++] = environ[i];
	}
	for (size_t j = 0; j < added; j++)
		merged[used++] = (char *)own[j]; // execve does not write to them, its type is older than const
	return merged;
}

// Above 2, so that putting it in the place of stdin, stdout or stderr cannot hit another descriptor in use here.
static int lift(int fd)
{
	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int reason = errno;
	close(fd);
	errno = reason;
	return lifted;
}

static bool close_others_on_exec(void)
{
	if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return true;
	// Linux before 5.11.
	long limit = sysconf(_SC_OPEN_MAX);
	if (limit < 0 || limit > 65536)
		limit = 65536;
	for (int fd = STDERR_FILENO + 1; fd < limit; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF)
			return false;
	return true;
}

struct child {
	const struct process_options *options;
	char **environment;
	pid_t parent;
	int nothing, log, report; // descriptors
};

// The child's side, between fork and exec: signals are all blocked, and only what is safe there is called.
static _Noreturn void become(const struct child *child)
{
	extern char **environ;
	const struct process_options *options = child->options;
	struct failure failure = {FAILED_GROUP, 0};
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		goto failed;
	if (getppid() != child->parent)
		_exit(127); // the parent died before the line above could tell the kernel

	failure.stage = FAILED_DIRECTORY;
	if (options->directory && chdir(options->directory) < 0)
		goto failed;

	failure.stage = FAILED_FILES;
	if (dup2(child->nothing, STDIN_FILENO) < 0 || dup2(child->log, STDOUT_FILENO) < 0 ||
	    dup2(child->log, STDERR_FILENO) < 0 || !close_others_on_exec())
		goto failed;

	struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL); // fails for KILL, STOP and libc's own, which need none
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	failure.stage = FAILED_EXEC;
	environ = child->environment;
	execvp(options->command[0], (char *const *)options->command);
failed:
	failure.reason = errno;
	ssize_t written = write(child->report, &failure, sizeof failure);
	_exit(written == (ssize_t)sizeof failure ? 127 : 126);
}

// Reads what the child sends until exec closes its end. True: the command runs.
static bool await_exec(int report, struct failure *failure)
{
	ssize_t length;
	do
		length = read(report, failure, sizeof *failure);
	while (length < 0 && errno == EINTR);
	return length == 0;
}

static int explain(const struct failure *failure, const struct process_options *options, struct error *error)
{
	errno = failure->reason;
	switch (failure->stage) {
	case FAILED_GROUP:
		return error_set_errno(error, "cannot start '%s' in a process group of its own", options->command[0]);
	case FAILED_DIRECTORY:
		return error_set_errno(error, "cannot start '%s' in '%s'", options->command[0], options->directory);
	case FAILED_FILES:
		return error_set_errno(error, "cannot start '%s' with its log", options->command[0]);
	case FAILED_EXEC:
		break;
	}
	return error_set_errno(error, "cannot start '%s'", options->command[0]);
}

static void end(struct process *process)
{
	process->over = true;
	if (process->exit)
		event_del(process->exit);
	if (process->timer)
		event_del(process->timer);
}

static void arm(struct process *process, double seconds)
{
	struct timeval span = loop_span(seconds);
	event_add(process->timer, &span);
}

// Reaps what it can of the group whose leader is reaped. True: nobody is left in it.
static bool reap_group(struct process *process)
{
	pid_t ended;
	do
		ended = waitpid(-process->pid, NULL, WNOHANG);
	while (ended > 0 || (ended < 0 && errno == EINTR));
	return ended < 0;
}

static void send_group(struct process *process, int number)
{
	// The number cannot have passed to strangers: the leader is not reaped, or a child of ours is in the group.
	if (!process->reaped || !reap_group(process))
		kill(-process->pid, number);
	if (number == SIGKILL && process->killed_at <= 0)
		process->killed_at = loop_monotonic();
}

static void note_status(struct process *process)
{
	siginfo_t info = {0};
	if (process->status_known || waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return;
	process->status_known = true;
	if (info.si_code == CLD_EXITED)
		process->status.code = info.si_status;
	else
		process->status.signal = info.si_status;
	process->status.dumped = info.si_code == CLD_DUMPED;
}

// Reaps the leader if it has ended. Not before its status is noted.
static bool reap_leader(struct process *process)
{
	note_status(process);
	if (process->status_known && !process->reaped) {
		waitpid(process->pid, NULL, 0);
		process->reaped = true;
	}
	return process->reaped;
}

static void sweep(struct process *process)
{
	double now = loop_monotonic();
	bool gone = reap_group(process);
	if (!gone && process->killed_at > 0 && now > process->killed_at + KILL_PATIENCE)
		gone = true;
	if (gone) {
		end(process);
		process->ended(process, process->context);
		return;
	}
	if (!process->terminating || now >= process->deadline)
		send_group(process, SIGKILL);
	arm(process, SWEEP_INTERVAL);
}

static void on_exit_event(evutil_socket_t fd, short what, void *context)
{
	struct process *process = context;
	(void)fd;
	(void)what;
	if (!reap_leader(process))
		return;
	event_del(process->exit); // a pidfd stays readable
	sweep(process);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct process *process = context;
	(void)fd;
	(void)what;
	if (process->reaped)
		sweep(process);
	else
		send_group(process, SIGKILL);
}

static int watch(struct process *process, struct error *error)
{
	struct event_base *base = loop_base();
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		return error_set_errno(error, "cannot watch the process (pidfd_open)");
	if (base) {
		process->exit = event_new(base, process->pidfd, EV_READ | EV_PERSIST, on_exit_event, process);
		process->timer = event_new(base, -1, 0, on_timer, process);
	}
	if (!process->exit || !process->timer || event_add(process->exit, NULL) < 0)
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "cannot watch the process: libevent refused");
	return 0;
}

static bool become_reaper(void)
{
	struct sigaction action;
	// With SIGCHLD ignored, as a parent may have left it to us, the kernel reaps by itself and no status is told.
	if (sigaction(SIGCHLD, NULL, &action) < 0)
		return false;
	if (action.sa_handler == SIG_IGN) {
		action.sa_handler = SIG_DFL;
		if (sigaction(SIGCHLD, &action, NULL) < 0)
			return false;
	}
	return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

struct process *process_start(const struct process_options *options, process_ended *ended, void *context,
			      struct error *error)
{
	struct child child = {.options = options, .parent = getpid(), .nothing = -1, .log = -1, .report = -1};
	struct process *process = calloc(1, sizeof *process);
	int report[2] = {-1, -1};
	int result = -1;

	if (process)
		*process = (struct process){.pidfd = -1, .ended = ended, .context = context};
	child.environment = merge_environment(options->environment);
	if (!process || !child.environment) {
		error_set(error, ERROR_SYSTEM, ERROR_NO_OFFSET, "out of memory");
		goto out;
	}
	const char *log = options->log ? options->log : "/dev/null";
	child.nothing = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
	child.log = lift(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600));
	if (child.nothing < 0 || child.log < 0) {
		error_set_errno(error, "cannot open '%s'", child.nothing < 0 ? "/dev/null" : log);
		goto out;
	}
	if (pipe2(report, O_CLOEXEC) < 0 || (child.report = lift(report[1])) < 0 || !become_reaper()) {
		error_set_errno(error, "cannot start '%s'", options->command[0]);
		goto out;
	}

	// A handler of ours must not run in the child: libevent's would write into the loop of this process.
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	process->pid = fork();
	if (process->pid == 0)
		become(&child);
	int reason = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = reason;
	if (process->pid < 0) {
		error_set_errno(error, "cannot start '%s'", options->command[0]);
		goto out;
	}
	close(child.report);
	child.report = -1;
	struct failure failure = {FAILED_EXEC, EIO};
	if (await_exec(report[0], &failure))
		result = watch(process, error);
	else
		result = explain(&failure, options, error);
out:
	if (result < 0) {
		process_free(process);
		process = NULL;
	}
	if (report[0] >= 0)
		close(report[0]);
	if (child.report >= 0)
		close(child.report);
	if (child.log >= 0)
		close(child.log);
	if (child.nothing >= 0)
		close(child.nothing);
	free(child.environment);
	return process;
}

pid_t process_pid(const struct process *process)
{
	return process->pid;
}

bool process_alive(struct process *process)
{
	note_status(process);
	return !process->status_known && !process->over;
}

bool process_status(struct process *process, struct process_status *status)
{
	note_status(process);
	*status = process->status;
	return process->status_known;
}

bool process_over(const struct process *process)
{
	return process->over;
}

void process_terminate(struct process *process, double grace)
{
	if (process->over)
		return;
	process->terminating = true;
	process->deadline = loop_monotonic() + (grace > 0 ? grace : 0);
	send_group(process, SIGTERM);
	arm(process, process->reaped ? SWEEP_INTERVAL : grace);
}

void process_kill(struct process *process)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	if (process->over || process->pid <= 0)
		return;
	double start = loop_monotonic();
	send_group(process, SIGKILL);
	while (!(reap_leader(process) && reap_group(process)) && loop_monotonic() < start + KILL_PATIENCE) {
		send_group(process, SIGKILL); // one that was being forked while the first was sent
		nanosleep(&moment, NULL);
	}
	end(process);
}

void process_free(struct process *process)
{
	if (!process)
		return;
	process_kill(process);
	if (process->exit)
		event_free(process->exit);
	if (process->timer)
		event_free(process->timer);
	if (process->pidfd >= 0)
		close(process->pidfd);
	free(process);
}

const char *process_signal_name(int signal, char *text, size_t size)
{
	const char *name = sigabbrev_np(signal);
	if (name)
		snprintf(text, size, "SIG%s", name);
	else
		snprintf(text, size, "signal %d", signal);
	return text;
}

const char *process_status_text(const struct process_status *status, char *text, size_t size)
{
	char name[32];
	if (status->signal)
		snprintf(text, size, "killed by %s%s", process_signal_name(status->signal, name, sizeof name),
			 status->dumped ? ", core dumped" : "");
	else
		snprintf(text, size, "exited with status %d", status->code);
	return text;
}
