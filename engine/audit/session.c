// SPDX-License-Identifier: BSD-3-Clause
#include "audit/session.h"

#include "audit/allocation.h"
#include "audit/channels.h"
#include "audit/moment.h"
#include "audit/names.h"
#include "audit/nonces.h"
#include "audit/presentation.h"
#include "audit/proof.h"
#include "audit/recall.h"
#include "audit/transactions.h"
#include "audit/values.h"
#include "stun/attribute.h"
#include "stun/integrity.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME 600 // seconds that are granted where no attribute tells (RFC 8656 section 7.2)

struct session {
	bool beginning, challenged;
	bool offered;         // third-party authorization
	bool by_given;        // its last token opened under the name that was given, not under the one announced
	uint64_t presented;   // a hash of that token; 0: none
	uint64_t since;       // when it was presented first, nanoseconds since 1970
	uint32_t server_name; // number of a name
	bool has_token;       // what the session rests on
	struct signing_key key;
	uint64_t token, kid, timestamp;
	uint32_t lifetime;
	struct allocation allocation;
	struct nonces nonces;
	struct channels channels;
	struct transactions transactions;
	struct opened_token opened; // of the request looked at last
};

struct session *session_new(bool beginning, bool forgotten)
{
	struct session *session = calloc(1, sizeof *session);
	if (session) {
		session->beginning = beginning && !forgotten;
		session->transactions.forgotten = forgotten;
	}
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	transactions_free(&session->transactions);
	channels_free(&session->channels);
	OPENSSL_clear_free(session, sizeof *session);
}

size_t session_size(const struct session *session)
{
	size_t size = sizeof *session + session->transactions.capacity * sizeof(struct transaction) +
		      session->channels.count * sizeof(struct bound_channel);
	for (size_t i = 0; i < session->transactions.count; i++)
		size += session->transactions.list[i].length;
	return size;
}

size_t session_unanswered(const struct session *session)
{
	size_t open = 0;
	for (size_t i = 0; i < session->transactions.count; i++)
		open += session->transactions.list[i].state == TRANSACTION_OPEN;
	return open;
}

// --- requests ------------------------------------------------------------------------------------

static enum audit_nonce look_at_nonce(const struct session *session, const struct session_world *world,
				      const struct session_place *place, const struct stun_message *message,
				      uint64_t *hash)
{
	struct stun_octets nonce = stun_message_octets(message, STUN_NONCE);
	*hash = 0;
	if (!nonce.data)
		return AUDIT_NONCE_ABSENT;
	*hash = keyring_hash_of(world->keyring, place->server, nonce);
	enum audit_nonce found = nonces_find(&session->nonces, *hash);
	if (found != AUDIT_NONCE_UNSEEN)
		return found;
	if (recall_get(world->nonces, *hash, NULL) || !recall_complete(world->nonces))
		return AUDIT_NONCE_ELSEWHERE;
	return AUDIT_NONCE_UNSEEN;
}

static void add_history(const struct session *session, struct session_world *world, const struct session_place *place,
			struct audit_message_facts *facts)
{
	if (session->challenged)
		facts->flags |= AUDIT_CHALLENGED;
	proof_of_server(world, place, facts);
	if (session->has_token) {
		facts->flags |= AUDIT_TOKEN_SESSION;
		facts->session_time =
			(uint8_t)moment_in_session(place->time, session->timestamp, session->lifetime, world->far);
	}
	if (session->offered)
		facts->marks |= AUDIT_OFFERED_HERE;
	facts->allocation = (uint8_t)allocation_at(&session->allocation, place->time, session->beginning);
}

// Whether this very message was on this flow before. Remembers it.
static bool was_heard(struct session_world *world, const struct session_place *place, uint64_t digest)
{
	uint64_t parts[4] = {place->client, place->server, digest, place->asker ? place->asker->port : 0};
	uint64_t key = keyring_hash(world->keyring, parts, sizeof parts);
	if (recall_get(world->heard, key, NULL))
		return true;
	recall_put(world->heard, key, 0);
	return false;
}

// Whether this client was never seen to ask this server anything.
static bool is_first(struct session_world *world, const struct session_place *place)
{
	uint64_t pair[2] = {place->client, place->server};
	uint64_t key = ~keyring_hash(world->keyring, pair, sizeof pair);
	if (recall_get(world->clients, key, NULL) || !recall_complete(world->clients))
		return false;
	recall_put(world->clients, key, 0);
	return true;
}

