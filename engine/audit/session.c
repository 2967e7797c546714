// SPDX-License-Identifier: BSD-3-Clause
#include "audit/session.h"

#include "audit/channels.h"
#include "audit/moment.h"
#include "audit/names.h"
#include "audit/proof.h"
#include "audit/recall.h"
#include "audit/transactions.h"
#include "stun/attribute.h"
#include "stun/integrity.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define EDGE 10  // seconds around an end within which nothing is certain
#define NONCES 8 // of one session that are remembered

enum {
	METHOD_ALLOCATE = 0x003,
	METHOD_REFRESH = 0x004,
	METHOD_CHANNEL_BIND = 0x009,
};

enum {
	USERNAME = 0x0006,
	CHANNEL_NUMBER = 0x000C,
	LIFETIME = 0x000D,
	REALM = 0x0014,
	NONCE = 0x0015,
	XOR_RELAYED_ADDRESS = 0x0016,
	REQUESTED_TRANSPORT = 0x0019,
	ACCESS_TOKEN = 0x001B,
	XOR_MAPPED_ADDRESS = 0x0020,
	THIRD_PARTY_AUTHORIZATION = 0x802E,
};

struct given_nonce {
	uint64_t hash, time;
	bool refused;
	bool by_438; // and not used since
};

struct session {
	bool beginning, challenged, allocated, deleted;
	bool doubtful; // a challenge came since anything was granted
	uint64_t allocation_ends;
	struct given_nonce nonces[NONCES]; // the latest first
	size_t nonce_count;
	uint32_t realm, server_name; // numbers of names
	bool has_token;              // what the session rests on
	struct signing_key key;
	uint64_t token, kid, timestamp;
	uint32_t lifetime;
	struct channels channels;
	struct transactions transactions;
	struct opened_token opened; // of the request looked at last
};

