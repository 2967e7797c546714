// SPDX-License-Identifier: BSD-3-Clause
#include "audit/allocation.h"

#include "audit/moment.h"

void allocation_grant(struct allocation *allocation, uint64_t time, uint32_t lifetime)
{
	allocation->made = lifetime != 0;
	if (lifetime)
		allocation->ends = time + lifetime * MOMENT_SECOND;
	else
		allocation->deleted = true;
}

enum audit_allocation allocation_at(const struct allocation *allocation, uint64_t time, bool complete)
{
	if (!allocation->made)
		return allocation->deleted ? AUDIT_ALLOCATION_OVER
		       : complete          ? AUDIT_ALLOCATION_NONE
					   : AUDIT_ALLOCATION_UNKNOWN;
	if (allocation->doubtful)
		return AUDIT_ALLOCATION_UNKNOWN;
	if (time + MOMENT_EDGE < allocation->ends)
		return AUDIT_ALLOCATION_HELD;
	return time < allocation->ends + MOMENT_EDGE ? AUDIT_ALLOCATION_EDGE : AUDIT_ALLOCATION_OVER;
}
