// SPDX-License-Identifier: BSD-3-Clause
//
// Cutting what a stream has brought into frames (RFC 8489 6.2.2, RFC 8656 12.5), for every transport that is one.
#ifndef ASSAY_NET_STREAM_H
#define ASSAY_NET_STREAM_H

#include "net/endpoint.h"

struct evbuffer;

// Hands each whole frame at the start of `input` to endpoint_received, ChannelData without its padding, and removes
// it. What is left is at most one unfinished frame. Octets that begin no frame end the endpoint with "framing: ...",
// and so may the owner, told of a frame: look at the endpoint's state afterwards.
void stream_deliver(struct endpoint *endpoint, struct evbuffer *input);

// The stream is over: ends the endpoint with "closed", or with "framing: ..." when it broke off inside a frame.
void stream_finish(struct endpoint *endpoint, struct evbuffer *input);

#endif