struct session *session_new(bool beginning)
{
	struct session *session = calloc(1, sizeof *session);
	if (session)
		session->beginning = beginning;
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

// --- reading values ------------------------------------------------------------------------------

static bool number_of(const struct stun_message *message, uint16_t type, uint32_t *number)
{
	struct stun_octets octets = stun_message_octets(message, type);
	if (!octets.data || octets.length != 4)
		return false;
	*number = (uint32_t)octets.data[0] << 24 | (uint32_t)octets.data[1] << 16 | (uint32_t)octets.data[2] << 8 |
		  octets.data[3];
	return true;
}

static uint64_t hash_of(const struct session_world *world, uint64_t salt, struct stun_octets octets)
{
	uint64_t parts[2] = {salt, keyring_hash(world->keyring, octets.data, octets.length)};
	return keyring_hash(world->keyring, parts, sizeof parts);
}

// --- the token -----------------------------------------------------------------------------------

static struct stun_octets server_name(const struct session *session, const struct session_world *world,
				      const struct session_place *place)
{
	if (world->server_name.data)
		return world->server_name;
	uint64_t known = 0;
	if (!session->server_name)
		recall_get(world->servers, place->server, &known);
	uint32_t number = session->server_name ? session->server_name : (uint32_t)known;
	return names_of(world->names, number);
}

// How often this client has used this token at this server, and whether it had gone on to another.
static enum audit_token_use use_of(struct session_world *world, const struct session_place *place, uint64_t digest)
{
	uint64_t pair[3] = {place->client, place->server, digest}, last;
	uint64_t client = keyring_hash(world->keyring, pair, sizeof pair[0] * 2);
	uint64_t used = keyring_hash(world->keyring, pair, sizeof pair);
	bool before = recall_get(world->clients, client, &last);
	bool again = recall_get(world->tokens, used, NULL);
	if (before && last == digest)
		return AUDIT_USE_SAME;
	if (again)
		return AUDIT_USE_EARLIER;
	recall_put(world->tokens, used, 1);
	recall_put(world->clients, client, digest);
	return before ? AUDIT_USE_NEWER : AUDIT_USE_FIRST;
}

static void keep_token_facts(struct session_world *world, const struct session_place *place,
			     const struct opened_token *opened, struct audit_message_facts *facts)
{
	facts->token_time = (uint8_t)moment_of(place->time, opened->timestamp, opened->lifetime, world->far);
	if (moment_is_absurd(place->time, opened->timestamp))
		facts->flags |= AUDIT_TOKEN_TIMESTAMP;
	if (!opened->lifetime)
		facts->flags |= AUDIT_TOKEN_ENDLESS;
	if (opened->nonce_length != opened->algorithm->nonce_length)
		facts->flags |= AUDIT_TOKEN_NONCE_LENGTH;
	if (opened->extra)
		facts->flags |= AUDIT_TOKEN_EXTRA;
	if (opened->key_length != 20 && opened->key_length != 32)
		facts->flags |= AUDIT_TOKEN_KEY_LENGTH;
	uint64_t other;
	if (!opened->nonce_length)
		return;
	if (!recall_get(world->sealings, opened->nonce, &other))
		recall_put(world->sealings, opened->nonce, opened->digest);
	else if (other != opened->digest)
		facts->flags |= AUDIT_TOKEN_NONCE_REPEATED;
}

static uint64_t kid_at(const struct session_world *world, const struct session_place *place,
		       const struct stun_message *message)
{
	return hash_of(world, ~place->server, stun_message_octets(message, USERNAME));
}

static void look_at_token(struct session *session, struct session_world *world, const struct session_place *place,
			  const struct stun_message *message, struct audit_message_facts *facts)
{
	OPENSSL_cleanse(&session->opened, sizeof session->opened);
	struct stun_octets token = stun_message_octets(message, ACCESS_TOKEN);
	if (!token.data)
		return;
	facts->token = (uint8_t)keyring_open(world->keyring, stun_message_octets(message, USERNAME),
					     server_name(session, world, place), token, &session->opened);
	if (facts->token == AUDIT_TOKEN_OPENED)
		keep_token_facts(world, place, &session->opened, facts);
	else if (facts->token == AUDIT_TOKEN_REFUSED && session->opened.shaped)
		facts->marks |= AUDIT_TOKEN_SHAPED;
	proof_of_token(world, place, kid_at(world, place, message), session->opened.digest, facts);
	facts->token_same = session->has_token && session->token == session->opened.digest;
	facts->token_use = (uint8_t)use_of(world, place, session->opened.digest);
}

// --- requests ------------------------------------------------------------------------------------

static enum audit_nonce look_at_nonce(const struct session *session, const struct session_world *world,
				      const struct session_place *place, const struct stun_message *message,
				      uint64_t *hash)
{
	struct stun_octets nonce = stun_message_octets(message, NONCE);
	*hash = 0;
	if (!nonce.data)
		return AUDIT_NONCE_ABSENT;
	*hash = hash_of(world, place->server, nonce);
	for (size_t i = 0; i < session->nonce_count; i++) {
		if (session->nonces[i].hash != *hash)
			continue;
		if (session->nonces[i].refused)
			return AUDIT_NONCE_REFUSED;
		return i ? AUDIT_NONCE_EARLIER : AUDIT_NONCE_CURRENT;
	}
	if (recall_get(world->nonces, *hash, NULL) || !recall_complete(world->nonces))
		return AUDIT_NONCE_ELSEWHERE;
	return AUDIT_NONCE_UNSEEN;
}

// Whether the one that a 438 gave is used for the first time.
static void use_nonce(struct given_nonce *nonce, uint64_t time, struct audit_message_facts *facts)
{
	if (nonce->by_438 && time < nonce->time + EDGE * SECOND)
		facts->marks |= AUDIT_NONCE_FRESH;
	nonce->by_438 = false;
}

static enum audit_allocation allocation_at(const struct session *session, uint64_t time)
{
	if (!session->allocated)
		return session->deleted     ? AUDIT_ALLOCATION_OVER
		       : session->beginning ? AUDIT_ALLOCATION_NONE
					    : AUDIT_ALLOCATION_UNKNOWN;
	if (session->doubtful)
		return AUDIT_ALLOCATION_UNKNOWN;
	uint64_t edge = EDGE * SECOND;
	if (time + edge < session->allocation_ends)
		return AUDIT_ALLOCATION_HELD;
	return time < session->allocation_ends + edge ? AUDIT_ALLOCATION_EDGE : AUDIT_ALLOCATION_OVER;
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
			(uint8_t)moment_of(place->time, session->timestamp, session->lifetime, world->far);
	}
	facts->allocation = (uint8_t)allocation_at(session, place->time);
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

static void look_at_values(const struct stun_message *message, struct audit_message_facts *facts)
{
	uint32_t number;
	if (number_of(message, REQUESTED_TRANSPORT, &number) && number >> 24 != 17 && number >> 24 != 6)
		facts->flags |= AUDIT_PROTOCOL_OTHER;
	if (number_of(message, LIFETIME, &number) && number == 0)
		facts->flags |= AUDIT_DELETES;
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
	struct stun_octets user = stun_message_octets(message, USERNAME), realm = stun_message_octets(message, REALM);
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

static void show_token(const struct session *session, const struct transaction *transaction, struct session_view *view)
{
	view->presented = transaction->fresh;
	view->has_token = transaction->fresh || (!transaction->token && session->has_token);
	view->lifetime = transaction->fresh ? transaction->lifetime : session->lifetime;
	view->timestamp = transaction->fresh ? transaction->timestamp : session->timestamp;
	view->key = transaction->key.length ? &transaction->key : NULL;
	view->server_name = session->server_name;
}

void session_request(struct session *session, struct session_world *world, const struct session_place *place,
		     const struct stun_message *message, struct audit_facts *facts, struct session_view *view)
{
	*view = (struct session_view){0};
	struct audit_message_facts *own = &facts->message;
	uint64_t digest = keyring_hash(world->keyring, message->data, message->length), nonce;
	struct transaction *transaction = transactions_find(&session->transactions, message->header.transaction);
	bool again = transaction && transaction->digest == digest;
	if (again) {
		// What was the case with the first transmission is the case with this one; asking again would find that
		// its token has been used already, and so on.
		*own = transaction->facts;
		own->transaction = AUDIT_TRANSACTION_AGAIN;
		show_token(session, transaction, view);
		return;
	}
	// Whose answer comes next is not certain any more.
	uint8_t kind = !transaction                                 ? AUDIT_TRANSACTION_NEW
		       : transaction->state == TRANSACTION_ANSWERED ? AUDIT_TRANSACTION_REUSED
								    : AUDIT_TRANSACTION_CHANGED;
	own->transaction = kind;
	if (transaction)
		transaction->facts.transaction = kind;
	add_history(session, world, place, own);
	if (is_first(world, place))
		own->flags |= AUDIT_FIRST;
	own->nonce = (uint8_t)look_at_nonce(session, world, place, message, &nonce);
	if (own->nonce == AUDIT_NONCE_CURRENT)
		use_nonce(&session->nonces[0], place->time, own);
	look_at_token(session, world, place, message, own);
	look_at_values(message, own);
	struct signing_key password = {0};
	struct signing_key *key = choose_key(session, world, message, own, &password);
	verify(world, message, key, own);
	if (key && !key->password)
		proof_of_form(world, place, key->length, own);
	uint64_t kid = kid_at(world, place, message);
	if (session->has_token && session->kid != kid)
		own->marks |= AUDIT_KID_OTHER;
	if (own->token == AUDIT_TOKEN_REFUSED) {
		// The key was a guess, so it proves nothing when it does not fit.
		own->integrity = own->integrity == AUDIT_INTEGRITY_INVALID ? AUDIT_INTEGRITY_UNKNOWN : own->integrity;
		own->integrity_sha256 = own->integrity_sha256 == AUDIT_INTEGRITY_INVALID ? AUDIT_INTEGRITY_UNKNOWN
											 : own->integrity_sha256;
	}

	transaction = transactions_begin(&session->transactions, message->header.transaction, place->time);
	if (!transaction)
		goto done;
	transaction->frame = place->frame;
	transaction->digest = digest;
	transaction->nonce = nonce;
	transaction->kid = kid;
	transaction->token = own->token == AUDIT_TOKEN_ABSENT ? 0 : session->opened.digest;
	transaction->fresh = own->token == AUDIT_TOKEN_OPENED;
	transaction->timestamp = session->opened.timestamp;
	transaction->lifetime = session->opened.lifetime;
	uint32_t channel;
	if (number_of(message, CHANNEL_NUMBER, &channel))
		transaction->channel = (uint16_t)(channel >> 16);
	if (key)
		transaction->key = *key;
	transaction->facts = *own;
	transaction_keep(transaction, message->data, message->length);
	show_token(session, transaction, view);
	view->token = transaction->fresh ? &session->opened : NULL;
done:
	OPENSSL_cleanse(&password, sizeof password);
}

// --- answers -------------------------------------------------------------------------------------

static void learn_nonce(struct session *session, struct session_world *world, const struct session_place *place,
			const struct stun_message *message, struct audit_message_facts *facts)
{
	struct stun_octets nonce = stun_message_octets(message, NONCE);
	if (!nonce.data)
		return;
	if (!nonce.length)
		facts->flags |= AUDIT_NONCE_EMPTY;
	uint64_t hash = hash_of(world, place->server, nonce);
	recall_put(world->nonces, hash, 1);
	if (session->nonce_count && session->nonces[0].hash == hash) {
		session->nonces[0].refused = false; // it is given anew
		return;
	}
	if (session->nonce_count < NONCES)
		session->nonce_count++;
	memmove(&session->nonces[1], &session->nonces[0], (session->nonce_count - 1) * sizeof session->nonces[0]);
	session->nonces[0] = (struct given_nonce){hash, place->time, false, facts->code == 438};
}

static void refuse_nonce(struct session *session, uint64_t hash)
{
	for (size_t i = 0; i < session->nonce_count; i++)
		if (session->nonces[i].hash == hash)
			session->nonces[i].refused = true;
}

static void learn_server_name(struct session *session, struct session_world *world, const struct session_place *place,
			      const struct stun_message *message, struct audit_message_facts *facts)
{
	struct stun_octets name = stun_message_octets(message, THIRD_PARTY_AUTHORIZATION);
	uint64_t known = 0;
	recall_get(world->servers, place->server, &known);
	if (!name.data)
		return;
	if (!name.length)
		facts->flags |= AUDIT_NAME_EMPTY;
	else if (!name.data[name.length - 1])
		facts->marks |= AUDIT_NAME_NUL;
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
	struct stun_octets relayed = stun_message_octets(message, XOR_RELAYED_ADDRESS);
	return hash_of(world, (uint64_t)facts->class << 16 | facts->code, relayed);
}

static void weigh_lifetime(const struct session_world *world, const struct session_place *place,
			   const struct stun_message *message, const struct session_view *view,
			   struct audit_message_facts *facts)
{
	uint32_t granted;
	if (!view->has_token || !number_of(message, LIFETIME, &granted))
		return;
	if (!granted) {
		facts->grant = AUDIT_GRANT_ZERO;
		return;
	}
	facts->grant = granted <= view->lifetime                            ? AUDIT_GRANT_WITHIN
		       : granted <= (uint64_t)view->lifetime + world->delta ? AUDIT_GRANT_DELTA
									    : AUDIT_GRANT_OVER;
	facts->ceiling = (uint8_t)moment_ceiling(place->time, view->timestamp, view->lifetime, granted);
}

// What a success changes: the allocation, the channels, the token that the session rests on.
static void accept(struct session *session, struct session_world *world, const struct session_place *place,
		   const struct stun_message *message, const struct transaction *transaction,
		   const struct audit_message_facts *facts)
{
	uint32_t granted = 0;
	bool told = number_of(message, LIFETIME, &granted);
	session->doubtful = false;
	bool allocates = facts->method == METHOD_ALLOCATE, refreshes = facts->method == METHOD_REFRESH;
	if (facts->method == METHOD_CHANNEL_BIND && transaction && transaction->channel)
		channels_bind(&session->channels, transaction->channel, place->time);
	if (!allocates && !refreshes)
		return;
	if (told && !granted) {
		session->allocated = false;
		session->deleted = true;
		return;
	}
	session->allocated = session->allocated || allocates || refreshes;
	session->allocation_ends = place->time + (told ? granted : 600) * SECOND;
	if (transaction && transaction->fresh) {
		proof_let_in(world, place, transaction);
		session->has_token = true;
		session->kid = transaction->kid;
		session->token = transaction->token;
		session->timestamp = transaction->timestamp;
		session->lifetime = transaction->lifetime;
	}
	// Whoever is let in on a password, or on a token that does not open here, has a session of another key.
	if (transaction && allocates && !transaction->fresh)
		session->has_token = false;
	if (transaction && (transaction->fresh || allocates))
		session->key = transaction->key;
}

static void check_mapped(const struct session_place *place, const struct stun_message *message,
			 struct audit_message_facts *facts)
{
	struct stun_octets octets = stun_message_octets(message, XOR_MAPPED_ADDRESS);
	struct stun_address mapped;
	if (!octets.data || !place->asker ||
	    stun_address_decode(octets.data, octets.length, message->header.transaction, &mapped, NULL) < 0)
		return;
	size_t size = mapped.family == STUN_IPV4 ? 4 : 16;
	if (mapped.family != place->asker->family || mapped.port != place->asker->port ||
	    memcmp(mapped.octets, place->asker->octets, size) != 0)
		facts->flags |= AUDIT_MAPPED_OTHER;
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
	add_history(session, world, place, own);
	check_mapped(place, message, own);
	bool first = true;
	if (transaction) {
		facts->request = transaction->facts;
		if (own->method != transaction->facts.method)
			own->flags |= AUDIT_OTHER_METHOD;
		verify(world, message, transaction->key.length ? &transaction->key : NULL, own);
		uint64_t digest = digest_of_answer(world, message, own);
		first = transaction->state == TRANSACTION_OPEN;
		if (first) {
			transaction->answer = digest;
			transaction->refused = own->class == AUDIT_ERROR;
		} else {
			own->repeated = transaction->answer == digest                         ? AUDIT_REPEATED_ALIKE
					: transaction->refused && own->class == AUDIT_SUCCESS ? AUDIT_REPEATED_LATER
											      : AUDIT_REPEATED_CHANGED;
		}
		if (own->code &&
		    transaction->nonce == hash_of(world, place->server, stun_message_octets(message, NONCE)))
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
		weigh_lifetime(world, place, message, view, own);
	learn_server_name(session, world, place, message, own);
	if (own->class == AUDIT_ERROR && (own->code == 401 || own->code == 438)) {
		session->challenged = session->doubtful = true;
		if (own->code == 438 && transaction && first)
			refuse_nonce(session, transaction->nonce);
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
