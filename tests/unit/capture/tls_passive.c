// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_passive.h"

#include "base/error.h"
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

static struct tls_secrets *secrets_of(const char *text)
{
	struct tls_secrets *secrets = tls_secrets_new(0);
	assert_non_null(secrets);
	assert_int_equal(tls_secrets_add(secrets, text, strlen(text), NULL, NULL), 0);
	return secrets;
}

static void fetch(struct tls_passive *connection)
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

static void play_side(struct tls_passive *connection, int side)
{
	for (size_t i = 0; i < peers.count; i++)
		if (peers.tape[i].side == side)
			feed(connection, side, peers.tape[i].octets, peers.tape[i].length, (int64_t)i);
}

static void play(struct tls_passive *connection, enum order order)
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

static void check_heard(void)
{
	for (int side = 0; side < 2; side++) {
		assert_int_equal(heard.length[side], peers.said_length[side]);
		assert_memory_equal(heard.octets[side], peers.said[side], peers.said_length[side]);
	}
}

static void check_decrypting(const struct tls_passive *connection)
{
	for (int side = 0; side < 2; side++) {
		const char *reason;
		enum tls_passive_state state = tls_passive_state(connection, side, &reason);
		assert_string_equal(reason, "");
		assert_int_equal(state, TLS_PASSIVE_DECRYPTING);
		assert_int_equal(tls_passive_unread(connection, side), 0);
	}
}

// What was said is heard, in whatever order the octets come.
static void check_all_orders(void)
{
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (enum order order = 0; order < ORDERS; order++) {
		struct tls_passive *connection = tls_passive_new(secrets);
		play(connection, order);
		check_decrypting(connection);
		check_heard();
		tls_passive_finish(connection);
		check_decrypting(connection);
		tls_passive_free(connection);
	}
	tls_secrets_free(secrets);
}

// The reason why a side is opaque at the end of the tape.
static void check_opaque(const char *log, int side, const char *expected)
{
	const char *reason;
	struct tls_secrets *secrets = secrets_of(log);
	struct tls_passive *connection = tls_passive_new(secrets);
	play(connection, AS_SENT);
	tls_passive_finish(connection);
	assert_int_equal(tls_passive_state(connection, side, &reason), TLS_PASSIVE_OPAQUE);
	if (!strstr(reason, expected))
		fail_msg("'%s' expected, got '%s'", expected, reason);
	assert_true(tls_passive_unread(connection, side) > 0);
	assert_int_equal(heard.length[side], 0);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
}

static const char *const suites_12[] = {
	"ECDHE-RSA-AES128-GCM-SHA256",   "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM",      "ECDHE-ECDSA-AES256-CCM8",
	"DHE-RSA-AES256-CCM",            "AES128-GCM-SHA256",           "AES128-CCM8",
	"PSK-AES128-CCM8",               "DHE-PSK-CHACHA20-POLY1305",   "PSK-AES256-GCM-SHA384",
	"ECDHE-PSK-CHACHA20-POLY1305",
};

static void test_suites_of_tls_12(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suites_12 / sizeof *suites_12; i++) {
		peers_open(&peers, TLS1_2_VERSION, false);
		peers_suite(&peers, suites_12[i]);
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		assert_string_equal(SSL_get_cipher_name(peers.ends[0]), suites_12[i]);
		peers_talk(&peers);
		peers_say(&peers, 1, 40000); // more than a record holds
		check_all_orders();
		peers_close(&peers);
	}
}

static const char *const suites_13[] = {
	"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",       "TLS_CHACHA20_POLY1305_SHA256",
	"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256",
};

static void test_suites_of_tls_13(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suites_13 / sizeof *suites_13; i++) {
		peers_open(&peers, TLS1_3_VERSION, false);
		peers_suite(&peers, suites_13[i]);
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		assert_string_equal(SSL_get_cipher_name(peers.ends[0]), suites_13[i]);
		peers_talk(&peers);
		peers_say(&peers, 0, 40000);
		check_all_orders();
		peers_close(&peers);
	}
}

static void resume(int version, uint64_t options)
{
	peers_open(&peers, version, false);
	SSL_CTX_set_options(peers.contexts[1], options);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
	SSL_SESSION *session = SSL_get1_session(peers.ends[0]);
	assert_non_null(session);
	peers_log[0] = 0;
	peers_meet(&peers, session);
	peers_shake(&peers);
	assert_true(SSL_session_reused(peers.ends[0]));
	peers_talk(&peers);
	check_all_orders();
	SSL_SESSION_free(session);
	peers_close(&peers);
}

