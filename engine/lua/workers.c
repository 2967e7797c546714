// SPDX-License-Identifier: BSD-3-Clause
//
// The module "workers": pieces of work done by child processes, several at once. A child is a copy of this process, so
// what it needs to know (keys too) is there already and passes neither a command line nor a file; what it has done
// comes back as one string. It knows nothing of the work.
#include "lua/modules.h"

#include "base/error.h"
#include "lua/state.h"
#include "lua/stop_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define POOL "workers.pool"
#define MOST 256
#define RESULT_LIMIT ((size_t)1 << 30) // octets of one result

struct worker {
	pid_t pid;  // 0: free
	int result; // what it writes, to be read
	lua_Integer job;
	char *octets;
	size_t length, capacity;
};

struct pool {
	struct worker workers[MOST];
	int count; // at once
	bool watching, forwarded;
};

static void let_go(struct worker *worker)
{
	if (worker->result >= 0)
		close(worker->result);
	free(worker->octets);
	*worker = (struct worker){.result = -1};
}

// Also when an error is thrown: no child outlives the call.
static int pool_close(lua_State *state)
{
	struct pool *pool = luaL_checkudata(state, 1, POOL);
	for (int i = 0; i < pool->count; i++) {
		struct worker *worker = &pool->workers[i];
		if (worker->pid) {
			kill(worker->pid, SIGKILL);
			waitpid(worker->pid, NULL, 0);
		}
		let_go(worker);
	}
	if (pool->watching)
		stop_signal_release();
	pool->watching = false;
	return 0;
}

// The child: does the work, writes what came of it, and is gone without tidying up what is its parent's.
static _Noreturn void work(lua_State *state, lua_Integer job, int out)
{
	size_t length, done = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	lua_pushvalue(state, 3);
	lua_pushinteger(state, job);
	bool well = state_call(state, 1, 1);
	const char *octets = lua_tolstring(state, -1, &length);
	char mark = well && octets ? '+' : '-'; // first of all: a result, or what went wrong
	if (!octets)
		octets = "no result", length = strlen(octets);
	if (write(out, &mark, 1) != 1)
		_exit(1);
	while (done < length) {
		ssize_t wrote = write(out, &octets[done], length - done);
		if (wrote < 0 && errno != EINTR)
			_exit(1);
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	_exit(0);
}

static int begin(lua_State *state, struct pool *pool, struct worker *worker, lua_Integer job, struct error *error)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(error, "cannot make a pipe for a worker");
	pid_t pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_set_errno(error, "cannot start a worker");
	}
	if (!pid) {
		close(ends[0]);
		for (int i = 0; i < pool->count; i++)
			if (pool->workers[i].result >= 0)
				close(pool->workers[i].result);
		work(state, job, ends[1]);
	}
	close(ends[1]);
	*worker = (struct worker){.pid = pid, .result = ends[0], .job = job};
	return 0;
}

// Reads what is there: 1, 0 at the end, -1 out of memory or when it never ends.
static int read_result(struct worker *worker)
{
	if (worker->length == worker->capacity) {
		size_t capacity = worker->capacity ? worker->capacity * 2 : 65536;
		char *grown = capacity <= RESULT_LIMIT ? realloc(worker->octets, capacity) : NULL;
		if (!grown)
			return -1;
		worker->octets = grown;
		worker->capacity = capacity;
	}
	ssize_t got = read(worker->result, &worker->octets[worker->length], worker->capacity - worker->length);
	if (got < 0)
		return errno == EINTR ? 1 : 0;
	worker->length += (size_t)got;
	return got > 0;
}

