// SPDX-License-Identifier: BSD-3-Clause
//
// What one client and one server said to each other, and the facts that this makes of their next message.
#include "audit/session.h"

#include "audit/names.h"
#include "audit/recall.h"
#include "talk.h"

#define KEY "twenty octets of key"
#define OTHER_KEY "another twenty octet"

struct stage {
	struct session_world world;
	struct session *session;
	struct session_place place;
	struct stun_address asker;
	struct audit_facts facts; // of the last message
	struct session_view view;
	struct made made;
};

static struct stage *begin(bool beginning)
{
	struct stage *stage = calloc(1, sizeof *stage);
	stage->world = (struct session_world){
		.keyring = keyring_with_key(),
		.names = names_new(8, 100),
		.servers = recall_new(4096),
		.clients = recall_new(4096),
		.tokens = recall_new(4096),
		.nonces = recall_new(4096),
		.sealings = recall_new(4096),
		.heard = recall_new(4096),
		.delta = 5,
	};
	stage->session = session_new(beginning, false);
	stage->place = (struct session_place){.time = NOW * SECOND, .frame = 1, .client = 11, .server = 22};
	stage->asker = (struct stun_address){.family = STUN_IPV4, .port = 50000};
	stage->place.asker = &stage->asker;
	return stage;
}

static void end(struct stage *stage)
{
	session_free(stage->session);
	keyring_free(stage->world.keyring);
	names_free(stage->world.names);
	recall_free(stage->world.servers);
	recall_free(stage->world.clients);
	recall_free(stage->world.tokens);
	recall_free(stage->world.nonces);
	recall_free(stage->world.sealings);
	recall_free(stage->world.heard);
	free(stage);
}

// What `stage->made` holds goes by; a hundredth of a second later.
static struct audit_message_facts *says(struct stage *stage)
{
	struct stun_message *message = message_end(&stage->made);
	stage->facts = (struct audit_facts){0};
	audit_facts_read(&stage->facts.message, message);
	stage->place.time += SECOND / 100;
	stage->place.frame++;
	bool request = stage->facts.message.class == AUDIT_REQUEST;
	(request ? session_request : session_answer)(stage->session, &stage->world, &stage->place, message,
						     &stage->facts, &stage->view);
	message_free(&stage->made);
	return &stage->facts.message;
}

static struct audit_message_facts *asks(struct stage *stage, uint16_t type, uint8_t id, const char *nonce,
					const struct sealed *token, const char *key)
{
	struct made *made = &stage->made;
	message_begin(made, type, id);
	if (type == ALLOCATE)
		message_number(made, 0x0019, 17u << 24);
	if (nonce) {
		message_text(made, 0x0006, KID);
		message_text(made, 0x0014, REALM);
		message_text(made, 0x0015, nonce);
	}
	if (token)
		message_add(made, 0x001B, token->octets, token->length);
	if (key)
		message_sign(made, STUN_MESSAGE_INTEGRITY, key, strlen(key));
	return says(stage);
}

static struct audit_message_facts *refuses(struct stage *stage, uint16_t method, uint8_t id, unsigned code,
					   const char *nonce)
{
	struct made *made = &stage->made;
	message_begin(made, (uint16_t)(0x0110 | method), id);
	message_number(made, 0x0009, code / 100 << 8 | code % 100);
	if (nonce) {
		message_text(made, 0x0014, REALM);
		message_text(made, 0x0015, nonce);
		message_text(made, 0x802E, NAME);
	}
	return says(stage);
}

static struct audit_message_facts *grants(struct stage *stage, uint16_t method, uint8_t id, uint32_t lifetime,
					  const char *key)
{
	struct made *made = &stage->made;
	message_begin(made, (uint16_t)(0x0100 | method), id);
	message_number(made, 0x000D, lifetime);
	if (key)
		message_sign(made, STUN_MESSAGE_INTEGRITY, key, strlen(key));
	return says(stage);
}

// The way in, with transactions 1 and 2.
static struct sealed way_in(struct stage *stage)
{
	asks(stage, ALLOCATE, 1, NULL, NULL, NULL);
	refuses(stage, ALLOCATE, 1, 401, "one");
	struct sealed token = seal(KEY, 0, 600);
	asks(stage, ALLOCATE, 2, "one", &token, KEY);
	grants(stage, ALLOCATE, 2, 600, KEY);
	return token;
}

