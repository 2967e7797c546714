// SPDX-License-Identifier: BSD-3-Clause
//
// A capture, read from its first packet to its last: packets become flows, flows become STUN messages and ChannelData
// (out of UDP, TCP, TLS and DTLS, on any port), messages become sessions, and each message gets its facts. Whoever
// judges is asked once for each kind of message (kinds.h) and told of every message that it wants to see itself.
// No rule stands here.
#ifndef ASSAY_AUDIT_AUDIT_H
#define ASSAY_AUDIT_AUDIT_H

#include "audit/facts.h"
#include "audit/keyring.h"
#include "audit/kinds.h"
#include "audit/session.h"
#include "audit/tally.h"
#include "capture/packet.h"
#include "capture/reader.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit;
struct error;
struct tls_secrets;

// One message (or ChannelData) as it is judged; good during the call that shows it.
struct audit_sighting {
	const struct audit_facts *facts;
	const uint8_t *octets;
	size_t length;
	const struct stun_message *message; // NULL when it is malformed or ChannelData
	const struct error *problem;        // of a malformed one
	struct session_view view;           // all zero where there is no session
	struct stun_octets server_name;     // of its session; data NULL: not known
	struct packet_address from, to;
	uint64_t time; // nanoseconds since 1970, of the packet that completed it
	struct finding_place place;
};

// A finding, and the packet that completed its message: most often the one at hand, but what waited behind a gap is put
// together later.
struct audit_packet_finding {
	uint16_t finding;
	uint64_t frame;
};

struct audit_judge {
	void *context;
	// Asked for the first message of each kind: fills at most KINDS_FINDINGS numbers of findings that hold for
	// every message of the kind, and *each, whether it wants to see all of them. Returns their number; -1 ends the
	// audit.
	int (*kind)(void *context, const struct audit_sighting *sighting, uint16_t *findings, bool *each);
	// Asked for every message of such a kind: fills what was found on this one.
	int (*each)(void *context, const struct audit_sighting *sighting, uint16_t *findings);
	// Told of every packet when all in it has been judged, with the findings made by then; last of NULL, if there
	// are some that were made when no packet came any more. May be NULL. -1 ends the audit.
	int (*packet)(void *context, const struct packet *packet, const struct audit_packet_finding *findings,
		      size_t count);
	// Told of TLS key log lines that stand in the capture; may be NULL.
	void (*secrets)(void *context, const char *lines, size_t length);
	// Told of every message, before it is judged; may be NULL. -1 ends the audit.
	int (*message)(void *context, const struct audit_sighting *sighting);
	// Told of all ChannelData, also where it breaks nothing; may be NULL. -1 ends the audit.
	int (*data)(void *context, const struct audit_sighting *sighting);
	// Told of the number of a flow that is over or forgotten, in which there was anything of STUN: nothing of it
	// will be shown any more. May be NULL. -1 ends the audit.
	int (*gone)(void *context, uint64_t flow);
};

struct audit_options {
	struct keyring *keyring;              // the caller's, as all here; NULL: no keys
	struct tls_secrets *secrets;          // of key logs; those in the capture are added; NULL: none but these
	struct stun_octets server_name;       // data NULL: as the 401s tell
	uint32_t delta;                       // seconds
	uint32_t far;                         // seconds past its lifetime that no Delta explains; 0: nearly an hour
	const struct stun_octets *identities; // names that users are known by, which no message should tell
	size_t identity_count;
	size_t flows;                      // at once; 0: 12288
	bool every;                        // every message is judged as if it were the first of its kind
	const volatile sig_atomic_t *stop; // once it is not 0 no further packet is read; NULL: nobody stops it
	struct audit_judge judge;
};

// How often what was met. Octets and packets of the capture as a whole stand in its notes (capture/reader.h).
struct audit_count {
	uint64_t flows, crowded; // that carried anything of STUN or TLS; that were dropped because there were too many
	uint64_t messages, malformed, channel_data;
	uint64_t channel_unbound; // ChannelData on a channel that is not bound
	uint64_t cut;             // messages of which the capture holds a part only
	uint64_t fragments_lost;  // datagrams of which a fragment is missing
	uint64_t stream_lost;     // octets of TCP streams that are missing
	uint64_t unanswered;      // requests
	uint64_t tls, tls_opaque; // connections and associations; those that could not be read to their end
};

// One connection of TLS or DTLS that stays closed to us.
struct audit_opaque {
	uint64_t flow;
	char reason[200];
};
#define AUDIT_OPAQUES 64 // that are remembered

// NULL with *error filled.
struct audit *audit_new(const struct audit_options *options, struct error *error);
void audit_free(struct audit *audit); // NULL is fine

// Reads a capture to its end, or to where it is damaged, or until a judge ends it: 0, or -1 with *error filled; all
// that came before counts. ERROR_NOT_ALLOWED: the judge ended it. When it was stopped it returns 1. May be called once.
int audit_run(struct audit *audit, struct capture_reader *reader, struct error *error);

const struct audit_count *audit_count(const struct audit *audit);
const struct kinds *audit_kinds(const struct audit *audit);
// What was counted of it, complete once audit_run has returned.
const struct tally *audit_tally(const struct audit *audit);

// The flow of that number, "udp 192.0.2.1:4000 > 192.0.2.2:3478", the asking side first as far as that is known. Only
// those are remembered that a finding (the first few of each) or an opaque connection names. NULL for others.
const char *audit_flow(const struct audit *audit, uint64_t number);

// The connections that could not be read, *count of them.
const struct audit_opaque *audit_opaques(const struct audit *audit, size_t *count);

#endif
