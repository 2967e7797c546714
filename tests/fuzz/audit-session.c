// SPDX-License-Identifier: BSD-3-Clause
//
// Sessions as an audit follows them: the input chooses which keys are known, then message by message the flow, the
// time, what the message is, which of a few nonces, tokens, keys and transactions it uses, and octets of its own.
// Whatever is said, facts stay within their words, the same messages have the same facts whatever the tables were
// seeded with, and findings made once for each kind are counted as if they had been made on every message.
#include "audit/keyring.h"
#include "audit/kinds.h"
#include "audit/names.h"
#include "audit/recall.h"
#include "audit/session.h"
#include "fuzz.h"
#include "stun/integrity.h"
#include "token/seal.h"
#include "token/timestamp.h"

#include <openssl/sha.h>

#define MOST 120 // messages
#define SESSIONS 3
#define TOKENS 7
#define FINDINGS 12
#define START UINT64_C(1700000000) // seconds
#define SECOND INT64_C(1000000000)

enum { USERNAME = 0x0006, REALM = 0x0014, NONCE = 0x0015, TOKEN = 0x001B, ERROR_CODE = 0x0009, LIFETIME = 0x000D };
enum { CHANNEL = 0x000C, RELAYED = 0x0016, MAPPED = 0x0020, TRANSPORT = 0x0019, THIRD_PARTY = 0x802E, DATA = 0x0013 };
enum { KEYS = 1, SERVER_NAME = 2, PASSWORD = 4, IDENTITY = 8, BEGINNING = 16, FORGOTTEN = 32 };

static const uint8_t name[] = "turn.example.org", other_name[] = "other.example.org";
static struct token_key long_term[2];
static uint8_t mac_keys[TOKENS][32];
static struct writer tokens[TOKENS];
static struct stun_integrity *integrity;

static struct stun_octets text(const char *octets)
{
	return (struct stun_octets){(const uint8_t *)octets, strlen(octets)};
}

static void seal(int number, struct token_context *context)
{
	static const int64_t ages[TOKENS] = {0, 3, -7200, 7200, 0, 0, 0};
	static const uint32_t lifetimes[TOKENS] = {600, 600, 3600, 60, 0, 600, UINT32_MAX};
	static const size_t lengths[TOKENS] = {32, 20, 32, 20, 32, 16, 8};
	uint8_t nonce[12] = "nonce of it";
	nonce[11] = (uint8_t)(number == 1 ? 0 : number); // the first two share it
	memset(mac_keys[number], 'a' + number, sizeof mac_keys[number]);
	struct token_request request = {
		.key = &long_term[number == 5],
		.server_name = {name, sizeof name - 1},
		.plain = {.mac_key = mac_keys[number],
			  .mac_key_length = lengths[number],
			  .lifetime = lifetimes[number]},
		.nonce = {nonce, sizeof nonce},
	};
	claim(token_timestamp_set(&request.plain.timestamp, (double)((int64_t)START + ages[number]), NULL) == 0);
	writer_init(&tokens[number], 1000);
	claim(token_seal(context, &request, &tokens[number], NULL) == 0);
}

static void prepare(void)
{
	struct token_context context;
	if (integrity)
		return;
	integrity = stun_integrity_new(NULL);
	claim(integrity);
	token_context_init(&context);
	for (size_t i = 0; i < 2; i++) {
		uint8_t octets[32];
		memset(octets, 'K' + (int)i, sizeof octets);
		claim(token_key_set(&long_term[i], token_algorithm_find("A256GCM", 7, NULL), octets, 32, NULL) == 0);
	}
	for (int i = 0; i < TOKENS; i++)
		seal(i, &context);
	token_context_free(&context);
}

// --- messages --------------------------------------------------------------------------------------------------------

static void put(struct writer *out, uint16_t type, const void *value, size_t length)
{
	writer_u16(out, type);
	writer_u16(out, (uint16_t)length);
	writer_bytes(out, value, length);
	writer_fill(out, 0, (4 - length % 4) % 4);
	writer_patch_u16(out, 2, (uint16_t)(out->length - STUN_HEADER_SIZE));
}

static void put_u32(struct writer *out, uint16_t type, uint32_t value)
{
	const uint8_t octets[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
				   (uint8_t)value};
	put(out, type, octets, sizeof octets);
}

