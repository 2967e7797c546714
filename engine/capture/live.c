// SPDX-License-Identifier: BSD-3-Clause
#include "capture/live.h"

#include "base/error.h"
#include "capture/interface.h"
#include "capture/link.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

// How long the kernel gathers packets before it hands them over. It looks at most two of these and a scheduler's tick
// after the first came: LIVE_DELAY.
#define GATHER_MILLISECONDS 10

struct live {
	pcap_t *pcap;
	int descriptor;
	uint32_t link;
	bool nanoseconds;
	uint64_t delivered;
	uint64_t start;                // when the filter was in its place, nanoseconds since 1970
	struct live_statistics before; // counted until then
	uint64_t early;                // of the first packets, as many may be older than the filter
};

static int refuse_activation(const char *interface, pcap_t *pcap, int status, struct error *error)
{
	const char *detail = pcap_geterr(pcap);
	if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED)
		return error_set(error, ERROR_NOT_ALLOWED, ERROR_NO_OFFSET,
				 "no permission to capture on %.32s: root or the capability CAP_NET_RAW is needed",
				 interface);
	return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "cannot capture on %.32s: %s%s%.120s", interface,
			 pcap_statustostr(status), detail[0] ? ": " : "", detail);
}

static int set_filter(struct live *live, const char *filter, struct error *error)
{
	struct bpf_program program;
	if (pcap_compile(live->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
		return error_set(error, ERROR_MALFORMED, ERROR_NO_OFFSET, "filter '%.100s': %.100s", filter,
				 pcap_geterr(live->pcap));
	int status = pcap_setfilter(live->pcap, &program);
	pcap_freecode(&program);
	if (status < 0)
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "filter '%.100s': %.100s", filter,
				 pcap_geterr(live->pcap));
	return 0;
}

// On a loopback interface each packet passes twice, out and in. libpcap drops one of the two, but only after both took
// room in the buffer and were counted; the kernel, asked for it, drops it before.
static void see_once(const struct live *live, const char *interface)
{
	if (interface_is_loopback(interface))
		setsockopt(pcap_fileno(live->pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){1}, sizeof(int));
}

// libpcap listens before it can be given a filter, so on a busy interface the buffer and the counters begin with
// packets that nobody asked for. They are left out of both.
static int begin(struct live *live, struct error *error)
{
	struct timespec now;
	if (live_statistics(live, &live->before, error) < 0)
		return -1;
	live->early = live->before.received;
	clock_gettime(CLOCK_REALTIME, &now);
	live->start = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return 0;
}

static bool is_early(struct live *live, uint64_t time)
{
	if (live->early && time < live->start) {
		live->early--;
		return true;
	}
	live->early = 0;
	return false;
}

struct live *live_open(const char *interface, const char *filter, size_t buffer, struct error *error)
{
	char detail[PCAP_ERRBUF_SIZE] = "";
	struct live *live = calloc(1, sizeof *live);
	if (!live) {
		error_set_errno(error, "cannot capture on %.32s", interface);
		return NULL;
	}
	if (buffer == 0)
		buffer = LIVE_BUFFER;
	live->pcap = pcap_create(interface, detail);
	if (!live->pcap) {
		error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "cannot capture on %.32s: %.120s", interface, detail);
		goto refuse;
	}
	pcap_set_snaplen(live->pcap, LIVE_SNAPSHOT);
	pcap_set_promisc(live->pcap, 0);
	pcap_set_timeout(live->pcap, GATHER_MILLISECONDS);
	pcap_set_buffer_size(live->pcap, buffer > INT32_MAX ? INT32_MAX : (int)buffer);
	live->nanoseconds = pcap_set_tstamp_precision(live->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
	int status = pcap_activate(live->pcap);
	if (status < 0) {
		refuse_activation(interface, live->pcap, status, error);
		goto refuse;
	}
	live->link = link_of_dlt(pcap_datalink(live->pcap));
	if (!packet_link_known(live->link)) {
		const char *name = pcap_datalink_val_to_description_or_dlt(pcap_datalink(live->pcap));
		error_set(error, ERROR_UNKNOWN, ERROR_NO_OFFSET,
			  "frames of %.32s are of link type %u (%.64s), which is not decoded", interface, live->link,
			  name);
		goto refuse;
	}
	see_once(live, interface);
	if (set_filter(live, filter ? filter : "", error) < 0 || begin(live, error) < 0)
		goto refuse;
	live->descriptor = pcap_get_selectable_fd(live->pcap);
	if (pcap_setnonblock(live->pcap, 1, detail) < 0 || live->descriptor < 0) {
		error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "cannot wait for packets of %.32s: %.120s", interface,
			  detail);
		goto refuse;
	}
	if (fcntl(live->descriptor, F_SETFD, FD_CLOEXEC) < 0) {
		error_set_errno(error, "cannot capture on %.32s", interface);
		goto refuse;
	}
	return live;
refuse:
	live_close(live);
	return NULL;
}

void live_close(struct live *live)
{
	if (!live)
		return;
	if (live->pcap)
		pcap_close(live->pcap);
	free(live);
}

int live_descriptor(const struct live *live)
{
	return live->descriptor;
}

int live_next(struct live *live, struct packet *packet, struct error *error)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int status;
	do {
		status = pcap_next_ex(live->pcap, &header, &data);
	} while (status == 1 && is_early(live, link_time(&header->ts, live->nanoseconds)));
	if (status == 0)
		return 0;
	if (status != 1)
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "the capture is over: %.200s",
				 pcap_geterr(live->pcap));
	live->delivered++;
	*packet = (struct packet){
		.data = data,
		.captured = header->caplen,
		.length = header->len,
		.link = live->link,
		.time = link_time(&header->ts, live->nanoseconds),
	};
	packet_decode(packet);
	return 1;
}

int live_statistics(struct live *live, struct live_statistics *statistics, struct error *error)
{
	struct pcap_stat counted;
	if (pcap_stats(live->pcap, &counted) < 0)
		return error_set(error, ERROR_LIBRARY, ERROR_NO_OFFSET, "no statistics: %.200s",
				 pcap_geterr(live->pcap));
	*statistics = (struct live_statistics){
		.received = counted.ps_recv - live->before.received,
		.dropped = counted.ps_drop - live->before.dropped,
		.interface_dropped = counted.ps_ifdrop - live->before.interface_dropped,
	};
	return 0;
}

bool live_settle(struct live *live, double seconds)
{
	struct live_statistics counted;
	struct pollfd event = {.fd = live->descriptor, .events = POLLIN};
	if (poll(&event, 1, 0) > 0)
		return true;
	// What the kernel has counted and we have not seen is still being gathered. Where libpcap filters some itself,
	// the numbers never meet, and the time runs out.
	if (live_statistics(live, &counted, NULL) == 0 && counted.received - counted.dropped == live->delivered)
		return false;
	return poll(&event, 1, seconds > 0 ? (int)(seconds * 1000) + 1 : 0) > 0;
}
