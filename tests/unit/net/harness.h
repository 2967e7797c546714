// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of this room share: an owner that writes down what it is told, a plain socket as the peer, turning
// the loop until something holds, and a count of open descriptors around each test.
#ifndef ASSAY_TESTS_UNIT_NET_HARNESS_H
#define ASSAY_TESTS_UNIT_NET_HARNESS_H

#include "net/endpoint.h"
#include "net/loop.h"

#include <dirent.h>
#include <event2/event.h>
#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct endpoint *endpoint;
	unsigned sent, received, icmp, changed;
	struct icmp_error last_icmp;
	bool close_on_packet, free_on_packet;
	int descriptors;
} told;

static void note_packet(void *owner, const struct packet *packet)
{
	(void)owner;
	told.sent += packet->direction == PACKET_SENT;
	told.received += packet->direction == PACKET_RECEIVED;
	told.icmp += packet->direction == PACKET_ICMP;
	if (packet->icmp)
		told.last_icmp = *packet->icmp;
	if (told.close_on_packet)
		endpoint_close(told.endpoint);
	if (told.free_on_packet) {
		endpoint_free(told.endpoint);
		told.endpoint = NULL;
	}
}

static void note_change(void *owner)
{
	(void)owner;
	told.changed++;
}

static const struct endpoint_handler noting = {note_packet, note_change};

static inline int count_descriptors(void)
{
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static inline int begin(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(loop_base());
	memset(&told, 0, sizeof told);
	told.descriptors = count_descriptors();
	return 0;
}

// No descriptor is left open, and no event on the loop.
static inline int end(void **state)
{
	(void)state;
	endpoint_free(told.endpoint);
	told.endpoint = NULL;
	assert_int_equal(event_base_get_num_events(loop_base(), EVENT_BASE_COUNT_ADDED), 0);
	assert_int_equal(count_descriptors(), told.descriptors);
	loop_free();
	return 0;
}

static inline struct address loopback(int family)
{
	struct address address;
	assert_int_equal(address_parse(&address, family == AF_INET6 ? "::1" : "127.0.0.1", 0, NULL), 0);
	return address;
}

// A blocking socket on the loopback that reads for two seconds at most.
static inline int open_peer(int family, int type, struct address *address)
{
	struct timeval patience = {2, 0};
	*address = loopback(family);
	int peer = socket(family, type | SOCK_CLOEXEC, 0);
	assert_true(peer >= 0);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	assert_int_equal(bind(peer, &address->any, address->length), 0);
	assert_int_equal(address_of_socket(address, peer, NULL), 0);
	return peer;
}

static inline void turn_for(double seconds)
{
	struct timeval span = loop_span(seconds);
	event_base_loopexit(loop_base(), &span);
	// Without an event of its own the loop would return at once.
	while (event_base_loop(loop_base(), 0) == 1)
		usleep(1000);
}

// Turns the loop until the condition holds, for two seconds at most.
#define turn_until(condition) \
	do { \
		double patience_ = loop_monotonic() + 2; \
		while (!(condition) && loop_monotonic() < patience_) \
			turn_for(0.001); \
		assert_true(condition); \
	} while (0)

// A STUN message of 20 octets with this type, whose transaction id is filled with one octet.
static inline const uint8_t *message(uint16_t type, uint8_t id)
{
	static uint8_t octets[20];
	memset(octets, 0, 4);
	octets[0] = (uint8_t)(type >> 8);
	octets[1] = (uint8_t)type;
	memcpy(&octets[4], "\x21\x12\xa4\x42", 4);
	memset(&octets[8], id, 12);
	return octets;
}

#define REQUEST 0x0003
#define SUCCESS 0x0103
#define FAILURE 0x0113
#define INDICATION 0x0017

#endif
