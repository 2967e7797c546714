// SPDX-License-Identifier: BSD-3-Clause
//
// The records behind task.h: only task.c and task_calls.c look into them.
#ifndef ASSAY_LUA_TASK_RECORD_H
#define ASSAY_LUA_TASK_RECORD_H

#include "lua/task.h"

struct event;

#define TASK_SCHEDULER "assay.scheduler" // in the registry
#define TASK_TYPE "net.task"

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

// The scheduler of this Lua state; NULL before task_open.
struct scheduler *task_scheduler(lua_State *state);

// Makes a task of the function and arguments that are on top of the stack, pops them and pushes the task.
struct task *task_make(lua_State *state, struct scheduler *scheduler, int arguments);

// Has "cancelled" thrown where the task waits; one that has not begun is done at once.
void task_cancel(struct task *task);

// Cancels it and does not let it wait again: it is done on return.
void task_end(struct task *task);

// Resumes those that are ready, each once.
void task_turn(struct scheduler *scheduler);

// Pushes what a task that is done has left: its results, or the text of its error. Returns how many values.
int task_push_results(lua_State *state, struct task *task);

#endif
