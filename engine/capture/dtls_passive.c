// SPDX-License-Identifier: BSD-3-Clause
#include "capture/dtls_passive.h"

#include "base/bytes.h"
#include "capture/dtls_hello.h"
#include "capture/dtls_queue.h"
#include "capture/tls_agreement.h"
#include "capture/tls_keys.h"
#include "capture/tls_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 64 // records: as far back as receivers look (RFC 6347 section 4.1.2.6)
#define FIRST_OF_DTLS_13 0x20
#define LAST_OF_DTLS_13 0x3F

struct window {
	uint64_t latest;
	uint64_t seen; // bit n: latest - n; 0: none was seen
};

// The keys that a handshake has brought, for both sides.
struct keys {
	struct tls_keys *of[2]; // by side; NULL: not derived
	uint16_t epoch;
	struct window windows[2];
};

struct side {
	struct dtls_hellos hellos;
	struct dtls_passive_count count;
	bool opened; // a record, under the keys of the latest handshake that were shown to be right
	bool opaque; // records were given up since
	char reason[TLS_REASON];
};

// The latest handshake: its hellos, and whether they are one.
struct handshake {
	int client;
	struct tls_hello hellos[2]; // of client and server
	bool there[2], fresh[2];    // fresh: which is not answered, or answers nothing, yet
	uint16_t epoch;             // of the records that they bring keys for
	struct tls_agreement agreement;
	bool shown; // its keys have opened a record
};

enum { CANDIDATE, CURRENT, PREVIOUS, KEYS };

struct dtls_passive {
	const struct tls_secrets *secrets;
	struct side sides[2];
	struct handshake handshake;
	struct keys keys[KEYS]; // the candidate's are of the latest handshake, as long as it was not shown
	struct dtls_queue queue;
	uint64_t changes; // of the hellos
	// What was tried cannot be read before something of this changes.
	uint64_t tried_changes;
	size_t tried_secrets;
	bool tried_closed;
	struct writer plain;
	char refusal[TLS_REASON]; // of a handshake behind which none came; else empty
};

struct record {
	uint8_t type;
	uint16_t version;
	uint64_t sequence;
	const uint8_t *content;
	size_t length;
};

enum outcome { WAITS, OPENED, DROPPED, GIVEN_UP };

static uint16_t epoch_of(uint64_t sequence)
{
	return (uint16_t)(sequence >> 48);
}

// The next record of a datagram: 1, 0 at its end, -1 when the rest is none.
static int next_record(struct reader *datagram, struct record *record)
{
	if (!reader_left(datagram))
		return 0;
	record->type = reader_u8(datagram);
	record->version = reader_u16(datagram);
	record->sequence = reader_u64(datagram);
	record->length = reader_u16(datagram);
	bool known = record->type >= TLS_CHANGE_CIPHER_SPEC && record->type <= TLS_CONNECTION_ID &&
		     (record->version == TLS_VERSION_DTLS_1_2 || record->version == 0xFEFF);
	// Behind a connection id, whose length the record does not tell, nothing is where it is in other records.
	if (!datagram->failed && known && record->type == TLS_CONNECTION_ID)
		return 1;
	record->content = reader_bytes(datagram, record->length);
	return record->content && known && record->length <= TLS_RECORD_LARGEST ? 1 : -1;
}

bool dtls_passive_begins(const uint8_t *octets, size_t length)
{
	struct reader datagram;
	struct record record;
	reader_init(&datagram, octets, length);
	return next_record(&datagram, &record) > 0;
}

struct dtls_passive *dtls_passive_new(const struct tls_secrets *secrets)
{
	struct dtls_passive *association = calloc(1, sizeof *association);
	if (!association)
		return NULL;
	association->secrets = secrets;
	association->handshake.client = -1;
	dtls_queue_init(&association->queue);
	writer_init(&association->plain, TLS_RECORD_LARGEST);
	return association;
}

static void free_keys(struct keys *keys)
{
	tls_keys_free(keys->of[0]);
	tls_keys_free(keys->of[1]);
	*keys = (struct keys){0};
}

void dtls_passive_free(struct dtls_passive *association)
{
	if (!association)
		return;
	dtls_queue_free(&association->queue);
	for (int i = 0; i < KEYS; i++)
		free_keys(&association->keys[i]);
	dtls_hellos_free(&association->sides[0].hellos);
	dtls_hellos_free(&association->sides[1].hellos);
	writer_free(&association->plain);
	free(association);
}

