// SPDX-License-Identifier: BSD-3-Clause
//
// A DTLS association read from outside: the input is a key log up to an octet 0, then datagrams of either side, each
// behind an octet for the side and two for its length. Whatever they are, what comes out was in one of them, and counts
// add up to no more records than there can have been.
#include "capture/dtls_passive.h"
#include "capture/tls_secrets.h"
#include "fuzz.h"

static void check(struct dtls_passive *association, const uint64_t fed[2], int64_t tag)
{
	struct tls_passive_piece piece;
	const char *reason;
	while (dtls_passive_next(association, &piece)) {
		claim(piece.side == 0 || piece.side == 1);
		claim(piece.length > 0 && piece.tag == piece.last_tag && piece.tag <= tag);
	}
	for (int side = 0; side < 2; side++) {
		struct dtls_passive_count count;
		dtls_passive_count(association, side, &count);
		uint64_t records = count.opened + count.repeated + count.not_verified + count.malformed + count.unread;
		claim(records <= fed[side]); // octets: a record has at least one
		enum tls_passive_state state = dtls_passive_state(association, side, &reason);
		claim((state == TLS_PASSIVE_DECRYPTING) == (reason[0] == 0));
		claim(state != TLS_PASSIVE_DECRYPTING || count.opened > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size);
	size_t log = end ? (size_t)(end - data) : size, length;
	uint64_t fed[2] = {0};
	struct reader input;
	struct tls_secrets *secrets = tls_secrets_new(100);
	struct dtls_passive *association = dtls_passive_new(secrets);
	claim(secrets && association);
	tls_secrets_add(secrets, (const char *)data, log, NULL, NULL);
	reader_init(&input, data + log, size - log);
	fuzz_octet(&input);
	for (int64_t tag = 0; reader_left(&input) && tag < 1000; tag++) {
		int side = fuzz_octet(&input) & 1;
		const uint8_t *octets = fuzz_take(&input, fuzz_u16(&input), &length);
		uint8_t *copy = fuzz_copy(octets, length);
		dtls_passive_begins(copy, length);
		dtls_passive_feed(association, side, copy, length, tag);
		free(copy);
		fed[side] += length;
		check(association, fed, tag);
	}
	dtls_passive_finish(association);
	check(association, fed, 1000);
	claim(dtls_passive_state(association, 0, NULL) != TLS_PASSIVE_WAITING);
	dtls_passive_free(association);
	tls_secrets_free(secrets);
	return 0;
}
