// SPDX-License-Identifier: BSD-3-Clause
#include "audit/noted_flows.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 4096

struct noted_flow {
	uint64_t number;
	char text[160];
};

void noted_flows_free(struct noted_flows *noted)
{
	free(noted->list);
	*noted = (struct noted_flows){0};
}

void noted_flows_add(struct noted_flows *noted, uint64_t number, const char *transport,
		     const struct packet_address *asker, const struct packet_address *other)
{
	char from[PACKET_ADDRESS_TEXT], to[PACKET_ADDRESS_TEXT];
	if (noted->count == MOST || noted_flows_text(noted, number))
		return;
	if (!noted->list && !(noted->list = calloc(MOST, sizeof *noted->list)))
		return;
	struct noted_flow *flow = &noted->list[noted->count++];
	flow->number = number;
	snprintf(flow->text, sizeof flow->text, "%s %s > %s", transport, packet_address_with_port(asker, from),
		 packet_address_with_port(other, to));
}

const char *noted_flows_text(const struct noted_flows *noted, uint64_t number)
{
	for (size_t i = 0; i < noted->count; i++)
		if (noted->list[i].number == number)
			return noted->list[i].text;
	return NULL;
}
