// SPDX-License-Identifier: BSD-3-Clause
#include "capture/dtls_passive.h"

#include "base/error.h"
#include "capture/tls_secrets.h"

#include "tls_peers.h"

static struct peers peers;

// Which datagrams with application data came out: each says its number in its first two octets.
static unsigned heard[2][1000];
static size_t heard_count[2], heard_wrong;

static struct tls_secrets *secrets_of(const char *text)
{
	struct tls_secrets *secrets = tls_secrets_new(0);
	assert_non_null(secrets);
	assert_int_equal(tls_secrets_add(secrets, text, strlen(text), NULL, NULL), 0);
	return secrets;
}

static size_t fill(uint8_t *octets, int side, unsigned number)
{
	size_t length = 30 + number * 7;
	memset(octets, side ? 0x53 : 0x43, length);
	octets[0] = (uint8_t)(number >> 8);
	octets[1] = (uint8_t)number;
	return length;
}

static void say(int side, unsigned number)
{
	uint8_t octets[4000];
	size_t length = fill(octets, side, number);
	assert_int_equal(SSL_write(peers.ends[side], octets, (int)length), (int)length);
	peers_settle(&peers);
}

static void fetch(struct dtls_passive *association)
{
	struct tls_passive_piece piece;
	while (dtls_passive_next(association, &piece)) {
		uint8_t octets[4000];
		assert_true(piece.length >= 2 && piece.tag == piece.last_tag);
		unsigned number = (unsigned)piece.octets[0] << 8 | piece.octets[1];
		assert_true(number < 500);
		assert_int_equal(fill(octets, piece.side, number), piece.length);
		heard_wrong += memcmp(octets, piece.octets, piece.length) != 0;
		heard[piece.side][heard_count[piece.side]++] = number;
	}
}

static void feed(struct dtls_passive *association, const struct tape_entry *entry)
{
	uint8_t *copy = malloc(entry->length ? entry->length : 1);
	memcpy(copy, entry->octets, entry->length);
	dtls_passive_feed(association, entry->side, copy, entry->length, 1);
	free(copy);
	fetch(association);
}

static void forget(void)
{
	heard_count[0] = heard_count[1] = heard_wrong = 0;
}

static void check_heard(int side, unsigned from, unsigned count)
{
	assert_int_equal(heard_wrong, 0);
	assert_int_equal(heard_count[side], count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(heard[side][i], from + i);
}

static void check_state(const struct dtls_passive *association, int side, enum tls_passive_state expected,
			const char *text)
{
	const char *reason;
	enum tls_passive_state state = dtls_passive_state(association, side, &reason);
	if (state != expected || (text[0] ? !strstr(reason, text) : reason[0] != 0))
		fail_msg("state %d, '%s'; expected %d, '%s'", state, reason, expected, text);
}

static int give_cookie(SSL *ssl, unsigned char *cookie, unsigned int *length)
{
	(void)ssl;
	memcpy(cookie, "cookie", *length = 6);
	return 1;
}

static int take_cookie(SSL *ssl, const unsigned char *cookie, unsigned int length)
{
	(void)ssl;
	return length == 6 && memcmp(cookie, "cookie", 6) == 0;
}

static void converse(const char *suite, bool cookie, SSL_SESSION *session)
{
	peers_open(&peers, DTLS1_2_VERSION, true);
	if (suite)
		peers_suite(&peers, suite);
	if (cookie) {
		SSL_CTX_set_options(peers.contexts[1], SSL_OP_COOKIE_EXCHANGE);
		SSL_CTX_set_cookie_generate_cb(peers.contexts[1], give_cookie);
		SSL_CTX_set_cookie_verify_cb(peers.contexts[1], take_cookie);
	}
	peers_meet(&peers, session);
	peers_shake(&peers);
	for (unsigned i = 0; i < 10; i++) {
		say(0, i);
		say(1, i);
	}
}

static const char *const suites[] = {
	"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305",
	"ECDHE-ECDSA-AES128-CCM",      "ECDHE-ECDSA-AES256-CCM8",       "PSK-AES128-CCM8",
};

static void suites_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof suites / sizeof *suites; i++) {
		converse(suites[i / 2], i % 2, NULL);
		struct tls_secrets *secrets = secrets_of(peers_log);
		struct dtls_passive *association = dtls_passive_new(secrets);
		struct tls_passive_session session;
		struct dtls_passive_count count;
		forget();
		for (size_t j = 0; j < peers.count; j++) {
			assert_true(dtls_passive_begins(peers.tape[j].octets, peers.tape[j].length));
			feed(association, &peers.tape[j]);
		}
		for (int side = 0; side < 2; side++) {
			check_heard(side, 0, 10);
			check_state(association, side, TLS_PASSIVE_DECRYPTING, "");
			dtls_passive_count(association, side, &count);
			assert_int_equal(count.opened, 11);
			assert_int_equal(count.repeated + count.not_verified + count.malformed + count.unread, 0);
		}
		dtls_passive_session(association, &session);
		assert_int_equal(session.client, 0);
		assert_int_equal(session.version, 0xFEFD);
		dtls_passive_free(association);
		tls_secrets_free(secrets);
		peers_close(&peers);
	}
}

