// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_passive.h"

#include "tls_heard.h"

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

static const char *const suites_12[] = {
	"ECDHE-RSA-AES128-GCM-SHA256",   "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM",      "ECDHE-ECDSA-AES256-CCM8",
	"DHE-RSA-AES256-CCM",            "AES128-GCM-SHA256",           "AES128-CCM8",
	"PSK-AES128-CCM8",               "DHE-PSK-CHACHA20-POLY1305",   "PSK-AES256-GCM-SHA384",
	"ECDHE-PSK-CHACHA20-POLY1305",
};

static void suites_of_tls_1_2_are_read(void **state)
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

static void suites_of_tls_1_3_are_read(void **state)
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

static void resumed_sessions_are_read(void **state)
{
	(void)state;
	resume(TLS1_2_VERSION, 0);
	resume(TLS1_2_VERSION, SSL_OP_NO_TICKET);
	resume(TLS1_3_VERSION, 0);
	resume(TLS1_3_VERSION, SSL_OP_NO_TICKET);
}

static void new_keys_are_followed(void **state)
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

static void a_hello_retry_is_followed(void **state)
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

static void a_renegotiation_is_followed(void **state)
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

static void early_data_is_read_where_it_was_taken(void **state)
{
	(void)state;
	early(true, false, true);
	early(false, false, true);
	early(true, true, true);
	early(true, false, false);
}

static void a_session_is_told_whoever_is_the_client(void **state)
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
static void pieces_come_in_order_with_their_tags(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_of_tls_1_2_are_read),
		cmocka_unit_test(suites_of_tls_1_3_are_read),
		cmocka_unit_test(resumed_sessions_are_read),
		cmocka_unit_test(new_keys_are_followed),
		cmocka_unit_test(a_hello_retry_is_followed),
		cmocka_unit_test(a_renegotiation_is_followed),
		cmocka_unit_test(early_data_is_read_where_it_was_taken),
		cmocka_unit_test(a_session_is_told_whoever_is_the_client),
		cmocka_unit_test(pieces_come_in_order_with_their_tags),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("a TLS connection, read by a bystander", tests, NULL, NULL);
}