static void a_session_with_a_token(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct audit_message_facts *facts = asks(stage, ALLOCATE, 1, NULL, NULL, NULL);
	assert_true(facts->flags & AUDIT_FIRST);
	assert_int_equal(facts->allocation, AUDIT_ALLOCATION_NONE);
	assert_int_equal(facts->transaction, AUDIT_TRANSACTION_NEW);
	assert_int_equal(facts->nonce, AUDIT_NONCE_ABSENT);
	assert_int_equal(session_unanswered(stage->session), 1);
	facts = refuses(stage, ALLOCATE, 1, 401, "one");
	assert_int_equal(facts->asked, AUDIT_ASKED_SEEN);
	assert_int_equal(stage->facts.request.method, 0x003);
	assert_false(facts->flags & AUDIT_THIRD_PARTY); // not before
	struct sealed token = seal(KEY, 0, 600);
	facts = asks(stage, ALLOCATE, 2, "one", &token, KEY);
	assert_true(facts->flags & AUDIT_THIRD_PARTY && facts->flags & AUDIT_CHALLENGED);
	assert_false(facts->flags & AUDIT_FIRST);
	assert_int_equal(facts->token, AUDIT_TOKEN_OPENED);
	assert_int_equal(facts->token_time, AUDIT_TIME_GOOD);
	assert_int_equal(facts->token_use, AUDIT_USE_FIRST);
	assert_int_equal(facts->integrity, AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(facts->nonce, AUDIT_NONCE_CURRENT);
	assert_int_equal(facts->proven, 0);
	assert_int_equal(stage->view.lifetime, 600);
	facts = grants(stage, ALLOCATE, 2, 600, KEY);
	assert_int_equal(facts->integrity, AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(facts->grant, AUDIT_GRANT_WITHIN);
	assert_int_equal(facts->ceiling, AUDIT_CEILING_KEPT);
	assert_true(stage->view.first_answer);
	facts = asks(stage, REFRESH, 3, "one", &token, KEY);
	assert_int_equal(facts->allocation, AUDIT_ALLOCATION_HELD);
	assert_true(facts->flags & AUDIT_TOKEN_SESSION && facts->token_same);
	assert_int_equal(facts->token_use, AUDIT_USE_SAME);
	assert_int_equal(facts->proven, AUDIT_KID_PROVEN | AUDIT_CLOCK_PROVEN | AUDIT_FORM_PROVEN | AUDIT_TOKEN_PROVEN |
						AUDIT_TAKES_TOKENS);
	facts = grants(stage, REFRESH, 3, 700, KEY);
	assert_int_equal(facts->grant, AUDIT_GRANT_OVER);
	assert_int_equal(facts->ceiling, AUDIT_CEILING_BROKEN);
	asks(stage, REFRESH, 4, "one", &token, KEY);
	facts = grants(stage, REFRESH, 4, 0, KEY);
	assert_int_equal(facts->grant, AUDIT_GRANT_ZERO);
	facts = asks(stage, ALLOCATE, 5, "one", &token, KEY);
	assert_int_equal(facts->allocation, AUDIT_ALLOCATION_OVER);
	end(stage);
}

static void a_capture_that_began_late(void **unused)
{
	(void)unused;
	struct stage *stage = begin(false);
	struct audit_message_facts *facts = asks(stage, REFRESH, 1, "one", NULL, KEY);
	assert_int_equal(facts->allocation, AUDIT_ALLOCATION_UNKNOWN);
	assert_int_equal(facts->nonce, AUDIT_NONCE_UNSEEN);
	assert_int_equal(facts->integrity, AUDIT_INTEGRITY_UNKNOWN);
	facts = grants(stage, REFRESH, 9, 600, KEY);
	assert_int_equal(facts->asked, AUDIT_ASKED_UNSEEN);
	assert_int_equal(stage->facts.request.transaction, AUDIT_TRANSACTION_NONE);
	end(stage);
}

static void a_challenge_makes_an_allocation_doubtful(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	asks(stage, REFRESH, 3, "one", &token, KEY);
	refuses(stage, REFRESH, 3, 438, "two");
	assert_int_equal(asks(stage, REFRESH, 4, "two", &token, KEY)->allocation, AUDIT_ALLOCATION_UNKNOWN);
	end(stage);
}

static void nonces(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	assert_int_equal(asks(stage, REFRESH, 3, "one", &token, KEY)->nonce, AUDIT_NONCE_CURRENT);
	struct audit_message_facts *facts = refuses(stage, REFRESH, 3, 438, "two");
	assert_int_equal(facts->marks & AUDIT_NONCE_SAME, 0);
	facts = asks(stage, REFRESH, 4, "one", &token, KEY);
	assert_int_equal(facts->nonce, AUDIT_NONCE_REFUSED);
	assert_int_equal(facts->marks & AUDIT_NONCE_LONG, 0);
	stage->place.time += 11 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 18, "one", &token, KEY)->marks & AUDIT_NONCE_LONG, AUDIT_NONCE_LONG);
	refuses(stage, REFRESH, 18, 438, "two");
	facts = refuses(stage, REFRESH, 4, 438, "one");
	assert_int_equal(facts->marks & AUDIT_NONCE_SAME, AUDIT_NONCE_SAME);
	refuses(stage, REFRESH, 4, 401, "three");
	assert_int_equal(asks(stage, REFRESH, 5, "two", &token, KEY)->nonce, AUDIT_NONCE_EARLIER);
	refuses(stage, REFRESH, 5, 438, "four");
	facts = asks(stage, REFRESH, 6, "four", &token, KEY);
	assert_int_equal(facts->nonce, AUDIT_NONCE_CURRENT);
	assert_int_equal(facts->marks & AUDIT_NONCE_FRESH, AUDIT_NONCE_FRESH);
	facts = asks(stage, REFRESH, 7, "four", &token, KEY);
	assert_int_equal(facts->marks & AUDIT_NONCE_FRESH, 0); // it was used
	assert_int_equal(asks(stage, REFRESH, 8, "made up", &token, KEY)->nonce, AUDIT_NONCE_UNSEEN);
	end(stage);
}

