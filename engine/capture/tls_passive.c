// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_passive.h"

#include "base/error.h"
#include "capture/tls_agreement.h"
#include "capture/tls_handshake.h"
#include "capture/tls_keys.h"
#include "capture/tls_record.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_BIT(type) (1u << (type))

// Which keys a side writes with. TLS 1.2 has PLAIN and TRAFFIC only.
enum phase { PLAIN, EARLY, HANDSHAKE_KEYS, TRAFFIC };

enum outcome { STUCK, MOVED, PIECE };

struct side {
	struct tls_queue queue;
	struct tls_handshake handshake;
	struct tls_keys *keys; // NULL before the first
	enum phase phase;
	enum phase next;   // with key_due
	bool key_due;      // what comes next is written with other keys, which are not set yet
	bool begun;        // the first record was seen
	bool opened;       // a record has verified
	bool blocked;      // waits for something, which `reason` tells
	bool skipping;     // 0-RTT data that cannot be read are passed over until a record verifies
	bool failed;       // opaque for good, for `reason`
	uint64_t sequence; // of the next record under these keys
	uint64_t records;  // passed so far
	uint64_t unread;   // octets
	char reason[TLS_REASON];
};

struct tls_passive {
	const struct tls_secrets *secrets;
	struct side sides[2];
	int client;                     // -1: not known
	struct tls_hello hellos[2];     // the latest of client and server
	bool fresh[2];                  // which is not answered, or answers nothing, yet
	bool retry;                     // a HelloRetryRequest was seen
	bool second;                    // and the ClientHello that it asked for
	bool extensions;                // EncryptedExtensions were seen
	bool takes_early;               // and the server took the 0-RTT data
	struct tls_agreement agreement; // of the latest pair of hellos
	struct writer plain;            // the content of the record that was opened last
};

bool tls_passive_begins(const uint8_t *octets, size_t length)
{
	return tls_record_begins(octets, length);
}

struct tls_passive *tls_passive_new(const struct tls_secrets *secrets)
{
	struct tls_passive *connection = calloc(1, sizeof *connection);
	if (!connection)
		return NULL;
	connection->secrets = secrets;
	connection->client = -1;
	writer_init(&connection->plain, TLS_RECORD_LARGEST);
	for (int i = 0; i < 2; i++) {
		struct side *side = &connection->sides[i];
		tls_handshake_init(&side->handshake);
		snprintf(side->reason, sizeof side->reason, "the handshake is not complete in the capture");
	}
	return connection;
}

static void free_side(struct side *side)
{
	tls_queue_free(&side->queue);
	tls_handshake_free(&side->handshake);
	tls_keys_free(side->keys);
	side->keys = NULL;
}

void tls_passive_free(struct tls_passive *connection)
{
	if (!connection)
		return;
	free_side(&connection->sides[0]);
	free_side(&connection->sides[1]);
	writer_free(&connection->plain);
	free(connection);
}

static bool is_client(const struct tls_passive *connection, const struct side *side)
{
	return connection->client >= 0 && side == &connection->sides[connection->client];
}

static struct side *other_side(struct tls_passive *connection, const struct side *side)
{
	return &connection->sides[side == &connection->sides[0] ? 1 : 0];
}

// Nothing more is read of the side; the first reason stays. What waits is let go.
__attribute__((format(printf, 2, 3))) static enum outcome fail(struct side *side, const char *format, ...)
{
	char reason[sizeof side->reason]; // the arguments may be of the side's own
	if (side->failed)
		return STUCK;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	memcpy(side->reason, reason, sizeof reason);
	side->failed = true;
	side->unread += tls_queue_length(&side->queue);
	free_side(side);
	return STUCK;
}

__attribute__((format(printf, 2, 3))) static void fail_both(struct tls_passive *connection, const char *format, ...)
{
	char reason[sizeof connection->sides[0].reason];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	fail(&connection->sides[0], "%s", reason);
	fail(&connection->sides[1], "%s", reason);
}

