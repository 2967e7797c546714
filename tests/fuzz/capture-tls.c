// SPDX-License-Identifier: BSD-3-Clause
//
// A TLS connection read from outside: the input is a key log up to an octet 0, then octets of either side, cut where it
// says. Whatever they are, nothing is handed out twice, tags and counts are those of what was fed, and a side that was
// given up stays so.
#include "capture/tls_passive.h"
#include "capture/tls_secrets.h"
#include "fuzz.h"

static void check(struct tls_passive *connection, uint64_t fed[2], int64_t tag)
{
	struct tls_passive_piece piece;
	struct tls_passive_session session;
	const char *reason;
	uint64_t heard[2] = {0};
	while (tls_passive_next(connection, &piece)) {
		claim(piece.side == 0 || piece.side == 1);
		claim(piece.length > 0 && piece.length <= 16384 + 2048);
		claim(piece.tag >= 0 && piece.tag <= piece.last_tag && piece.last_tag <= tag);
		heard[piece.side] += piece.length;
	}
	for (int side = 0; side < 2; side++) {
		claim(heard[side] + tls_passive_unread(connection, side) <= fed[side]);
		enum tls_passive_state state = tls_passive_state(connection, side, &reason);
		claim((state == TLS_PASSIVE_DECRYPTING) == (reason[0] == 0));
		claim(strlen(reason) < 240);
	}
	tls_passive_session(connection, &session);
	claim(session.client >= -1 && session.client <= 1);
	claim(!session.random || session.client >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t log = end ? (size_t)(end - data) : size, length;
	uint64_t fed[2] = {0};
	struct tls_secrets_count count = {0};
	struct reader input;
	struct tls_secrets *secrets = tls_secrets_new(100);
	struct tls_passive *connection = tls_passive_new(secrets);
	claim(secrets && connection);
	char *text = (char *)fuzz_copy(data, log);
	tls_secrets_add(secrets, text, log, &count, NULL);
	free(text);
	claim(tls_secrets_number(secrets) == count.added);
	reader_init(&input, data + log, size - log);
	fuzz_octet(&input);
	for (int64_t tag = 0; reader_left(&input) && tag < 1000; tag++) {
		uint8_t what = fuzz_octet(&input);
		int side = what & 1;
		const uint8_t *octets = fuzz_take(&input, what & 2 ? fuzz_u16(&input) : what >> 2, &length);
		uint8_t *copy = fuzz_copy(octets, length);
		bool opaque = tls_passive_state(connection, side, NULL) == TLS_PASSIVE_OPAQUE;
		tls_passive_feed(connection, side, copy, length, tag);
		free(copy);
		fed[side] += length;
		check(connection, fed, tag);
		claim(!opaque || tls_passive_state(connection, side, NULL) == TLS_PASSIVE_OPAQUE);
	}
	tls_passive_finish(connection);
	check(connection, fed, 1000);
	claim(tls_passive_state(connection, 0, NULL) != TLS_PASSIVE_WAITING);
	tls_passive_free(connection);
	tls_secrets_free(secrets);
	return 0;
}