static void transactions_and_answers_that_come_again(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	assert_int_equal(grants(stage, ALLOCATE, 2, 600, KEY)->repeated, AUDIT_REPEATED_COPY); // it was asked once
	stage->place.time += SECOND;
	assert_int_equal(asks(stage, ALLOCATE, 2, "one", &token, KEY)->transaction, AUDIT_TRANSACTION_AGAIN);
	assert_int_equal(grants(stage, ALLOCATE, 2, 600, KEY)->repeated,
			 AUDIT_REPEATED_COPY); // twice, for three answers
	asks(stage, ALLOCATE, 2, "one", &token, KEY);
	asks(stage, ALLOCATE, 2, "one", &token, KEY);
	assert_int_equal(grants(stage, ALLOCATE, 2, 600, KEY)->repeated, AUDIT_REPEATED_ALIKE);
	assert_int_equal(refuses(stage, ALLOCATE, 2, 437, NULL)->repeated, AUDIT_REPEATED_CHANGED);
	assert_int_equal(asks(stage, REFRESH, 3, "one", &token, KEY)->transaction, AUDIT_TRANSACTION_NEW);
	assert_int_equal(asks(stage, REFRESH, 3, "one", NULL, KEY)->transaction, AUDIT_TRANSACTION_CHANGED);
	grants(stage, REFRESH, 3, 600, KEY);
	assert_int_not_equal(stage->facts.request.transaction, AUDIT_TRANSACTION_NEW); // of which is not certain
	assert_int_equal(asks(stage, REFRESH, 2, "one", &token, KEY)->transaction, AUDIT_TRANSACTION_REUSED);
	asks(stage, REFRESH, 4, "one", &token, KEY);
	refuses(stage, REFRESH, 4, 486, NULL);
	assert_int_equal(grants(stage, REFRESH, 4, 600, KEY)->repeated, AUDIT_REPEATED_LATER);
	assert_int_equal(refuses(stage, REFRESH, 4, 438, NULL)->repeated, AUDIT_REPEATED_LATER);
	end(stage);
}

static void requests_that_come_again(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	struct audit_message_facts *facts;
	// Hard upon the first, as in a capture of two interfaces.
	asks(stage, REFRESH, 3, "one", &token, KEY);
	asks(stage, REFRESH, 3, "one", &token, KEY);
	grants(stage, REFRESH, 3, 600, KEY);
	assert_int_equal(grants(stage, REFRESH, 3, 600, KEY)->repeated, AUDIT_REPEATED_SOON);
	// So late that it is another request, which RFC 5389 section 6 allows where not one octet differs.
	stage->place.time += 39 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 3, "one", &token, KEY)->transaction, AUDIT_TRANSACTION_AGAIN);
	stage->place.time += 41 * SECOND;
	facts = asks(stage, REFRESH, 3, "one", &token, KEY);
	assert_int_equal(facts->transaction, AUDIT_TRANSACTION_AGAIN);
	assert_int_equal(facts->token, AUDIT_TOKEN_SEALED); // it may be a copy, of which nothing is known
	facts = refuses(stage, REFRESH, 3, 438, "two");
	assert_int_equal(facts->repeated, AUDIT_REPEATED_NO);
	assert_int_equal(facts->asked, AUDIT_ASKED_FORGOTTEN);
	end(stage);
}