static void sign(struct writer *out, uint16_t type, uint8_t choice)
{
	uint8_t mac[STUN_INTEGRITY_LIMIT], key[SHA_DIGEST_LENGTH];
	size_t size = type == STUN_MESSAGE_INTEGRITY ? 20 : 16 + choice % 5u * 4, offset = out->length;
	const uint8_t *octets = mac_keys[choice % TOKENS];
	size_t length = choice & 0x40 ? 16 : choice & 0x20 ? 20 : 32;
	if (choice & 0x80) {
		SHA1(octets, 32, key);
		octets = key;
		length = sizeof key;
	}
	claim(stun_integrity_compute(integrity, type, octets, length, out->data, offset, size, mac, NULL) == 0);
	put(out, type, mac, size);
}

static void put_address(struct writer *out, uint16_t type, uint8_t choice)
{
	const uint8_t address[8] = {0, 1 + choice / 128, 0, choice, 0x21, 0x12, 0xA4, 0x42};
	put(out, type, address, sizeof address);
}

static void put_attributes(struct writer *out, struct reader *input)
{
	static const char *const names[] = {"kid", "north", "user", "", "youhavetoberealistic"};
	static const char *const nonces[] = {"nonce 1", "nonce 2", "nonce 3", ""};
	static const uint16_t codes[] = {401, 438, 400, 420, 437, 442, 486, 500};
	uint16_t which = fuzz_u16(input);
	uint8_t choice = fuzz_octet(input);
	if (which & 1)
		put(out, USERNAME, names[choice % 5], strlen(names[choice % 5]));
	if (which & 2)
		put(out, REALM, "realm", 5);
	if (which & 4)
		put(out, NONCE, nonces[choice >> 4 & 3], strlen(nonces[choice >> 4 & 3]));
	if (which & 8) {
		const struct writer *token = &tokens[choice % TOKENS];
		put(out, TOKEN, token->data, token->length - (choice >= 0xF0));
	}
	if (which & 0x10)
		put_u32(out, LIFETIME, choice & 7 ? UINT32_C(1) << (choice & 31) : 0);
	if (which & 0x20)
		put_u32(out, CHANNEL, 0x40000000u | (uint32_t)(choice & 7) << 16);
	if (which & 0x40)
		put_address(out, RELAYED, choice);
	if (which & 0x80)
		put_address(out, MAPPED, choice);
	if (which & 0x100)
		put_u32(out, TRANSPORT, (uint32_t)(choice & 31) << 24);
	if (which & 0x200)
		put(out, THIRD_PARTY, choice & 8 ? name : other_name, choice % sizeof name);
	if (which & 0x400)
		put_u32(out, ERROR_CODE, (uint32_t)codes[choice & 7] / 100 << 8 | codes[choice & 7] % 100);
	if (which & 0x800) { // anything at all
		size_t length;
		uint16_t type = fuzz_u16(input);
		const uint8_t *octets = fuzz_take(input, fuzz_octet(input), &length);
		put(out, type, octets, length);
	}
	if (which & 0x1000) // secrets where they do not belong
		put(out, DATA, choice & 1 ? mac_keys[choice % TOKENS] : long_term[0].octets, 32);
	if (which & 0x2000)
		sign(out, STUN_MESSAGE_INTEGRITY, fuzz_octet(input));
	if (which & 0x4000)
		sign(out, STUN_MESSAGE_INTEGRITY_SHA256, fuzz_octet(input));
	if (which & 0x8000) { // which covers the length that counts it
		writer_patch_u16(out, 2, (uint16_t)(out->length - STUN_HEADER_SIZE + 8));
		put_u32(out, STUN_FINGERPRINT, stun_fingerprint_compute(out->data, out->length));
	}
}

static void put_message(struct writer *out, struct reader *input, uint8_t what)
{
	static const uint16_t methods[] = {0x003, 0x004, 0x008, 0x009, 0x001, 0x006, 0x007, 0x00A};
	writer_reset(out);
	writer_u16(out, stun_type((enum stun_class)(what & 3), methods[what >> 2 & 7]));
	writer_u16(out, 0);
	writer_u32(out, STUN_MAGIC_COOKIE);
	writer_bytes(out, "transaction", STUN_TRANSACTION_SIZE - 1);
	writer_u8(out, fuzz_octet(input) & 7);
	put_attributes(out, input);
}

// --- what holds ------------------------------------------------------------------------------------------------------

