// SPDX-License-Identifier: BSD-3-Clause
//
// A DTLS client and a DTLS listener of ours, and an adversary on the wire between them, who is the input: datagrams are
// delivered, lost, doubled, held back, damaged, cut, made up, and come from strangers. There is no socket: the UDP
// below is made of a queue each way. Whatever happens, what arrives is what was sent; and where nobody interfered, it
// does arrive.
#include "fuzz.h"
#include "net/certificate.h"
#include "net/dtls.h"
#include "net/loop.h"
#include "net/udp.h"

#include <event2/event.h>
#include <unistd.h>

#define QUEUE 64
#define DATAGRAM 20000
#define STEPS 64

struct datagram_copy {
	struct address from;
	size_t length;
	uint8_t *octets;
};

struct queue {
	struct datagram_copy items[QUEUE];
	size_t count;
};

// The two sockets: what each sent, and how to hand it something.
struct wire {
	struct endpoint endpoint;
	struct queue sent;
};

static struct wire *sides[2]; // client, server
static char certificate[64], key[64];
static struct dtls_listener *listener;
static struct endpoint *client, *server;
static size_t received[2];
static bool tampered;

static struct address address_of(uint8_t last, uint16_t port)
{
	struct address address;
	char text[16];
	snprintf(text, sizeof text, "192.0.2.%u", last);
	claim(address_parse(&address, text, port, NULL) == 0);
	return address;
}

static void put(struct queue *queue, const void *octets, size_t length, const struct address *from)
{
	if (queue->count == QUEUE) {
		tampered = true;
		return;
	}
	queue->items[queue->count++] = (struct datagram_copy){*from, length, fuzz_copy(octets, length)};
}

static void drop(struct queue *queue, size_t index)
{
	free(queue->items[index].octets);
	queue->count--;
	memmove(&queue->items[index], &queue->items[index + 1], (queue->count - index) * sizeof *queue->items);
}

static int wire_send(struct endpoint *endpoint, const void *octets, size_t length, const struct address *to,
		     struct error *error)
{
	struct wire *wire = (struct wire *)endpoint;
	(void)error;
	// Strangers are not answered here; they have nowhere to hear it.
	if (wire == sides[0] || (sides[0] && address_equal(to, &sides[0]->endpoint.local)))
		put(&wire->sent, octets, length, &endpoint->local);
	return 0;
}

static void wire_close(struct endpoint *endpoint)
{
	(void)endpoint;
}

static void wire_release(struct endpoint *endpoint)
{
	struct wire *wire = (struct wire *)endpoint;
	while (wire->sent.count)
		drop(&wire->sent, 0);
	for (size_t i = 0; i < 2; i++)
		if (sides[i] == wire)
			sides[i] = NULL;
}

static const struct endpoint_kind wire_kind = {"udp", false, wire_send, wire_close, wire_release};

// Stands in for udp.c, which is not linked.
struct endpoint *udp_open(const struct address *remote, const struct address *local,
			  const struct endpoint_handler *handler, void *owner, struct error *error)
{
	struct wire *wire = calloc(1, sizeof *wire);
	(void)error;
	claim(wire);
	endpoint_init(&wire->endpoint, &wire_kind, handler, owner);
	wire->endpoint.local = local ? *local : address_of(1, 40000);
	if (remote)
		wire->endpoint.remote = *remote;
	wire->endpoint.state = ENDPOINT_OPEN;
	sides[remote ? 0 : 1] = wire;
	return &wire->endpoint;
}

static void hand_over(struct wire *to, const void *octets, size_t length, const struct address *from)
{
	if (!to)
		return;
	uint8_t *exact = fuzz_copy(octets, length);
	endpoint_enter(&to->endpoint);
	endpoint_received(&to->endpoint, exact, length, from, loop_wall());
	endpoint_leave(&to->endpoint);
	free(exact);
}

// Of what was sent as message n, every octet is n, and n many are there.
static void count_messages(size_t side, struct endpoint *endpoint)
{
	for (struct inbox_item *item; (item = endpoint->inbox.first); inbox_drop(&endpoint->inbox)) {
		claim(item->length >= 1 && item->length <= 200 && item->octets[0] == item->length);
		for (size_t i = 0; i < item->length; i++)
			claim(item->octets[i] == item->length);
		received[side]++;
	}
}

static void on_change(void *owner)
{
	size_t side = owner == &client ? 0 : 1;
	struct endpoint *endpoint = side ? server : client;
	if (endpoint)
		count_messages(side, endpoint);
}

static const struct endpoint_handler noting = {NULL, on_change};

static void on_ready(void *owner)
{
	(void)owner;
	struct endpoint *next = dtls_accept(listener, &noting, &server);
	claim(next);
	endpoint_free(server);
	server = next;
}

static void send_message(struct endpoint *endpoint, uint8_t length)
{
	uint8_t octets[200];
	struct error error = {0};
	length = (uint8_t)(length % sizeof octets + 1);
	memset(octets, length, sizeof octets);
	if (!endpoint)
		return;
	if (endpoint_send(endpoint, octets, length, NULL, &error) < 0)
		claim(endpoint->state != ENDPOINT_OPEN && error.text[0]);
}