// The key that a request without a token, or with one that does not open, is signed with as far as is known.
static struct signing_key *choose_key(struct session *session, struct session_world *world,
				      const struct stun_message *message, const struct audit_message_facts *facts,
				      struct signing_key *password)
{
	if (facts->token == AUDIT_TOKEN_OPENED)
		return &session->opened.key;
	if (facts->token == AUDIT_TOKEN_REFUSED && session->has_token)
		return &session->key; // perhaps it is that of the session, spoilt on the way
	if (facts->token != AUDIT_TOKEN_ABSENT)
		return NULL;
	if (session->key.length)
		return &session->key;
	struct stun_octets user = stun_message_octets(message, STUN_USERNAME),
			   realm = stun_message_octets(message, STUN_REALM);
	bool known = user.data && realm.data && keyring_password_key(world->keyring, user, realm, password);
	return known ? password : NULL;
}

static void verify(struct session_world *world, const struct stun_message *message, struct signing_key *key,
		   struct audit_message_facts *facts)
{
	if (facts->integrity != AUDIT_INTEGRITY_ABSENT)
		facts->integrity = (uint8_t)keyring_verify(world->keyring, message, STUN_MESSAGE_INTEGRITY, key);
	if (facts->integrity_sha256 != AUDIT_INTEGRITY_ABSENT)
		facts->integrity_sha256 =
			(uint8_t)keyring_verify(world->keyring, message, STUN_MESSAGE_INTEGRITY_SHA256, key);
	facts->tells = (uint8_t)keyring_tells(world->keyring, key, message->data, message->length);
	for (size_t i = 0; i < world->identity_count; i++)
		if (memmem(message->data, message->length, world->identities[i].data, world->identities[i].length))
			facts->flags |= AUDIT_IDENTITY;
}

// Whether its integrity verifies under some form of a mac_key.
static bool is_signed(const struct audit_message_facts *facts)
{
	uint8_t integrity = facts->integrity != AUDIT_INTEGRITY_ABSENT ? facts->integrity : facts->integrity_sha256;
	return integrity >= AUDIT_INTEGRITY_WHOLE && integrity <= AUDIT_INTEGRITY_CUT;
}

static void show_token(const struct session *session, const struct transaction *transaction, struct session_view *view)
{
	view->presented = transaction->fresh;
	// Another token may have come in between, and be missing in the capture: then this one's key signs no more.
	view->has_token =
		transaction->fresh || (!transaction->token && session->has_token && is_signed(&transaction->facts));
	view->lifetime = transaction->fresh ? transaction->lifetime : session->lifetime;
	view->timestamp = transaction->fresh ? transaction->timestamp : session->timestamp;
	view->key = transaction->key.length ? &transaction->key : NULL;
	view->server_name = session->by_given ? 0 : session->server_name;
}

// A copy of what was here before, or the same asked anew: of it and of its answer nothing is certain.
static void look_at_copy(const struct session *session, struct session_world *world, const struct session_place *place,
			 const struct stun_message *message, struct audit_message_facts *own)
{
	uint64_t nonce;
	add_history(session, world, place, own);
	own->transaction = AUDIT_TRANSACTION_AGAIN;
	own->nonce = (uint8_t)look_at_nonce(session, world, place, message, &nonce);
	own->token = audit_facts_has(own, STUN_ACCESS_TOKEN) ? AUDIT_TOKEN_SEALED : AUDIT_TOKEN_ABSENT;
}

// What a request brings along that its answer will be held against.
struct brought {
	uint64_t digest, nonce, kid; // hashes: of the whole message, and of what stands in two attributes
	struct signing_key *key;     // that it is signed with as far as is known, or NULL
	struct signing_key password; // the place of a key that the session does not hold
};

