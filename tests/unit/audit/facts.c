// SPDX-License-Identifier: BSD-3-Clause
//
// The facts that the octets of a message alone tell, and their words.
#include "audit/facts.h"

#include "talk.h"

static struct audit_message_facts read(struct made *made)
{
	struct audit_message_facts facts = {0};
	audit_facts_read(&facts, message_end(made));
	message_free(made);
	return facts;
}

static void has_twice_empty_malformed_behind(void **unused)
{
	(void)unused;
	struct made made;
	message_begin(&made, ALLOCATE, 1);
	message_text(&made, 0x0006, "user");
	message_text(&made, 0x0006, "other");
	message_text(&made, 0x0015, "");
	message_add(&made, 0x000D, "abc", 3); // LIFETIME has four octets
	message_sign(&made, STUN_MESSAGE_INTEGRITY, "key", 3);
	message_text(&made, 0x001B, "token");
	struct audit_message_facts facts = read(&made);
	assert_int_equal(facts.class, AUDIT_REQUEST);
	assert_int_equal(facts.method, 0x003);
	assert_true(audit_facts_has(&facts, 0x0006));
	assert_false(audit_facts_has(&facts, 0x0014));
	assert_false(audit_facts_has(&facts, 0x7F00));
	assert_int_equal(facts.twice, UINT64_C(1) << audit_facts_place(0x0006));
	assert_int_equal(facts.empty, UINT64_C(1) << audit_facts_place(0x0015));
	assert_int_equal(facts.malformed, UINT64_C(1) << audit_facts_place(0x000D));
	assert_true(facts.behind & UINT64_C(1) << audit_facts_place(0x001B));
	assert_false(facts.behind & UINT64_C(1) << audit_facts_place(0x0006));
	assert_true(facts.flags & AUDIT_UNPROTECTED && facts.flags & AUDIT_PADDED);
	assert_int_equal(facts.integrity, AUDIT_INTEGRITY_UNKNOWN);
	assert_int_equal(facts.integrity_sha256, AUDIT_INTEGRITY_ABSENT);
	assert_int_equal(audit_facts_place(0x7F00), -1);
}

static void what_may_stand_behind(void **unused)
{
	(void)unused;
	struct made made;
	message_begin(&made, ALLOCATE, 1);
	message_sign(&made, STUN_MESSAGE_INTEGRITY, "key", 3);
	message_sign(&made, STUN_MESSAGE_INTEGRITY_SHA256, "key", 3);
	struct stun_draft_attribute fingerprint = {.type = STUN_FINGERPRINT, .role = STUN_ROLE_FINGERPRINT};
	stun_draft_insert(&made.draft, made.draft.count, &fingerprint, NULL);
	struct audit_message_facts facts = read(&made);
	assert_int_equal(facts.flags, 0);
	assert_int_equal(facts.sha256_size, 32);
	assert_int_equal(facts.fingerprint, AUDIT_FINGERPRINT_VALID);
}

static void wrong_fingerprints(void **unused)
{
	(void)unused;
	struct made made;
	message_begin(&made, ALLOCATE, 1);
	message_number(&made, STUN_FINGERPRINT, 1);
	assert_int_equal(read(&made).fingerprint, AUDIT_FINGERPRINT_WRONG);
	message_begin(&made, ALLOCATE, 1);
	message_number(&made, STUN_FINGERPRINT, 1);
	message_text(&made, 0x8022, "software");
	assert_int_equal(read(&made).fingerprint, AUDIT_FINGERPRINT_NOT_LAST);
}

static void unknown_attributes(void **unused)
{
	(void)unused;
	struct made made;
	message_begin(&made, ALLOCATE, 1);
	message_text(&made, 0x7F00, "");
	assert_int_equal(read(&made).flags, AUDIT_REQUIRED_UNKNOWN);
	message_begin(&made, ALLOCATE, 1);
	message_text(&made, 0xFF00, "");
	message_text(&made, 0xFF00, "");
	assert_int_equal(read(&made).flags, AUDIT_OPTIONAL_UNKNOWN | AUDIT_UNKNOWN_TWICE);
}

