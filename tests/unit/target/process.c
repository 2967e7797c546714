// SPDX-License-Identifier: BSD-3-Clause
#include "target/process.h"

#include "base/error.h"
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE 10.0
#define FOREVER "while :; do sleep 0.01; done"
#define DEAF_WORKER "(trap '' TERM; " FOREVER ") & echo worker$!; wait"

static char folder[] = "/tmp/assay-process-XXXXXX";
static char log_path[64];

static void count(struct process *process, void *context)
{
	(void)process;
	++*(int *)context;
}

static struct process *start(int *ended, const char *const *command)
{
	const struct process_options options = {.command = command, .log = log_path};
	struct error error = {0};
	*ended = 0;
	unlink(log_path);
	struct process *process = process_start(&options, count, ended, &error);
	if (!process)
		fail_msg("%s", error.text);
	return process;
}

static struct process *start_shell(int *ended, const char *script)
{
	return start(ended, (const char *const[]){"/bin/sh", "-c", script, NULL});
}

// Runs the loop until the process is over, or for a time.
static void run_loop(struct process *process, double seconds)
{
	double end = loop_monotonic() + seconds;
	struct timeval tick = {0, 5000};
	while (loop_monotonic() < end && !(process && process_over(process))) {
		event_base_loopexit(loop_base(), &tick);
		event_base_dispatch(loop_base());
		if (!event_base_got_exit(loop_base()))
			nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); // no events: nothing to wait on
	}
}

static void await_end(struct process *process, int *ended)
{
	run_loop(process, PATIENCE);
	assert_int_equal(*ended, 1);
	assert_false(process_alive(process));
}

