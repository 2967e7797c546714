// SPDX-License-Identifier: BSD-3-Clause
#include "lua/task.h"

#include "lua/state.h"
#include "net/loop.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define SCHEDULER "assay.scheduler" // in the registry
#define TASK "net.task"
#define CONDITION "net.condition"
#define CANCELLED "cancelled"

enum scheduler_value { SCHEDULER_TASKS = 1, SCHEDULER_ON_ERROR, SCHEDULER_VALUES = SCHEDULER_ON_ERROR };
enum task_value { TASK_THREAD = 1, TASK_VALUES = TASK_THREAD };

struct scheduler {
	lua_State *state; // that net.run was called on
	struct task *running;
	struct task *first; // main
	struct task *tasks; // all that are not done
	struct task_wait ready;
	unsigned ready_count;
	struct event *turn; // pending while a task is ready
	bool looping, ending;
};

enum task_state { TASK_READY, TASK_RUNNING, TASK_PARKED, TASK_DONE };

struct task {
	struct scheduler *scheduler;
	lua_State *thread; // kept by the task's user value; once done, its stack holds the results or the error's text
	struct task *previous, *next;
	enum task_state state;
	struct task_wait *place; // parked or ready here
	struct task *place_previous, *place_next;
	struct event *timer;
	lua_KFunction continuation;
	lua_KContext context;
	enum task_outcome outcome;
	int arguments; // for its first resume
	bool started, failed;
	bool cancelling; // "cancelled" is to be thrown where it waits
	bool cancelled;  // it was
	struct task_wait joining;
};

static struct scheduler *find_scheduler(lua_State *state)
{
	lua_getfield(state, LUA_REGISTRYINDEX, SCHEDULER);
	struct scheduler *scheduler = lua_touserdata(state, -1);
	lua_pop(state, 1);
	return scheduler;
}