static void turn(void)
{
	event_base_loop(loop_base(), EVLOOP_NONBLOCK);
}

// Delivers all there is, both ways, until nothing more is sent.
static void settle(void)
{
	for (int rounds = 0; rounds < 100; rounds++) {
		size_t moved = 0;
		turn();
		for (size_t i = 0; i < 2; i++)
			while (sides[i] && sides[i]->sent.count) {
				struct datagram_copy next = sides[i]->sent.items[0];
				uint8_t *octets = fuzz_copy(next.octets, next.length);
				drop(&sides[i]->sent, 0);
				hand_over(sides[1 - i], octets, next.length, &next.from);
				free(octets);
				moved++;
			}
		if (!moved && rounds > 2)
			return;
	}
}

// One doing of the adversary with the first datagram of one side's queue, or without one.
static void interfere(struct reader *input)
{
	uint8_t what = fuzz_octet(input), more = fuzz_octet(input);
	size_t from = what & 1, length;
	struct wire *wire = sides[from], *to = sides[1 - from];
	struct queue *queue = wire ? &wire->sent : NULL;
	struct datagram_copy *first = queue && queue->count ? &queue->items[0] : NULL;
	struct address stranger = address_of((uint8_t)(3 + more % 4), (uint16_t)(1000 + more));
	turn();
	tampered = tampered || (what >> 1) % 12 > 2;
	switch ((what >> 1) % 12) {
	case 0: // as it should be
	case 1:
		if (first) {
			struct datagram_copy taken = *first;
			uint8_t *octets = fuzz_copy(taken.octets, taken.length);
			drop(queue, 0);
			hand_over(to, octets, taken.length, &taken.from);
			free(octets);
		}
		break;
	case 2:
		send_message(from ? server : client, more);
		break;
	case 3: // lost
		if (first)
			drop(queue, 0);
		break;
	case 4: // doubled
		if (first)
			put(queue, first->octets, first->length, &first->from);
		break;
	case 5: // held back behind the others
		if (first) {
			put(queue, first->octets, first->length, &first->from);
			if (queue->count > 1)
				drop(queue, 0);
		}
		break;
	case 6: // damaged
		if (first && first->length)
			first->octets[more % first->length] ^= (uint8_t)(fuzz_octet(input) | 1);
		break;
	case 7: // cut
		if (first && first->length)
			first->length = more % first->length;
		break;
	case 8: { // made up, by the peer's address
		const uint8_t *octets = fuzz_take(input, more, &length);
		if (wire)
			hand_over(to, octets, length, &wire->endpoint.local);
		break;
	}
	case 9: { // by a stranger
		const uint8_t *octets = fuzz_take(input, more, &length);
		hand_over(to, octets, length, &stranger);
		break;
	}
	case 10: // repeated by a stranger
		if (first)
			hand_over(to, first->octets, first->length, &stranger);
		break;
	case 11: // one of the two goes
		if (more & 0x80 && from && server) {
			endpoint_free(server);
			server = NULL;
		} else if (more & 0x40 && !from && client) {
			endpoint_close(client);
		}
		break;
	}
}

static void make_certificate(void)
{
	static const char *const names[] = {"192.0.2.2"};
	struct error error;
	snprintf(certificate, sizeof certificate, "/tmp/assay-fuzz-%d.pem", (int)getpid());
	snprintf(key, sizeof key, "/tmp/assay-fuzz-%d-key.pem", (int)getpid());
	claim(certificate_make(names, 1, certificate, key, &error) == 0);
}

static void remove_certificate(void)
{
	unlink(certificate);
	unlink(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader input;
	struct error error = {0};
	struct address here = address_of(2, 5349);
	if (!certificate[0]) {
		make_certificate();
		atexit(remove_certificate);
	}
	struct secure_settings settings = {.timeout = 60, .certificate = certificate, .key = key, .ca = certificate};
	tampered = false;
	received[0] = received[1] = 0;
	listener = dtls_listen(&here, &settings, on_ready, NULL, &error);
	claim(listener);
	client = dtls_connect(&here, NULL, &settings, &noting, &client, &error);
	claim(client);
	reader_init(&input, data, size);
	for (int i = 0; i < STEPS && reader_left(&input); i++)
		interfere(&input);
	settle();
	if (!tampered) {
		claim(client->state == ENDPOINT_OPEN && server && server->state == ENDPOINT_OPEN);
		size_t before = received[0] + received[1];
		send_message(client, 3);
		send_message(server, 4);
		settle();
		claim(received[0] + received[1] == before + 2);
	}
	endpoint_free(client);
	client = NULL;
	settle();
	endpoint_free(server);
	server = NULL;
	dtls_listener_free(listener);
	listener = NULL;
	turn();
	// Nobody is left, so neither is anything of theirs.
	claim(!sides[0] && !sides[1]);
	return 0;
}
