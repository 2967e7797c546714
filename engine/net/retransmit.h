// SPDX-License-Identifier: BSD-3-Clause
//
// When a request over UDP is sent again and when it has failed (RFC 5389 7.2.1). Pure: no clock, no socket.
#ifndef ASSAY_NET_RETRANSMIT_H
#define ASSAY_NET_RETRANSMIT_H

// Ti of RFC 5389 7.2.2: how long a request over a reliable transport waits, in seconds.
#define RETRANSMIT_TI 39.5
// Past this many sends the offsets leave every practical range; a schedule is refused there.
#define RETRANSMIT_MOST 32

struct retransmit {
	double rto;  // seconds
	unsigned rc; // sends altogether, at least 1
	double rm;   // after the last send, rm * rto seconds are waited
};

// RTO 500 ms, Rc 7, Rm 16.
extern const struct retransmit retransmit_default;

// Seconds between the first send and the n-th, n from 0: rto * (2^n - 1).
double retransmit_offset(const struct retransmit *schedule, unsigned n);

// Seconds between the first send and the end of the transaction.
double retransmit_end(const struct retransmit *schedule);

#endif