// Looks at a request that is met for the first time. Its token is in session->opened then, where it has one that opens.
static void look_at_request(struct session *session, struct session_world *world, const struct session_place *place,
			    const struct stun_message *message, struct audit_message_facts *own,
			    struct brought *brought)
{
	add_history(session, world, place, own);
	if (is_first(world, place))
		own->flags |= AUDIT_FIRST;
	own->nonce = (uint8_t)look_at_nonce(session, world, place, message, &brought->nonce);
	if (own->nonce == AUDIT_NONCE_CURRENT && nonces_use(&session->nonces, place->time))
		own->marks |= AUDIT_NONCE_FRESH;
	if (nonces_long_refused(&session->nonces, brought->nonce, place->time))
		own->marks |= AUDIT_NONCE_LONG;
	brought->kid = keyring_hash_of(world->keyring, ~place->server, stun_message_octets(message, STUN_USERNAME));
	OPENSSL_cleanse(&session->opened, sizeof session->opened);
	const struct presentation_before before = {session->server_name, &session->by_given, &session->presented,
						   &session->since};
	if (presentation_look(world, place, message, brought->kid, &before, &session->opened, own))
		own->token_same = session->has_token && session->token == session->opened.digest;
	values_of_request(message, own);
	brought->key = choose_key(session, world, message, own, &brought->password);
	verify(world, message, brought->key, own);
	if (brought->key && !brought->key->password)
		proof_of_form(world, place, brought->key->length, own);
	if (session->has_token && session->kid != brought->kid)
		own->marks |= AUDIT_KID_OTHER;
	if (own->token == AUDIT_TOKEN_REFUSED) {
		// The key was a guess, so it proves nothing when it does not fit.
		own->integrity = own->integrity == AUDIT_INTEGRITY_INVALID ? AUDIT_INTEGRITY_UNKNOWN : own->integrity;
		own->integrity_sha256 = own->integrity_sha256 == AUDIT_INTEGRITY_INVALID ? AUDIT_INTEGRITY_UNKNOWN
											 : own->integrity_sha256;
	}
}

// Keeps what the answer will be held against. NULL without memory.
static struct transaction *keep_request(struct session *session, const struct session_place *place,
					const struct stun_message *message, const struct audit_message_facts *own,
					const struct brought *brought)
{
	struct transaction *transaction =
		transactions_begin(&session->transactions, message->header.transaction, place->time);
	if (!transaction)
		return NULL;
	transaction->frame = place->frame;
	transaction->digest = brought->digest;
	transaction->nonce = brought->nonce;
	transaction->kid = brought->kid;
	transaction->token = own->token == AUDIT_TOKEN_ABSENT ? 0 : session->opened.digest;
	transaction->fresh = own->token == AUDIT_TOKEN_OPENED;
	transaction->timestamp = session->opened.timestamp;
	transaction->lifetime = session->opened.lifetime;
	uint32_t channel;
	if (values_number(message, STUN_CHANNEL_NUMBER, &channel))
		transaction->channel = (uint16_t)(channel >> 16);
	if (brought->key)
		transaction->key = *brought->key;
	transaction->facts = *own;
	transaction_keep(transaction, message->data, message->length);
	return transaction;
}

void session_request(struct session *session, struct session_world *world, const struct session_place *place,
		     const struct stun_message *message, struct audit_facts *facts, struct session_view *view)
{
	*view = (struct session_view){0};
	struct audit_message_facts *own = &facts->message;
	struct brought brought = {.digest = keyring_hash(world->keyring, message->data, message->length)};
	struct transaction *transaction = transactions_find(&session->transactions, message->header.transaction);
	bool again = transaction && transaction->digest == brought.digest;
	bool heard = was_heard(world, place, brought.digest);
	bool over = again && transaction_is_over(transaction, place->time);
	if (over) {
		transactions_drop(&session->transactions, transaction);
		session->transactions.forgotten = true;
	}
	// It may be asked anew, or be a copy in a capture of two places whose clocks differ.
	if (over || (heard && !transaction)) {
		look_at_copy(session, world, place, message, own);
		return;
	}
	if (again) {
		transaction_again(transaction, place->time);
		// What was the case with the first transmission is the case with this one; asking again would find that
		// its token has been used already, and so on.
		*own = transaction->facts;
		own->transaction = AUDIT_TRANSACTION_AGAIN;
		show_token(session, transaction, view);
		return;
	}
	own->transaction = !transaction                                 ? AUDIT_TRANSACTION_NEW
			   : transaction->state == TRANSACTION_ANSWERED ? AUDIT_TRANSACTION_REUSED
									: AUDIT_TRANSACTION_CHANGED;
	if (transaction) // whose answer comes next is not certain any more
		transaction->facts.transaction = own->transaction;
	look_at_request(session, world, place, message, own, &brought);
	transaction = keep_request(session, place, message, own, &brought);
	if (transaction) {
		show_token(session, transaction, view);
		view->token = transaction->fresh ? &session->opened : NULL;
	}
	OPENSSL_cleanse(&brought, sizeof brought);
}

