// SPDX-License-Identifier: BSD-3-Clause
#include "net/retransmit.h"

#include <stdint.h>

const struct retransmit retransmit_default = {.rto = 0.5, .rc = 7, .rm = 16};

double retransmit_offset(const struct retransmit *schedule, unsigned n)
{
	return schedule->rto * (double)((UINT64_C(1) << (n < 63 ? n : 63)) - 1);
}

double retransmit_end(const struct retransmit *schedule)
{
	return retransmit_offset(schedule, schedule->rc - 1) + schedule->rm * schedule->rto;
}