static void take_hello(struct dtls_passive *association, int side, uint16_t epoch, uint8_t type,
		       const struct tls_hello *hello)
{
	struct handshake *handshake = &association->handshake;
	int index = type == TLS_SERVER_HELLO, client = index ? 1 - side : side;
	// Sent again, or once more with a cookie.
	if (handshake->there[index] && handshake->client == client && handshake->epoch == epoch + 1 &&
	    memcmp(handshake->hellos[index].random, hello->random, sizeof hello->random) == 0)
		return;
	if (handshake->client != client || handshake->epoch != epoch + 1)
		handshake->fresh[0] = handshake->fresh[1] = false;
	handshake->client = client;
	handshake->epoch = (uint16_t)(epoch + 1);
	handshake->hellos[index] = *hello;
	handshake->there[index] = handshake->fresh[index] = true;
	association->changes++;
	if (!handshake->fresh[0] || !handshake->fresh[1])
		return;
	handshake->fresh[0] = handshake->fresh[1] = false;
	handshake->shown = false;
	tls_agreement_make(&handshake->agreement, &handshake->hellos[0], &handshake->hellos[1], true);
	free_keys(&association->keys[CANDIDATE]);
}

static void take_handshake(struct dtls_passive *association, int side, uint16_t epoch, const uint8_t *content,
			   size_t length)
{
	struct reader reader;
	struct tls_hello hello;
	uint8_t type;
	int outcome;
	reader_init(&reader, content, length);
	while ((outcome = dtls_hellos_take(&association->sides[side].hellos, epoch, &reader, &type, &hello)) >= 0)
		if (outcome)
			take_hello(association, side, epoch, type, &hello);
}

static void give_up(struct side *side, const char *reason)
{
	side->count.unread++;
	side->opaque = true;
	if (reason != side->reason)
		snprintf(side->reason, sizeof side->reason, "%s", reason);
}

static void give_up_oldest(struct dtls_passive *association)
{
	struct side *side = &association->sides[association->queue.first->side];
	give_up(side, side->reason);
	dtls_queue_drop(&association->queue, &association->queue.first);
}

static void hold(struct dtls_passive *association, int side, const struct record *record, int64_t tag)
{
	const struct dtls_waiting waiting = {
		.side = side,
		.tag = tag,
		.type = record->type,
		.version = record->version,
		.sequence = record->sequence,
		.length = record->length,
	};
	if (!dtls_queue_add(&association->queue, &waiting, record->content))
		give_up(&association->sides[side], "out of memory");
	while (dtls_queue_full(&association->queue))
		give_up_oldest(association);
}

// A fatal alert in the clear may be anybody's, so it is only told where the handshake came to nothing.
static void note_alert(struct dtls_passive *association, int side, const struct record *record)
{
	const char *fatal = tls_record_fatal(record->content, record->length);
	if (fatal && association->handshake.client >= 0)
		snprintf(association->refusal, sizeof association->refusal, "the %s broke off the handshake: %s",
			 side == association->handshake.client ? "client" : "server", fatal);
}

void dtls_passive_feed(struct dtls_passive *association, int side, const uint8_t *octets, size_t length, int64_t tag)
{
	struct side *from = &association->sides[side ? 1 : 0];
	struct reader datagram;
	struct record record;
	int more = -1;
	side = side ? 1 : 0;
	reader_init(&datagram, octets, length);
	if (length && octets[0] >= FIRST_OF_DTLS_13 && octets[0] <= LAST_OF_DTLS_13) {
		give_up(from, "records are of DTLS 1.3, and only DTLS 1.2 is decrypted");
		return;
	}
	while ((more = next_record(&datagram, &record)) > 0) {
		if (record.type == TLS_CONNECTION_ID) {
			give_up(from, "records carry connection ids (RFC 9146), which are not followed");
			return;
		}
		if (epoch_of(record.sequence)) {
			hold(association, side, &record, tag);
		} else if (record.type == TLS_HANDSHAKE) {
			association->refusal[0] = 0;
			take_handshake(association, side, 0, record.content, record.length);
		} else if (record.type == TLS_ALERT) {
			note_alert(association, side, &record);
		}
	}
	if (more < 0)
		from->count.malformed++;
}

