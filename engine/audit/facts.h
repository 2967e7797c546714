// SPDX-License-Identifier: BSD-3-Clause
//
// What is the case with one message of a capture: what it is, which attributes it has and what is wrong with them,
// whether its integrity verifies and under which form of the key, what its token is worth at that moment, and how it
// stands to what was said before. Facts are small and closed (no text, no numbers that run on), so that messages with
// the same facts are the same to whoever judges: one of them is judged, and the others are counted. Nothing here says
// whether a fact is good or bad.
#ifndef ASSAY_AUDIT_FACTS_H
#define ASSAY_AUDIT_FACTS_H

#include "stun/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The words for all of these stand in facts.c.

enum audit_class { // the first four as enum stun_class
	AUDIT_REQUEST,
	AUDIT_INDICATION,
	AUDIT_SUCCESS,
	AUDIT_ERROR,
	AUDIT_MALFORMED, // has the cookie, but its lengths cannot be followed
	AUDIT_CHANNEL,   // ChannelData
};

enum audit_sender { AUDIT_ANYONE, AUDIT_CLIENT, AUDIT_SERVER };

enum audit_transport { AUDIT_UDP, AUDIT_TCP, AUDIT_TLS, AUDIT_DTLS };

enum audit_fingerprint {
	AUDIT_FINGERPRINT_ABSENT,
	AUDIT_FINGERPRINT_VALID,
	AUDIT_FINGERPRINT_WRONG,
	AUDIT_FINGERPRINT_NOT_LAST
};

// Of the first attribute of its kind.
enum audit_integrity {
	AUDIT_INTEGRITY_ABSENT,
	AUDIT_INTEGRITY_UNKNOWN,  // no key is known that it could be under
	AUDIT_INTEGRITY_WHOLE,    // verifies under the whole mac_key
	AUDIT_INTEGRITY_SHA1,     // verifies under SHA-1 of a mac_key of 32 octets (RFC 7635 Appendix B)
	AUDIT_INTEGRITY_CUT,      // verifies under the first 16 octets of a longer mac_key
	AUDIT_INTEGRITY_PASSWORD, // verifies under the key of a user with a password
	AUDIT_INTEGRITY_INVALID,  // verifies under none of them
};

enum audit_token {
	AUDIT_TOKEN_ABSENT,
	AUDIT_TOKEN_SEALED,      // nobody gave its key, or the server's name is not known
	AUDIT_TOKEN_KID_UNKNOWN, // keys were given, and none has the kid that USERNAME tells
	AUDIT_TOKEN_REFUSED,     // does not open under the key of its kid
	AUDIT_TOKEN_OPENED,
};

// |now - timestamp| against the lifetime of the token, now being the time of the packet (RFC 7635 section 7).
enum audit_time {
	AUDIT_TIME_UNKNOWN,
	AUDIT_TIME_GOOD,        // within its lifetime
	AUDIT_TIME_EDGE_PAST,   // over by at most 10 s
	AUDIT_TIME_BEYOND_PAST, // over by more
	AUDIT_TIME_FAR_PAST,    // over by an hour, or as much as no Delta explains (session_world.far)
	AUDIT_TIME_EDGE_FUTURE, // the same with a timestamp that lies ahead
	AUDIT_TIME_BEYOND_FUTURE,
	AUDIT_TIME_FAR_FUTURE,
	AUDIT_TIME_LATE, // of a session: within its lifetime, but so near the end that clocks may disagree
};

// A token beside those that were seen before.
enum audit_token_use {
	AUDIT_USE_NONE,
	AUDIT_USE_FIRST,   // the first of this client at this server
	AUDIT_USE_SAME,    // the one this client used last at this server
	AUDIT_USE_NEWER,   // another one, not used before
	AUDIT_USE_EARLIER, // one that this client had replaced by another before, on this flow
	AUDIT_USE_TURNS,   // one that this client has used before, and another one since, but not both on this flow
	AUDIT_USE_CROSSED, // as AUDIT_USE_EARLIER, but so soon that packets may have changed places
};