static const char *read_log(void)
{
	static char text[4096];
	int fd = open(log_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t length = read(fd, text, sizeof text - 1);
	assert_true(length >= 0);
	text[length] = 0;
	close(fd);
	return text;
}

// Waits until the log holds the text.
static void await_log(const char *text)
{
	double end = loop_monotonic() + PATIENCE;
	while (!strstr(read_log(), text)) {
		assert_true(loop_monotonic() < end);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

static void status_is_told_once(void **state)
{
	static const struct {
		const char *script, *text;
		int code, signal;
	} cases[] = {
		{"exit 0", "exited with status 0", 0, 0},
		{"exit 7", "exited with status 7", 7, 0},
		{"kill -SEGV $$", "killed by SIGSEGV", 0, SIGSEGV},
		{"kill -KILL $$", "killed by SIGKILL", 0, SIGKILL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct process_status status;
		char text[64];
		int ended;
		struct process *process = start_shell(&ended, cases[i].script);
		await_end(process, &ended);
		assert_true(process_status(process, &status));
		assert_int_equal(status.code, cases[i].code);
		assert_int_equal(status.signal, cases[i].signal);
		process_status_text(&status, text, sizeof text);
		assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
		run_loop(NULL, 0.02);
		assert_int_equal(ended, 1);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // it was reaped
		assert_int_equal(errno, ECHILD);
		process_free(process);
	}
}

static void start_errors_name_the_reason(void **state)
{
	const struct {
		struct process_options options;
		const char *text;
	} cases[] = {
		{{.command = (const char *const[]){"no-such-program", NULL}},
		 "cannot start 'no-such-program': No such file or directory"},
		{{.command = (const char *const[]){"/etc/passwd", NULL}},
		 "cannot start '/etc/passwd': Permission denied"},
		{{.command = (const char *const[]){"true", NULL}, .directory = "/no/folder"},
		 "cannot start 'true' in '/no/folder': No such file or directory"},
		{{.command = (const char *const[]){"true", NULL}, .log = "/no/folder/log"},
		 "cannot open '/no/folder/log': No such file or directory"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct error error = {0};
		int ended = 0;
		assert_null(process_start(&cases[i].options, count, &ended, &error));
		assert_string_equal(error.text, cases[i].text);
		assert_int_equal(error.code, ERROR_SYSTEM);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // the child that failed was reaped
	}
}

static void environment_is_added_and_replaced(void **state)
{
	const char *const variables[] = {"ASSAY_TEST_NEW=a=b", "ASSAY_TEST_OLD=new", NULL};
	const char *const command[] = {"/bin/sh", "-c",
				       "echo \"$ASSAY_TEST_NEW $ASSAY_TEST_OLD $ASSAY_TEST_OLDER\"; pwd; "
				       "tr '\\0' '\\n' </proc/$$/environ | grep -c ^ASSAY_TEST_OLD=",
				       NULL};
	struct process_options options = {command, variables, folder, log_path};
	char expected[128];
	int ended = 0;
	(void)state;
	unlink(log_path);
	setenv("ASSAY_TEST_OLD", "old", 1);
	setenv("ASSAY_TEST_OLDER", "kept", 1);
	struct process *process = process_start(&options, count, &ended, NULL);
	assert_non_null(process);
	await_end(process, &ended);
	snprintf(expected, sizeof expected, "a=b new kept\n%s\n1\n", folder);
	assert_string_equal(read_log(), expected);
	process_free(process);
}

static void log_is_appended_to(void **state)
{
	const char *const command[] = {"/bin/sh", "-c", "echo out; echo err >&2", NULL};
	const struct process_options options = {.command = command, .log = log_path};
	(void)state;
	unlink(log_path);
	for (int i = 0; i < 2; i++) {
		int ended = 0;
		struct process *process = process_start(&options, count, &ended, NULL);
		await_end(process, &ended);
		process_free(process);
	}
	assert_string_equal(read_log(), "out\nerr\nout\nerr\n");
}

// Signals 32 and 33 belong to libc, which lets nobody change them: where our parent ignores them, so does every child.
static unsigned long long ignored_for_good(void)
{
	char line[128];
	unsigned long long ignored = 0;
	FILE *status = fopen("/proc/self/status", "re");
	assert_non_null(status);
	while (fgets(line, sizeof line, status))
		sscanf(line, "SigIgn: %llx", &ignored);
	fclose(status);
	return ignored & 0x180000000;
}

// Only stdin (/dev/null), stdout and stderr are open, whether or not a descriptor of ours was marked.
static void nothing_is_inherited(void **state)
{
	int ended;
	(void)state;
	int unmarked = dup2(STDERR_FILENO, 77);
	assert_int_equal(unmarked, 77);
	signal(SIGPIPE, SIG_IGN);
	struct process *process = start_shell(
		&ended, "readlink /proc/self/fd/0; fd=0; "
			"while [ $fd -lt 100 ]; do [ -e /proc/$$/fd/$fd ] && echo $fd; fd=$((fd + 1)); done; "
			"grep -e SigIgn -e SigBlk /proc/self/status; cut -d' ' -f5 /proc/$$/stat");
	await_end(process, &ended);
	signal(SIGPIPE, SIG_DFL);
	close(unmarked);
	char expected[256];
	snprintf(expected, sizeof expected, "/dev/null\n0\n1\n2\nSigBlk:\t%016d\nSigIgn:\t%016llx\n%d\n", 0,
		 ignored_for_good(), (int)process_pid(process));
	assert_string_equal(read_log(), expected);
	process_free(process);
}

static void terminate_is_heard(void **state)
{
	struct process_status status;
	int ended;
	(void)state;
	struct process *process =
		start_shell(&ended, "trap 'echo asked; exit 3' TERM; exec 2>/dev/null; echo up; " FOREVER);
	await_log("up");
	assert_true(process_alive(process));
	assert_false(process_status(process, &status));
	process_terminate(process, PATIENCE);
	await_end(process, &ended);
	assert_true(process_status(process, &status));
	assert_int_equal(status.code, 3);
	assert_string_equal(read_log(), "up\nasked\n");
	process_free(process);
}

static void deaf_process_is_killed_after_the_grace(void **state)
{
	struct process_status status;
	int ended;
	(void)state;
	struct process *process = start_shell(&ended, "trap '' TERM; echo up; " FOREVER);
	await_log("up");
	double start_time = loop_monotonic();
	process_terminate(process, 0.2);
	await_end(process, &ended);
	assert_true(loop_monotonic() >= start_time + 0.2);
	assert_true(process_status(process, &status));
	assert_int_equal(status.signal, SIGKILL);
	process_free(process);
}

static pid_t worker(void)
{
	await_log("worker");
	return (pid_t)atoi(strstr(read_log(), "worker") + strlen("worker"));
}

static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

// A leader that dies takes its workers with it, before its end is told.
static void group_goes_with_its_leader(void **state)
{
	int ended;
	(void)state;
	struct process *process = start_shell(&ended, DEAF_WORKER);
	pid_t left = worker();
	kill(process_pid(process), SIGSEGV);
	await_end(process, &ended);
	assert_false(exists(left));
	process_free(process);
}

// While it is being stopped, what the leader left has the rest of the grace.
static void workers_have_the_grace_too(void **state)
{
	int ended;
	(void)state;
	struct process *process = start_shell(&ended, "(trap 'sleep 0.1; echo graceful; exit' TERM; echo up; " FOREVER
						      ") & echo worker$!; wait");
	pid_t left = worker();
	await_log("up");
	process_terminate(process, PATIENCE);
	await_end(process, &ended);
	assert_false(exists(left));
	assert_non_null(strstr(read_log(), "graceful"));
	process_free(process);
}

static void end_is_known_before_it_is_told(void **state)
{
	struct process_status status;
	int ended;
	(void)state;
	struct process *process = start_shell(&ended, "exit 4");
	double end = loop_monotonic() + PATIENCE;
	while (process_alive(process) && loop_monotonic() < end)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_true(process_status(process, &status));
	assert_int_equal(status.code, 4);
	assert_int_equal(ended, 0);
	assert_false(process_over(process));
	await_end(process, &ended);
	process_free(process);
}

static void free_kills_the_group(void **state)
{
	int ended;
	(void)state;
	struct process *process = start_shell(&ended, "trap '' TERM; " DEAF_WORKER);
	pid_t left = worker(), leader = process_pid(process);
	process_free(process);
	assert_int_equal(ended, 0);
	assert_false(exists(leader));
	assert_false(exists(left));
	process_free(NULL);
}

// A parent that is killed cannot clean up: the kernel does it.
static void leader_dies_with_its_parent(void **state)
{
	(void)state;
	unlink(log_path);
	pid_t parent = fork();
	if (parent == 0) {
		int ended;
		struct process *process = start_shell(&ended, "echo worker$$; " FOREVER);
		(void)process;
		pause();
		_exit(0);
	}
	double end = loop_monotonic() + PATIENCE;
	while (access(log_path, R_OK) < 0 && loop_monotonic() < end)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	pid_t leader = worker();
	assert_true(exists(leader));
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	while (loop_monotonic() < end && (waitpid(leader, NULL, WNOHANG), exists(leader)))
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_false(exists(leader));
}

static void signals_have_names(void **state)
{
	char text[32];
	(void)state;
	assert_string_equal(process_signal_name(SIGABRT, text, sizeof text), "SIGABRT");
	assert_string_equal(process_signal_name(40, text, sizeof text), "signal 40");
	assert_string_equal(process_signal_name(-1, text, sizeof text), "signal -1");
	const struct process_status status = {.signal = SIGABRT, .dumped = true};
	assert_string_equal(process_status_text(&status, text, sizeof text), "killed by SIGABRT, core dumped");
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(log_path, sizeof log_path, "%s/log", folder);
	return loop_base() ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(log_path);
	rmdir(folder);
	loop_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_told_once),
		cmocka_unit_test(start_errors_name_the_reason),
		cmocka_unit_test(environment_is_added_and_replaced),
		cmocka_unit_test(log_is_appended_to),
		cmocka_unit_test(nothing_is_inherited),
		cmocka_unit_test(terminate_is_heard),
		cmocka_unit_test(deaf_process_is_killed_after_the_grace),
		cmocka_unit_test(group_goes_with_its_leader),
		cmocka_unit_test(workers_have_the_grace_too),
		cmocka_unit_test(end_is_known_before_it_is_told),
		cmocka_unit_test(free_kills_the_group),
		cmocka_unit_test(leader_dies_with_its_parent),
		cmocka_unit_test(signals_have_names),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