lua_State *task_main(lua_State *state)
{
	lua_rawgeti(state, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
	lua_State *found = lua_tothread(state, -1);
	lua_pop(state, 1);
	return found;
}

// Places.

static void place_put(struct task_wait *place, struct task *task)
{
	task->place = place;
	task->place_next = NULL;
	task->place_previous = place->last;
	if (place->last)
		place->last->place_next = task;
	else
		place->first = task;
	place->last = task;
}

static void place_leave(struct task *task)
{
	struct task_wait *place = task->place;
	if (!place)
		return;
	if (task->place_previous)
		task->place_previous->place_next = task->place_next;
	else
		place->first = task->place_next;
	if (task->place_next)
		task->place_next->place_previous = task->place_previous;
	else
		place->last = task->place_previous;
	if (place == &task->scheduler->ready)
		task->scheduler->ready_count--;
	task->place = NULL;
}

static void make_ready(struct task *task)
{
	struct scheduler *scheduler = task->scheduler;
	struct timeval at_once = {0, 0};
	place_leave(task);
	if (task->timer)
		event_del(task->timer);
	task->state = TASK_READY;
	place_put(&scheduler->ready, task);
	scheduler->ready_count++;
	// A timer, and not event_active: sockets are looked at between two turns, however busy the tasks keep each other.
	if (!event_pending(scheduler->turn, EV_TIMEOUT, NULL))
		event_add(scheduler->turn, &at_once);
}

bool task_wake_one(struct task_wait *wait)
{
	struct task *task = wait->first;
	if (!task)
		return false;
	task->outcome = TASK_WOKEN;
	make_ready(task);
	return true;
}

void task_wake(struct task_wait *wait)
{
	while (task_wake_one(wait))
		;
}

bool task_waiting(const struct task_wait *wait)
{
	return wait->first != NULL;
}

static void on_timeout(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct task *task = context;
	task->outcome = TASK_TIMEOUT;
	make_ready(task);
}

static int throw_cancelled(lua_State *thread, struct task *task)
{
	task->cancelling = false;
	task->cancelled = true;
	lua_pushliteral(thread, CANCELLED);
	return lua_error(thread);
}

static int resumed(lua_State *thread, int status, lua_KContext context)
{
	struct task *task = (struct task *)context;
	(void)status;
	if (task->cancelling)
		return throw_cancelled(thread, task);
	return task->continuation(thread, (int)task->outcome, task->context);
}

int task_wait(lua_State *thread, struct task_wait *wait, double timeout, lua_KFunction k, lua_KContext context)
{
	struct scheduler *scheduler = find_scheduler(thread);
	struct task *task = scheduler ? scheduler->running : NULL;
	if (!task || task->thread != thread)
		return luaL_error(thread, "only a task can wait: call this inside net.run, and in no coroutine of your own");
	if (!lua_isyieldable(thread))
		return luaL_error(thread, "a task cannot wait inside a function that C calls back");
	if (task->cancelling)
		return throw_cancelled(thread, task);
	if (timeout >= 0) {
		struct timeval span = loop_span(timeout);
		if (!task->timer)
			task->timer = evtimer_new(loop_base(), on_timeout, task);
		if (!task->timer || event_add(task->timer, &span) < 0)
			return luaL_error(thread, "the event loop takes no more timers");
	}
	task->continuation = k;
	task->context = context;
	task->state = TASK_PARKED;
	if (wait)
		place_put(wait, task);
	return lua_yieldk(thread, 0, (lua_KContext)task, resumed);
}

double task_check_timeout(lua_State *state, int index)
{
	if (lua_isnoneornil(state, index))
		return -1;
	lua_Number timeout = luaL_checknumber(state, index);
	luaL_argcheck(state, timeout >= 0, index, "a time in seconds, not negative, expected");
	return timeout;
}

void task_report(lua_State *state)
{
	struct scheduler *scheduler = find_scheduler(state);
	int text = lua_gettop(state);
	if (scheduler) {
		lua_getfield(state, LUA_REGISTRYINDEX, SCHEDULER);
		lua_getiuservalue(state, -1, SCHEDULER_ON_ERROR);
		if (lua_isfunction(state, -1)) {
			lua_pushvalue(state, text);
			if (state_call(state, 1, 0))
				goto out;
			// Both are told: the error, and why its handler could not take it.
			fprintf(stderr, "%s\n", lua_tostring(state, -1));
		}
	}
	fprintf(stderr, "%s\n", lua_tostring(state, text));
out:
	lua_settop(state, text - 1);
}

// Tasks.

static void push_task(lua_State *state, struct task *task)
{
	lua_getfield(state, LUA_REGISTRYINDEX, SCHEDULER);
	lua_getiuservalue(state, -1, SCHEDULER_TASKS);
	lua_rawgetp(state, -1, task);
	lua_replace(state, -3);
	lua_pop(state, 1);
}

static void keep_task(lua_State *state, struct task *task, int index)
{
	index = lua_absindex(state, index);
	lua_getfield(state, LUA_REGISTRYINDEX, SCHEDULER);
	lua_getiuservalue(state, -1, SCHEDULER_TASKS);
	lua_pushvalue(state, index);
	lua_rawsetp(state, -2, task);
	lua_pop(state, 2);
}

// The error's text with its traceback; that of a cancellation stays as it is, so that it can be told from others.
static int with_traceback(lua_State *thread)
{
	const char *text = lua_tostring(thread, 1);
	if (text && strcmp(text, CANCELLED) == 0)
		return 1;
	if (!text)
		text = luaL_tolstring(thread, 1, NULL);
	luaL_traceback(thread, thread, text, 1);
	return 1;
}

static int body_done(lua_State *thread, int status, lua_KContext context)
{
	struct task *task = (struct task *)context;
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(thread) - 1;
	task->failed = true;
	return 1;
}

// The task's function runs in a protected call inside the coroutine, not just inside lua_resume: so that variables to
// be closed can still wait when it fails.
static int body(lua_State *thread)
{
	struct task *task = lua_touserdata(thread, 1);
	lua_pushcfunction(thread, with_traceback);
	lua_replace(thread, 1);
	int status = lua_pcallk(thread, lua_gettop(thread) - 2, LUA_MULTRET, 1, (lua_KContext)task, body_done);
	return body_done(thread, status, (lua_KContext)task);
}

// Makes a task of the function and arguments that are on top of the stack, pops them and pushes the task.
static struct task *make_task(lua_State *state, struct scheduler *scheduler, int arguments)
{
	struct task *task = lua_newuserdatauv(state, sizeof *task, TASK_VALUES);
	*task = (struct task){.scheduler = scheduler};
	luaL_setmetatable(state, TASK);
	task->thread = lua_newthread(state);
	lua_setiuservalue(state, -2, TASK_THREAD);
	if (!lua_checkstack(task->thread, arguments + 4))
		luaL_error(state, "too many arguments");
	lua_pushcfunction(task->thread, body);
	lua_pushlightuserdata(task->thread, task);
	lua_insert(state, -2 - arguments);
	lua_xmove(state, task->thread, arguments + 1);
	task->arguments = arguments + 2;
	keep_task(state, task, -1);

	task->next = scheduler->tasks;
	if (task->next)
		task->next->previous = task;
	scheduler->tasks = task;
	make_ready(task);
	return task;
}

static bool was_cancelled(const struct task *task)
{
	const char *text = task->failed && task->cancelled ? lua_tostring(task->thread, -1) : NULL;
	return text && strcmp(text, CANCELLED) == 0;
}

// What it leaves is on its own stack: its results, or one text.
static void finish(struct task *task)
{
	struct scheduler *scheduler = task->scheduler;
	lua_State *state = scheduler->state;
	bool joined = task_waiting(&task->joining) || task == scheduler->first;
	task->state = TASK_DONE;
	place_leave(task);
	if (task->timer)
		event_free(task->timer);
	task->timer = NULL;
	if (task->previous)
		task->previous->next = task->next;
	else
		scheduler->tasks = task->next;
	if (task->next)
		task->next->previous = task->previous;
	lua_pushnil(state);
	keep_task(state, task, -1);
	lua_pop(state, 1);
	task_wake(&task->joining);
	if (task->failed && !joined && !was_cancelled(task)) {
		lua_pushstring(state, lua_tostring(task->thread, -1));
		task_report(state);
	}
	if (task == scheduler->first)
		event_base_loopbreak(loop_base());
}

static void fail(struct task *task, const char *text)
{
	task->failed = true;
	lua_settop(task->thread, 0);
	lua_pushstring(task->thread, text);
	finish(task);
}

static void resume(struct task *task)
{
	struct scheduler *scheduler = task->scheduler;
	lua_State *state = scheduler->state;
	int arguments = task->arguments, count = 0;
	push_task(state, task); // its handle may be all that keeps it
	place_leave(task);
	task->arguments = 0;
	task->started = true;
	task->state = TASK_RUNNING;
	scheduler->running = task;
	int status = lua_resume(task->thread, state, arguments, &count);
	scheduler->running = NULL;
	if (status == LUA_YIELD) {
		lua_pop(task->thread, count);
		// A bare coroutine.yield lets the others have a turn.
		if (task->state == TASK_RUNNING) {
			task->continuation = NULL;
			make_ready(task);
		}
	} else if (status == LUA_OK) {
		finish(task);
	} else {
		lua_resetthread(task->thread);
		fail(task, "out of memory, or out of stack, in a task");
	}
	lua_pop(state, 1);
}

static void cancel(struct task *task)
{
	if (task->state == TASK_DONE)
		return;
	task->cancelling = true;
	if (!task->started) {
		task->cancelled = true;
		fail(task, CANCELLED);
	} else if (task->state == TASK_PARKED) {
		make_ready(task);
	}
}

static void on_turn(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	struct scheduler *scheduler = context;
	// Those that become ready meanwhile wait for the next turn.
	for (unsigned left = scheduler->ready_count; left && scheduler->ready.first && !scheduler->ending; left--) {
		resume(scheduler->ready.first);
		if (scheduler->first->state == TASK_DONE)
			return;
	}
}

// "cancelled" is thrown once; a task that catches it and waits again is closed where it stands.
static void end_task(struct task *task)
{
	lua_State *state = task->scheduler->state;
	push_task(state, task);
	cancel(task);
	if (task->state != TASK_DONE)
		resume(task);
	if (task->state != TASK_DONE) {
		lua_resetthread(task->thread);
		task->cancelled = true;
		fail(task, CANCELLED);
	}
	lua_pop(state, 1);
}

static int push_results(lua_State *state, struct task *task)
{
	int count = lua_gettop(task->thread);
	if (!lua_checkstack(state, count) || !lua_checkstack(task->thread, 1))
		return luaL_error(state, "too many results");
	for (int i = 1; i <= count; i++) {
		lua_pushvalue(task->thread, i);
		lua_xmove(task->thread, state, 1);
	}
	return count;
}

// net.run(main, ...) -> the results of main
//
// Runs the event loop with main(...) as the first task, until it returns. Then every other task is cancelled: the
// error "cancelled" is thrown where it waits, and if it waits again it is closed there. An error in main is thrown
// again, with its traceback. So is one if all tasks wait and no socket, timer, signal or process is left that could
// wake one. There is one net.run at a time.
static int net_run(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TFUNCTION);
	struct scheduler *scheduler = find_scheduler(state);
	if (scheduler->looping)
		return luaL_error(state, "net.run is running already");
	if (!scheduler->turn)
		scheduler->turn = loop_base() ? evtimer_new(loop_base(), on_turn, scheduler) : NULL;
	if (!scheduler->turn)
		return luaL_error(state, "the event loop cannot be made");
	scheduler->state = state;
	scheduler->ending = false;
	struct task *first = make_task(state, scheduler, lua_gettop(state) - 1);
	scheduler->first = first;
	scheduler->looping = true;
	int outcome = 0;
	while (first->state != TASK_DONE && outcome == 0)
		outcome = event_base_loop(loop_base(), 0);
	bool stuck = first->state != TASK_DONE;
	scheduler->ending = true;
	while (scheduler->tasks)
		end_task(scheduler->tasks);
	event_free(scheduler->turn);
	scheduler->turn = NULL;
	scheduler->looping = false;
	if (stuck)
		return luaL_error(state, outcome > 0 ? "every task waits, and nothing is left that could wake one"
						     : "the event loop failed");
	int count = push_results(state, first);
	return first->failed ? lua_error(state) : count;
}