// The side waits for the other one, unless that will bring nothing more.
static enum outcome wait_for_other(struct tls_passive *connection, struct side *side, const char *what)
{
	const struct side *other = other_side(connection, side);
	if (other->failed)
		return fail(side, "%s", other->reason);
	side->blocked = true;
	snprintf(side->reason, sizeof side->reason, "%s is not in the capture", what);
	return STUCK;
}

static enum outcome no_secret(struct tls_passive *connection, struct side *side, enum tls_label label)
{
	side->blocked = true;
	tls_agreement_no_secret(&connection->agreement, connection->secrets, label, side->reason);
	return tls_secrets_closed(connection->secrets) ? fail(side, "%s", side->reason) : STUCK;
}

static bool is_tls13(const struct tls_passive *connection)
{
	return connection->agreement.version == TLS_VERSION_1_3;
}

static enum tls_label label_of(const struct tls_passive *connection, const struct side *side)
{
	bool client = is_client(connection, side);
	if (!is_tls13(connection))
		return TLS_MASTER;
	if (side->next == EARLY)
		return TLS_CLIENT_EARLY;
	if (side->next == HANDSHAKE_KEYS)
		return client ? TLS_CLIENT_HANDSHAKE : TLS_SERVER_HANDSHAKE;
	return client ? TLS_CLIENT_TRAFFIC : TLS_SERVER_TRAFFIC;
}

// Sets the keys that are due.
static enum outcome change_keys(struct tls_passive *connection, struct side *side)
{
	bool client = is_client(connection, side), done;
	enum tls_label label = label_of(connection, side);
	if (connection->fresh[client ? 0 : 1])
		return wait_for_other(connection, side, client ? "the ServerHello" : "the ClientHello");
	const struct tls_secret *secret =
		tls_secrets_find(connection->secrets, connection->agreement.client_random, label);
	if (!secret)
		return no_secret(connection, side, label);
	if (!side->keys && !(side->keys = tls_keys_new()))
		return fail(side, "out of memory");
	if (label == TLS_MASTER)
		done = tls_keys_set(side->keys, connection->agreement.suite, secret,
				    connection->agreement.client_random, connection->agreement.server_random, client);
	else
		done = tls_keys_set_13(side->keys, connection->agreement.suite, secret);
	if (!done)
		return fail(side, "the secret (%s) of %zu octets does not fit cipher suite %s",
			    tls_secrets_label(label), secret->length, connection->agreement.suite->name);
	side->key_due = false;
	side->phase = side->next;
	side->sequence = 0;
	tls_handshake_reset(&side->handshake);
	return MOVED;
}

static void need_keys(struct side *side, enum phase next)
{
	side->key_due = true;
	side->next = next;
}

static void take_hello(struct tls_passive *connection, struct side *side, uint8_t type, const struct writer *body)
{
	struct tls_hello hello;
	struct error error;
	int index = type == TLS_SERVER_HELLO;
	if (is_client(connection, side) != (type == TLS_CLIENT_HELLO)) {
		fail_both(connection, "a ClientHello of the server, or a ServerHello of the client");
	} else if (tls_hello_parse(type, false, body->data, body->length, &hello, &error) < 0) {
		fail_both(connection, "%s", error.text);
	} else if (hello.retry) {
		connection->retry = true;
	} else if (index == 0 && side->phase == PLAIN && side->records > 0 &&
		   memcmp(hello.random, connection->hellos[0].random, 32) == 0) {
		// It is asked for again (RFC 8446 section 4.1.2), and may have been answered already.
		connection->second = true;
	} else {
		connection->hellos[index] = hello;
		connection->fresh[index] = true;
		if (connection->fresh[0] && connection->fresh[1]) {
			connection->fresh[0] = connection->fresh[1] = false;
			tls_agreement_make(&connection->agreement, &connection->hellos[0], &connection->hellos[1],
					   false);
			if (connection->agreement.problem[0])
				fail_both(connection, "%s", connection->agreement.problem);
		}
	}
}

