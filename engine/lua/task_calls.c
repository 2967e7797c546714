// SPDX-License-Identifier: BSD-3-Clause
//
// What a script calls of tasks; part of the module net.
#include "lua/state.h"
#include "lua/task_record.h"

#include "net/loop.h"

#include <event2/event.h>
#include <lauxlib.h>

#define CONDITION "net.condition"

static void on_turn(evutil_socket_t socket, short what, void *context)
{
	(void)socket, (void)what;
	task_turn(context);
}

// net.run(main, ...) -> the results of main
//
// Runs the event loop with main(...) as the first task, until it returns. Then every other task is cancelled: the
// error "cancelled" is thrown where it waits, and if it waits again it is closed there. An error in main is thrown
// again, with its traceback. So is one if all tasks wait and no socket, timer, signal or process is left that could
// wake one. There is one net.run at a time.
static int call_run(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TFUNCTION);
	struct scheduler *scheduler = task_scheduler(state);
	if (scheduler->looping)
		return luaL_error(state, "net.run is running already");
	if (!scheduler->turn)
		scheduler->turn = loop_base() ? evtimer_new(loop_base(), on_turn, scheduler) : NULL;
	if (!scheduler->turn)
		return luaL_error(state, "the event loop cannot be made");
	scheduler->state = state;
	scheduler->ending = false;
	struct task *first = task_make(state, scheduler, lua_gettop(state) - 1);
	scheduler->first = first;
	scheduler->looping = true;
	int outcome = 0;
	while (first->state != TASK_DONE && outcome == 0)
		outcome = event_base_loop(loop_base(), 0);
	bool stuck = first->state != TASK_DONE;
	scheduler->ending = true;
	while (scheduler->tasks)
		task_end(scheduler->tasks);
	event_free(scheduler->turn);
	scheduler->turn = NULL;
	scheduler->looping = false;
	if (stuck)
		return luaL_error(state, outcome > 0 ? "every task waits, and nothing is left that could wake one"
						     : "the event loop failed");
	int count = task_push_results(state, first);
	return first->failed ? lua_error(state) : count;
}

// net.spawn(function, ...) -> task
//
// A new task that will run function(...) from the loop's next turn on. Only inside net.run.
static int call_spawn(lua_State *state)
{
	luaL_checktype(state, 1, LUA_TFUNCTION);
	struct scheduler *scheduler = task_scheduler(state);
	if (!scheduler->looping || scheduler->ending)
		return luaL_error(state, "net.spawn: no net.run is running");
	task_make(state, scheduler, lua_gettop(state) - 1);
	return 1;
}

static int joined(lua_State *state, int outcome, lua_KContext context)
{
	struct task *task = luaL_checkudata(state, 1, TASK_TYPE);
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
	return 1 + task_push_results(state, task);
}

// task:join([timeout]) * -> true, results... | nil, text
//
// Waits until the task is done. The text is that of its error with a traceback, "timeout", or "cancelled". A task that
// fails while nobody waits here is told to net.on_error as well.
static int call_join(lua_State *state)
{
	struct task *task = luaL_checkudata(state, 1, TASK_TYPE);
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
static int call_cancel(lua_State *state)
{
	task_cancel(luaL_checkudata(state, 1, TASK_TYPE));
	return 0;
}

// task:alive() -> boolean: it has neither returned nor failed
static int call_alive(lua_State *state)
{
	struct task *task = luaL_checkudata(state, 1, TASK_TYPE);
	lua_pushboolean(state, task->state != TASK_DONE);
	return 1;
}

static int collect(lua_State *state)
{
	// Only the end of the whole state finds one that is not done.
	struct task *task = luaL_checkudata(state, 1, TASK_TYPE);
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
static int call_sleep(lua_State *state)
{
	luaL_checknumber(state, 1);
	return task_wait(state, NULL, task_check_timeout(state, 1), slept, 0);
}

// net.condition() -> condition
static int call_condition(lua_State *state)
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
static int call_wait(lua_State *state)
{
	struct task_wait *wait = luaL_checkudata(state, 1, CONDITION);
	return task_wait(state, wait, task_check_timeout(state, 2), notified, 0);
}

// condition:notify(): wakes all that wait now
static int call_notify(lua_State *state)
{
	task_wake(luaL_checkudata(state, 1, CONDITION));
	return 0;
}

// net.on_error(function | nil)
//
// function(text) is called for each task that fails while nobody joins it, and for errors in functions that the engine
// calls (taps, signal handlers). Without one they go to standard error.
static int call_on_error(lua_State *state)
{
	if (!lua_isnoneornil(state, 1))
		luaL_checktype(state, 1, LUA_TFUNCTION);
	lua_settop(state, 1);
	lua_getfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
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
	if (task_scheduler(state))
		return;
	struct scheduler *scheduler = lua_newuserdatauv(state, sizeof *scheduler, SCHEDULER_VALUES);
	*scheduler = (struct scheduler){.state = state};
	lua_newtable(state);
	lua_setiuservalue(state, -2, SCHEDULER_TASKS);
	lua_createtable(state, 0, 1);
	lua_pushcfunction(state, scheduler_gc);
	lua_setfield(state, -2, "__gc");
	lua_setmetatable(state, -2);
	lua_setfield(state, LUA_REGISTRYINDEX, TASK_SCHEDULER);
}

void task_open(lua_State *state)
{
	static const luaL_Reg functions[] = {
		{"run", call_run},           {"spawn", call_spawn},
		{"sleep", call_sleep},       {"condition", call_condition},
		{"on_error", call_on_error}, {NULL, NULL},
	};
	static const luaL_Reg task_methods[] = {
		{"join", call_join}, {"cancel", call_cancel}, {"alive", call_alive}, {"__gc", collect}, {NULL, NULL},
	};
	static const luaL_Reg condition_methods[] = {
		{"wait", call_wait},
		{"notify", call_notify},
		{NULL, NULL},
	};
	make_scheduler(state);
	state_make_class(state, TASK_TYPE, task_methods);
	state_make_class(state, CONDITION, condition_methods);
	luaL_setfuncs(state, functions, 0);
}