// net.spawn(function, ...) -> task
//
// A new task that will run function(...) from the loop's next turn on. Only inside net.run.
static int net_spawn(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TFUNCTION);
	struct scheduler *scheduler = find_scheduler(state);
	if (!scheduler->looping || scheduler->ending)
		return luaL_error(state, "net.spawn: no net.run is running");
	make_task(state, scheduler, lua_gettop(state) - 1);
	return 1;
}

static int joined(lua_State *state, int outcome, lua_KContext context)
{
	struct task *task = luaL_checkudata(state, 1, TASK);
	(void)context;
	if (outcome == TASK_TIMEOUT && task->state != TASK_DONE) {
		lua_pushnil(state);
		lua_pushliteral(state, "timeout");
		return 2;
	}
	if (task->failed)
		lua_pushnil(state);
	else
		lua_pushboolean(state, true);
	return 1 + push_results(state, task);
}

// task:join([timeout]) * -> true, results... | nil, text
//
// Waits until the task is done. The text is that of its error with a traceback, "timeout", or "cancelled". A task that
// fails while nobody waits here is told to net.on_error as well.
static int task_join(lua_State *state)
{
	struct task *task = luaL_checkudata(state, 1, TASK);
	double timeout = task_check_timeout(state, 2);
	if (task->state == TASK_DONE)
		return joined(state, TASK_WOKEN, 0);
	if (task->thread == state)
		return luaL_error(state, "a task cannot join itself");
	return task_wait(state, &task->joining, timeout, joined, 0);
}

