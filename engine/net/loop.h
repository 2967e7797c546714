// SPDX-License-Identifier: BSD-3-Clause
//
// The one event loop of the process, and the clocks that go with it. It knows nothing of sockets, packets or Lua.
#ifndef ASSAY_NET_LOOP_H
#define ASSAY_NET_LOOP_H

#include <sys/time.h>

struct event_base;

// The event base of this process, made at the first call and owned by this module. Its timers are precise and its
// clock is not cached: a timeout counts from the moment it is added, however long the callback around it ran, and never
// fires early. NULL when libevent refuses. Between two of its events nothing may block.
struct event_base *loop_base(void);

// Gives the event base back; the next loop_base() makes a new one. Every event on it must have been freed.
void loop_free(void);

// Seconds since 1970 by CLOCK_REALTIME, seconds since some start by CLOCK_MONOTONIC.
double loop_wall(void);
double loop_monotonic(void);

// A time span for libevent. Negative spans and those that are no number count as 0; more than ten years as ten.
struct timeval loop_span(double seconds);

#endif
