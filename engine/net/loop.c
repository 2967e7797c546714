// SPDX-License-Identifier: BSD-3-Clause
#include "net/loop.h"

#include <event2/event.h>
#include <stddef.h>
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
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0)
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
	span.tv_sec = (time_t)seconds;
	span.tv_usec = (suseconds_t)((seconds - (double)span.tv_sec) * 1e6);
	return span;
}