// task:cancel()
//
// Ends what the task waits for with the error "cancelled" thrown there, so that its to-be-closed variables are closed;
// these may wait. A task that has not begun never begins; one that is done stays as it is.
static int task_cancel(lua_State *state)
{
	cancel(luaL_checkudata(state, 1, TASK));
	return 0;
}

// task:alive() -> boolean: it has neither returned nor failed
static int task_alive(lua_State *state)
{
	struct task *task = luaL_checkudata(state, 1, TASK);
	lua_pushboolean(state, task->state != TASK_DONE);
	return 1;
}

static int task_gc(lua_State *state)
{
	// Only the end of the whole state finds one that is not done.
	struct task *task = luaL_checkudata(state, 1, TASK);
	if (task->timer)
		event_free(task->timer);
	task->timer = NULL;
	return 0;
}

static int slept(lua_State *state, int outcome, lua_KContext context)
{
	(void)state, (void)outcome, (void)context;
	return 0;
}

// net.sleep(seconds) *
static int net_sleep(lua_State *state)
{
	luaL_checknumber(state, 1);
	return task_wait(state, NULL, task_check_timeout(state, 1), slept, 0);
}

// net.condition() -> condition
static int net_condition(lua_State *state)
{
	struct task_wait *wait = lua_newuserdatauv(state, sizeof *wait, 0);
	*wait = (struct task_wait){NULL, NULL};
	luaL_setmetatable(state, CONDITION);
	return 1;
}