enum audit_nonce {
	AUDIT_NONCE_ABSENT,
	AUDIT_NONCE_CURRENT,   // the last one that this flow was given
	AUDIT_NONCE_EARLIER,   // one that this flow was given before that
	AUDIT_NONCE_REFUSED,   // one that this flow has had a 438 for
	AUDIT_NONCE_ELSEWHERE, // given by this server, but not to this flow
	AUDIT_NONCE_UNSEEN,    // never seen to be given
};

enum audit_transaction {
	AUDIT_TRANSACTION_NONE,
	AUDIT_TRANSACTION_NEW,
	AUDIT_TRANSACTION_AGAIN,   // the same octets again: a retransmission
	AUDIT_TRANSACTION_CHANGED, // the identifier of a request that had no answer yet, other octets
	AUDIT_TRANSACTION_REUSED,  // the identifier of a request that had an answer, other octets
};

enum audit_asked {
	AUDIT_ASKED_NONE,      // not an answer
	AUDIT_ASKED_SEEN,      // the request is there
	AUDIT_ASKED_UNSEEN,    // it is not in the capture
	AUDIT_ASKED_FORGOTTEN, // it may be, but is not held any more
};

enum audit_repeated {
	AUDIT_REPEATED_NO,
	AUDIT_REPEATED_ALIKE,   // answers a request that came again: the same class, code and relayed address
	AUDIT_REPEATED_CHANGED, // answers again, otherwise
	AUDIT_REPEATED_LATER,   // lets in what was refused at first, or refuses it for another reason
	AUDIT_REPEATED_SOON,    // as alike, but the request came again sooner than anybody gives up waiting: perhaps
				// whoever captured has its packets twice
	AUDIT_REPEATED_COPY,    // as alike, but the request did not come so often
};

enum audit_allocation {
	AUDIT_ALLOCATION_UNKNOWN, // the beginning of the flow is not in the capture, or a challenge came since:
				  // perhaps of a server that was started anew
	AUDIT_ALLOCATION_NONE,
	AUDIT_ALLOCATION_HELD,
	AUDIT_ALLOCATION_EDGE, // within 10 s of its end
	AUDIT_ALLOCATION_OVER, // deleted or run out
};

// LIFETIME of a success response against the lifetime of the token.
enum audit_grant {
	AUDIT_GRANT_NONE,   // no LIFETIME, or no token is known
	AUDIT_GRANT_ZERO,   // an allocation was deleted
	AUDIT_GRANT_WITHIN, // at most the lifetime
	AUDIT_GRANT_DELTA,  // at most Delta more
	AUDIT_GRANT_OVER,
};

enum audit_ceiling {
	AUDIT_CEILING_NONE,
	AUDIT_CEILING_KEPT,
	AUDIT_CEILING_BROKEN,
	AUDIT_CEILING_EDGE
}; // edge: broken by at most a minute, which clocks may differ by

enum audit_channel {
	AUDIT_CHANNEL_NONE,
	AUDIT_CHANNEL_BOUND,
	AUDIT_CHANNEL_UNBOUND, // never bound, though the flow was seen from its beginning
	AUDIT_CHANNEL_OVER,    // not bound again for ten minutes
	AUDIT_CHANNEL_UNKNOWN, // the beginning of the flow is not in the capture
};

enum audit_tells { AUDIT_TELLS_NOTHING, AUDIT_TELLS_MAC_KEY, AUDIT_TELLS_KEY, AUDIT_TELLS_PASSWORD };

