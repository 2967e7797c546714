// SPDX-License-Identifier: BSD-3-Clause
#include "audit/values.h"

#include "audit/moment.h"
#include "base/bytes.h"
#include "stun/attribute.h"

#include <string.h>

bool values_number(const struct stun_message *message, uint16_t type, uint32_t *number)
{
	struct stun_octets octets = stun_message_octets(message, type);
	struct reader reader;
	if (!octets.data || octets.length != 4)
		return false;
	reader_init(&reader, octets.data, octets.length);
	*number = reader_u32(&reader);
	return true;
}

void values_of_request(const struct stun_message *message, struct audit_message_facts *facts)
{
	uint32_t number;
	if (values_number(message, STUN_REQUESTED_TRANSPORT, &number) && number >> 24 != 17 && number >> 24 != 6)
		facts->flags |= AUDIT_PROTOCOL_OTHER;
	if (values_number(message, STUN_LIFETIME, &number) && number == 0)
		facts->flags |= AUDIT_DELETES;
}

void values_granted(const struct session_world *world, const struct session_place *place,
		    const struct stun_message *message, const struct session_view *view,
		    struct audit_message_facts *facts)
{
	uint32_t granted;
	if (!view->has_token || !values_number(message, STUN_LIFETIME, &granted))
		return;
	if (!granted) {
		facts->grant = AUDIT_GRANT_ZERO;
		return;
	}
	facts->grant = granted <= view->lifetime                            ? AUDIT_GRANT_WITHIN
		       : granted <= (uint64_t)view->lifetime + world->delta ? AUDIT_GRANT_DELTA
									    : AUDIT_GRANT_OVER;
	facts->ceiling = (uint8_t)moment_ceiling(place->time, view->timestamp, view->lifetime, granted);
}

void values_mapped(const struct session_place *place, const struct stun_message *message,
		   struct audit_message_facts *facts)
{
	struct stun_octets octets = stun_message_octets(message, STUN_XOR_MAPPED_ADDRESS);
	struct stun_address mapped;
	if (!octets.data || !place->asker ||
	    stun_address_decode(octets.data, octets.length, message->header.transaction, &mapped, NULL) < 0)
		return;
	size_t size = mapped.family == STUN_IPV4 ? 4 : 16;
	if (mapped.family != place->asker->family || mapped.port != place->asker->port ||
	    memcmp(mapped.octets, place->asker->octets, size) != 0)
		facts->flags |= AUDIT_MAPPED_OTHER;
}
