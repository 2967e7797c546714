// SPDX-License-Identifier: BSD-3-Clause
#include "capture/tls_passive.h"

#include "base/error.h"
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

// The reason why a side is opaque at the end of the tape. Frees the secrets.
static void check_opaque_with(struct tls_secrets *secrets, int side, const char *expected)
{
	const char *reason;
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

static void check_opaque(const char *log, int side, const char *expected)
{
	check_opaque_with(secrets_of(log), side, expected);
}

static void a_secret_that_did_not_fit_may_have_been_given(void **state)
{
	struct error error = {0};
	char other[200];
	snprintf(other, sizeof other, "CLIENT_RANDOM %064x %096x\n", 1, 2);
	(void)state;
	converse(TLS1_2_VERSION, NULL);
	struct tls_secrets *secrets = tls_secrets_new(1);
	assert_int_equal(tls_secrets_add(secrets, other, strlen(other), NULL, &error), 0);
	assert_false(tls_secrets_left_out(secrets));
	assert_int_equal(tls_secrets_add(secrets, peers_log, strlen(peers_log), NULL, &error), -1);
	assert_true(tls_secrets_left_out(secrets));
	check_opaque_with(secrets, 0, "among the first 1 of the capture and the key logs, and no more are kept");
	peers_close(&peers);
}

static void what_is_not_read_says_why(void **state)
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
	check_opaque(log, 1, "the secret (SERVER_HANDSHAKE_TRAFFIC_SECRET) of 32 octets does not fit");
	peers_close(&peers);
}

static void without_its_beginning_a_connection_is_opaque(void **state)
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

// Who refuses says why, in the clear: nothing is missing in the capture.
static void who_refuses_says_why(void **state)
{
	static const uint8_t fatal[] = {0x15, 3, 3, 0, 2, 2, 40}, warning[] = {0x15, 3, 3, 0, 2, 1, 112};
	const char *reason;
	(void)state;
	converse(TLS1_2_VERSION, NULL);
	struct tls_secrets *secrets = tls_secrets_new(0);
	// The server the ClientHello; the client what the server answered.
	for (size_t hellos = 1; hellos <= 2; hellos++) {
		int from = hellos == 1 ? 1 : 0;
		struct tls_passive *connection = tls_passive_new(secrets);
		for (size_t i = 0; i < hellos; i++)
			feed(connection, peers.tape[i].side, peers.tape[i].octets, peers.tape[i].length, 1);
		feed(connection, from, warning, sizeof warning, 2);
		tls_passive_state(connection, 0, &reason);
		assert_string_equal(reason, "the handshake is not complete in the capture");
		feed(connection, from, fatal, sizeof fatal, 2);
		tls_passive_finish(connection);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(tls_passive_state(connection, side, &reason), TLS_PASSIVE_OPAQUE);
			assert_string_equal(reason, from ? "the server broke off the handshake: handshake failure"
							 : "the client broke off the handshake: handshake failure");
		}
		tls_passive_free(connection);
	}
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void behind_a_gap_nothing_is_read(void **state)
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
static void secrets_may_come_behind_the_packets(void **state)
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

// Nobody makes a connection hold more than it may.
static void what_is_held_has_a_bound(void **state)
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

static void what_is_cut_yields_a_beginning(void **state)
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

static void what_is_altered_yields_a_beginning(void **state)
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
		cmocka_unit_test(what_is_not_read_says_why),
		cmocka_unit_test(a_secret_that_did_not_fit_may_have_been_given),
		cmocka_unit_test(without_its_beginning_a_connection_is_opaque),
		cmocka_unit_test(who_refuses_says_why),
		cmocka_unit_test(behind_a_gap_nothing_is_read),
		cmocka_unit_test(secrets_may_come_behind_the_packets),
		cmocka_unit_test(what_is_held_has_a_bound),
		cmocka_unit_test(what_is_cut_yields_a_beginning),
		cmocka_unit_test(what_is_altered_yields_a_beginning),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("what cannot be read of a TLS connection", tests, NULL, NULL);
}
