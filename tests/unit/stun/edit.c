// SPDX-License-Identifier: BSD-3-Clause
//
// Drafts and their edits: the samples of the RFCs are built to the octet, each edit does one thing, and an edit that
// would do nothing is refused.
#include "stun/edit.h"

#include "base/bytes.h"
#include "base/error.h"
#include "support.h"

#define LIFETIME 0x000D
#define USERNAME 0x0006

static struct stun_integrity *integrity;
static struct writer writer;

static int start(void **state)
{
	(void)state;
	integrity = stun_integrity_new(NULL);
	return integrity ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	stun_integrity_free(integrity);
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	writer_init(&writer, 2 * STUN_SIZE_LIMIT);
	return 0;
}

static int away(void **state)
{
	(void)state;
	writer_free(&writer);
	return 0;
}

static struct stun_octets text(const char *string)
{
	return (struct stun_octets){(const uint8_t *)string, strlen(string)};
}

static void add(struct stun_draft *draft, struct stun_draft_attribute attribute)
{
	assert_int_equal(stun_draft_insert(draft, draft->count, &attribute, NULL), 0);
}

static void add_value(struct stun_draft *draft, uint16_t type, const void *value, size_t length)
{
	add(draft, (struct stun_draft_attribute){.type = type, .value = {value, length}});
}

// LIFETIME, USERNAME with one octet of padding, MESSAGE-INTEGRITY keyed "key", FINGERPRINT.
static struct stun_draft sample(void)
{
	struct stun_draft draft;
	stun_draft_init(&draft, 0x0003, STUN_MAGIC_COOKIE, (const uint8_t *)"abcdefghijkl");
	add_value(&draft, LIFETIME, "\0\0\2\x58", 4);
	add_value(&draft, USERNAME, "kid", 3);
	add(&draft, (struct stun_draft_attribute){
			    .type = STUN_MESSAGE_INTEGRITY, .role = STUN_ROLE_INTEGRITY, .key = text("key")});
	add(&draft, (struct stun_draft_attribute){.type = STUN_FINGERPRINT, .role = STUN_ROLE_FINGERPRINT});
	return draft;
}

static int build(const struct stun_edit *edits, size_t count, struct error *error)
{
	struct stun_draft draft = sample();
	writer_reset(&writer);
	int outcome = stun_edit_build(&draft, edits, count, integrity, &writer, error);
	stun_draft_free(&draft);
	return outcome;
}

static void builds(const struct stun_edit *edits, size_t count)
{
	struct error error = {0};
	if (build(edits, count, &error) < 0)
		fail_msg("%s", error.text);
}

// What the sample looks like with one edit, and both verdicts on it.
static void becomes(struct stun_edit edit, const char *layout, enum stun_verdict signature, enum stun_verdict crc)
{
	char seen[256] = "";
	struct stun_message message = {0};
	builds(&edit, 1);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
	for (size_t i = 0; i < message.count; i++) {
		char name[STUN_ATTRIBUTE_NAME_SIZE];
		stun_attribute_name(message.attributes[i].type, name);
		strncat(seen, i ? " " : "", sizeof seen - strlen(seen) - 1);
		strncat(seen, name, sizeof seen - strlen(seen) - 1);
	}
	assert_string_equal(seen, layout);
	assert_int_equal(stun_integrity_verify(integrity, &message, STUN_MESSAGE_INTEGRITY, "key", 3), signature);
	assert_int_equal(stun_fingerprint_verify(&message), crc);
	stun_message_free(&message);
}