enum {
	AUDIT_COOKIE_WRONG = 1 << 0,
	AUDIT_REQUIRED_UNKNOWN = 1 << 1, // an attribute that no RFC here has and that is comprehension-required
	AUDIT_OPTIONAL_UNKNOWN = 1 << 2, // the same, comprehension-optional
	AUDIT_UNKNOWN_TWICE = 1 << 3,
	AUDIT_PADDED = 1 << 4,            // some value is padded
	AUDIT_GARBAGE = 1 << 5,           // the padding of one is not zero
	AUDIT_LARGE = 1 << 6,             // of 548 octets or more
	AUDIT_UNPROTECTED = 1 << 7,       // an attribute stands behind MESSAGE-INTEGRITY that may not (other than
					  // MESSAGE-INTEGRITY-SHA256 and FINGERPRINT)
	AUDIT_REASON_UNREADABLE = 1 << 8, // ERROR-CODE: no class from 3 to 6 or no number from 0 to 99
	AUDIT_REASON_RESERVED = 1 << 9,   // reserved bits that are not zero
	AUDIT_REASON_NOT_UTF8 = 1 << 10,
	AUDIT_REASON_LONG = 1 << 11, // 128 characters or more
	AUDIT_REASON_NUL = 1 << 12,
	AUDIT_TOKEN_ENDLESS = 1 << 13,        // lifetime 0
	AUDIT_TOKEN_NONCE_LENGTH = 1 << 14,   // not the length its algorithm prescribes
	AUDIT_TOKEN_NONCE_REPEATED = 1 << 15, // another token of this kid had the same nonce
	AUDIT_TOKEN_EXTRA = 1 << 16,          // octets behind the lifetime
	AUDIT_TOKEN_KEY_LENGTH = 1 << 17,     // a mac_key of other than 20 or 32 octets
	AUDIT_OTHER_METHOD = 1 << 18,         // an answer of another method than the request
	AUDIT_FIRST = 1 << 19,                // the first request of this client to this server
	AUDIT_CHALLENGED = 1 << 20,           // the flow has had a 401 or 438 before
	AUDIT_THIRD_PARTY = 1 << 21,          // the server has offered third-party authorization before
	AUDIT_TOKEN_SESSION = 1 << 22,        // a token has been accepted on this flow before
	AUDIT_SERVER_NAME_CHANGED = 1 << 23,  // THIRD-PARTY-AUTHORIZATION with another value than before
	AUDIT_NAME_EMPTY = 1 << 24,           // THIRD-PARTY-AUTHORIZATION without a value
	AUDIT_MAPPED_OTHER = 1 << 25,         // XOR-MAPPED-ADDRESS is not the address that asked
	AUDIT_PROTOCOL_OTHER = 1 << 26,       // REQUESTED-TRANSPORT is neither UDP nor TCP
	AUDIT_NONCE_EMPTY = 1 << 27,
	AUDIT_IDENTITY = 1 << 28,        // a name that the user is known by stands in it (--identity)
	AUDIT_TOKEN_TIMESTAMP = 1 << 29, // no time in seconds since 1970: more than ten years from the packet's
	AUDIT_DELETES = 1 << 30,         // LIFETIME 0 in a request
};

#define AUDIT_SERVER_NAME_OTHER UINT32_C(0x80000000) // THIRD-PARTY-AUTHORIZATION is not the name that was given

// Of one message. Every octet is a field (there is no padding), so that facts can be compared and hashed as octets.
struct audit_message_facts {
	uint64_t has;       // attributes, a bit for each place in the table of stun/attribute.h
	uint64_t twice;     // those that come more than once
	uint64_t malformed; // those whose length or value the RFC does not allow
	uint64_t empty;     // those without a value
	uint64_t behind;    // those that stand, all of them, behind the first MESSAGE-INTEGRITY
	uint32_t flags;
	uint16_t method;
	uint16_t code; // of ERROR-CODE; 0 without one
	uint8_t class;
	uint8_t sender;
	uint8_t transport;
	uint8_t family; // 4 or 6
	uint8_t fingerprint;
	uint8_t integrity;
	uint8_t integrity_sha256;
	uint8_t sha256_size; // octets of MESSAGE-INTEGRITY-SHA256, 255 for more
	uint8_t token;
	uint8_t token_time;
	uint8_t token_use;
	uint8_t nonce;
	uint8_t transaction;
	uint8_t asked;
	uint8_t repeated;
	uint8_t allocation;
	uint8_t grant;
	uint8_t ceiling;
	uint8_t channel;
	uint8_t tells;
	uint8_t session_time; // as token_time, of the token that the session rests on
	uint8_t token_same;   // 1: the octets of the token are those that the session rests on
	uint8_t proven;       // AUDIT_KID_PROVEN, ...
	uint8_t marks;        // AUDIT_NAME_NUL, ...
};