// A copy of what was said before the session forgot it changes nothing.
static void copies_of_what_is_forgotten(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	for (uint8_t id = 3; id < 20; id++) {
		asks(stage, REFRESH, id, "one", &token, KEY);
		grants(stage, REFRESH, id, id == 19 ? 0 : 600, KEY);
	}
	stage->place.time += SECOND;
	assert_int_equal(asks(stage, REFRESH, 3, "one", &token, KEY)->transaction, AUDIT_TRANSACTION_AGAIN);
	assert_int_equal(grants(stage, REFRESH, 3, 600, KEY)->asked, AUDIT_ASKED_FORGOTTEN);
	assert_int_equal(asks(stage, REFRESH, 20, "one", &token, KEY)->allocation, AUDIT_ALLOCATION_OVER);
	end(stage);
}

static void a_renewal_that_is_not_in_the_capture(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	way_in(stage);
	asks(stage, REFRESH, 3, "one", NULL, KEY);
	assert_int_equal(grants(stage, REFRESH, 3, 900, KEY)->grant, AUDIT_GRANT_OVER);
	// Signed with a key that came in between, with a token that may be good for as long.
	asks(stage, REFRESH, 4, "one", NULL, OTHER_KEY);
	assert_int_equal(grants(stage, REFRESH, 4, 900, OTHER_KEY)->grant, AUDIT_GRANT_NONE);
	assert_false(stage->view.has_token);
	// So is a new allocation of which only the answer is there.
	grants(stage, ALLOCATE, 5, 900, OTHER_KEY);
	struct audit_message_facts *facts = asks(stage, REFRESH, 6, "one", NULL, OTHER_KEY);
	assert_int_equal(facts->flags & AUDIT_TOKEN_SESSION, 0);
	assert_int_equal(facts->integrity, AUDIT_INTEGRITY_UNKNOWN);
	end(stage);
}

static void what_is_proven_of_a_clock_for_a_while(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	stage->place.time += 1600 * SECOND;
	assert_true(asks(stage, REFRESH, 3, "one", &token, KEY)->proven & AUDIT_CLOCK_PROVEN);
	stage->place.time += 200 * SECOND;
	uint8_t proven = asks(stage, REFRESH, 4, "one", &token, KEY)->proven;
	assert_false(proven & AUDIT_CLOCK_PROVEN);
	assert_true(proven & AUDIT_TAKES_TOKENS);
	// The same when it is set back.
	stage->place.time = (NOW - 1800) * SECOND;
	assert_false(asks(stage, REFRESH, 5, "one", &token, KEY)->proven & AUDIT_CLOCK_PROVEN);
	end(stage);
}

// A server that passes a token over and lets in on a password.
static void what_another_key_proves(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	refuses(stage, ALLOCATE, 9, 401, "one");
	struct sealed token = seal(KEY, 0, 600);
	asks(stage, ALLOCATE, 2, "one", &token, OTHER_KEY);
	grants(stage, ALLOCATE, 2, 600, OTHER_KEY);
	assert_int_equal(asks(stage, REFRESH, 3, "one", &token, OTHER_KEY)->proven, 0);
	end(stage);
}

static void the_last_minutes_of_a_session(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	way_in(stage);
	assert_int_equal(asks(stage, REFRESH, 3, "one", NULL, KEY)->session_time, AUDIT_TIME_GOOD);
	stage->place.time += 301 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 4, "one", NULL, KEY)->session_time, AUDIT_TIME_LATE);
	stage->place.time += 300 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 5, "one", NULL, KEY)->session_time, AUDIT_TIME_EDGE_PAST);
	end(stage);
}

