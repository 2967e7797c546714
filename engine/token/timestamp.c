// SPDX-License-Identifier: BSD-3-Clause
#include "token/timestamp.h"

#include "base/error.h"

#include <stdio.h>
#include <time.h>

int token_timestamp_set(uint64_t *timestamp, double seconds, struct error *error)
{
	if (!(seconds >= 0 && seconds < 0x1p48))
		return error_set(error, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "a timestamp holds 0 to 2^48 - 1 seconds since 1970, and %.17g is not among them",
				 seconds);
	double whole = (double)(uint64_t)seconds;
	// To the nearest unit: 0.1 s behind a present-day number of seconds is a little less than 6400 units.
	uint64_t fraction = (uint64_t)((seconds - whole) * TOKEN_FRACTIONS + 0.5);
	*timestamp = ((uint64_t)whole << 16) + (fraction < TOKEN_FRACTIONS ? fraction : (uint64_t)1 << 16);
	return 0;
}

uint64_t token_timestamp_seconds(uint64_t timestamp)
{
	return timestamp >> 16;
}

uint16_t token_timestamp_fraction(uint64_t timestamp)
{
	return (uint16_t)timestamp;
}

double token_timestamp_time(uint64_t timestamp)
{
	return (double)token_timestamp_seconds(timestamp) +
	       (double)token_timestamp_fraction(timestamp) / TOKEN_FRACTIONS;
}

void token_timestamp_text(uint64_t seconds, char text[TOKEN_TIMESTAMP_TEXT_LIMIT])
{
	time_t moment = (time_t)seconds;
	struct tm parts = {0};
	if (seconds > (uint64_t)1 << 50 || !gmtime_r(&moment, &parts)) {
		snprintf(text, TOKEN_TIMESTAMP_TEXT_LIMIT, "unknown");
		return;
	}
	int year = parts.tm_year + 1900;
	snprintf(text, TOKEN_TIMESTAMP_TEXT_LIMIT, "%s%04d-%02d-%02dT%02d:%02d:%02dZ", year > 9999 ? "+" : "", year,
		 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}