// Marks the number as seen; false when it was, or is too far behind.
static bool pass_window(struct window *window, uint64_t sequence)
{
	if (!window->seen || sequence > window->latest) {
		uint64_t ahead = sequence - window->latest;
		window->seen = window->seen && ahead < WINDOW ? window->seen << ahead | 1 : 1;
		window->latest = sequence;
		return true;
	}
	uint64_t behind = window->latest - sequence;
	if (behind >= WINDOW || window->seen >> behind & 1)
		return false;
	window->seen |= (uint64_t)1 << behind;
	return true;
}

static bool open_with(struct dtls_passive *association, struct keys *keys, const struct dtls_waiting *record,
		      size_t *length)
{
	uint8_t header[5] = {record->type, (uint8_t)(record->version >> 8), (uint8_t)record->version};
	if (!keys->of[record->side] || keys->epoch != epoch_of(record->sequence))
		return false;
	writer_reset(&association->plain);
	uint8_t *plain = writer_reserve(&association->plain, record->length);
	return plain && tls_keys_open(keys->of[record->side], header, record->sequence, record->content, record->length,
				      plain, length);
}

// The keys of the latest handshake, unless they are there: OPENED when they are, else what becomes of the record, with
// *reason.
static enum outcome derive_candidate(struct dtls_passive *association, char reason[TLS_REASON])
{
	struct handshake *handshake = &association->handshake;
	const struct tls_agreement *agreement = &handshake->agreement;
	struct keys *candidate = &association->keys[CANDIDATE];
	if (candidate->of[0])
		return OPENED;
	if (agreement->problem[0]) {
		memcpy(reason, agreement->problem, TLS_REASON);
		return GIVEN_UP;
	}
	const struct tls_secret *secret = tls_secrets_find(association->secrets, agreement->client_random, TLS_MASTER);
	if (!secret) {
		tls_agreement_no_secret(agreement, association->secrets, TLS_MASTER, reason);
		return tls_secrets_closed(association->secrets) ? GIVEN_UP : WAITS;
	}
	candidate->epoch = handshake->epoch;
	for (int side = 0; side < 2; side++) {
		candidate->of[side] = tls_keys_new();
		if (!candidate->of[side] ||
		    !tls_keys_set(candidate->of[side], agreement->suite, secret, agreement->client_random,
				  agreement->server_random, side == handshake->client)) {
			free_keys(candidate);
			snprintf(reason, TLS_REASON, "the keys cannot be derived");
			return GIVEN_UP;
		}
	}
	return OPENED;
}

// The candidate has opened a record: it is what is current from now on.
static void promote(struct dtls_passive *association)
{
	free_keys(&association->keys[PREVIOUS]);
	association->keys[PREVIOUS] = association->keys[CURRENT];
	association->keys[CURRENT] = association->keys[CANDIDATE];
	association->keys[CANDIDATE] = (struct keys){0};
	association->handshake.shown = true;
	for (int side = 0; side < 2; side++)
		association->sides[side].opened = association->sides[side].opaque = false;
}

static enum outcome wait_for_hello(const struct handshake *handshake, uint16_t epoch, char reason[TLS_REASON])
{
	bool begun = handshake->epoch == epoch && (handshake->fresh[0] || handshake->fresh[1]);
	if (begun)
		snprintf(reason, TLS_REASON, "the %s is not in the capture",
			 handshake->fresh[0] ? "ServerHello" : "ClientHello");
	else
		snprintf(reason, TLS_REASON, "the beginning of the association is not in the capture");
	return WAITS;
}

