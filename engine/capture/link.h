// SPDX-License-Identifier: BSD-3-Clause
//
// libpcap's numbers and times, as the rest of the room has them.
#ifndef ASSAY_CAPTURE_LINK_H
#define ASSAY_CAPTURE_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

// The link type as files number it, for the DLT_* number that libpcap uses inside a program.
uint32_t link_of_dlt(int dlt);

// Nanoseconds since 1970; `nanoseconds` says that tv_usec holds these.
uint64_t link_time(const struct timeval *time, bool nanoseconds);

#endif
