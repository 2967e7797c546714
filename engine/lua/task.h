// SPDX-License-Identifier: BSD-3-Clause
//
// Tasks: coroutines that the event loop resumes. Every binding whose calls wait for something (a datagram, the end
// of a process, a timer) parks the calling task here and wakes it from an event; none resumes a coroutine itself.
// A woken task is queued and resumed from the loop's top, in the order of the wakes, never inside the waker.
//
// How a binding waits:
//
//	static int exited(lua_State *task, int outcome, lua_KContext context)   // the stack is as task_wait found it
//	{
//		struct process *process = luaL_checkudata(task, 1, "target.process");
//		if (outcome == TASK_TIMEOUT)
//			... return 2;                      // nil, "timeout"
//		return push_status(task, process);
//	}
//	...
//	return task_wait(task, &process->waiting, timeout, exited, 0);          // in the method
//	task_wake(&process->waiting);                                            // in the event's callback
#ifndef ASSAY_LUA_TASK_H
#define ASSAY_LUA_TASK_H

#include <lua.h>
#include <stdbool.h>

struct task;

// A place where any number of tasks wait for one thing. It stands inside the userdata that the waiting method was
// called on (which the task's stack keeps alive while it is parked there); zeroed, it is empty.
struct task_wait {
	struct task *first, *last;
};

// What a continuation is called with as its status.
enum task_outcome {
	TASK_WOKEN = LUA_YIELD, // task_wake came first
	TASK_TIMEOUT,           // the time was over first
};

// Parks the calling task on *wait (NULL: only time ends the wait) for at most `timeout` seconds (negative: for ever; 0:
// until the loop was gone through once), as `return task_wait(...)` in a lua_CFunction. Later k(task, outcome, context)
// is called with the stack that was left here and returns as a lua_CFunction does; it may park again. A cancelled task
// gets the error "cancelled" thrown in place of k; what must be undone then goes in a userdata with __close given to
// lua_toclose. Throws an error if the caller is not a task (no net.run around it, or in a coroutine inside a task), or
// cannot be left (inside a C function that calls back, such as table.sort).
int task_wait(lua_State *task, struct task_wait *wait, double timeout, lua_KFunction k, lua_KContext context);

// Wakes all that are parked on *wait, whoever has waited longest first. Good in any event callback and in any method.
// To be called before the memory of *wait goes away (__gc, close).
void task_wake(struct task_wait *wait);

// The argument at `index` as a timeout in seconds: negative when it is absent or nil. Throws on anything but a number
// that is not negative.
double task_check_timeout(lua_State *state, int index);

// The state on which a callback of an event enters Lua (through state_call): the main thread, which outlives every
// coroutine. Ask for it where the event is made and keep it beside.
lua_State *task_main(lua_State *state);

// Gives the error text on top of the stack of `state`, which it pops, to the function set by net.on_error, else to
// standard error: for an error that has no caller to go to, such as one that state_call left in a callback.
void task_report(lua_State *state);

// What net.c puts into its module: run, spawn, sleep, condition, on_error. Adds them to the table on top of the stack.
void task_open(lua_State *state);

#endif
