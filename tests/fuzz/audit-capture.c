// SPDX-License-Identifier: BSD-3-Clause
//
// A capture file audited from its first packet to its last, once by kinds of messages and once message by message, by a
// judge who knows nothing but the facts: both ways have to find the same as often, in the same places.
#include "audit/audit.h"
#include "fuzz.h"
#include "token/key.h"

#include <sys/mman.h>
#include <unistd.h>

#define FINDINGS 9
#define FLOWS 3

struct outcome {
	struct audit_count count;
	struct finding findings[FINDINGS + 1];
	uint64_t packets, told, messages, kinds;
};

static size_t find(const struct audit_facts *facts, uint16_t *findings)
{
	uint64_t sum = 1;
	for (size_t i = 0; i < sizeof *facts; i++)
		sum = (sum ^ ((const uint8_t *)facts)[i]) * 0x100000001B3u;
	findings[0] = (uint16_t)(1 + (sum >> 32) % (FINDINGS - 1));
	findings[1] = (uint16_t)(1 + findings[0] % (FINDINGS - 1));
	return (sum >> 20) % 3;
}

static void claim_sighting(const struct audit_sighting *sighting)
{
	const struct audit_message_facts *own = &sighting->facts->message;
	claim(sighting->octets && sighting->length >= 4);
	free(fuzz_copy(sighting->octets, sighting->length));
	claim((own->class == AUDIT_MALFORMED) == (sighting->problem != NULL));
	claim((own->class < AUDIT_MALFORMED) == (sighting->message != NULL));
	claim(!sighting->problem || sighting->problem->text[0]);
	claim(own->class <= AUDIT_CHANNEL && own->sender <= AUDIT_SERVER && own->transport <= AUDIT_DTLS);
	claim(own->family == 4 || own->family == 6);
	claim(sighting->place.first_frame >= 1 && sighting->place.first_frame <= sighting->place.frame);
	claim(sighting->place.flow >= 1);
}

static int judge_kind(void *context, const struct audit_sighting *sighting, uint16_t *findings, bool *each)
{
	struct outcome *outcome = context;
	claim_sighting(sighting);
	outcome->kinds++;
	*each = sighting->facts->message.method & 1;
	return (int)find(sighting->facts, findings);
}

// What only the message itself shows.
static int judge_each(void *context, const struct audit_sighting *sighting, uint16_t *findings)
{
	(void)context;
	claim(sighting->facts->message.method & 1);
	findings[0] = FINDINGS;
	return sighting->octets[sighting->length - 1] & 1;
}

static int judge_message(void *context, const struct audit_sighting *sighting)
{
	struct outcome *outcome = context;
	claim_sighting(sighting);
	outcome->messages++;
	return 0;
}

static int judge_packet(void *context, const struct packet *packet, const struct audit_packet_finding *findings,
			size_t count)
{
	struct outcome *outcome = context;
	claim(packet ? packet->frame == ++outcome->packets : count > 0);
	for (size_t i = 0; i < count; i++)
		claim(findings[i].finding >= 1 && findings[i].finding <= FINDINGS &&
		      findings[i].frame <= outcome->packets);
	outcome->told += count;
	return 0;
}

static struct keyring *know(void)
{
	struct error error;
	struct keyring *keyring = keyring_new(&error);
	static const char key[32] = "01234567890123456789012345678901", octets[] = "north";
	const struct stun_octets kid = {(const uint8_t *)octets, 5};
	struct token_key known;
	claim(keyring && token_key_set(&known, token_algorithm_find("A256GCM", 7, &error), key, 32, &error) == 0);
	claim(keyring_add(keyring, kid, &known, &error) == 0);
	token_key_wipe(&known);
	return keyring;
}

static void run(int file, bool every, struct outcome *outcome)
{
	char path[32];
	struct error error = {0};
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	struct capture_reader *reader = capture_reader_open(path, NULL);
	if (!reader)
		return;
	struct keyring *keyring = know();
	struct audit_options options = {
		.keyring = keyring,
		.delta = 5,
		.flows = FLOWS,
		.every = every,
		.judge = {.context = outcome,
			  .kind = judge_kind,
			  .each = judge_each,
			  .packet = judge_packet,
			  .message = judge_message},
	};
	struct audit *audit = audit_new(&options, &error);
	claim(audit);
	int code = audit_run(audit, reader, &error);
	claim(code == 0 || code == -1);
	if (code < 0)
		claim(error.code != ERROR_NOT_ALLOWED && error.text[0]);
	outcome->count = *audit_count(audit);
	claim(capture_reader_notes(reader)->packets == outcome->packets);
	for (uint16_t i = 1; i <= FINDINGS; i++) {
		const struct finding *finding = kinds_finding(audit_kinds(audit), i);
		if (!finding)
			continue;
		outcome->findings[i] = *finding;
		for (size_t at = 0; at < finding->flow_place_count; at++)
			claim(audit_flow(audit, finding->flows[at]));
	}
	size_t opaques;
	const struct audit_opaque *opaque = audit_opaques(audit, &opaques);
	for (size_t i = 0; i < opaques; i++)
		claim(audit_flow(audit, opaque[i].flow) && opaque[i].reason[0]);
	audit_free(audit);
	keyring_free(keyring);
	capture_reader_close(reader);
}

static void claim_same_places(const struct finding *one, const struct finding *other)
{
	claim(one->place_count == other->place_count && one->flow_place_count == other->flow_place_count);
	for (size_t at = 0; at < one->place_count; at++)
		claim(one->places[at].frame == other->places[at].frame &&
		      one->places[at].offset == other->places[at].offset);
	for (size_t at = 0; at < one->flow_place_count; at++)
		claim(one->flows[at] == other->flows[at]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int file = memfd_create("capture", 0);
	claim(file >= 0 && write(file, data, size) == (ssize_t)size);
	struct outcome *outcomes = calloc(2, sizeof *outcomes);
	claim(outcomes);
	run(file, false, &outcomes[0]);
	run(file, true, &outcomes[1]);
	const struct outcome *one = &outcomes[0], *other = &outcomes[1];
	claim(memcmp(&one->count, &other->count, sizeof one->count) == 0);
	claim(one->packets == other->packets && one->told == other->told && one->messages == other->messages);
	claim(one->kinds <= one->messages && other->kinds == other->messages);
	for (size_t i = 1; i <= FINDINGS; i++) {
		claim(one->findings[i].count == other->findings[i].count);
		claim_same_places(&one->findings[i], &other->findings[i]);
	}
	free(outcomes);
	close(file);
	return 0;
}