static void tokens_under_the_name_that_was_given(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	stage->world.server_name = text_octets("another name");
	refuses(stage, ALLOCATE, 1, 401, "one");
	struct sealed token = seal(KEY, 0, 600);
	struct audit_message_facts *facts = asks(stage, ALLOCATE, 2, "one", &token, KEY);
	assert_int_equal(facts->token, AUDIT_TOKEN_OPENED); // under the name of the 401
	assert_int_not_equal(stage->view.server_name, 0);
	message_begin(&stage->made, ALLOCATE_ERROR, 2);
	message_number(&stage->made, 0x0009, 4 << 8 | 1);
	message_text(&stage->made, 0x802E, "a lie");
	says(stage);
	stage->world.server_name = text_octets(NAME);
	facts = asks(stage, ALLOCATE, 3, "one", &token, KEY);
	assert_int_equal(facts->token, AUDIT_TOKEN_OPENED); // under the name that was given
	assert_int_equal(stage->view.server_name, 0);
	end(stage);
}

static void a_flow_that_was_let_go(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	session_free(stage->session);
	stage->session = session_new(true, true);
	assert_int_equal(asks(stage, REFRESH, 1, "one", NULL, KEY)->allocation, AUDIT_ALLOCATION_UNKNOWN);
	assert_int_equal(grants(stage, REFRESH, 9, 600, KEY)->asked, AUDIT_ASKED_FORGOTTEN);
	end(stage);
}

// Two requests are on their way, and each 438 brings a nonce: which of them is good is not certain.
static void nonces_that_cross(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed token = way_in(stage);
	asks(stage, REFRESH, 3, "one", &token, KEY);
	asks(stage, REFRESH, 4, "one", &token, KEY);
	refuses(stage, REFRESH, 3, 438, "two");
	assert_int_equal(asks(stage, REFRESH, 5, "two", &token, KEY)->marks & AUDIT_NONCE_FRESH, 0);
	refuses(stage, REFRESH, 4, 438, "three");
	refuses(stage, REFRESH, 3, 438, "two"); // a copy: "three" is still the latest
	assert_int_equal(asks(stage, REFRESH, 6, "three", &token, KEY)->nonce, AUDIT_NONCE_CURRENT);
	end(stage);
}

static void tokens_in_turn(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	struct sealed first = way_in(stage), second = seal(OTHER_KEY, 0, 600);
	struct audit_message_facts *facts = asks(stage, REFRESH, 3, "one", &second, OTHER_KEY);
	assert_int_equal(facts->token_use, AUDIT_USE_NEWER);
	assert_false(facts->token_same);
	grants(stage, REFRESH, 3, 600, OTHER_KEY);
	assert_int_equal(asks(stage, REFRESH, 18, "one", &first, KEY)->token_use, AUDIT_USE_CROSSED);
	stage->place.time += 11 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 4, "one", &first, KEY)->token_use, AUDIT_USE_EARLIER);
	// Without a token the key is that of the session, which is the second one's by now.
	assert_int_equal(asks(stage, REFRESH, 5, "one", NULL, OTHER_KEY)->integrity, AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(asks(stage, REFRESH, 6, "one", NULL, KEY)->integrity, AUDIT_INTEGRITY_INVALID);
	assert_int_equal(asks(stage, REFRESH, 7, "one", &second, KEY)->integrity, AUDIT_INTEGRITY_INVALID);
	// One that does not open, under the session's key and under any other, of which nothing is known.
	second.octets[second.length - 1] ^= 1;
	facts = asks(stage, REFRESH, 8, "one", &second, OTHER_KEY);
	assert_int_equal(facts->token, AUDIT_TOKEN_REFUSED);
	assert_int_equal(facts->marks & AUDIT_TOKEN_SHAPED, AUDIT_TOKEN_SHAPED);
	assert_int_equal(facts->integrity, AUDIT_INTEGRITY_WHOLE);
	assert_int_equal(asks(stage, REFRESH, 9, "one", &second, KEY)->integrity, AUDIT_INTEGRITY_UNKNOWN);
	second.octets[1] = 200;
	assert_int_equal(asks(stage, REFRESH, 10, "one", &second, KEY)->marks & AUDIT_TOKEN_SHAPED, 0);
	// Another flow of that host, where it is the first; and what the host does there is nothing to the flow before.
	stage->place.time += 11 * SECOND;
	assert_int_equal(asks(stage, REFRESH, 11, "one", &first, KEY)->token_use, AUDIT_USE_EARLIER);
	struct session *before = stage->session;
	stage->session = session_new(true, false);
	stage->asker.port++;
	assert_int_equal(asks(stage, REFRESH, 12, "one", &first, KEY)->token_use, AUDIT_USE_TURNS);
	struct sealed third = seal(OTHER_KEY, 0, 600);
	assert_int_equal(asks(stage, REFRESH, 13, "one", &third, OTHER_KEY)->token_use, AUDIT_USE_NEWER);
	session_free(stage->session);
	stage->session = before;
	stage->asker.port--;
	assert_int_equal(asks(stage, REFRESH, 14, "one", &first, KEY)->token_use, AUDIT_USE_SAME);
	end(stage);
}