// A handshake message has come to its end; true when other keys come behind it.
static bool take_message(struct tls_passive *connection, struct side *side, uint8_t type)
{
	const struct writer *body = &side->handshake.body;
	bool client = is_client(connection, side), tls13 = is_tls13(connection);
	if (side->phase == PLAIN || !tls13) {
		if (type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO)
			take_hello(connection, side, type, body);
	} else if (type == TLS_ENCRYPTED_EXTENSIONS && !client && side->phase == HANDSHAKE_KEYS) {
		connection->extensions = true;
		connection->takes_early = tls_hello_takes_early_data(body->data, body->length);
	} else if (type == TLS_END_OF_EARLY_DATA && side->phase == EARLY) {
		need_keys(side, HANDSHAKE_KEYS);
		return true;
	} else if (type == TLS_FINISHED && side->phase == HANDSHAKE_KEYS) {
		need_keys(side, TRAFFIC);
		return true;
	} else if (type == TLS_KEY_UPDATE && side->phase == TRAFFIC) {
		if (!tls_keys_update(side->keys))
			fail(side, "the keys behind record %" PRIu64 " cannot be derived", side->records);
		side->sequence = 0;
		return true;
	}
	return false;
}

static enum outcome take_messages(struct tls_passive *connection, struct side *side, const uint8_t *octets,
				  size_t length)
{
	uint32_t wanted = TYPE_BIT(TLS_CLIENT_HELLO) | TYPE_BIT(TLS_SERVER_HELLO);
	struct reader reader;
	struct error error;
	uint8_t type;
	int more;
	if (side->phase != PLAIN && is_tls13(connection))
		wanted = TYPE_BIT(TLS_ENCRYPTED_EXTENSIONS);
	reader_init(&reader, octets, length);
	while ((more = tls_handshake_take(&side->handshake, &reader, wanted, &type, &error)) > 0) {
		bool changes = take_message(connection, side, type);
		if (side->failed)
			return STUCK;
		if (changes && reader_left(&reader))
			return fail(side, "record %" PRIu64 " goes on behind a message that changes its keys",
				    side->records);
	}
	return more < 0 ? fail(side, "%s", error.text) : MOVED;
}

static void drop_record(struct side *side, const struct tls_record *record)
{
	side->records++;
	tls_queue_drop(&side->queue, TLS_RECORD_HEADER + record->length);
}

// Who ends a handshake by an alert tells why there is nothing more to read.
static void note_alert(struct tls_passive *connection, const struct side *side, const struct tls_record *record)
{
	const char *fatal = tls_record_fatal(record->content, record->length);
	for (int i = 0; fatal && i < 2; i++)
		if (!connection->sides[i].failed)
			snprintf(connection->sides[i].reason, sizeof connection->sides[i].reason,
				 "the %s broke off the handshake: %s",
				 is_client(connection, side) ? "client" : "server", fatal);
}

// Who is who is told by the first record of a side.
static enum outcome begin(struct tls_passive *connection, struct side *side, const struct tls_record *record)
{
	int index = side == &connection->sides[1];
	if (record->type == TLS_ALERT && connection->client == 1 - index) {
		// The server refuses the ClientHello.
		note_alert(connection, side, record);
		drop_record(side, record);
		return MOVED;
	}
	if (record->type != TLS_HANDSHAKE || record->length == 0 ||
	    (record->content[0] != TLS_CLIENT_HELLO && record->content[0] != TLS_SERVER_HELLO))
		return fail(side, "the beginning of the connection is not in the capture");
	int client = record->content[0] == TLS_CLIENT_HELLO ? index : 1 - index;
	if (connection->client >= 0 && connection->client != client) {
		fail_both(connection, "both sides begin as a %s does", client == index ? "client" : "server");
		return STUCK;
	}
	connection->client = client;
	side->begun = true;
	return MOVED;
}

// Application data behind the hellos of TLS 1.3: which keys they are under.
static enum outcome leave_plain(struct tls_passive *connection, struct side *side)
{
	bool client = is_client(connection, side), readable = false;
	// 0-RTT data stand before the client's own handshake; EncryptedExtensions say whether the server reads them.
	if (client && connection->hellos[0].early_data && !connection->retry) {
		if (!connection->extensions)
			return wait_for_other(connection, side, "the server's EncryptedExtensions");
		readable = connection->takes_early &&
			   tls_secrets_find(connection->secrets, connection->agreement.client_random, TLS_CLIENT_EARLY);
		side->skipping = !readable;
	}
	need_keys(side, readable ? EARLY : HANDSHAKE_KEYS);
	return MOVED;
}