static void test_resumption(void **state)
{
	(void)state;
	resume(TLS1_2_VERSION, 0);
	resume(TLS1_2_VERSION, SSL_OP_NO_TICKET);
	resume(TLS1_3_VERSION, 0);
	resume(TLS1_3_VERSION, SSL_OP_NO_TICKET);
}

static void test_key_updates(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suites_13 / sizeof *suites_13; i++) {
		peers_open(&peers, TLS1_3_VERSION, false);
		peers_suite(&peers, suites_13[i]);
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		for (int round = 0; round < 3; round++) {
			peers_talk(&peers);
			assert_int_equal(SSL_key_update(peers.ends[0], SSL_KEY_UPDATE_REQUESTED), 1);
			peers_talk(&peers);
			assert_int_equal(SSL_key_update(peers.ends[1], SSL_KEY_UPDATE_NOT_REQUESTED), 1);
			peers_talk(&peers);
		}
		check_all_orders();
		peers_close(&peers);
	}
}

static void test_hello_retry(void **state)
{
	(void)state;
	for (int compatible = 0; compatible < 2; compatible++) {
		peers_open(&peers, TLS1_3_VERSION, false);
		if (!compatible)
			SSL_CTX_clear_options(peers.contexts[0], SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
		SSL_CTX_set1_groups_list(peers.contexts[0], "X25519:P-256");
		SSL_CTX_set1_groups_list(peers.contexts[1], "P-256");
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		peers_talk(&peers);
		check_all_orders();
		peers_close(&peers);
	}
}

static void test_renegotiation(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		peers_open(&peers, TLS1_2_VERSION, false);
		peers_suite(&peers, suites_12[i]);
		SSL_CTX_set_options(peers.contexts[1], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		peers_talk(&peers);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(SSL_renegotiate(peers.ends[side]), 1);
			SSL_do_handshake(peers.ends[side]);
			peers_shake(&peers);
			peers_talk(&peers);
		}
		check_all_orders();
		peers_close(&peers);
	}
}

// 0-RTT: taken, refused, refused by a HelloRetryRequest, and taken without its secret in the log.
static void early(bool take, bool retry, bool logged)
{
	peers_open(&peers, TLS1_3_VERSION, false);
	SSL_CTX_set_max_early_data(peers.contexts[1], 16384);
	SSL_CTX_set_recv_max_early_data(peers.contexts[1], 16384);
	SSL_CTX_set_options(peers.contexts[1], SSL_OP_NO_ANTI_REPLAY);
	SSL_CTX_set1_groups_list(peers.contexts[0], "X25519:P-256");
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
	SSL_SESSION *session = SSL_get1_session(peers.ends[0]);
	assert_true(SSL_SESSION_get_max_early_data(session) > 0);
	peers_log[0] = 0;
	if (retry)
		SSL_CTX_set1_groups_list(peers.contexts[1], "P-256");
	if (!take)
		SSL_CTX_set_max_early_data(peers.contexts[1], 0);
	peers_meet(&peers, session);
	uint8_t octets[100];
	size_t written, got, offered = 0;
	memset(octets, 0x42, sizeof octets);
	for (int i = 0; i < 2; i++, offered += written)
		assert_int_equal(SSL_write_early_data(peers.ends[0], octets, sizeof octets, &written), 1);
	peers_carry(&peers, 0);
	uint8_t place[1000];
	while (SSL_read_early_data(peers.ends[1], place, sizeof place, &got) == SSL_READ_EARLY_DATA_SUCCESS)
		assert_true(take);
	ERR_clear_error();
	peers_carry(&peers, 1);
	for (int i = 0; i < 4; i++) {
		SSL_do_handshake(peers.ends[0]);
		peers_carry(&peers, 0);
		while (SSL_read_early_data(peers.ends[1], place, sizeof place, &got) == SSL_READ_EARLY_DATA_SUCCESS)
			;
		SSL_do_handshake(peers.ends[1]);
		peers_carry(&peers, 1);
	}
	ERR_clear_error();
	assert_true((SSL_get_early_data_status(peers.ends[0]) == SSL_EARLY_DATA_ACCEPTED) == (take && !retry));
	bool readable = take && !retry && logged;
	if (readable) {
		memset(peers.said[0], 0x42, offered);
		peers.said_length[0] = offered;
	}
	peers_talk(&peers);
	if (!logged)
		memcpy(strstr(peers_log, "CLIENT_EARLY"), "CLIENT_OTHER", 12);
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (enum order order = 0; order < ORDERS; order++) {
		struct tls_passive *connection = tls_passive_new(secrets);
		play(connection, order);
		check_heard();
		assert_int_equal(heard.early, readable ? offered : 0);
		assert_int_equal(tls_passive_state(connection, 0, NULL), TLS_PASSIVE_DECRYPTING);
		assert_int_equal(tls_passive_unread(connection, 0) > 0, !readable);
		tls_passive_free(connection);
	}
	tls_secrets_free(secrets);
	SSL_SESSION_free(session);
	peers_close(&peers);
}

