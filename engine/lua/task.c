// SPDX-License-Identifier: BSD-3-Clause
#include "lua/task_record.h"

#include "lua/state.h"
#include "net/loop.h"

#include <event2/event.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define CANCELLED "cancelled"

struct scheduler *task_scheduler(lua_State *state)
{
	lua_getfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
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
	// A timer, and not event_active: sockets are looked at between two turns, however busy tasks keep each other.
	if (!event_pending(scheduler->turn, EV_TIMEOUT, NULL))
		event_add(scheduler->turn, &at_once);
}

static bool wake_one(struct task_wait *wait)
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
	while (wake_one(wait))
		;
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
	struct scheduler *scheduler = task_scheduler(thread);
	struct task *task = scheduler ? scheduler->running : NULL;
	if (!task || task->thread != thread)
		return luaL_error(thread,
				  "only a task can wait: call this inside net.run, and in no coroutine of your own");
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
	struct scheduler *scheduler = task_scheduler(state);
	int text = lua_gettop(state);
	if (scheduler) {
		lua_getfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
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
	lua_getfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
	lua_getiuservalue(state, -1, SCHEDULER_TASKS);
	lua_rawgetp(state, -1, task);
	lua_replace(state, -3);
	lua_pop(state, 1);
}

static void keep_task(lua_State *state, struct task *task, int index)
{
	index = lua_absindex(state, index);
	lua_getfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
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

struct task *task_make(lua_State *state, struct scheduler *scheduler, int arguments)
{
	struct task *task = lua_newuserdatauv(state, sizeof *task, TASK_VALUES);
	*task = (struct task){.scheduler = scheduler};
	luaL_setmetatable(state, TASK_TYPE);
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
	bool joined = task->joining.first != NULL || task == scheduler->first;
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

void task_cancel(struct task *task)
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

void task_turn(struct scheduler *scheduler)
{
	// Those that become ready meanwhile wait for the next turn.
	for (unsigned left = scheduler->ready_count; left && scheduler->ready.first; left--) {
		resume(scheduler->ready.first);
		if (scheduler->first->state == TASK_DONE)
			return;
	}
}

// "cancelled" is thrown once; a task that catches it and waits again is closed where it stands.
void task_end(struct task *task)
{
	lua_State *state = task->scheduler->state;
	push_task(state, task);
	task_cancel(task);
	if (task->state != TASK_DONE)
		resume(task);
	if (task->state != TASK_DONE) {
		lua_resetthread(task->thread);
		task->cancelled = true;
		fail(task, CANCELLED);
	}
	lua_pop(state, 1);
}

int task_push_results(lua_State *state, struct task *task)
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