static void claim_words(const struct audit_message_facts *facts)
{
	struct audit_fact fact;
	bool set;
	const char *word;
	static const uint8_t most[] = {AUDIT_CHANNEL, AUDIT_SERVER, AUDIT_DTLS, 6};
	const uint8_t first[] = {facts->class, facts->sender, facts->transport, facts->family};
	for (size_t i = 0; i < sizeof most; i++)
		claim(first[i] <= most[i]);
	claim(facts->fingerprint <= AUDIT_FINGERPRINT_NOT_LAST);
	claim(facts->integrity <= AUDIT_INTEGRITY_INVALID && facts->integrity_sha256 <= AUDIT_INTEGRITY_INVALID);
	claim(facts->token <= AUDIT_TOKEN_OPENED && facts->token_use <= AUDIT_USE_CROSSED);
	claim(facts->token_time <= AUDIT_TIME_FAR_FUTURE && facts->session_time <= AUDIT_TIME_LATE);
	claim(facts->nonce <= AUDIT_NONCE_UNSEEN && facts->transaction <= AUDIT_TRANSACTION_REUSED);
	claim(facts->asked <= AUDIT_ASKED_FORGOTTEN && facts->repeated <= AUDIT_REPEATED_COPY);
	claim(facts->allocation <= AUDIT_ALLOCATION_OVER && facts->grant <= AUDIT_GRANT_OVER);
	claim(facts->ceiling <= AUDIT_CEILING_EDGE && facts->channel <= AUDIT_CHANNEL_UNKNOWN);
	claim(facts->tells <= AUDIT_TELLS_PASSWORD && facts->token_same <= 1);
	uint64_t parts = facts->twice | facts->malformed | facts->empty | facts->behind;
	claim((parts & ~facts->has) == 0);
	for (size_t i = 0; audit_facts_word(facts, i, &fact); i++)
		claim(fact.name && (!fact.word || fact.word[0]));
	for (size_t i = 0; audit_facts_flag(facts, i, &word, &set); i++)
		claim(word && word[0]);
}

static void claim_facts(const struct audit_facts *facts, const struct session_view *view)
{
	static const struct audit_message_facts none;
	const struct audit_message_facts *own = &facts->message;
	claim_words(own);
	claim_words(&facts->request);
	claim((own->integrity == AUDIT_INTEGRITY_ABSENT) == !audit_facts_has(own, STUN_MESSAGE_INTEGRITY));
	if (own->class == AUDIT_REQUEST) {
		claim((own->token == AUDIT_TOKEN_ABSENT) == !audit_facts_has(own, TOKEN));
		claim((own->nonce == AUDIT_NONCE_ABSENT) == !audit_facts_has(own, NONCE));
		claim(own->transaction != AUDIT_TRANSACTION_NONE && own->asked == AUDIT_ASKED_NONE);
	} else {
		claim(own->transaction == AUDIT_TRANSACTION_NONE);
	}
	if (own->asked == AUDIT_ASKED_SEEN)
		claim(facts->request.class == AUDIT_REQUEST);
	else
		claim(memcmp(&facts->request, &none, sizeof none) == 0 && own->repeated == AUDIT_REPEATED_NO);
	claim((view->request != NULL) == (view->request_length > 0));
	claim(!view->key || (view->key->length > 0 && view->key->length <= KEYRING_MAC_KEY_LIMIT));
}

static uint64_t sum_of(uint64_t sum, const void *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ ((const uint8_t *)octets)[i]) * 0x100000001B3u;
	return sum;
}

struct judged {
	struct kinds *kinds;
	uint64_t counts[FINDINGS + 1];
	uint64_t messages;
};

// A rule: what it finds depends on the facts and on nothing else.
static size_t find(const struct audit_facts *facts, uint16_t findings[2])
{
	uint64_t sum = sum_of(1, facts, sizeof *facts);
	size_t count = (sum >> 20) % 3;
	findings[0] = (uint16_t)(1 + (sum >> 32) % FINDINGS);
	findings[1] = (uint16_t)(1 + findings[0] % FINDINGS);
	return count;
}

static void judge(struct judged *judged, const struct audit_facts *facts, uint64_t flow)
{
	uint16_t findings[2];
	struct finding_place place = {.frame = ++judged->messages, .flow = flow};
	size_t count = find(facts, findings);
	for (size_t i = 0; i < count; i++)
		judged->counts[findings[i]]++;
	struct kind *kind = kinds_of(judged->kinds, facts);
	claim(kind && memcmp(&kind->facts, facts, sizeof *facts) == 0);
	claim(kind->settled == (kind->count > 0));
	kind->count++;
	if (!kind->settled)
		kind_settle(kind, findings, count, false);
	claim(kind->settled);
	for (size_t i = 0; i < kind->finding_count; i++)
		kinds_count(judged->kinds, kind->findings[i], &place);
}