static void test_early_data(void **state)
{
	(void)state;
	early(true, false, true);
	early(false, false, true);
	early(true, true, true);
	early(true, false, false);
}

static void converse(int version, const char *suite)
{
	peers_open(&peers, version, false);
	if (suite)
		peers_suite(&peers, suite);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	peers_talk(&peers);
}

static void test_opaque(void **state)
{
	(void)state;
	converse(TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256");
	check_opaque(peers_log, 0, "cipher suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 is not an AEAD suite");
	check_opaque(peers_log, 1, "is not an AEAD suite");
	peers_close(&peers);

	converse(TLS1_2_VERSION, "ECDHE-ARIA128-GCM-SHA256");
	check_opaque(peers_log, 0, "cipher suite 0xC060 is not known here");
	peers_close(&peers);

	converse(TLS1_1_VERSION, "AES128-SHA:@SECLEVEL=0");
	check_opaque(peers_log, 0, "the version is 0x0302 (TLS 1.1), and only TLS 1.2 and 1.3 are decrypted");
	peers_close(&peers);

	converse(TLS1_2_VERSION, NULL);
	check_opaque("", 0, "no secret (CLIENT_RANDOM) for client random ");
	check_opaque("", 1, "in the capture or a key log");
	peers_close(&peers);

	converse(TLS1_3_VERSION, NULL);
	check_opaque("", 0, "no secret (CLIENT_HANDSHAKE_TRAFFIC_SECRET) for client random ");
	char log[sizeof peers_log];
	strcpy(log, peers_log);
	memcpy(strstr(log, "SERVER_TRAFFIC"), "OTHERS", 6);
	check_opaque(log, 1, "no secret (SERVER_TRAFFIC_SECRET_0) for client random ");
	// Secrets of another connection.
	strcpy(log, peers_log);
	char *secret = strchr(strchr(strstr(log, "SERVER_HANDSHAKE"), ' ') + 1, ' ') + 1;
	*secret = *secret == '0' ? '1' : '0';
	check_opaque(log, 1, "record 3 does not verify");
	peers_close(&peers);

	// The secret of a suite with another hash.
	converse(TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384");
	strcpy(log, peers_log);
	for (char *line = log; (line = strchr(line, '\n')); line++)
		memset(line - 32, '\n', 32);
	check_opaque(log, 1, "the secret (SERVER_HANDSHAKE_TRAFFIC_SECRET) of 32 octets does not fit cipher suite TLS_AES_256");
	peers_close(&peers);
}

static void test_beginning(void **state)
{
	const char *reason;
	(void)state;
	converse(TLS1_3_VERSION, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	assert_true(tls_passive_begins(peers.tape[0].octets, peers.tape[0].length));
	assert_true(tls_passive_begins(peers.tape[1].octets, peers.tape[1].length));
	assert_false(tls_passive_begins(peers.tape[0].octets, 5));
	assert_false(tls_passive_begins(peers.tape[peers.count - 1].octets, peers.tape[peers.count - 1].length));
	for (size_t from = 1; from < peers.count; from++) {
		struct tls_passive *connection = tls_passive_new(secrets);
		heard = (struct heard){0};
		for (size_t i = from; i < peers.count; i++)
			feed(connection, peers.tape[i].side, peers.tape[i].octets, peers.tape[i].length, 1);
		tls_passive_finish(connection);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(tls_passive_state(connection, side, &reason), TLS_PASSIVE_OPAQUE);
			assert_true(strstr(reason, "the beginning of the connection is not in the capture") ||
				    (from == peers.count - 1 && side != peers.tape[from].side));
		}
		assert_int_equal(heard.pieces, 0);
		tls_passive_free(connection);
	}

	// What is no TLS at all.
	struct tls_passive *connection = tls_passive_new(secrets);
	feed(connection, 0, (const uint8_t *)"\0\1\0\0\x21\x12\xa4\x42", 8, 1);
	assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_OPAQUE);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void test_gap(void **state)
{
	const char *reason;
	(void)state;
	converse(TLS1_3_VERSION, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct tls_passive *connection = tls_passive_new(secrets);
	play(connection, AS_SENT);
	tls_passive_gap(connection, 1, 1448);
	feed(connection, 1, peers.tape[0].octets, 20, 9);
	assert_int_equal(tls_passive_state(connection, 1, &reason), TLS_PASSIVE_OPAQUE);
	assert_string_equal(reason, "a segment is missing, 1448 octets");
	assert_int_equal(tls_passive_unread(connection, 1), 20);
	assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_DECRYPTING);
	tls_passive_free(connection);

	// Where the other side needs what is missing, it has the same reason.
	connection = tls_passive_new(secrets);
	feed(connection, 0, peers.tape[0].octets, peers.tape[0].length, 1);
	feed(connection, 1, peers.tape[1].octets, 50, 2);
	tls_passive_gap(connection, 1, 100);
	for (size_t i = 2; i < peers.count; i++)
		feed(connection, peers.tape[i].side, peers.tape[i].octets, peers.tape[i].length, 3);
	assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_OPAQUE);
	assert_string_equal(reason, "a segment is missing, 100 octets");
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// Secrets that stand behind the packets; and when no more will come, nothing is waited for.
static void test_late_secrets(void **state)
{
	const char *reason;
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		converse(version, NULL);
		struct tls_secrets *secrets = tls_secrets_new(0);
		struct tls_passive *connection = tls_passive_new(secrets);
		play(connection, AS_SENT);
		assert_int_equal(heard.pieces, 0);
		assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_WAITING);
		assert_non_null(strstr(reason, "no secret"));
		tls_secrets_add(secrets, peers_log, strlen(peers_log), NULL, NULL);
		fetch(connection);
		check_decrypting(connection);
		check_heard();
		tls_passive_free(connection);
		tls_secrets_free(secrets);

		secrets = tls_secrets_new(0);
		tls_secrets_close(secrets);
		connection = tls_passive_new(secrets);
		play(connection, AS_SENT);
		assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_OPAQUE);
		assert_non_null(strstr(reason, "no secret"));
		tls_passive_free(connection);
		tls_secrets_free(secrets);
		peers_close(&peers);
	}
}