static void a_token_that_is_over(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	way_in(stage);
	struct sealed brief = seal(OTHER_KEY, 0, 30);
	asks(stage, ALLOCATE, 3, "one", &brief, OTHER_KEY);
	grants(stage, ALLOCATE, 3, 30, OTHER_KEY);
	stage->place.time += 36 * SECOND;
	assert_int_equal(asks(stage, ALLOCATE, 4, "one", &brief, OTHER_KEY)->proven & AUDIT_TOKEN_OVER, 0);
	refuses(stage, ALLOCATE, 4, 401, "one");
	stage->place.time += 10 * SECOND;
	struct audit_message_facts *facts = asks(stage, REFRESH, 5, "one", &brief, OTHER_KEY);
	assert_int_equal(facts->token_time, AUDIT_TIME_BEYOND_PAST);
	assert_int_equal(facts->proven & AUDIT_TOKEN_OVER, AUDIT_TOKEN_OVER);
	assert_int_equal(facts->proven & AUDIT_TOKEN_PROVEN, 0);
	end(stage);
}

static void what_proves_no_clock(void **unused)
{
	(void)unused;
	static const struct {
		int64_t age;
		uint32_t lifetime;
		bool proves;
	} cases[] = {{0, 600, true}, {0, 3601, false}, {1801, 3600, false}, {-61, 600, false}, {700, 600, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct stage *stage = begin(true);
		refuses(stage, ALLOCATE, 9, 401, "one");
		struct sealed token = seal(KEY, cases[i].age, cases[i].lifetime);
		asks(stage, ALLOCATE, 2, "one", &token, KEY);
		grants(stage, ALLOCATE, 2, 600, KEY);
		uint8_t proven = asks(stage, REFRESH, 3, "one", &token, KEY)->proven;
		assert_int_equal(!!(proven & AUDIT_CLOCK_PROVEN), cases[i].proves);
		assert_true(proven & AUDIT_KID_PROVEN);
		end(stage);
	}
}

static void what_a_server_announces(void **unused)
{
	(void)unused;
	struct stage *stage = begin(true);
	refuses(stage, ALLOCATE, 1, 401, "one");
	message_begin(&stage->made, ALLOCATE_ERROR, 2);
	message_number(&stage->made, 0x0009, 4 << 8 | 1);
	message_add(&stage->made, 0x802E, NAME "\0", strlen(NAME) + 1);
	struct audit_message_facts *facts = says(stage);
	assert_true(facts->flags & AUDIT_SERVER_NAME_CHANGED);
	assert_int_equal(facts->marks & AUDIT_NAME_NUL, AUDIT_NAME_NUL);
	stage->world.server_name = text_octets("another name");
	facts = refuses(stage, ALLOCATE, 3, 401, "one");
	assert_true(facts->flags & AUDIT_SERVER_NAME_OTHER);
	assert_int_equal(facts->marks & AUDIT_NAME_NUL, 0);
	end(stage);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_with_a_token),
		cmocka_unit_test(a_capture_that_began_late),
		cmocka_unit_test(a_challenge_makes_an_allocation_doubtful),
		cmocka_unit_test(nonces),
		cmocka_unit_test(transactions_and_answers_that_come_again),
		cmocka_unit_test(requests_that_come_again),
		cmocka_unit_test(copies_of_what_is_forgotten),
		cmocka_unit_test(a_renewal_that_is_not_in_the_capture),
		cmocka_unit_test(what_is_proven_of_a_clock_for_a_while),
		cmocka_unit_test(what_another_key_proves),
		cmocka_unit_test(the_last_minutes_of_a_session),
		cmocka_unit_test(tokens_under_the_name_that_was_given),
		cmocka_unit_test(a_flow_that_was_let_go),
		cmocka_unit_test(nonces_that_cross),
		cmocka_unit_test(tokens_in_turn),
		cmocka_unit_test(a_token_that_is_over),
		cmocka_unit_test(what_proves_no_clock),
		cmocka_unit_test(what_a_server_announces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