// A record before any keys of its side.
static enum outcome take_plain(struct tls_passive *connection, struct side *side, const struct tls_record *record)
{
	bool client = is_client(connection, side), agreed = connection->agreement.made, tls13 = is_tls13(connection);
	bool data = record->type == TLS_APPLICATION_DATA, change = record->type == TLS_CHANGE_CIPHER_SPEC;
	if (record->type == TLS_HANDSHAKE) {
		enum outcome outcome = take_messages(connection, side, record->content, record->length);
		if (outcome == MOVED)
			drop_record(side, record);
		return outcome;
	}
	// What a HelloRetryRequest has refused is passed over.
	bool refused = client && connection->retry && !connection->second && connection->hellos[0].early_data;
	if (data && !refused) {
		if (!agreed)
			return wait_for_other(connection, side, client ? "the ServerHello" : "the ClientHello");
		if (tls13)
			return leave_plain(connection, side);
		return fail(side, "record %" PRIu64 " has application data before any keys", side->records + 1);
	}
	if (change && !agreed && !connection->retry)
		return wait_for_other(connection, side, client ? "the ServerHello" : "the ClientHello");
	if (change && agreed && !tls13)
		need_keys(side, TRAFFIC);
	if (data)
		side->unread += TLS_RECORD_HEADER + record->length;
	if (record->type == TLS_ALERT)
		note_alert(connection, side, record);
	drop_record(side, record);
	return MOVED;
}

static enum outcome hand_out(struct tls_passive *connection, struct side *side, const struct tls_record *record,
			     size_t length, struct tls_passive_piece *piece)
{
	*piece = (struct tls_passive_piece){
		.side = side == &connection->sides[1],
		.octets = connection->plain.data,
		.length = length,
		.tag = record->tag,
		.last_tag = record->last_tag,
		.early = side->phase == EARLY,
	};
	return length ? PIECE : MOVED;
}

static enum outcome take_content(struct tls_passive *connection, struct side *side, const struct tls_record *record,
				 uint8_t type, size_t length, struct tls_passive_piece *piece)
{
	bool tls13 = is_tls13(connection);
	switch (type) {
	case TLS_APPLICATION_DATA:
		if (side->phase == HANDSHAKE_KEYS)
			return fail(side, "record %" PRIu64 " has application data within the handshake",
				    side->records);
		return hand_out(connection, side, record, length, piece);
	case TLS_HANDSHAKE:
		return take_messages(connection, side, connection->plain.data, length);
	case TLS_CHANGE_CIPHER_SPEC:
		if (!tls13)
			need_keys(side, TRAFFIC);
		return MOVED;
	case TLS_ALERT:
	case TLS_HEARTBEAT:
		return MOVED;
	default:
		return fail(side, "record %" PRIu64 " is of content type %u, which is not known here", side->records,
			    type);
	}
}

// A record under keys.
static enum outcome take_protected(struct tls_passive *connection, struct side *side, const struct tls_record *record,
				   struct tls_passive_piece *piece)
{
	bool tls13 = is_tls13(connection);
	uint8_t type = record->type;
	size_t length;
	if (tls13 && type != TLS_APPLICATION_DATA) {
		// A ChangeCipherSpec says nothing in TLS 1.3; who cannot follow the handshake says so in the clear.
		if (type != TLS_CHANGE_CIPHER_SPEC && !(type == TLS_ALERT && side->phase != TRAFFIC))
			return fail(side, "record %" PRIu64 " is not protected", side->records + 1);
		drop_record(side, record);
		return MOVED;
	}
	writer_reset(&connection->plain);
	uint8_t *plain = writer_reserve(&connection->plain, record->length);
	if (!plain)
		return fail(side, "out of memory");
	if (!tls_keys_open(side->keys, record->header, side->sequence, record->content, record->length, plain,
			   &length)) {
		if (!side->skipping)
			return fail(side, "record %" PRIu64 " does not verify", side->records + 1);
		side->unread += TLS_RECORD_HEADER + record->length;
		drop_record(side, record);
		return MOVED;
	}
	side->sequence++;
	side->opened = true;
	side->skipping = false;
	drop_record(side, record);
	if (tls13) {
		while (length && plain[length - 1] == 0)
			length--;
		if (!length)
			return fail(side, "record %" PRIu64 " has no content type", side->records);
		type = plain[--length];
	}
	return take_content(connection, side, record, type, length, piece);
}