static enum outcome open_record(struct dtls_passive *association, const struct dtls_waiting *record, size_t *length,
				char reason[TLS_REASON])
{
	struct handshake *handshake = &association->handshake;
	struct side *side = &association->sides[record->side];
	uint16_t epoch = epoch_of(record->sequence);
	struct keys *keys = NULL;
	bool tried = false;
	for (int i = CURRENT; i < KEYS && !keys; i++) {
		struct keys *some = &association->keys[i];
		tried = tried || (some->of[0] && some->epoch == epoch);
		if (open_with(association, some, record, length))
			keys = some;
	}
	if (!keys && handshake->agreement.made && !handshake->shown && handshake->epoch == epoch) {
		enum outcome outcome = derive_candidate(association, reason);
		if (outcome != OPENED)
			return outcome;
		tried = true;
		if (open_with(association, &association->keys[CANDIDATE], record, length)) {
			promote(association);
			keys = &association->keys[CURRENT];
		}
	}
	if (!keys && (!tried || (handshake->epoch == epoch && (handshake->fresh[0] || handshake->fresh[1]))))
		return wait_for_hello(handshake, epoch, reason);
	if (!keys) {
		side->count.not_verified++;
		if (!side->opened) {
			side->opaque = true;
			snprintf(reason, TLS_REASON, "record %" PRIu64 " of epoch %u does not verify",
				 record->sequence & 0xFFFFFFFFFFFF, epoch);
		}
		return DROPPED;
	}
	side->opened = true;
	side->opaque = false;
	if (!pass_window(&keys->windows[record->side], record->sequence)) {
		side->count.repeated++;
		return DROPPED;
	}
	side->count.opened++;
	return OPENED;
}

// Where to begin: with what was not tried, unless something has changed for the rest.
static struct dtls_waiting **first_to_try(struct dtls_passive *association)
{
	size_t number = tls_secrets_number(association->secrets);
	bool closed = tls_secrets_closed(association->secrets);
	if (association->tried_changes != association->changes || association->tried_secrets != number ||
	    association->tried_closed != closed)
		association->queue.untried = &association->queue.first;
	association->tried_changes = association->changes;
	association->tried_secrets = number;
	association->tried_closed = closed;
	return association->queue.untried;
}

// Tries one record: false when it waits on, else it is gone, and *piece is filled if it had application data.
static bool try_record(struct dtls_passive *association, struct dtls_waiting **place, struct tls_passive_piece *piece)
{
	struct dtls_waiting *record = *place;
	struct side *side = &association->sides[record->side];
	size_t length = 0;
	enum outcome outcome = open_record(association, record, &length, side->reason);
	if (outcome == WAITS)
		return false;
	if (outcome == GIVEN_UP)
		give_up(side, side->reason);
	if (outcome == OPENED && record->type == TLS_HANDSHAKE)
		take_handshake(association, record->side, epoch_of(record->sequence), association->plain.data, length);
	if (outcome == OPENED && record->type == TLS_APPLICATION_DATA && length)
		*piece = (struct tls_passive_piece){
			.side = record->side,
			.octets = association->plain.data,
			.length = length,
			.tag = record->tag,
			.last_tag = record->tag,
		};
	dtls_queue_drop(&association->queue, place);
	return true;
}

bool dtls_passive_next(struct dtls_passive *association, struct tls_passive_piece *piece)
{
	*piece = (struct tls_passive_piece){0};
	do {
		struct dtls_waiting **place = first_to_try(association);
		while (*place && !piece->length)
			if (!try_record(association, place, piece))
				place = &(*place)->next;
		association->queue.untried = place;
	} while (!piece->length && association->changes != association->tried_changes);
	return piece->length > 0;
}

void dtls_passive_finish(struct dtls_passive *association)
{
	while (association->queue.first)
		give_up_oldest(association);
	for (int i = 0; i < 2; i++)
		association->sides[i].opaque |= !association->sides[i].opened;
}

enum tls_passive_state dtls_passive_state(const struct dtls_passive *association, int side, const char **reason)
{
	const struct side *which = &association->sides[side ? 1 : 0];
	bool decrypting = which->opened && !which->opaque && !association->queue.count[side ? 1 : 0];
	if (reason)
		*reason = decrypting                ? ""
			  : which->reason[0]        ? which->reason
			  : association->refusal[0] ? association->refusal
						    : "the handshake is not complete in the capture";
	if (which->opaque)
		return TLS_PASSIVE_OPAQUE;
	return decrypting ? TLS_PASSIVE_DECRYPTING : TLS_PASSIVE_WAITING;
}

void dtls_passive_session(const struct dtls_passive *association, struct tls_passive_session *session)
{
	const struct tls_agreement *agreement = &association->handshake.agreement;
	*session = (struct tls_passive_session){
		.client = association->handshake.client,
		.version = agreement->version,
		.suite = agreement->suite_number,
		.suite_name = agreement->suite ? agreement->suite->name : NULL,
		.random = agreement->made ? agreement->client_random : NULL,
	};
}

void dtls_passive_count(const struct dtls_passive *association, int side, struct dtls_passive_count *count)
{
	*count = association->sides[side ? 1 : 0].count;
}
