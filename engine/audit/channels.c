// SPDX-License-Identifier: BSD-3-Clause
#include "audit/channels.h"

#include "audit/moment.h"

#include <stdlib.h>

#define MOST 64 // of one session
#define BOUND (600 * MOMENT_SECOND)

void channels_free(struct channels *channels)
{
	free(channels->list);
	*channels = (struct channels){0};
}

void channels_bind(struct channels *channels, uint16_t number, uint64_t time)
{
	struct bound_channel *place = NULL;
	for (size_t i = 0; i < channels->count && !place; i++)
		if (channels->list[i].number == number)
			place = &channels->list[i];
	if (!place && channels->count < MOST) {
		struct bound_channel *grown = reallocarray(channels->list, channels->count + 1, sizeof *grown);
		if (grown) {
			channels->list = grown;
			place = &grown[channels->count++];
		}
	}
	if (place)
		*place = (struct bound_channel){number, time + BOUND};
	else
		channels->forgotten = true;
}

enum audit_channel channels_at(struct channels *channels, uint16_t number, uint64_t time, bool complete)
{
	for (size_t i = 0; i < channels->count; i++) {
		struct bound_channel *one = &channels->list[i];
		if (one->number != number)
			continue;
		enum audit_channel outcome = time < one->ends + MOMENT_EDGE ? AUDIT_CHANNEL_BOUND : AUDIT_CHANNEL_OVER;
		// The one that is used comes first: most sessions talk on one channel.
		struct bound_channel front = channels->list[0];
		channels->list[0] = *one;
		*one = front;
		return outcome;
	}
	return complete && !channels->forgotten ? AUDIT_CHANNEL_UNBOUND : AUDIT_CHANNEL_UNKNOWN;
}