// Whether the next record of the side is there as a whole.
static bool next_record(struct side *side, struct tls_record *record)
{
	int found = side->failed ? 0 : tls_record_next(&side->queue, record);
	if (found < 0 && side->begun)
		fail(side, "what follows record %" PRIu64 " is no TLS record", side->records);
	else if (found < 0)
		fail(side, "the beginning of the connection is not in the capture");
	return found > 0;
}

static enum outcome step(struct tls_passive *connection, struct side *side, const struct tls_record *record,
			 struct tls_passive_piece *piece)
{
	if (!side->begun)
		return begin(connection, side, record);
	side->blocked = false;
	if (side->key_due)
		return change_keys(connection, side);
	if (side->phase == PLAIN)
		return take_plain(connection, side, record);
	return take_protected(connection, side, record, piece);
}

bool tls_passive_next(struct tls_passive *connection, struct tls_passive_piece *piece)
{
	*piece = (struct tls_passive_piece){0};
	for (;;) {
		struct tls_record records[2];
		bool there[2] = {next_record(&connection->sides[0], &records[0]),
				 next_record(&connection->sides[1], &records[1])};
		int first = there[0] && there[1] ? records[1].last_tag < records[0].last_tag : !there[0];
		enum outcome outcome = STUCK;
		for (int turn = 0; turn < 2 && outcome == STUCK; turn++) {
			int which = turn ? 1 - first : first;
			// The first turn may have made the other side opaque, and its record with it.
			if (there[which] && !connection->sides[which].failed)
				outcome = step(connection, &connection->sides[which], &records[which], piece);
		}
		if (outcome != MOVED)
			return outcome == PIECE;
	}
}

void tls_passive_feed(struct tls_passive *connection, int side, const uint8_t *octets, size_t length, int64_t tag)
{
	struct side *from = &connection->sides[side ? 1 : 0];
	if (!from->failed && tls_queue_add(&from->queue, octets, length, tag))
		return;
	if (from->blocked)
		fail(from, "%s", from->reason);
	else
		fail(from, "more than %d octets wait to be read", TLS_QUEUE_OCTETS);
	from->unread += length;
}

void tls_passive_gap(struct tls_passive *connection, int side, uint64_t length)
{
	struct side *from = &connection->sides[side ? 1 : 0];
	if (!from->begun && !tls_queue_length(&from->queue))
		fail(from, "the beginning of the connection is not in the capture");
	else
		fail(from, "a segment is missing, %" PRIu64 " octets", length);
}

void tls_passive_finish(struct tls_passive *connection)
{
	for (int i = 0; i < 2; i++) {
		struct side *side = &connection->sides[i];
		if (side->blocked || !side->opened)
			fail(side, "%s", side->reason);
	}
}

enum tls_passive_state tls_passive_state(const struct tls_passive *connection, int side, const char **reason)
{
	const struct side *which = &connection->sides[side ? 1 : 0];
	bool decrypting = !which->failed && !which->blocked && which->opened;
	if (reason)
		*reason = decrypting ? "" : which->reason;
	if (which->failed)
		return TLS_PASSIVE_OPAQUE;
	return decrypting ? TLS_PASSIVE_DECRYPTING : TLS_PASSIVE_WAITING;
}

void tls_passive_session(const struct tls_passive *connection, struct tls_passive_session *session)
{
	const struct tls_agreement *agreement = &connection->agreement;
	*session = (struct tls_passive_session){
		.client = connection->client,
		.version = agreement->version,
		.suite = agreement->suite_number,
		.suite_name = agreement->suite ? agreement->suite->name : NULL,
		.random = agreement->made ? agreement->client_random : NULL,
	};
}

uint64_t tls_passive_unread(const struct tls_passive *connection, int side)
{
	return connection->sides[side ? 1 : 0].unread;
}