static void test_session(void **state)
{
	struct tls_passive_session session;
	(void)state;
	converse(TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305");
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct tls_passive *connection = tls_passive_new(secrets);
	tls_passive_session(connection, &session);
	assert_int_equal(session.client, -1);
	assert_null(session.random);
	for (size_t i = 0; i < peers.count; i++)
		feed(connection, 1 - peers.tape[i].side, peers.tape[i].octets, peers.tape[i].length, 1);
	tls_passive_session(connection, &session);
	assert_int_equal(session.client, 1);
	assert_int_equal(session.version, 0x0303);
	assert_int_equal(session.suite, 0xCCA8);
	assert_string_equal(session.suite_name, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
	uint8_t random[32];
	SSL_get_client_random(peers.ends[0], random, sizeof random);
	assert_memory_equal(session.random, random, sizeof random);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// Where two sides have something, that which was complete first comes first; tags are those of the segments.
static void test_order_and_tags(void **state)
{
	struct tls_passive_piece piece;
	(void)state;
	converse(TLS1_3_VERSION, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct tls_passive *connection = tls_passive_new(secrets);
	size_t pieces = 0;
	int64_t last = -1;
	for (int side = 1; side >= 0; side--)
		for (size_t i = 0; i < peers.count; i++) {
			const struct tape_entry *entry = &peers.tape[i];
			if (entry->side != side)
				continue;
			tls_passive_feed(connection, side, entry->octets, 3, (int64_t)(10 * i));
			tls_passive_feed(connection, side, &entry->octets[3], entry->length - 3, (int64_t)(10 * i + 1));
		}
	for (; tls_passive_next(connection, &piece); pieces++) {
		assert_int_equal(piece.last_tag % 10, 1);
		assert_int_equal(piece.tag, piece.last_tag - 1);
		assert_true(piece.last_tag > last);
		assert_int_equal(peers.tape[piece.tag / 10].side, piece.side);
		last = piece.last_tag;
	}
	assert_int_equal(pieces, 8);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// Nobody makes a connection hold more than it may.
static void test_limits(void **state)
{
	const char *reason;
	uint8_t octets[1000] = {0x17, 3, 3, 0x03, 0xE3};
	(void)state;
	converse(TLS1_3_VERSION, NULL);
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct tls_passive *connection = tls_passive_new(secrets);
	play(connection, AS_SENT);
	for (int i = 0; i < 300; i++)
		feed(connection, 1, octets, sizeof octets, i);
	assert_int_equal(tls_passive_state(connection, 1, &reason), TLS_PASSIVE_OPAQUE);
	assert_non_null(strstr(reason, "no secret (SERVER_HANDSHAKE_TRAFFIC_SECRET)"));
	tls_passive_free(connection);

	connection = tls_passive_new(secrets);
	feed(connection, 0, peers.tape[0].octets, peers.tape[0].length - 1, 1);
	for (int i = 0; i < 300; i++)
		feed(connection, 1, octets, sizeof octets, i);
	assert_int_equal(tls_passive_state(connection, 1, &reason), TLS_PASSIVE_OPAQUE);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	peers_close(&peers);

	// A ClientHello of 16 MiB.
	static const uint8_t hello[] = {0x16, 3, 1, 0, 4, 1, 0xFF, 0xFF, 0xFF};
	secrets = tls_secrets_new(0);
	connection = tls_passive_new(secrets);
	feed(connection, 0, hello, sizeof hello, 1);
	assert_int_equal(tls_passive_state(connection, 0, &reason), TLS_PASSIVE_OPAQUE);
	assert_non_null(strstr(reason, "16777215"));
	tls_passive_free(connection);
	tls_secrets_free(secrets);
}

// What is cut or altered never yields anything but a beginning of what was said.
static void check_prefix(void)
{
	for (int side = 0; side < 2; side++) {
		assert_true(heard.length[side] <= peers.said_length[side]);
		assert_memory_equal(heard.octets[side], peers.said[side], heard.length[side]);
	}
}

static void test_truncated(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		converse(version, NULL);
		struct tls_secrets *secrets = secrets_of(peers_log);
		for (size_t i = 0; i < peers.count; i++)
			for (size_t cut = 0; cut < peers.tape[i].length; cut++) {
				struct tls_passive *connection = tls_passive_new(secrets);
				size_t whole = peers.tape[i].length, count = peers.count;
				peers.tape[i].length = cut;
				peers.count = i + 1;
				play(connection, AS_SENT);
				check_prefix();
				tls_passive_finish(connection);
				tls_passive_free(connection);
				peers.tape[i].length = whole;
				peers.count = count;
			}
		tls_secrets_free(secrets);
		peers_close(&peers);
	}
}

static void test_altered(void **state)
{
	(void)state;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		converse(version, NULL);
		struct tls_secrets *secrets = secrets_of(peers_log);
		for (size_t i = 0; i < peers.count; i++)
			for (size_t j = 0; j < peers.tape[i].length; j++) {
				struct tls_passive *connection = tls_passive_new(secrets);
				uint8_t *octet = &peers.tape[i].octets[j], kept = *octet;
				*octet = (uint8_t)(kept ^ (1 << rand() % 8));
				play(connection, j % 2 ? AS_SENT : SERVER_FIRST);
				check_prefix();
				tls_passive_finish(connection);
				tls_passive_free(connection);
				*octet = kept;
			}
		tls_secrets_free(secrets);
		peers_close(&peers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suites_of_tls_12), cmocka_unit_test(test_suites_of_tls_13),
		cmocka_unit_test(test_resumption),       cmocka_unit_test(test_key_updates),
		cmocka_unit_test(test_hello_retry),      cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_early_data),       cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_beginning),        cmocka_unit_test(test_gap),
		cmocka_unit_test(test_late_secrets),     cmocka_unit_test(test_session),
		cmocka_unit_test(test_order_and_tags),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_truncated),        cmocka_unit_test(test_altered),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("a TLS connection, read by a bystander", tests, NULL, NULL);
}