// Calls done(job, result) or done(job, nil, problem); the error it throws goes on.
static void finish(lua_State *state, struct worker *worker, bool too_large)
{
	int status = 0;
	if (too_large)
		kill(worker->pid, SIGKILL);
	while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
		;
	worker->pid = 0;
	lua_pushvalue(state, 4);
	lua_pushinteger(state, worker->job);
	bool whole = !too_large && WIFEXITED(status) && WEXITSTATUS(status) == 0 && worker->length;
	if (whole && worker->octets[0] == '-')
		lua_pushnil(state);
	if (whole) {
		lua_pushlstring(state, &worker->octets[1], worker->length - 1);
	} else {
		lua_pushnil(state);
		if (too_large)
			lua_pushstring(state, "what the worker tells is too much");
		else if (WIFSIGNALED(status))
			lua_pushfstring(state, "the worker was killed by signal %d", WTERMSIG(status));
		else
			lua_pushstring(state, "the worker ended without a result");
	}
	// Behind the four given, the pool and the function.
	int arguments = lua_gettop(state) - 6;
	let_go(worker);
	lua_call(state, arguments, 0);
}

static void forward_stop(struct pool *pool)
{
	if (!stop_signal_raised || pool->forwarded)
		return;
	pool->forwarded = true;
	for (int i = 0; i < pool->count; i++)
		if (pool->workers[i].pid)
			kill(pool->workers[i].pid, SIGINT);
}

// Waits until some worker has something to tell.
static void attend(lua_State *state, struct pool *pool)
{
	struct pollfd waiting[MOST];
	for (int i = 0; i < pool->count; i++)
		waiting[i] =
			(struct pollfd){.fd = pool->workers[i].pid ? pool->workers[i].result : -1, .events = POLLIN};
	// A signal between the look at the flag and the wait would be missed: so the wait has an end.
	if (poll(waiting, (nfds_t)pool->count, 500) <= 0)
		return;
	for (int i = 0; i < pool->count; i++) {
		if (waiting[i].fd < 0 || !waiting[i].revents)
			continue;
		int more = read_result(&pool->workers[i]);
		if (more <= 0)
			finish(state, &pool->workers[i], more < 0);
	}
}

// workers.run(count, jobs, work, done) -> true | nil, text
//
// Does the jobs 1 to `jobs` in child processes, at most `count` (1 to 256) at once, begun in their order. In the child
// work(job) returns a string; in this process done(job, string), or done(job, nil, problem) where the child threw an
// error or died, is called as each ends. SIGINT and SIGTERM are handed to the children and begin no further job: the
// jobs that were not begun get no call. nil, text when no child can be started.
static int workers_run(lua_State *state)
{
	struct error error;
	lua_Integer count = luaL_checkinteger(state, 1), jobs = luaL_checkinteger(state, 2), next = 1;
	luaL_argcheck(state, count >= 1 && count <= MOST, 1, "a number from 1 to 256 expected");
	luaL_checktype(state, 3, LUA_TFUNCTION);
	luaL_checktype(state, 4, LUA_TFUNCTION);
	lua_settop(state, 4);
	struct pool *pool = lua_newuserdatauv(state, sizeof *pool, 0); // at 5
	memset(pool, 0, sizeof *pool);
	pool->count = (int)count;
	for (int i = 0; i < pool->count; i++)
		pool->workers[i].result = -1;
	luaL_setmetatable(state, POOL);
	lua_toclose(state, 5);
	stop_signal_watch();
	pool->watching = true;
	while (true) {
		bool busy = false;
		forward_stop(pool);
		for (int i = 0; i < pool->count; i++) {
			struct worker *worker = &pool->workers[i];
			if (!worker->pid && next <= jobs && !stop_signal_raised &&
			    begin(state, pool, worker, next++, &error) < 0)
				return state_push_error(state, &error);
			busy = busy || worker->pid;
		}
		if (!busy)
			break;
		attend(state, pool);
	}
	lua_pushboolean(state, true);
	return 1;
}

int luaopen_workers(lua_State *state)
{
	static const luaL_Reg functions[] = {{"run", workers_run}, {NULL, NULL}};
	static const luaL_Reg ends[] = {{"__gc", pool_close}, {"__close", pool_close}, {NULL, NULL}};
	luaL_newmetatable(state, POOL);
	luaL_setfuncs(state, ends, 0);
	lua_pop(state, 1);
	luaL_newlib(state, functions);
	return 1;
}