static void error_codes(void **unused)
{
	(void)unused;
	static const struct {
		const char *value;
		size_t length;
		uint16_t code;
		uint32_t flags;
	} cases[] = {
		{"\0\0\4\1none", 8, 401, 0},
		{"\0\0\4\1", 4, 401, 0},
		{"\0\0\7\1", 4, 701, AUDIT_REASON_UNREADABLE},
		{"\0\0\4\144", 4, 500, AUDIT_REASON_UNREADABLE},
		{"\0\1\4\1", 4, 401, AUDIT_REASON_RESERVED},
		{"\0\0\4\1\344", 5, 401, AUDIT_REASON_NOT_UTF8 | AUDIT_PADDED},
		{"\0\0\4\1no\0\0", 8, 401, AUDIT_REASON_NUL},
		{"\0\0\4\1\303\244\303\244", 8, 401, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct made made;
		message_begin(&made, ALLOCATE_ERROR, 1);
		message_add(&made, 0x0009, cases[i].value, cases[i].length);
		struct audit_message_facts facts = read(&made);
		assert_int_equal(facts.code, cases[i].code);
		assert_int_equal(facts.flags, cases[i].flags);
	}
	// Characters are counted, not octets.
	for (size_t count = 127; count <= 128; count++) {
		char reason[4 + 2 * 128] = "\0\0\4\1";
		for (size_t i = 0; i < count; i++)
			memcpy(&reason[4 + 2 * i], "\303\244", 2);
		struct made made;
		message_begin(&made, ALLOCATE_ERROR, 1);
		message_add(&made, 0x0009, reason, 4 + 2 * count);
		assert_int_equal(read(&made).flags & AUDIT_REASON_LONG, count == 128 ? AUDIT_REASON_LONG : 0);
	}
}

static void large_messages(void **unused)
{
	(void)unused;
	char text[600] = {0};
	for (size_t length = 520; length <= 524; length += 4) { // 20 of the header and 4 more
		struct made made;
		message_begin(&made, ALLOCATE, 1);
		message_add(&made, 0x001B, text, length);
		assert_int_equal(read(&made).flags & AUDIT_LARGE, length == 524 ? AUDIT_LARGE : 0);
	}
}

static void words_and_flags(void **unused)
{
	(void)unused;
	struct audit_message_facts facts = {.class = AUDIT_ERROR,
					    .flags = AUDIT_SERVER_NAME_OTHER,
					    .repeated = AUDIT_REPEATED_LATER,
					    .proven = AUDIT_SAYS_420,
					    .marks = AUDIT_KID_OTHER,
					    .ceiling = AUDIT_CEILING_EDGE};
	struct audit_fact fact;
	unsigned right = 0, set_ones = 0;
	for (size_t i = 0; audit_facts_word(&facts, i, &fact); i++) {
		right += !strcmp(fact.name, "class") && !strcmp(fact.word, "error");
		right += !strcmp(fact.name, "repeated") && !strcmp(fact.word, "later");
		right += !strcmp(fact.name, "ceiling") && !strcmp(fact.word, "edge");
		right += !strcmp(fact.name, "sender") && !fact.word;
	}
	assert_int_equal(right, 4);
	const char *name;
	bool set;
	right = 0;
	for (size_t i = 0; audit_facts_flag(&facts, i, &name, &set); i++) {
		set_ones += set;
		right += set && (!strcmp(name, "server_name_other") || !strcmp(name, "says_420") ||
				 !strcmp(name, "kid_other"));
	}
	assert_int_equal(right, 3);
	assert_int_equal(set_ones, 3);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_twice_empty_malformed_behind),
		cmocka_unit_test(what_may_stand_behind),
		cmocka_unit_test(wrong_fingerprints),
		cmocka_unit_test(unknown_attributes),
		cmocka_unit_test(error_codes),
		cmocka_unit_test(large_messages),
		cmocka_unit_test(words_and_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