static void claim_counts(const struct judged *judged)
{
	for (uint16_t i = 1; i <= FINDINGS; i++) {
		const struct finding *finding = kinds_finding(judged->kinds, i);
		claim((finding ? finding->count : 0) == judged->counts[i]);
		for (size_t at = 1; finding && at < finding->place_count; at++)
			claim(finding->places[at - 1].frame < finding->places[at].frame);
	}
}

// --- the run ---------------------------------------------------------------------------------------------------------

static void know(struct keyring *keyring, uint8_t options)
{
	struct error error;
	if (options & KEYS) {
		claim(keyring_add(keyring, text("kid"), &long_term[1], &error) == 0);
		claim(keyring_add(keyring, text("kid"), &long_term[0], &error) == 0);
	}
	if (options & PASSWORD)
		claim(keyring_add_user(keyring, text("user"), text("youhavetoberealistic"), &error) == 0);
}

static uint64_t run(const uint8_t *data, size_t size)
{
	static const int64_t steps[] = {0,           SECOND / 1000, SECOND,        9 * SECOND,
					41 * SECOND, 595 * SECOND,  3599 * SECOND, -4 * SECOND};
	const struct stun_octets identity = text("north");
	const struct stun_address asker = {.family = STUN_IPV4, .port = 0x2112};
	struct reader input;
	reader_init(&input, data, size);
	uint8_t options = fuzz_octet(&input);
	struct session_world world = {
		.keyring = keyring_new(NULL),
		.names = names_new(3, 20),
		.servers = recall_new(4096),
		.clients = recall_new(4096),
		.tokens = recall_new(4096),
		.nonces = recall_new(4096),
		.sealings = recall_new(4096),
		.heard = recall_new(4096),
		.delta = 5,
		.identities = &identity,
		.identity_count = options & IDENTITY ? 1 : 0,
	};
	if (options & SERVER_NAME)
		world.server_name = (struct stun_octets){name, sizeof name - 1};
	know(world.keyring, options);
	struct session *sessions[SESSIONS];
	for (size_t i = 0; i < SESSIONS; i++)
		claim((sessions[i] = session_new(options & BEGINNING, options & FORGOTTEN)) != NULL);
	struct judged judged = {.kinds = kinds_new(5)};
	struct stun_message message = {0};
	struct writer out;
	writer_init(&out, 2000);
	uint64_t time = START * (uint64_t)SECOND, sum = 0;
	for (uint64_t frame = 1; frame <= MOST && reader_left(&input); frame++) {
		uint8_t what = fuzz_octet(&input), when = fuzz_octet(&input);
		size_t at = (what >> 5) % SESSIONS;
		time += (uint64_t)steps[when & 7];
		put_message(&out, &input, what);
		uint8_t *copy = fuzz_copy(out.data, out.length);
		struct session_place place = {
			.time = time, .frame = frame, .client = at ? 1 : 2, .server = at == 2 ? 3 : 4, .asker = &asker};
		struct audit_facts facts = {0};
		struct session_view view;
		claim(!out.failed && stun_message_parse(&message, copy, out.length, NULL) == 0);
		audit_facts_read(&facts.message, &message);
		facts.message.family = 4;
		if (facts.message.class == AUDIT_REQUEST)
			session_request(sessions[at], &world, &place, &message, &facts, &view);
		else if (facts.message.class == AUDIT_INDICATION)
			session_indication(sessions[at], &world, &place, &message, &facts, &view);
		else
			session_answer(sessions[at], &world, &place, &message, &facts, &view);
		claim_facts(&facts, &view);
		judge(&judged, &facts, at);
		sum = sum_of(sum, &facts, sizeof facts);
		enum audit_channel channel = session_channel(sessions[at], (uint16_t)(0x4000 | (when >> 3 & 7)), time);
		claim(channel > AUDIT_CHANNEL_NONE && channel <= AUDIT_CHANNEL_UNKNOWN);
		sum = sum * 7 + channel;
		claim(session_unanswered(sessions[at]) <= frame && session_size(sessions[at]) < 1000000);
		free(copy);
	}
	claim_counts(&judged);
	for (size_t i = 0; i < SESSIONS; i++)
		session_free(sessions[i]);
	kinds_free(judged.kinds);
	stun_message_free(&message);
	writer_free(&out);
	keyring_free(world.keyring);
	names_free(world.names);
	struct recall *all[] = {world.servers, world.clients, world.tokens, world.nonces, world.sealings, world.heard};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		recall_free(all[i]);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	claim(run(data, size) == run(data, size));
	return 0;
}
