// SPDX-License-Identifier: BSD-3-Clause
//
// On the loopback interface. Without the privilege to capture, that this is said is all that can be tested.
#include "capture/live.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static struct live *open_or_lack_permission(const char *filter, size_t buffer)
{
	struct error error;
	struct live *live = live_open("lo", filter, buffer, &error);
	if (!live) {
		assert_int_equal(error.code, ERROR_NOT_ALLOWED);
		assert_non_null(strstr(error.text, "no permission"));
	}
	return live;
}

static int open_socket(struct sockaddr_in *address)
{
	socklen_t size = sizeof *address;
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(descriptor, (struct sockaddr *)address, size), 0);
	assert_int_equal(getsockname(descriptor, (struct sockaddr *)address, &size), 0);
	return descriptor;
}

static void give(int descriptor, const struct sockaddr_in *to, const char *text)
{
	ssize_t sent = sendto(descriptor, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to);
	assert_int_equal(sent, strlen(text));
}

static bool next_settled(struct live *live, struct packet *packet)
{
	struct error error;
	int more = live_next(live, packet, &error);
	if (more == 0 && live_settle(live, LIVE_DELAY))
		more = live_next(live, packet, &error);
	assert_true(more >= 0);
	return more > 0;
}

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void an_exchange_is_seen_once_and_in_order(void **unused)
{
	struct sockaddr_in one, other;
	struct packet packet;
	struct live_statistics counted;
	char filter[64];
	(void)unused;
	int first = open_socket(&one), second = open_socket(&other);
	// Of ICMP, what is about the second port: nobody else's.
	snprintf(filter, sizeof filter, "udp port %u or (icmp and icmp[30:2] = %u)", ntohs(one.sin_port),
		 ntohs(other.sin_port));
	struct live *live = open_or_lack_permission(filter, 0);
	if (live) {
		assert_true(fcntl(live_descriptor(live), F_GETFD) & FD_CLOEXEC);
		assert_false(next_settled(live, &packet));
		uint64_t before = now();
		give(first, &other, "request");
		give(second, &one, "answer");
		assert_true(next_settled(live, &packet));
		assert_int_equal(packet.protocol, PACKET_UDP);
		assert_int_equal(packet.source.port, ntohs(one.sin_port));
		assert_int_equal(packet.destination.port, ntohs(other.sin_port));
		assert_int_equal(packet.payload_length, 7);
		assert_memory_equal(packet.payload, "request", 7);
		assert_true(packet.time >= before && packet.time <= now());
		assert_true(next_settled(live, &packet));
		assert_int_equal(packet.payload_length, 6);
		assert_memory_equal(packet.payload, "answer", 6);
		assert_false(next_settled(live, &packet));
		assert_int_equal(live_statistics(live, &counted, NULL), 0);
		assert_int_equal(counted.received, 2);
		assert_int_equal(counted.dropped, 0);

		// What the host says of a port that nobody has.
		close(second);
		give(first, &other, "anyone?");
		assert_true(next_settled(live, &packet));
		assert_true(next_settled(live, &packet));
		assert_int_equal(packet.protocol, PACKET_ICMP);
		assert_string_equal(packet_icmp_text(4, packet.icmp_type, packet.icmp_code), "port unreachable");
		assert_int_equal(packet.inner.destination.port, ntohs(other.sin_port));
		assert_memory_equal(packet.inner.payload, "anyone?", 7);
	} else {
		close(second);
	}
	close(first);
	live_close(live);
}

static void a_burst_is_not_lost(void **unused)
{
	enum { BURST = 3000 };
	struct sockaddr_in one, other;
	struct packet packet;
	struct live_statistics counted;
	char filter[64], text[300];
	(void)unused;
	int first = open_socket(&one), second = open_socket(&other);
	snprintf(filter, sizeof filter, "udp dst port %u", ntohs(other.sin_port));
	struct live *live = open_or_lack_permission(filter, 0);
	if (live) {
		int seen = 0;
		for (int i = 0; i < BURST; i++) {
			snprintf(text, sizeof text, "%0299d", i);
			give(first, &other, text);
		}
		for (; next_settled(live, &packet); seen++) {
			snprintf(text, sizeof text, "%0299d", seen);
			assert_memory_equal(packet.payload, text, 299);
		}
		assert_int_equal(seen, BURST);
		assert_int_equal(live_statistics(live, &counted, NULL), 0);
		assert_int_equal(counted.received, BURST);
		assert_int_equal(counted.dropped, 0);
	}
	close(first);
	close(second);
	live_close(live);
}

static void drops_are_counted(void **unused)
{
	struct sockaddr_in one, other;
	struct packet packet;
	struct live_statistics counted;
	char filter[64], text[1001];
	uint64_t seen = 0;
	(void)unused;
	int first = open_socket(&one), second = open_socket(&other);
	snprintf(filter, sizeof filter, "udp dst port %u", ntohs(other.sin_port));
	struct live *live = open_or_lack_permission(filter, 1 << 20);
	if (live) {
		snprintf(text, sizeof text, "%01000d", 7);
		for (int i = 0; i < 3000; i++)
			give(first, &other, text);
		while (next_settled(live, &packet))
			seen++;
		assert_int_equal(live_statistics(live, &counted, NULL), 0);
		assert_int_equal(counted.received, 3000);
		assert_true(counted.dropped > 0);
		assert_int_equal(seen, counted.received - counted.dropped);
	}
	close(first);
	close(second);
	live_close(live);
}

static void refuse(const char *interface, const char *filter, enum error_code code, const char *text)
{
	struct error error;
	assert_null(live_open(interface, filter, 0, &error));
	if (error.code == ERROR_NOT_ALLOWED)
		return;
	assert_int_equal(error.code, code);
	if (!strstr(error.text, text))
		assert_string_equal(error.text, text);
}

static void what_cannot_be_captured_is_said(void **unused)
{
	(void)unused;
	refuse("nowhere0", "", ERROR_LIBRARY, "cannot capture on nowhere0");
	refuse("lo", "host and port", ERROR_MALFORMED, "filter 'host and port': ");
	refuse("lo", "udp) or (tcp", ERROR_MALFORMED, "filter 'udp) or (tcp': ");
	refuse("lo", "wlan type mgt", ERROR_MALFORMED, "filter 'wlan type mgt': ");
}

static void without_the_privilege(void **unused)
{
	(void)unused;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct error error = {0};
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(!live_open("lo", "udp", 0, &error) && error.code == ERROR_NOT_ALLOWED ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_is_seen_once_and_in_order),
		cmocka_unit_test(a_burst_is_not_lost),
		cmocka_unit_test(drops_are_counted),
		cmocka_unit_test(what_cannot_be_captured_is_said),
		cmocka_unit_test(without_the_privilege),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
