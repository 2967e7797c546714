// SPDX-License-Identifier: BSD-3-Clause
#include "audit/moment.h"

#include "token/timestamp.h"

// All in seconds.
#define EDGE ((int)(MOMENT_EDGE / MOMENT_SECOND))
#define FAR (3600 - EDGE) // beyond which no Delta explains anything, but for the time that a packet is on its way
#define YEAR 31557600.0
#define RFC_7635 1438387200.0 // its month
#define CEILING_DELTA 5       // of the formula
#define CEILING_TOLERANCE 2   // that both clocks may round by
#define CEILING_EDGE 60       // that the clocks of others may differ by
#define LATE 300              // likewise: of what is left of a session, unless half of its lifetime is less

static double seconds_of(uint64_t now)
{
	return (double)now / 1e9;
}

static double distance(uint64_t now, uint64_t timestamp)
{
	double age = seconds_of(now) - token_timestamp_time(timestamp);
	return age < 0 ? -age : age;
}

enum audit_time moment_of(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t far)
{
	double over = distance(now, timestamp) - lifetime;
	int step = over <= 0 ? 0 : over <= EDGE ? 1 : over < (far ? far : FAR) ? 2 : 3;
	static const enum audit_time past[] = {AUDIT_TIME_GOOD, AUDIT_TIME_EDGE_PAST, AUDIT_TIME_BEYOND_PAST,
					       AUDIT_TIME_FAR_PAST};
	static const enum audit_time future[] = {AUDIT_TIME_GOOD, AUDIT_TIME_EDGE_FUTURE, AUDIT_TIME_BEYOND_FUTURE,
						 AUDIT_TIME_FAR_FUTURE};
	return seconds_of(now) < token_timestamp_time(timestamp) ? future[step] : past[step];
}

enum audit_time moment_in_session(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t far)
{
	enum audit_time time = moment_of(now, timestamp, lifetime, far);
	double margin = lifetime / 2.0 < LATE ? lifetime / 2.0 : LATE;
	return time == AUDIT_TIME_GOOD && distance(now, timestamp) > lifetime - margin ? AUDIT_TIME_LATE : time;
}

bool moment_is_absurd(uint64_t now, uint64_t timestamp)
{
	// By years a clock may be wrong that was never set. Seconds since 1900 are 70 years ahead.
	double time = token_timestamp_time(timestamp);
	bool odd = time < RFC_7635 || time - seconds_of(now) > 50 * YEAR;
	return odd && distance(now, timestamp) > 10 * YEAR && seconds_of(now) >= RFC_7635;
}

enum audit_ceiling moment_ceiling(uint64_t now, uint64_t timestamp, uint32_t lifetime, uint32_t granted)
{
	double over = granted - ((double)lifetime + CEILING_DELTA - distance(now, timestamp));
	return over <= CEILING_TOLERANCE ? AUDIT_CEILING_KEPT
	       : over <= CEILING_EDGE    ? AUDIT_CEILING_EDGE
					 : AUDIT_CEILING_BROKEN;
}