// All records of a side's flight, and of both, in one datagram.
static void flights_in_one_datagram_are_read(void **state)
{
	(void)state;
	converse(NULL, true, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct dtls_passive *association = dtls_passive_new(secrets);
	uint8_t octets[65536];
	forget();
	for (size_t i = 0; i < peers.count;) {
		struct tape_entry datagram = {.side = peers.tape[i].side, .octets = octets};
		for (; i < peers.count && peers.tape[i].side == datagram.side; i++) {
			memcpy(&octets[datagram.length], peers.tape[i].octets, peers.tape[i].length);
			datagram.length += peers.tape[i].length;
		}
		feed(association, &datagram);
	}
	check_heard(0, 0, 10);
	check_heard(1, 0, 10);
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void resumed_sessions_are_read(void **state)
{
	(void)state;
	for (int tickets = 0; tickets < 2; tickets++) {
		converse(NULL, false, NULL);
		if (!tickets)
			SSL_CTX_set_options(peers.contexts[1], SSL_OP_NO_TICKET);
		SSL_SESSION *session = SSL_get1_session(peers.ends[0]);
		peers_log[0] = 0;
		peers_meet(&peers, session);
		peers_shake(&peers);
		assert_true(SSL_session_reused(peers.ends[0]) || !tickets);
		say(1, 0);
		say(0, 0);
		struct tls_secrets *secrets = secrets_of(peers_log);
		struct dtls_passive *association = dtls_passive_new(secrets);
		forget();
		for (size_t j = 0; j < peers.count; j++)
			feed(association, &peers.tape[j]);
		check_heard(0, 0, 1);
		check_heard(1, 0, 1);
		dtls_passive_free(association);
		tls_secrets_free(secrets);
		SSL_SESSION_free(session);
		peers_close(&peers);
	}
}

// A ClientHello that does not fit a datagram, its fragments in any order and twice.
static void a_hello_in_fragments_is_read(void **state)
{
	uint8_t names[900];
	(void)state;
	for (size_t i = 0; i < sizeof names; i++)
		names[i] = i % 100 ? 'a' : 99;
	for (int variant = 0; variant < 4; variant++) {
		peers_open(&peers, DTLS1_2_VERSION, true);
		if (variant % 2) {
			SSL_CTX_set_options(peers.contexts[1], SSL_OP_COOKIE_EXCHANGE);
			SSL_CTX_set_cookie_generate_cb(peers.contexts[1], give_cookie);
			SSL_CTX_set_cookie_verify_cb(peers.contexts[1], take_cookie);
		}
		SSL_CTX_set_alpn_protos(peers.contexts[0], names, sizeof names);
		peers_meet(&peers, NULL);
		SSL_set_mtu(peers.ends[0], 300);
		peers_shake(&peers);
		say(0, 0);
		say(1, 0);
		struct tls_secrets *secrets = secrets_of(peers_log);
		struct dtls_passive *association = dtls_passive_new(secrets);
		size_t hello = 0;
		forget();
		while (peers.tape[hello].side == 0)
			hello++;
		assert_true(hello > 2);
		for (size_t i = 0; i < hello; i++)
			for (int times = 0; times < 2; times++)
				feed(association, &peers.tape[variant / 2 ? hello - 1 - i : i]);
		for (size_t i = hello; i < peers.count; i++)
			feed(association, &peers.tape[i]);
		check_heard(0, 0, 1);
		check_heard(1, 0, 1);
		dtls_passive_free(association);
		tls_secrets_free(secrets);
		peers_close(&peers);
	}
}

// Datagrams that were lost, came twice, or late, and a whole handshake in the wrong order.
static void loss_costs_only_what_is_lost(void **state)
{
	(void)state;
	converse(NULL, true, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (int round = 0; round < 300; round++) {
		struct dtls_passive *association = dtls_passive_new(secrets);
		struct dtls_passive_count count;
		size_t order[TAPE_MOST], length = 0, sent[2] = {0};
		bool given[2][10] = {{false}};
		forget();
		for (size_t i = 0; i < peers.count; i++) {
			uint8_t type = peers.tape[i].octets[0];
			// The hellos must be there; the rest of a handshake is not needed.
			bool hello = i < 4, lost = !hello && rand() % 4 == 0;
			for (int times = lost ? 0 : 1 + rand() % 2; times; times--)
				order[length++] = i;
			sent[peers.tape[i].side] += type == 23 && !lost;
		}
		for (size_t i = 0; i + 1 < length; i++) {
			size_t j = i + (size_t)rand() % (length - i), kept = order[i];
			order[i] = order[j];
			order[j] = kept;
		}
		for (size_t i = 0; i < length; i++)
			feed(association, &peers.tape[order[i]]);
		assert_int_equal(heard_wrong, 0);
		for (int side = 0; side < 2; side++) {
			assert_int_equal(heard_count[side], sent[side]);
			for (size_t i = 0; i < heard_count[side]; i++) {
				assert_false(given[side][heard[side][i]]);
				given[side][heard[side][i]] = true;
			}
			dtls_passive_count(association, side, &count);
			assert_int_equal(count.not_verified + count.malformed + count.unread, 0);
		}
		dtls_passive_free(association);
	}
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// What is far behind is dropped, as a receiver does; what is a little behind is not.
static void what_is_far_behind_is_dropped(void **state)
{
	(void)state;
	converse(NULL, false, NULL);
	for (unsigned i = 10; i < 150; i++)
		say(0, i);
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (size_t late = 62; late <= 65; late++) {
		struct dtls_passive *association = dtls_passive_new(secrets);
		const struct tape_entry *kept = NULL;
		struct dtls_passive_count count;
		size_t behind = 0;
		forget();
		for (size_t i = 0; i < peers.count; i++) {
			const struct tape_entry *entry = &peers.tape[i];
			bool data = entry->side == 0 && entry->octets[0] == 23;
			if (data && !kept && i > 40)
				kept = entry;
			else
				feed(association, entry);
			if (kept && data && ++behind == late + 1)
				feed(association, kept);
		}
		dtls_passive_count(association, 0, &count);
		assert_int_equal(count.repeated, late >= 64);
		assert_int_equal(heard_count[0], late >= 64 ? 149 : 150);
		dtls_passive_free(association);
	}
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// The client begins anew at the same addresses, while a stranger's ClientHello changes nothing; then a renegotiation.
static void a_new_handshake_is_followed(void **state)
{
	(void)state;
	peers_open(&peers, DTLS1_2_VERSION, true);
	SSL_CTX_set_options(peers.contexts[1], SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	struct dtls_passive *association = NULL;
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct tape_entry stranger = {0};
	uint8_t hello[2000];
	association = dtls_passive_new(secrets);
	forget();
	for (unsigned turn = 0; turn < 3; turn++) {
		peers_meet(&peers, NULL);
		peers_shake(&peers);
		if (turn == 0) {
			stranger = peers.tape[0];
			stranger.octets = memcpy(hello, stranger.octets, stranger.length);
			hello[30] ^= 1;
		}
		for (unsigned i = 0; i < 5; i++) {
			say(0, 10 * turn + i);
			say(1, 10 * turn + i);
		}
		for (int side = 0; turn == 2 && side < 2; side++) {
			SSL_renegotiate(peers.ends[side]);
			SSL_do_handshake(peers.ends[side]);
			peers_shake(&peers);
		}
		for (unsigned i = 5; i < 10; i++) {
			say(0, 10 * turn + i);
			say(1, 10 * turn + i);
		}
		tls_secrets_add(secrets, peers_log, strlen(peers_log), NULL, NULL);
		for (size_t i = 0; i < peers.count; i++) {
			feed(association, &peers.tape[i]);
			if (i == peers.count - 3)
				feed(association, &stranger);
		}
		check_state(association, 0, TLS_PASSIVE_DECRYPTING, "");
		check_state(association, 1, TLS_PASSIVE_DECRYPTING, "");
	}
	check_heard(0, 0, 30);
	check_heard(1, 0, 30);
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// A handshake that was given up half-way, whose keys nothing is written with, does not stand in the way of the next.
static void an_abandoned_handshake_is_in_nobodys_way(void **state)
{
	struct tape_entry hellos[4];
	(void)state;
	peers_open(&peers, DTLS1_2_VERSION, true);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	size_t count = 0;
	for (size_t i = 0; i < peers.count && count < 2; i++) {
		if (i && peers.tape[i].side == peers.tape[i - 1].side)
			continue;
		hellos[count] = peers.tape[i];
		hellos[count].octets = malloc(peers.tape[i].length);
		memcpy(hellos[count++].octets, peers.tape[i].octets, peers.tape[i].length);
	}
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	say(0, 0);
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct dtls_passive *association = dtls_passive_new(secrets);
	forget();
	feed(association, &hellos[0]);
	feed(association, &hellos[1]);
	feed(association, &peers.tape[peers.count - 1]);
	check_state(association, 0, TLS_PASSIVE_OPAQUE, "does not verify");
	for (size_t i = 0; i < peers.count; i++)
		feed(association, &peers.tape[i]);
	check_heard(0, 0, 1);
	free(hellos[0].octets);
	free(hellos[1].octets);
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// A fatal alert in the clear says why nothing more came, unless more did: anybody may have sent it.
static void who_refuses_says_why(void **state)
{
	uint8_t octets[] = {21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 80};
	struct tape_entry alert = {.side = 1, .octets = octets, .length = sizeof octets};
	(void)state;
	peers_open(&peers, DTLS1_2_VERSION, true);
	peers_meet(&peers, NULL);
	peers_shake(&peers);
	struct tls_secrets *secrets = secrets_of(peers_log);
	struct dtls_passive *association = dtls_passive_new(secrets);
	feed(association, &peers.tape[0]);
	feed(association, &alert);
	for (int side = 0; side < 2; side++)
		check_state(association, side, TLS_PASSIVE_WAITING,
			    "the server broke off the handshake: internal error");
	feed(association, &peers.tape[1]);
	check_state(association, 1, TLS_PASSIVE_WAITING, "the handshake is not complete in the capture");
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void check_opaque(const char *log, size_t from, const char *reason)
{
	struct tls_secrets *secrets = secrets_of(log);
	struct dtls_passive *association = dtls_passive_new(secrets);
	struct dtls_passive_count count;
	forget();
	for (size_t i = from; i < peers.count; i++)
		feed(association, &peers.tape[i]);
	dtls_passive_finish(association);
	for (int side = 0; side < 2; side++) {
		check_state(association, side, TLS_PASSIVE_OPAQUE, reason);
		assert_int_equal(heard_count[side], 0);
		dtls_passive_count(association, side, &count);
		assert_int_equal(count.unread + count.not_verified, 11);
	}
	dtls_passive_free(association);
	tls_secrets_free(secrets);
}

static void what_is_not_read_says_why(void **state)
{
	(void)state;
	converse("ECDHE-RSA-AES128-SHA256", true, NULL);
	check_opaque(peers_log, 0, "cipher suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 is not an AEAD suite");
	peers_close(&peers);
	converse(NULL, true, NULL);
	check_opaque("", 0, "no secret (CLIENT_RANDOM) for client random ");
	check_opaque(peers_log, 3, "the ClientHello is not in the capture");
	check_opaque(peers_log, 4, "the beginning of the association is not in the capture");
	char *secret = strchr(strchr(peers_log, ' ') + 1, ' ') + 1;
	*secret = *secret == '0' ? '1' : '0';
	check_opaque(peers_log, 0, "of epoch 1 does not verify");
	peers_close(&peers);

	struct tls_secrets *secrets = tls_secrets_new(0);
	struct dtls_passive *association = dtls_passive_new(secrets);
	static const uint8_t with_id[] = {25, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 1, 0};
	static const uint8_t later[] = {0x2F, 0, 1, 0, 2, 1, 2};
	dtls_passive_feed(association, 0, with_id, sizeof with_id, 1);
	check_state(association, 0, TLS_PASSIVE_OPAQUE, "records carry connection ids (RFC 9146)");
	dtls_passive_feed(association, 1, later, sizeof later, 1);
	check_state(association, 1, TLS_PASSIVE_OPAQUE, "records are of DTLS 1.3");
	dtls_passive_free(association);
	tls_secrets_free(secrets);
}

static void secrets_may_come_behind_the_packets(void **state)
{
	(void)state;
	converse(NULL, true, NULL);
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct dtls_passive *association = dtls_passive_new(secrets);
	forget();
	for (size_t i = 0; i < peers.count; i++)
		feed(association, &peers.tape[i]);
	check_state(association, 0, TLS_PASSIVE_WAITING, "no secret");
	assert_int_equal(heard_count[0], 0);
	tls_secrets_add(secrets, peers_log, strlen(peers_log), NULL, NULL);
	fetch(association);
	check_heard(0, 0, 10);
	check_heard(1, 0, 10);
	check_state(association, 0, TLS_PASSIVE_DECRYPTING, "");
	dtls_passive_free(association);
	tls_secrets_free(secrets);

	secrets = tls_secrets_new(0);
	tls_secrets_close(secrets);
	association = dtls_passive_new(secrets);
	for (size_t i = 0; i < peers.count; i++)
		feed(association, &peers.tape[i]);
	check_state(association, 0, TLS_PASSIVE_OPAQUE, "no secret");
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

// The oldest of what waits goes first.
static void the_oldest_of_what_waits_goes_first(void **state)
{
	struct dtls_passive_count count;
	uint8_t octets[1013] = {23, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 1000 >> 8, 1000 & 0xFF};
	struct tape_entry entry = {.octets = octets, .length = sizeof octets};
	(void)state;
	converse(NULL, false, NULL);
	struct tls_secrets *secrets = tls_secrets_new(0);
	struct dtls_passive *association = dtls_passive_new(secrets);
	for (int i = 0; i < 1000; i++) {
		entry.side = i % 2;
		feed(association, &entry);
	}
	dtls_passive_count(association, 0, &count);
	assert_in_range(count.unread, 370, 390);
	check_state(association, 0, TLS_PASSIVE_OPAQUE, "the beginning of the association");
	forget();
	tls_secrets_add(secrets, peers_log, strlen(peers_log), NULL, NULL);
	for (size_t i = 0; i < peers.count; i++)
		feed(association, &peers.tape[i]);
	check_heard(0, 0, 10);
	check_heard(1, 0, 10);
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void what_is_cut_yields_nothing_wrong(void **state)
{
	(void)state;
	converse(NULL, true, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (size_t i = 0; i < peers.count; i++)
		for (size_t cut = 0; cut < peers.tape[i].length; cut++) {
			struct dtls_passive *association = dtls_passive_new(secrets);
			struct tape_entry entry = peers.tape[i];
			forget();
			for (size_t j = 0; j < i; j++)
				feed(association, &peers.tape[j]);
			entry.length = cut;
			feed(association, &entry);
			assert_int_equal(heard_wrong, 0);
			dtls_passive_finish(association);
			dtls_passive_free(association);
		}
	tls_secrets_free(secrets);
	peers_close(&peers);
}

static void what_is_altered_costs_only_its_record(void **state)
{
	(void)state;
	converse(NULL, true, NULL);
	struct tls_secrets *secrets = secrets_of(peers_log);
	for (size_t i = 0; i < peers.count; i++)
		for (size_t j = 0; j < peers.tape[i].length; j++) {
			struct dtls_passive *association = dtls_passive_new(secrets);
			uint8_t *octet = &peers.tape[i].octets[j], kept = *octet;
			size_t others = peers.tape[i].octets[0] == 23 ? 9 : 0;
			forget();
			*octet = (uint8_t)(kept ^ (1 << rand() % 8));
			for (size_t k = 0; k < peers.count; k++)
				feed(association, &peers.tape[k]);
			assert_int_equal(heard_wrong, 0);
			assert_true(heard_count[0] >= others && heard_count[1] >= others);
			if (others)
				assert_int_equal(heard_count[peers.tape[i].side], 9);
			dtls_passive_free(association);
			*octet = kept;
		}
	tls_secrets_free(secrets);
	peers_close(&peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suites_are_read),
		cmocka_unit_test(flights_in_one_datagram_are_read),
		cmocka_unit_test(resumed_sessions_are_read),
		cmocka_unit_test(a_hello_in_fragments_is_read),
		cmocka_unit_test(loss_costs_only_what_is_lost),
		cmocka_unit_test(what_is_far_behind_is_dropped),
		cmocka_unit_test(a_new_handshake_is_followed),
		cmocka_unit_test(what_is_not_read_says_why),
		cmocka_unit_test(an_abandoned_handshake_is_in_nobodys_way),
		cmocka_unit_test(who_refuses_says_why),
		cmocka_unit_test(secrets_may_come_behind_the_packets),
		cmocka_unit_test(the_oldest_of_what_waits_goes_first),
		cmocka_unit_test(what_is_cut_yields_nothing_wrong),
		cmocka_unit_test(what_is_altered_costs_only_its_record),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("a DTLS association, read by a bystander", tests, NULL, NULL);
}