// --- answers -------------------------------------------------------------------------------------

static void learn_nonce(struct session *session, struct session_world *world, const struct session_place *place,
			const struct stun_message *message, struct audit_message_facts *facts)
{
	struct stun_octets nonce = stun_message_octets(message, STUN_NONCE);
	if (!nonce.data)
		return;
	if (!nonce.length)
		facts->flags |= AUDIT_NONCE_EMPTY;
	uint64_t hash = keyring_hash_of(world->keyring, place->server, nonce);
	recall_put(world->nonces, hash, 1);
	if (facts->repeated && nonces_find(&session->nonces, hash) != AUDIT_NONCE_UNSEEN)
		return; // a copy of what was heard
	// Of other requests that are on their way nobody knows which nonces their answers bring, and in which order.
	bool alone = !facts->repeated && session_unanswered(session) <= 1;
	nonces_give(&session->nonces, hash, place->time, facts->code == 438 && alone);
}

static void learn_server_name(struct session *session, struct session_world *world, const struct session_place *place,
			      const struct stun_message *message, struct audit_message_facts *facts)
{
	struct stun_octets name = stun_message_octets(message, STUN_THIRD_PARTY_AUTHORIZATION);
	uint64_t known = 0;
	recall_get(world->servers, place->server, &known);
	if (!name.data)
		return;
	if (!name.length)
		facts->flags |= AUDIT_NAME_EMPTY;
	else if (!name.data[name.length - 1])
		facts->marks |= AUDIT_NAME_NUL;
	session->offered = true;
	uint32_t number = names_number(world->names, name);
	const struct stun_octets *given = &world->server_name;
	if (given->data && !stun_octets_equal(*given, name))
		facts->flags |= AUDIT_SERVER_NAME_OTHER;
	if (known & PROOF_THIRD_PARTY && (uint32_t)known != number)
		facts->flags |= AUDIT_SERVER_NAME_CHANGED;
	session->server_name = number;
	recall_put(world->servers, place->server, (known & ~(uint64_t)UINT32_MAX) | PROOF_THIRD_PARTY | number);
}

static uint64_t digest_of_answer(const struct session_world *world, const struct stun_message *message,
				 const struct audit_message_facts *facts)
{
	struct stun_octets relayed = stun_message_octets(message, STUN_XOR_RELAYED_ADDRESS);
	return keyring_hash_of(world->keyring, (uint64_t)facts->class << 16 | facts->code, relayed);
}

// What a success changes: the allocation, the channels, the token that the session rests on.
static void accept(struct session *session, struct session_world *world, const struct session_place *place,
		   const struct stun_message *message, const struct transaction *transaction,
		   const struct audit_message_facts *facts)
{
	uint32_t granted = 0;
	bool told = values_number(message, STUN_LIFETIME, &granted);
	if (facts->method != STUN_METHOD_BINDING)
		session->allocation.doubtful = false;
	bool allocates = facts->method == STUN_METHOD_ALLOCATE, refreshes = facts->method == STUN_METHOD_REFRESH;
	if (facts->method == STUN_METHOD_CHANNEL_BIND && transaction && transaction->channel)
		channels_bind(&session->channels, transaction->channel, place->time);
	if (!allocates && !refreshes)
		return;
	allocation_grant(&session->allocation, place->time, told ? granted : LIFETIME);
	if (told && !granted)
		return;
	if (transaction && transaction->fresh) {
		proof_let_in(world, place, transaction);
		session->has_token = true;
		session->kid = transaction->kid;
		session->token = transaction->token;
		session->timestamp = transaction->timestamp;
		session->lifetime = transaction->lifetime;
	}
	// Whoever is let in on a password, or on a token that does not open here, has a session of another key.
	if (allocates && !(transaction && transaction->fresh))
		session->has_token = false;
	if (transaction && (transaction->fresh || allocates))
		session->key = transaction->key;
	else if (allocates)
		OPENSSL_cleanse(&session->key, sizeof session->key);
}

// Which word fits an answer that comes again as it was.
static uint8_t alike(const struct transaction *transaction)
{
	return transaction->answered >= transaction->asked ? AUDIT_REPEATED_COPY
	       : transaction->apart                        ? AUDIT_REPEATED_ALIKE
							   : AUDIT_REPEATED_SOON;
}

