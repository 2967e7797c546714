// SPDX-License-Identifier: BSD-3-Clause
//
// What a bystander hears of the peers of tls_peers.h over TLS.
#ifndef ASSAY_TESTS_TLS_HEARD_H
#define ASSAY_TESTS_TLS_HEARD_H

#include "capture/tls_passive.h"
#include "capture/tls_secrets.h"

#include "tls_peers.h"

// Orders in which a capture may give the octets of both sides.
enum order { AS_SENT, SERVER_FIRST, CLIENT_FIRST, SINGLE_OCTETS, ORDERS };

struct heard {
	uint8_t octets[2][70000];
	size_t length[2], pieces;
	int64_t latest;
	size_t early;
};

static struct peers peers;
static struct heard heard;

__attribute__((unused)) static struct tls_secrets *secrets_of(const char *text)
{
	struct tls_secrets *secrets = tls_secrets_new(0);
	assert_non_null(secrets);
	assert_int_equal(tls_secrets_add(secrets, text, strlen(text), NULL, NULL), 0);
	return secrets;
}

__attribute__((unused)) static void fetch(struct tls_passive *connection)
{
	struct tls_passive_piece piece;
	while (tls_passive_next(connection, &piece)) {
		size_t *length = &heard.length[piece.side];
		assert_true(piece.length > 0);
		assert_true(piece.tag <= piece.last_tag);
		assert_true(*length + piece.length <= sizeof heard.octets[0]);
		memcpy(&heard.octets[piece.side][*length], piece.octets, piece.length);
		*length += piece.length;
		heard.pieces++;
		heard.early += piece.early ? piece.length : 0;
	}
}

// A copy of exactly the right size, which is gone afterwards: nothing of it may be kept or read past.
static void feed(struct tls_passive *connection, int side, const uint8_t *octets, size_t length, int64_t tag)
{
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, octets, length);
	tls_passive_feed(connection, side, copy, length, tag);
	free(copy);
	fetch(connection);
}

__attribute__((unused)) static void play_side(struct tls_passive *connection, int side)
{
	for (size_t i = 0; i < peers.count; i++)
		if (peers.tape[i].side == side)
			feed(connection, side, peers.tape[i].octets, peers.tape[i].length, (int64_t)i);
}

__attribute__((unused)) static void play(struct tls_passive *connection, enum order order)
{
	heard = (struct heard){0};
	if (order == SERVER_FIRST || order == CLIENT_FIRST) {
		play_side(connection, order == SERVER_FIRST);
		play_side(connection, order != SERVER_FIRST);
		return;
	}
	for (size_t i = 0; i < peers.count; i++) {
		const struct tape_entry *entry = &peers.tape[i];
		size_t step = order == SINGLE_OCTETS ? 1 : entry->length;
		for (size_t j = 0; j < entry->length; j += step)
			feed(connection, entry->side, &entry->octets[j], step, (int64_t)i);
	}
}

__attribute__((unused)) static void converse(int version, const char *suite)
{
	peers_open(&peers, version, false);
	if (suite)
		peers_suite(&peers, suite);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
}

#endif
