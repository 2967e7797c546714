// SPDX-License-Identifier: BSD-3-Clause
//
//   sink
//
// A UDP socket of 127.0.0.1 that swallows what it is sent and answers nothing: what is measured against it is the
// sender alone. Prints its port, and when its standard input ends how many datagrams came.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int room = 8 << 20;
	unsigned long count = 0;
	char octets[65536];
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) {
		perror("sink");
		return 1;
	}
	setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	printf("%u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	struct pollfd waiting[] = {{.fd = descriptor, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
	while (poll(waiting, 2, -1) > 0) {
		while (recv(descriptor, octets, sizeof octets, MSG_DONTWAIT) >= 0)
			count++;
		if (waiting[1].revents && read(STDIN_FILENO, octets, sizeof octets) <= 0)
			break;
	}
	printf("%lu\n", count);
	return 0;
}
