// SPDX-License-Identifier: BSD-3-Clause
#include "capture/link.h"

#include "capture/packet.h"

#include <pcap/pcap.h>

uint32_t link_of_dlt(int dlt)
{
	// The other numbers that differ belong to links no STUN was ever captured on.
	return dlt == DLT_RAW ? PACKET_LINK_RAW : (uint32_t)dlt;
}

uint64_t link_time(const struct timeval *time, bool nanoseconds)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_usec * (nanoseconds ? 1 : 1000);
}