// What answers have shown before of a server (audit/proof.h).
enum {
	AUDIT_KID_PROVEN = 1 << 0,   // the key given for this kid is the right one
	AUDIT_CLOCK_PROVEN = 1 << 1, // its clock and that of the capture agreed a while ago
	AUDIT_FORM_PROVEN = 1 << 2,  // it takes integrity in the form of this message; where that does not verify:
	// in a form that is known
	AUDIT_TOKEN_PROVEN = 1 << 3, // it has let this very token in
	AUDIT_TOKEN_OVER = 1 << 4,   // it has let this very token in, and refused it since for its time
	AUDIT_SAYS_420 = 1 << 5,     // it answers 420 to what it does not know
	AUDIT_ASKS_FIRST = 1 << 6,   // it asks for credentials before it looks for REQUESTED-TRANSPORT
	AUDIT_TAKES_TOKENS = 1 << 7, // it has let a token in
};

// More flags.
enum {
	AUDIT_NAME_NUL = 1 << 0,       // the value of THIRD-PARTY-AUTHORIZATION ends with NUL
	AUDIT_NONCE_SAME = 1 << 1,     // an answer with the NONCE of its request
	AUDIT_NONCE_FRESH = 1 << 2,    // NONCE is that of a 438 of the last 10 s, and was not used before
	AUDIT_KID_OTHER = 1 << 3,      // USERNAME is not the kid of the token that the session rests on
	AUDIT_TOKEN_SHAPED = 1 << 4,   // a token that does not open, of the form that its algorithm (AES-GCM) has
	AUDIT_OFFERED_HERE = 1 << 5,   // third-party authorization has been offered on this flow before
	AUDIT_REQUIRED_GIVEN = 1 << 6, // as AUDIT_REQUIRED_UNKNOWN, but its type was given to somebody once
	AUDIT_NONCE_LONG = 1 << 7,     // the 438 to NONCE is so long ago that no packets have changed places
};

struct audit_facts {
	struct audit_message_facts message;
	struct audit_message_facts request; // what it answers; all zero when that is not known
};

// The facts that the octets alone tell. `facts` is zero and gets class, method, attributes, form of the values,
// FINGERPRINT and presence of integrity (as unknown).
void audit_facts_read(struct audit_message_facts *facts, const struct stun_message *message);

// Whose message it is by its class and method; ANYONE where either side may have sent it.
enum audit_sender audit_facts_sender(const struct audit_message_facts *facts);

// The place of an attribute in `has` and the others; -1 when no RFC here has it.
int audit_facts_place(uint16_t type);
bool audit_facts_has(const struct audit_message_facts *facts, uint16_t type);

// The fields with words, for whoever hands facts to a script: one a call, from index 0 on; false behind the last.
struct audit_fact {
	const char *name;
	const char *word; // NULL for "none of it": absent, no, unknown
};
bool audit_facts_word(const struct audit_message_facts *facts, size_t index, struct audit_fact *fact);

// The names of the flags: one a call, from index 0 on; false behind the last. *set says whether it is in `facts`.
bool audit_facts_flag(const struct audit_message_facts *facts, size_t index, const char **name, bool *set);

#endif