static void refused(struct stun_edit edit)
{
	struct error error = {0};
	assert_int_equal(build(&edit, 1, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	assert_true(strlen(error.text) > 0);
}

static void the_samples_are_built_to_the_octet(void **state)
{
	(void)state;
	struct octets expected = octets_from_hex(SAMPLE_REQUEST);
	struct stun_draft draft;
	stun_draft_init(&draft, 0x0001, STUN_MAGIC_COOKIE, &expected.data[8]);
	add_value(&draft, 0x8022, "STUN test client", 16);
	add_value(&draft, 0x0024, "\x6e\x00\x01\xff", 4);
	add_value(&draft, 0x8029, "\x93\x2f\xf9\xb1\x51\x26\x3b\x36", 8);
	add(&draft, (struct stun_draft_attribute){
			    .type = USERNAME, .value = text("evtj:h6vY"), .has_padding = true, .padding = text("   ")});
	add(&draft, (struct stun_draft_attribute){
			    .type = STUN_MESSAGE_INTEGRITY, .role = STUN_ROLE_INTEGRITY, .key = text(SHORT_TERM_KEY)});
	add(&draft, (struct stun_draft_attribute){.type = STUN_FINGERPRINT, .role = STUN_ROLE_FINGERPRINT});
	struct stun_placement placements[6];
	assert_int_equal(stun_draft_encode(&draft, integrity, &writer, placements, NULL), 0);
	assert_int_equal(writer.length, expected.length);
	assert_memory_equal(writer.data, expected.data, expected.length);
	assert_int_equal(placements[3].offset, 60);
	assert_int_equal(placements[3].length, 9);
	assert_int_equal(placements[5].offset, 100);
	stun_draft_free(&draft);
	free(expected.data);
}

static void without_edits_the_message_is_right(void **state)
{
	(void)state;
	struct stun_message message = {0};
	builds(NULL, 0);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
	assert_int_equal(message.count, 4);
	assert_int_equal(stun_integrity_verify(integrity, &message, STUN_MESSAGE_INTEGRITY, "key", 3), STUN_VALID);
	assert_int_equal(stun_fingerprint_verify(&message), STUN_VALID);
	stun_message_free(&message);
}

static void edits_of_the_draft_are_signed_over(void **state)
{
	(void)state;
	const enum stun_verdict good = STUN_VALID, bad = STUN_INVALID, none = STUN_ABSENT;
	const struct stun_draft_attribute realm = {.type = 0x0014, .value = text("r")};
	becomes((struct stun_edit){STUN_EDIT_REMOVE, .attribute = USERNAME}, "LIFETIME MESSAGE-INTEGRITY FINGERPRINT",
		good, good);
	becomes((struct stun_edit){STUN_EDIT_REMOVE, .attribute = STUN_MESSAGE_INTEGRITY},
		"LIFETIME USERNAME FINGERPRINT", none, good);
	becomes((struct stun_edit){STUN_EDIT_INSERT, .insert = &realm},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT REALM", good, bad);
	becomes((struct stun_edit){STUN_EDIT_INSERT, .insert = &realm, .place = STUN_EDIT_BEFORE, .anchor = LIFETIME},
		"REALM LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	becomes((struct stun_edit){STUN_EDIT_INSERT, .insert = &realm, .place = STUN_EDIT_AFTER, .anchor = LIFETIME},
		"LIFETIME REALM USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	becomes((struct stun_edit){STUN_EDIT_MOVE, .attribute = LIFETIME, .place = STUN_EDIT_AFTER,
				   .anchor = STUN_MESSAGE_INTEGRITY},
		"USERNAME MESSAGE-INTEGRITY LIFETIME FINGERPRINT", good, good);
	becomes((struct stun_edit){STUN_EDIT_MOVE, .attribute = STUN_FINGERPRINT, .place = STUN_EDIT_BEFORE,
				   .anchor = LIFETIME},
		"FINGERPRINT LIFETIME USERNAME MESSAGE-INTEGRITY", good, bad);
	becomes((struct stun_edit){STUN_EDIT_MOVE, .attribute = USERNAME},
		"LIFETIME MESSAGE-INTEGRITY FINGERPRINT USERNAME", good, bad);
	becomes((struct stun_edit){STUN_EDIT_DUPLICATE, .attribute = LIFETIME},
		"LIFETIME LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	becomes((struct stun_edit){STUN_EDIT_KEY, .attribute = STUN_MESSAGE_INTEGRITY, .octets = text("other")},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", bad, good);
	becomes((struct stun_edit){STUN_EDIT_PADDING, .attribute = USERNAME, .octets = text("x")},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	assert_int_equal(writer.data[35], 'x');
	becomes((struct stun_edit){STUN_EDIT_REPLACE, .attribute = USERNAME, .octets = text("another")},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	assert_memory_equal(&writer.data[32], "another", 7);
	becomes((struct stun_edit){STUN_EDIT_REPLACE, .attribute = STUN_MESSAGE_INTEGRITY,
				   .octets = text("01234567890123456789")},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", bad, good);
	becomes((struct stun_edit){STUN_EDIT_DUPLICATE, .attribute = USERNAME, .has_octets = true,
				   .octets = text("two")},
		"LIFETIME USERNAME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	assert_memory_equal(&writer.data[40], "two", 3);
	becomes((struct stun_edit){STUN_EDIT_LENGTH, .attribute = USERNAME, .number = 2},
		"LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT", good, good);
	assert_memory_equal(&writer.data[28], "\0\6\0\2kid", 7);
}

static void lengths_and_padding_that_break_the_message_are_written(void **state)
{
	(void)state;
	struct stun_message message = {0};
	struct stun_edit edits[] = {{STUN_EDIT_LENGTH, .attribute = USERNAME, .number = 65535}};
	builds(edits, 1);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), -1);
	size_t whole = writer.length;
	edits[0] = (struct stun_edit){STUN_EDIT_PADDING, .attribute = USERNAME, .octets = text("")};
	builds(edits, 1);
	assert_int_equal(writer.length, whole - 1);
	assert_int_equal(writer.data[3], writer.length - 20);
	assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), -1);
	stun_message_free(&message);
}

static void edits_of_octets_come_after_signing(void **state)
{
	(void)state;
	const enum stun_verdict good = STUN_VALID, bad = STUN_INVALID;
	const char *layout = "LIFETIME USERNAME MESSAGE-INTEGRITY FINGERPRINT";
	becomes((struct stun_edit){STUN_EDIT_FLIP, .attribute = USERNAME, .number = 7}, layout, bad, bad);
	assert_memory_equal(&writer.data[32], "jid", 3);
	becomes((struct stun_edit){STUN_EDIT_FLIP, .attribute = USERNAME, .number = 0}, layout, bad, bad);
	assert_int_equal(writer.data[32], 'k' | 0x80);
	becomes((struct stun_edit){STUN_EDIT_FLIP, .attribute = STUN_FINGERPRINT, .number = 31}, layout, good, bad);
	becomes((struct stun_edit){STUN_EDIT_VALUE, .attribute = USERNAME, .octets = text("XY")}, layout, bad, bad);
	assert_memory_equal(&writer.data[32], "XYd", 3);
	becomes((struct stun_edit){STUN_EDIT_OVERWRITE, .number = 19, .octets = text("!")}, layout, bad, bad);
	assert_int_equal(writer.data[19], '!');
}

static void the_frame_of_the_message_can_be_broken(void **state)
{
	(void)state;
	struct stun_edit edit = {STUN_EDIT_HEADER_LENGTH, .number = 0xABCD};
	builds(&edit, 1);
	assert_memory_equal(&writer.data[2], "\xAB\xCD", 2);
	size_t whole = writer.length;
	for (size_t keep = 0; keep < whole; keep++) {
		edit = (struct stun_edit){STUN_EDIT_TRUNCATE, .number = keep};
		builds(&edit, 1);
		assert_int_equal(writer.length, keep);
	}
	edit = (struct stun_edit){STUN_EDIT_APPEND, .octets = text("tail")};
	builds(&edit, 1);
	assert_int_equal(writer.length, whole + 4);
	assert_int_equal(writer.data[3], whole - 20);
	assert_memory_equal(&writer.data[whole], "tail", 4);
}

static void a_mixed_list_does_the_draft_first(void **state)
{
	(void)state;
	const struct stun_edit edits[] = {
		{STUN_EDIT_APPEND, .octets = text("Z")},
		{STUN_EDIT_FLIP, .attribute = USERNAME, .number = 0},
		{STUN_EDIT_REPLACE, .attribute = USERNAME, .octets = text("abcd")},
		{STUN_EDIT_REMOVE, .attribute = LIFETIME},
		{STUN_EDIT_APPEND, .octets = text("Y")},
	};
	builds(edits, 5);
	assert_memory_equal(&writer.data[20],
			    "\0\6\0\4\xE1"
			    "bcd",
			    8);
	assert_memory_equal(&writer.data[writer.length - 2], "ZY", 2);
}

static void an_edit_that_does_nothing_is_refused(void **state)
{
	(void)state;
	const struct stun_draft_attribute realm = {.type = 0x0014, .value = text("r")};
	for (int verb = STUN_EDIT_REMOVE; verb <= STUN_EDIT_VALUE; verb++)
		if (verb != STUN_EDIT_INSERT)
			refused((struct stun_edit){(enum stun_edit_verb)verb, .attribute = 0x7F00,
						   .octets = text("x")});
	refused((struct stun_edit){STUN_EDIT_INSERT, .insert = &realm, .place = STUN_EDIT_BEFORE, .anchor = 0x7F00});
	refused((struct stun_edit){STUN_EDIT_MOVE, .attribute = USERNAME, .place = STUN_EDIT_AFTER, .anchor = 0x7F00});
	refused((struct stun_edit){STUN_EDIT_MOVE, .attribute = USERNAME, .place = STUN_EDIT_AFTER,
				   .anchor = USERNAME});
	refused((struct stun_edit){STUN_EDIT_MOVE, .attribute = USERNAME, .place = STUN_EDIT_AFTER,
				   .anchor = LIFETIME});
	refused((struct stun_edit){STUN_EDIT_MOVE, .attribute = STUN_FINGERPRINT});
	refused((struct stun_edit){STUN_EDIT_LENGTH, .attribute = USERNAME, .number = 3});
	refused((struct stun_edit){STUN_EDIT_LENGTH, .attribute = USERNAME, .number = 65536});
	refused((struct stun_edit){STUN_EDIT_LENGTH, .attribute = STUN_MESSAGE_INTEGRITY, .number = 20});
	refused((struct stun_edit){STUN_EDIT_LENGTH, .attribute = STUN_FINGERPRINT, .number = 4});
	refused((struct stun_edit){STUN_EDIT_REPLACE, .attribute = USERNAME, .octets = text("kid")});
	refused((struct stun_edit){STUN_EDIT_PADDING, .attribute = LIFETIME});
	refused((struct stun_edit){STUN_EDIT_PADDING, .attribute = USERNAME, .octets = {(const uint8_t *)"", 1}});
	refused((struct stun_edit){STUN_EDIT_KEY, .attribute = USERNAME, .octets = text("x")});
	refused((struct stun_edit){STUN_EDIT_KEY, .attribute = STUN_MESSAGE_INTEGRITY, .octets = text("key")});
	refused((struct stun_edit){STUN_EDIT_KEY, .attribute = STUN_MESSAGE_INTEGRITY,
				   .octets = {(const uint8_t *)"key\0", 5}});
	refused((struct stun_edit){STUN_EDIT_FLIP, .attribute = USERNAME, .number = 24});
	refused((struct stun_edit){STUN_EDIT_FLIP, .attribute = USERNAME, .number = SIZE_MAX});
	refused((struct stun_edit){STUN_EDIT_VALUE, .attribute = USERNAME, .octets = text("long")});
	refused((struct stun_edit){STUN_EDIT_VALUE, .attribute = USERNAME, .octets = text("kid")});
	refused((struct stun_edit){STUN_EDIT_VALUE, .attribute = USERNAME});
	refused((struct stun_edit){STUN_EDIT_OVERWRITE, .number = 1000, .octets = text("x")});
	refused((struct stun_edit){STUN_EDIT_OVERWRITE, .number = SIZE_MAX, .octets = text("x")});
	refused((struct stun_edit){STUN_EDIT_HEADER_LENGTH, .number = 65536});
	refused((struct stun_edit){STUN_EDIT_HEADER_LENGTH, .number = 8 + 8 + 24 + 8});
	refused((struct stun_edit){STUN_EDIT_TRUNCATE, .number = 20 + 8 + 8 + 24 + 8});
	refused((struct stun_edit){.verb = STUN_EDIT_APPEND});
}

static void a_move_past_the_same_is_refused(void **state)
{
	(void)state;
	struct error error;
	struct stun_draft draft;
	stun_draft_init(&draft, 1, STUN_MAGIC_COOKIE, (const uint8_t *)"transaction");
	add_value(&draft, USERNAME, "kid", 3);
	add_value(&draft, USERNAME, "kid", 3);
	const struct stun_edit to_end = {STUN_EDIT_MOVE, .attribute = USERNAME};
	assert_int_equal(stun_edit_draft(&draft, &to_end, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	add_value(&draft, LIFETIME, "1234", 4);
	assert_int_equal(stun_edit_draft(&draft, &to_end, &error), 0);
	stun_draft_free(&draft);
}

static void an_existing_message_can_be_edited(void **state)
{
	(void)state;
	struct octets octets = octets_from_hex(SAMPLE_REQUEST);
	const struct stun_edit edits[] = {{STUN_EDIT_FLIP, .attribute = USERNAME, .number = 0},
					  {STUN_EDIT_TRUNCATE, .number = 90}};
	const struct stun_edit draft = {STUN_EDIT_REMOVE, .attribute = USERNAME};
	struct error error;
	writer_reset(&writer);
	writer_bytes(&writer, octets.data, octets.length);
	assert_int_equal(stun_edit_apply(&writer, edits, 2, NULL), 0);
	assert_int_equal(writer.length, 90);
	assert_int_equal(writer.data[64], 'e' | 0x80);
	assert_int_equal(stun_edit_apply(&writer, &draft, 1, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	// Attributes before the cut are still found; the one that the cut goes through is not.
	assert_int_equal(stun_edit_apply(&writer, edits, 1, NULL), 0);
	const struct stun_edit behind = {STUN_EDIT_FLIP, .attribute = STUN_MESSAGE_INTEGRITY};
	assert_int_equal(stun_edit_apply(&writer, &behind, 1, NULL), -1);
	for (size_t length = 0; length < octets.length; length++) {
		writer_reset(&writer);
		writer_bytes(&writer, octets.data, length);
		assert_int_equal(stun_edit_apply(&writer, edits, 1, NULL), length < 73 ? -1 : 0);
	}
	free(octets.data);
}

static void what_cannot_be_expressed_is_a_limit(void **state)
{
	(void)state;
	uint8_t *big = calloc(1, 65536);
	struct stun_draft draft = sample();
	struct error error = {0};
	add_value(&draft, 0x0013, big, 65536);
	assert_int_equal(stun_draft_encode(&draft, integrity, &writer, NULL, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	stun_draft_remove(&draft, 4);
	struct stun_draft_attribute data = {.type = 0x0013, .value = {big, 65500}};
	assert_int_equal(stun_draft_insert(&draft, 0, &data, NULL), 0);
	writer_reset(&writer);
	assert_int_equal(stun_draft_encode(&draft, integrity, &writer, NULL, &error), -1);
	assert_int_equal(error.code, ERROR_LIMIT);
	draft.attributes[0].value.length = 65532 - 4 - 48;
	writer_reset(&writer);
	assert_int_equal(stun_draft_encode(&draft, integrity, &writer, NULL, &error), 0);
	assert_int_equal(writer.length, 20 + 65532);
	draft.attributes[0].value.length = 65500;
	assert_int_equal(stun_draft_encode(&draft, integrity, &writer, NULL, &error), -1);
	assert_int_equal(error.code, ERROR_NOT_ALLOWED);
	stun_draft_free(&draft);
	free(big);
}

static void a_cut_hmac_is_signed_with_its_size(void **state)
{
	(void)state;
	for (size_t size = 16; size <= 32; size += 4) {
		struct stun_draft draft;
		struct stun_message message = {0};
		stun_draft_init(&draft, 0x0003, STUN_MAGIC_COOKIE, (const uint8_t *)"abcdefghijkl");
		add(&draft, (struct stun_draft_attribute){.type = STUN_MESSAGE_INTEGRITY_SHA256,
							  .role = STUN_ROLE_INTEGRITY,
							  .key = text("key"),
							  .size = size});
		writer_reset(&writer);
		assert_int_equal(stun_draft_encode(&draft, integrity, &writer, NULL, NULL), 0);
		assert_int_equal(stun_message_parse(&message, writer.data, writer.length, NULL), 0);
		assert_int_equal(message.attributes[0].length, size);
		assert_int_equal(stun_integrity_verify(integrity, &message, STUN_MESSAGE_INTEGRITY_SHA256, "key", 3),
				 STUN_VALID);
		stun_message_free(&message);
		stun_draft_free(&draft);
	}
}

static void names_go_both_ways(void **state)
{
	(void)state;
	for (int verb = STUN_EDIT_REMOVE; verb <= STUN_EDIT_APPEND; verb++)
		assert_int_equal(stun_edit_find(stun_edit_name((enum stun_edit_verb)verb)), verb);
	assert_int_equal(stun_edit_find("delete"), -1);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_samples_are_built_to_the_octet, fresh, away),
		cmocka_unit_test_setup_teardown(without_edits_the_message_is_right, fresh, away),
		cmocka_unit_test_setup_teardown(edits_of_the_draft_are_signed_over, fresh, away),
		cmocka_unit_test_setup_teardown(lengths_and_padding_that_break_the_message_are_written, fresh, away),
		cmocka_unit_test_setup_teardown(edits_of_octets_come_after_signing, fresh, away),
		cmocka_unit_test_setup_teardown(the_frame_of_the_message_can_be_broken, fresh, away),
		cmocka_unit_test_setup_teardown(a_mixed_list_does_the_draft_first, fresh, away),
		cmocka_unit_test_setup_teardown(an_edit_that_does_nothing_is_refused, fresh, away),
		cmocka_unit_test(a_move_past_the_same_is_refused),
		cmocka_unit_test_setup_teardown(an_existing_message_can_be_edited, fresh, away),
		cmocka_unit_test_setup_teardown(what_cannot_be_expressed_is_a_limit, fresh, away),
		cmocka_unit_test_setup_teardown(a_cut_hmac_is_signed_with_its_size, fresh, away),
		cmocka_unit_test(names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