static int notified(lua_State *state, int outcome, lua_KContext context)
{
	(void)context;
	if (outcome == TASK_WOKEN) {
		lua_pushboolean(state, true);
		return 1;
	}
	lua_pushnil(state);
	lua_pushliteral(state, "timeout");
	return 2;
}

// condition:wait([timeout]) * -> true | nil, "timeout"
static int condition_wait(lua_State *state)
{
	struct task_wait *wait = luaL_checkudata(state, 1, CONDITION);
	return task_wait(state, wait, task_check_timeout(state, 2), notified, 0);
}

// condition:notify(): wakes all that wait now
static int condition_notify(lua_State *state)
{
	task_wake(luaL_checkudata(state, 1, CONDITION));
	return 0;
}

// net.on_error(function | nil)
//
// function(text) is called for each task that fails while nobody joins it, and for errors in functions that the engine
// calls (taps, signal handlers). Without one they go to standard error.
static int net_on_error(lua_State *state)
{
	if (!lua_isnoneornil(state, 1))
		luaL_checktype(state, 1, LUA_TFUNCTION);
	lua_settop(state, 1);
	lua_getfield(state, LUA_REGISTRYINDEX, SCHEDULER);
	lua_insert(state, 1);
	lua_setiuservalue(state, 1, SCHEDULER_ON_ERROR);
	return 0;
}

static int scheduler_gc(lua_State *state)
{
	struct scheduler *scheduler = lua_touserdata(state, 1);
	if (scheduler->turn)
		event_free(scheduler->turn);
	scheduler->turn = NULL;
	return 0;
}

static void make_scheduler(lua_State *state)
{
	if (find_scheduler(state))
		return;
	struct scheduler *scheduler = lua_newuserdatauv(state, sizeof *scheduler, SCHEDULER_VALUES);
	*scheduler = (struct scheduler){.state = state};
	lua_newtable(state);
	lua_setiuservalue(state, -2, SCHEDULER_TASKS);
	lua_createtable(state, 0, 1);
	lua_pushcfunction(state, scheduler_gc);
	lua_setfield(state, -2, "__gc");
	lua_setmetatable(state, -2);
	lua_setfield(state, LUA_REGISTRYINDEX, SCHEDULER);
}

static void make_metatable(lua_State *state, const char *name, const luaL_Reg *methods)
{
	luaL_newmetatable(state, name);
	luaL_setfuncs(state, methods, 0);
	lua_pushvalue(state, -1);
	lua_setfield(state, -2, "__index");
	lua_pop(state, 1);
}

void task_open(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"run", net_run},     {"spawn", net_spawn},         {"sleep", net_sleep},
		{"condition", net_condition}, {"on_error", net_on_error}, {NULL, NULL},
	};
	static const luaL_Reg task_methods[] = {
		{"join", task_join}, {"cancel", task_cancel}, {"alive", task_alive}, {"__gc", task_gc}, {NULL, NULL},
	};
	static const luaL_Reg condition_methods[] = {
		{"wait", condition_wait}, {"notify", condition_notify}, {NULL, NULL},
	};
	make_scheduler(state);
	make_metatable(state, TASK, task_methods);
	make_metatable(state, CONDITION, condition_methods);
	luaL_setfuncs(state, functions, 0);
}