// Whether the server may hold the key of another token than the request was signed with: one that was let in and came
// again, which servers that remember no transactions let in once more (RFC 5389 7.3.1).
static bool is_key_in_doubt(const struct session *session, const struct transaction *signed_with)
{
	const struct signing_key *key = &signed_with->key;
	for (size_t i = 0; i < session->transactions.count; i++) {
		const struct transaction *one = &session->transactions.list[i];
		if (one->fresh && one->asked > 1 &&
		    (one->key.length != key->length || memcmp(one->key.octets, key->octets, key->length) != 0))
			return true;
	}
	return false;
}

void session_answer(struct session *session, struct session_world *world, const struct session_place *place,
		    const struct stun_message *message, struct audit_facts *facts, struct session_view *view)
{
	*view = (struct session_view){0};
	struct audit_message_facts *own = &facts->message;
	struct transaction *transaction = transactions_find(&session->transactions, message->header.transaction);
	own->asked = transaction                       ? AUDIT_ASKED_SEEN
		     : session->transactions.forgotten ? AUDIT_ASKED_FORGOTTEN
						       : AUDIT_ASKED_UNSEEN;
	bool heard = was_heard(world, place, keyring_hash(world->keyring, message->data, message->length));
	add_history(session, world, place, own);
	values_mapped(place, message, own);
	if (heard && !transaction) { // a copy, whose request is forgotten
		own->asked = AUDIT_ASKED_FORGOTTEN;
		verify(world, message, session->key.length ? &session->key : NULL, own);
		return;
	}
	bool first = true;
	if (transaction) {
		facts->request = transaction->facts;
		if (own->code == 401 && !transaction->fresh && is_key_in_doubt(session, transaction))
			facts->request.flags &= ~(uint32_t)AUDIT_TOKEN_SESSION;
		if (own->method != transaction->facts.method)
			own->flags |= AUDIT_OTHER_METHOD;
		verify(world, message, transaction->key.length ? &transaction->key : NULL, own);
		uint64_t digest = digest_of_answer(world, message, own);
		first = transaction->state == TRANSACTION_OPEN;
		if (first) {
			transaction->answer = digest;
			transaction->refused = own->class == AUDIT_ERROR;
		} else {
			own->repeated = transaction->answer == digest ? alike(transaction)
					: transaction->refused        ? AUDIT_REPEATED_LATER
								      : AUDIT_REPEATED_CHANGED;
		}
		if (transaction->answered < UINT16_MAX)
			transaction->answered++;
		if (own->code && transaction->nonce == keyring_hash_of(world->keyring, place->server,
								       stun_message_octets(message, STUN_NONCE)))
			own->marks |= AUDIT_NONCE_SAME;
		if (own->code && first)
			proof_refused(world, place, transaction, own->code);
		show_token(session, transaction, view);
		// Of answers that come again nobody knows whether the octets are still there, so they never are.
		view->request = first ? transaction->octets : NULL;
		view->request_length = first ? transaction->length : 0;
		view->request_time = transaction->time;
		view->request_frame = transaction->frame;
		view->first_answer = first;
	} else {
		verify(world, message, session->key.length ? &session->key : NULL, own);
	}
	if (own->class == AUDIT_SUCCESS)
		values_granted(world, place, message, view, own);
	learn_server_name(session, world, place, message, own);
	if (own->class == AUDIT_ERROR && (own->code == 401 || own->code == 438)) {
		session->challenged = true;
		// A copy of an answer says nothing new.
		if (first || own->repeated == AUDIT_REPEATED_CHANGED || own->repeated == AUDIT_REPEATED_LATER)
			session->allocation.doubtful = true;
		if (own->code == 438 && transaction && first)
			nonces_refuse(&session->nonces, transaction->nonce, place->time);
	}
	learn_nonce(session, world, place, message, own);
	if (own->class == AUDIT_SUCCESS && first)
		accept(session, world, place, message, transaction, own);
	if (transaction)
		transaction->state = TRANSACTION_ANSWERED;
}

void session_indication(struct session *session, struct session_world *world, const struct session_place *place,
			const struct stun_message *message, struct audit_facts *facts, struct session_view *view)
{
	*view = (struct session_view){0};
	add_history(session, world, place, &facts->message);
	verify(world, message, session->key.length ? &session->key : NULL, &facts->message);
}

enum audit_channel session_channel(struct session *session, uint16_t number, uint64_t time)
{
	return channels_at(&session->channels, number, time, session->beginning);
}
