// SPDX-License-Identifier: BSD-3-Clause
#include "net/loop.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define LONGEST_SPAN (10 * 365 * 86400.0)

static struct event_base *base;

struct event_base *loop_base(void)
{
	struct event_config *config;
	if (base)
		return base;
	config = event_config_new();
	if (!config)
		return NULL;
	// By default libevent reads a coarse clock, and fires up to 4 ms early.
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME | EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

void loop_free(void)
{
	if (base)
		event_base_free(base);
	base = NULL;
}

static double clock_seconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double loop_wall(void)
{
	return clock_seconds(CLOCK_REALTIME);
}

double loop_monotonic(void)
{
	return clock_seconds(CLOCK_MONOTONIC);
}

struct timeval loop_span(double seconds)
{
	struct timeval span = {0, 0};
	if (!(seconds > 0))
		return span;
	if (seconds > LONGEST_SPAN)
		seconds = LONGEST_SPAN;
	// Rounded up: a wait never ends before its time.
	int64_t microseconds = (int64_t)(seconds * 1e6) + 1;
	span.tv_sec = (time_t)(microseconds / 1000000);
	span.tv_usec = (suseconds_t)(microseconds % 1000000);
	return span;
}
