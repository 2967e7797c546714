-- SPDX-License-Identifier: BSD-3-Clause
--
-- How assay reads the passages of RFC 7635 and its neighbours that are unclear, contradictory or wrong, and how a
-- verdict gives way there: fail is what no reasonable reading allows, warn what one reading forbids, and a note is
-- written into the report without a verdict. A check that is softened cites one of these.
return {
  ["AMB-01"] = {
    title = "Base64 or binary in ACCESS-TOKEN",
    reading = "ACCESS-TOKEN carries the octets of the token, and base64 belongs to JSON only. A server has to take "
      .. "the octets (fail); what it does with the text is a note, and the text sent by a client is warn.",
  },
  ["AMB-02"] = {
    title = "What the base64 covers",
    reading = "The whole token is encoded, nonce_length and tag being its first and last field, in the "
      .. "padded alphabet of RFC 4648 section 4. The URL-safe alphabet or missing padding is warn, "
      .. "an encoded block without its nonce fail.",
  },
  ["AMB-03"] = {
    title = "Fractions of a second",
    reading = "The fraction counts units of 1/64000 s, so that values from 64000 on mean nothing: warn for an "
      .. "issuer that writes otherwise. A server may ignore or round the fraction, or add up such a value to "
      .. "as much as 1.024 s, and no test comes within 2 s of an edge.",
  },
  ["AMB-04"] = {
    title = "Timestamps in the future",
    reading = "The formula decides, absolute value included: a token dated ahead by lifetime + Delta or "
      .. "more has to be refused (fail). Closer than that acceptance is expected, yet refusing it is "
      .. "never more than warn, even within the first 5 s.",
  },
  ["AMB-05"] = {
    title = "A replay check that detects no replay",
    reading = "The check called one for replay is one of expiry, and a token may be used many times: "
      .. "refusing it for having been seen is fail. Protection against replay is the work of the "
      .. "nonce, whose tests are never more than warn.",
  },
  ["AMB-06"] = {
    title = "Delta and the strict inequality",
    reading = "Equality stays untested and every Delta is lawful: acceptance at lifetime + 2 s and refusal at "
      .. "lifetime + 10 s are expected (warn). Only acceptance beyond lifetime + 3600 s, or 10 s beyond a "
      .. "Delta stated in the profile, is fail.",
  },
  ["AMB-07"] = {
    title = "A lifetime of 0",
    reading = "It does not mean unlimited: accepting such a token an hour old, or 10 s beyond a Delta stated in the "
      .. "profile, is fail, while a fresh one may be taken or not. A lifetime of 4294967295 must not overflow "
      .. "either; refusing it is a note.",
  },
  ["AMB-08"] = {
    title = "The ceiling of LIFETIME",
    reading = "The MUST bounds LIFETIME by the lifetime of the token, and the recommended formula softens it. Up to "
      .. "Delta above is warn, anything higher fail.",
  },
  ["AMB-09"] = {
    title = "A token shorter than the default lifetime",
    reading = "RFC 7635 prevails over the 600 s that TURN grants at least: LIFETIME does not exceed the lifetime of "
      .. "a shorter token. Clients have to cope with less than 600 s.",
  },
  ["AMB-10"] = {
    title = "Nominal or remaining lifetime",
    reading = "The MUST refers to the lifetime field (fail), and what remains of it is a matter of the recommended "
      .. "formula (warn). What a future timestamp does to the grant stays untested.",
  },
  ["AMB-11"] = {
    title = "The content of the first 401",
    reading = "REALM and NONCE are required by RFC 5389 (fail), although section 4 does not name REALM, and "
      .. "SOFTWARE is never more than warn. The realm has no part in the key.",
  },
  ["AMB-12"] = {
    title = "Where THIRD-PARTY-AUTHORIZATION belongs",
    reading = "The answer to a request without credentials has to have it (fail), once: a second is warn "
      .. "and the first is taken. Its absence from other 401s and from 438 is a note, and so is its "
      .. "presence in any other response.",
  },
  ["AMB-13"] = {
    title = "Which responses are signed",
    reading = "Success and each error generated after the checks were passed have to be (fail), a 400 of later "
      .. "processing included. A 400, 401 or 438 from the checks themselves may go unsigned; signed under no "
      .. "form of the mac_key of the request it is warn.",
  },
  ["AMB-14"] = {
    title = "Unsigned responses that a client has to heed",
    reading = "The duty to discard spares 401 and 438, and 300 where ALTERNATE-SERVER is used; an unsigned 400 may "
      .. "be dropped or heeded. No other response without valid integrity has an effect (fail), and over TCP "
      .. "or TLS it ends the transaction.",
  },
  ["AMB-15"] = {
    title = "The order of the checks",
    reading = "With a single defect one code is right, with two either will do. A nonce that was never issued may "
      .. "get 401 in place of 438 (warn).",
  },
  ["AMB-16"] = {
    title = "The kid as USERNAME",
    reading = "Servers are tested with kids of printable ASCII, 1 to 255 octets long, clients also with longer and "
      .. "other ones; USERHASH is not used. A 486 that comes of users sharing a kid is a note.",
  },
  ["AMB-17"] = {
    title = "MESSAGE-INTEGRITY as the last attribute",
    reading = "MESSAGE-INTEGRITY-SHA256 and FINGERPRINT may follow it; anything else behind it is fail.",
  },
  ["AMB-18"] = {
    title = "The key that signs after a change of token",
    reading = "The response to a Refresh is signed with the mac_key of the token which that "
      .. "Refresh brought; another key is fail.",
  },
  ["AMB-19"] = {
    title = "An unexpected ACCESS-TOKEN",
    reading = "Unexpected means that third-party authorization is not on offer: with authentication "
      .. "passed or not needed it answers 420 and lists 0x001B, and a 401 for want of valid "
      .. "credentials passes; a server that has it on offer and answers a token in the very first "
      .. "request with 420 is warn. ACCESS-TOKEN ignored where an attribute nobody knows gets 420 is "
      .. "warn; with both ignored 5389-7.3.1-01 fails and nothing else.",
  },
  ["AMB-20"] = {
    title = "A new kid and 441",
    reading = "The user of a token session is whoever holds the token, so 441 does not fit a valid new one: under "
      .. "the same kid it has to work (fail), under another 441 is warn and any further refusal fail. A "
      .. "first-party user on such an allocation gets 441, where 401 is warn and success fail.",
  },
  ["AMB-21"] = {
    title = "ACCESS-TOKEN only in Allocate and Refresh",
    reading = "A client sends it nowhere else in TURN (fail), in every authenticated Allocate (fail) and in every "
      .. "Refresh (warn); STUN usages outside TURN may carry it. A server may answer it elsewhere with "
      .. "success, 400 or 420; no answer or the loss of the allocation is warn.",
  },
  ["AMB-22"] = {
    title = "Session keys after a renewal",
    reading = "For requests without a token the server remembers a mac_key. The newest has to work (fail); an "
      .. "earlier one may still work or get 401 (note).",
  },
  ["AMB-23"] = {
    title = "Deleting with an expired token",
    reading = "A Refresh with LIFETIME 0 and a token out of its time may succeed or get 401: no verdict.",
  },
  ["AMB-24"] = {
    title = "The token cache",
    reading = "Caching saves decryption and nothing more: whether a request succeeds depends on the token it "
      .. "presents, not on a session key the server remembers (fail).",
  },
  ["AMB-25"] = {
    title = "Refresh without a token",
    reading = "A server may grant it or answer 400 or 401, but a LIFETIME above the last token's lifetime + Delta "
      .. "is fail and one beyond that token's end warn. For a client leaving the token out is warn.",
  },
  ["AMB-26"] = {
    title = "Lengths of the mac_key",
    reading = "20 octets are mandatory (fail) and 32 expected (warn), the latter keying HMAC-SHA1 in full or by "
      .. "their SHA-1 digest, with the response in the form of its request. Any other length from 1 to 64 is a "
      .. "note, and accepting length 0 is warn.",
  },
  ["AMB-27"] = {
    title = "The length of MESSAGE-INTEGRITY-SHA256",
    reading = "Appendix B counts as a usage that allows truncation: multiples of 4 from 16 to 32 octets pass, keyed "
      .. "with the mac_key in full. Unless the profile claims RFC 8489 nothing here is more than warn.",
  },
  ["AMB-28"] = {
    title = "An HMAC key cut short",
    reading = "The HMAC key is the whole mac_key, and a server that uses its first 16 octets fails "
      .. "7635-5-05. Which form works is found by probing, and every other requirement is judged "
      .. "with it, so that one deviation shows once.",
  },
  ["AMB-29"] = {
    title = "The form of a CBC token",
    reading = "F1 is the letter of the RFC (nonce_length 0, then S and T; the IV is zero and the MAC covers A || S "
      .. "|| AL), F2 has a zero IV ahead of S in the MAC input, F3 sends the IV as a nonce of 16 octets, F4 "
      .. "lacks nonce_length. A server that claims CBC fails if it takes none of F1 to F3 and is warn if only "
      .. "F3; an issuer's F3 or F4 is warn; a tampered token accepted is fail in any form.",
  },
  ["AMB-30"] = {
    title = "Algorithm names and duties",
    reading = "A256GCM and AEAD_AES_256_GCM are one algorithm, with a nonce of 12 octets and a tag of 16 after the "
      .. "ciphertext. It alone is mandatory: the others are skipped unless the profile claims them.",
  },
  ["AMB-31"] = {
    title = "The length of K",
    reading = "Keys are provisioned in the exact length, and a side that cuts a longer one is a note. Sample 2 of "
      .. "appendix A is taken as printed, with the key cut to 16 octets.",
  },
  ["AMB-32"] = {
    title = "JSON examples that are not JSON",
    reading = "The missing commas and quotes are slips: whoever emits JSON has to emit it valid (fail). Reading the "
      .. "printed form as well is a note.",
  },
  ["AMB-33"] = {
    title = "The encoding of k and kid",
    reading = "By base64url or by base64, k has to decode to the length that enc requires: another length is fail, "
      .. "the wrong alphabet warn. A kid is opaque and nobody decodes it.",
  },
  ["AMB-34"] = {
    title = "The value of service",
    reading = "It is stun. An authorization server that knows turn as well passes; a STUN "
      .. "server that sends turn is warn.",
  },
  ["AMB-35"] = {
    title = "The STUN server name",
    reading = "An opaque octet string without terminator, padding or case folding: its octets in "
      .. "THIRD-PARTY-AUTHORIZATION are what is compared and authenticated everywhere. Realm, certificate and "
      .. "SNI have nothing to do with it, and tests use ASCII of up to 255 octets.",
  },
  ["AMB-36"] = {
    title = "The stun-key GET",
    reading = "Asked twice, the authorization server may give one kid or two, and an earlier kid works until its "
      .. "exp. An error is any 4xx or 5xx without k; leave to cache the response is a note.",
  },
  ["AMB-37"] = {
    title = "Whose kid it is",
    reading = "There is one kid, which names K, in the key response, the token response and USERNAME. Two that "
      .. "differ leave the STUN server unable to find K (fail).",
  },
  ["AMB-38"] = {
    title = "What key holds",
    reading = "Base64, base64url, a JWK, a JWK in base64 and the raw characters are tried in turn until one gives "
      .. "the mac_key of the token. Raw characters are warn, and fail means that none does.",
  },
  ["AMB-39"] = {
    title = "Grant types",
    reading = "The profile names the grant, and any grant passes. Offering none of those named is warn.",
  },
  ["AMB-40"] = {
    title = "The request of figure 7",
    reading = "It is a POST with a body of type application/x-www-form-urlencoded, & between "
      .. "the parameters, and @ as it is or as %40.",
  },
  ["AMB-41"] = {
    title = "lifetime and expires_in",
    reading = "A lifetime that is the smaller number is fail. A token that ends more than 1 s before the response "
      .. "time + expires_in is warn, since Delta may make up for it.",
  },
  ["AMB-42"] = {
    title = "548 bytes",
    reading = "Over UDP and IPv4, without knowledge of the path MTU, a STUN message that has "
      .. "548 octets or more is warn.",
  },
  ["AMB-43"] = {
    title = "Tokens beside passwords",
    reading = "A server may insist on tokens or serve first-party users beside them; both pass.",
  },
  ["AMB-44"] = {
    title = "3GPP TS 33.203 clause X.5.3",
    reading = "Between WWSF and WAF RFC 6749 holds, with GET as warn for a target that claims 3GPP; the "
      .. "clause's own requirements are warn unless RFC 7635 has them too. Indications and "
      .. "ChannelData go unsigned, as in TURN everywhere.",
  },
  ["AMB-45"] = {
    title = "The octets of sample 1",
    reading = "Sample 1 has 64 octets, as sealing its stated input shows: a copy of 63 has lost the 03 that follows "
      .. "b0 c0 3d. Sample 2 is complete.",
  },
  ["AMB-46"] = {
    title = "TLS guidance",
    reading = "SSL 2 and 3 and the NULL, RC4 and export suites are fail, TLS 1.0 and 1.1 are warn. TLS 1.2 or a "
      .. "later version has to be offered.",
  },
  ["AMB-47"] = {
    title = "How often a nonce changes",
    reading = "The text gives no number, so the profile's nonce lifetime is used and nothing is more than warn.",
  },
  ["AMB-48"] = {
    title = "Unauthorized or Unauthenticated",
    reading = "Reason phrases are free text, and no verdict depends on one.",
  },
  ["AMB-49"] = {
    title = "ACCESS-TOKEN outside requests",
    reading = "In indications and responses it is undefined: no more is asked than that it does "
      .. "no harm, and that only as a note.",
  },
  ["AMB-50"] = {
    title = "Password algorithms in a token session",
    reading = "A token has no password, so token requests leave the password algorithm attributes out and "
      .. "echo both only after a 400; which of the two worked is a note. A response with another "
      .. "integrity attribute than its request had is warn.",
  },
  ["AMB-51"] = {
    title = "Errors left to RFC 5389",
    reading = "Its section 10.2.2 gives the codes: 401 for an unknown kid, an empty token or a token without "
      .. "integrity, 400 for integrity without USERNAME. A token of broken structure may get 400 or 401.",
  },
  ["AMB-52"] = {
    title = "The mac field",
    reading = "The mac field of section 7 is the T at the end of the ciphertext.",
  },
  ["AMB-53"] = {
    title = "The length of the nonce",
    reading = "Issuers use 12 octets with GCM (fail otherwise), and a server that opens other lengths is warn. A "
      .. "nonce_length that exceeds what is left of the value has to be refused (fail).",
  },
  ["AMB-54"] = {
    title = "Octets too many",
    reading = "Issuers put nothing behind the lifetime or the tag (fail). A server that ignores "
      .. "or refuses extra plaintext is a note.",
  },
  ["AMB-55"] = {
    title = "Errata",
    reading = "Of the errata held for update, 4826 makes client and application tested as a pair and 4923 makes a "
      .. "JWK in base64 one form of key; the reported ones leave 160 bits mandatory (5059) and both keyings of "
      .. "HMAC-SHA1 accepted (5060). Of RFC 8489's, 6290 makes security feature bit 0 the lowest bit.",
  },
  ["AMB-56"] = {
    title = "One code for everything",
    reading = "Since 401 does not tell what was wrong, a client may renew its token and try once with each new one. "
      .. "Retrying without limit with an unchanged token is fail.",
  },
}
