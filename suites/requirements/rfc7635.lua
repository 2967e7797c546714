-- SPDX-License-Identifier: BSD-3-Clause
--
-- The requirements of RFC 7635, STUN Extension for Third-Party Authorization, in the order of its sections, one row
-- for each statement that can be broken by itself. They are data and hold no test. The form of a row, and what its
-- fields mean, is described in catalogue.lua.
return {
  -- Section 3: solution overview
  {
    id = "7635-3-01", document = "RFC 7635", section = "3", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "A client learns that a server takes access tokens from its own configuration or from "
      .. "THIRD-PARTY-AUTHORIZATION in a 401, and then presents a token.",
  },
  {
    id = "7635-3-02", document = "RFC 7635", section = "3", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    text = "The server validates an access token from what the token itself holds, with no query to the "
      .. "authorization server for each token.",
    softened = "only a query for each token counts: fetching K beforehand is no breach",
  },
  {
    id = "7635-3-03", document = "RFC 7635", section = "3", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    text = "The authorization server takes the value stun of the OAuth scope parameter for STUN and TURN service.",
    softened = "nothing obliges a client to send a scope: never more than warn",
  },
  {
    id = "7635-3-04", document = "RFC 7635", section = "3", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    reading = { "AMB-39" },
    text = "The authorization server supports the implicit grant, which hands the access "
      .. "token straight to the client.",
    softened = "obtaining a token is out of scope: whatever grant the profile names passes, and "
      .. "offering none of those is warn",
  },

  -- Section 4: obtaining a token
  {
    id = "7635-4-01", document = "RFC 7635", section = "4", level = "IMPLIED", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "warn",
    text = "The first request to a server whose capability is unknown to the client carries no authorization: "
      .. "none of USERNAME, REALM, NONCE, ACCESS-TOKEN and the integrity attributes.",
    softened = "a token fetched ahead of time is fine as long as it stays unsent",
  },
  {
    id = "7635-4-02", document = "RFC 7635", section = "4", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "A server that offers third-party authorization answers a request without credentials with an error "
      .. "response whose ERROR-CODE is 401.",
  },
  {
    id = "7635-4-03", document = "RFC 7635", section = "4", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-11" },
    text = "The 401 to a request without credentials has a NONCE attribute with a non-empty "
      .. "value of the server's choice.",
  },
  {
    id = "7635-4-04", document = "RFC 7635", section = "4", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "warn",
    reading = { "AMB-11" },
    text = "The 401 to a request without credentials has a SOFTWARE attribute that tells "
      .. "which software the server runs.",
    softened = "RFC 5389 only recommends SOFTWARE and operators hide it: never more than warn",
  },
  {
    id = "7635-4-05", document = "RFC 7635", section = "4", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-12" },
    text = "A server that supports third-party authorization says so with a THIRD-PARTY-AUTHORIZATION attribute "
      .. "in the 401 to a request without credentials.",
    softened = "more than one is warn, and the first is taken",
  },
  {
    id = "7635-4-06", document = "RFC 7635", section = "4", level = "MAY", role = "client",
    observed = { "fake-AS", "fake-server" }, verdict = "warn",
    text = "A client that knows the server beforehand is free to fetch its token ahead of its first STUN "
      .. "request, and still completes the 401 exchange.",
    softened = "either order passes: reported is only a client that breaks when it holds a token early",
  },

  -- Section 4.1: key establishment
  {
    id = "7635-4.1-01", document = "RFC 7635", section = "4.1", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server generates a fresh mac_key for each access token, and no two tokens share one.",
    softened = "a repeated mac_key is fail, a poor-looking distribution warn",
  },
  {
    id = "7635-4.1-02", document = "RFC 7635", section = "4.1", level = "IMPLIED", role = "as",
    observed = { "as-probe", "offline" }, verdict = "fail",
    text = "The authorization server puts the mac_key it gives to the client into the token as well, encrypted "
      .. "under the K it shares with the STUN server.",
  },
  {
    id = "7635-4.1-03", document = "RFC 7635", section = "4.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server seals access tokens by symmetric cryptography alone, "
      .. "with no public-key algorithm involved.",
  },
  {
    id = "7635-4.1-04", document = "RFC 7635", section = "4.1", level = "MUST", role = "rs-as",
    observed = {}, verdict = "warn",
    text = "STUN server and authorization server establish K over a channel that is both authenticated and secure.",
    untestable = "manual provisioning happens out of band; the REST exchange is judged by "
      .. "7635-4.1.1-01, 7635-4.1.1-02 and 7635-4.1.1-03",
  },
  {
    id = "7635-4.1-05", document = "RFC 7635", section = "4.1", level = "IMPLIED", role = "rs-as",
    observed = { "probe", "as-probe" }, verdict = "fail",
    reading = { "AMB-31" },
    text = "With an AEAD algorithm of RFC 5116 the AS-RS key is K unchanged, and an AUTH key does not exist.",
    softened = "cutting a longer K to size, as sample 2 of appendix A does, is a note",
  },

  -- Section 4.1.1: key establishment over HTTP
  {
    id = "7635-4.1.1-01", document = "RFC 7635", section = "4.1.1", level = "MUST", role = "rs-as",
    observed = { "as-probe", "fake-AS" }, verdict = "fail",
    text = "K is fetched by HTTPS only: neither side of the REST exchange asks for it or "
      .. "hands it out over unprotected HTTP.",
  },
  {
    id = "7635-4.1.1-02", document = "RFC 7635", section = "4.1.1", level = "MUST", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server gives K to no peer but one that has authenticated "
      .. "itself in TLS by a trusted client certificate.",
  },
  {
    id = "7635-4.1.1-03", document = "RFC 7635", section = "4.1.1", level = "MUST", role = "rs-as",
    observed = { "fake-AS" }, verdict = "fail",
    text = "A STUN server that fetches K verifies the certificate of the authorization server and authenticates "
      .. "itself with a client certificate.",
    softened = "asked only of targets whose profile claims to fetch K by REST",
  },
  {
    id = "7635-4.1.1-04", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "fake-AS", "as-probe" }, verdict = "fail",
    reading = { "AMB-36" },
    text = "The STUN server asks for K by an HTTP GET of the stun-key well-known URI with "
      .. "the query parameters service and name.",
    softened = "the parameters come in any order, and the @ of a name may be percent-encoded",
  },
  {
    id = "7635-4.1.1-05", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "fake-AS", "as-probe" }, verdict = "warn",
    reading = { "AMB-34" },
    text = "The service parameter of the stun-key request has the value stun.",
    softened = "an authorization server that knows turn as well passes, a STUN server that sends turn is warn",
  },
  {
    id = "7635-4.1.1-06", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe", "fake-AS" }, verdict = "fail",
    reading = { "AMB-35" },
    text = "The name parameter is the very STUN server name the key belongs to, and the authorization server "
      .. "returns no key for a name it does not know.",
    softened = "a key handed out against the client certificate of another STUN server is warn",
  },
  {
    id = "7635-4.1.1-07", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The response that delivers K has the content type application/json.",
    softened = "parameters of the media type, such as charset, are tolerated",
  },
  {
    id = "7635-4.1.1-08", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-32" },
    text = "The key response is a single valid JSON object in which k, kid and enc are strings and exp is a "
      .. "number, enc being an algorithm name of RFC 7518 section 5.1.",
    softened = "enc may be missing, at the price of a warn, if the profile provisions the algorithm",
  },
  {
    id = "7635-4.1.1-09", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-33" },
    text = "The key in k, once decoded, is exactly as long as the algorithm named by enc requires.",
  },
  {
    id = "7635-4.1.1-10", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The key response gives in exp, as a NumericDate still to come, the time after which K expires.",
  },
  {
    id = "7635-4.1.1-11", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-36", "AMB-37" },
    text = "The key response carries the kid of K, and clients of that STUN server receive "
      .. "the same kid with their tokens.",
  },
  {
    id = "7635-4.1.1-12", document = "RFC 7635", section = "4.1.1", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-30" },
    text = "The STUN server supports A256GCM, that is, it opens tokens sealed with it.",
  },
  {
    id = "7635-4.1.1-13", document = "RFC 7635", section = "4.1.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-30" },
    text = "The authorization server supports A256GCM, that is, it seals tokens with it.",
  },
  {
    id = "7635-4.1.1-14", document = "RFC 7635", section = "4.1.1", level = "IMPLIED", role = "rs-as",
    observed = { "offline", "probe", "as-probe" }, verdict = "fail",
    reading = { "AMB-29", "AMB-30" },
    text = "With A256CBC-HS512 a 64-octet K is split as in RFC 7518 section 5.2.2.1 into an "
      .. "AUTH key and an AS-RS key of 256 bits each.",
    softened = "the algorithm is optional: asked only of targets whose profile claims it",
  },

  -- Section 4.1.2: manual provisioning
  {
    id = "7635-4.1.2-01", document = "RFC 7635", section = "4.1.2", level = "SHOULD", role = "rs-as",
    observed = { "as-probe", "fake-AS" }, verdict = "warn",
    text = "STUN server and authorization server support the REST exchange of section 4.1.1, so that a new K or "
      .. "algorithm needs no configuration.",
  },

  -- Section 5: forming a request
  {
    id = "7635-5-01", document = "RFC 7635", section = "5", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "Once a server has asked for third-party authorization, the client sends its "
      .. "request again with the access token in ACCESS-TOKEN.",
  },
  {
    id = "7635-5-02", document = "RFC 7635", section = "5", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-16", "AMB-37" },
    text = "The request that carries the token has the kid, unaltered, as its USERNAME.",
  },
  {
    id = "7635-5-03", document = "RFC 7635", section = "5", level = "IMPLIED", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    reading = { "AMB-17" },
    text = "In a token request MESSAGE-INTEGRITY is the last attribute.",
    softened = "MESSAGE-INTEGRITY-SHA256 and FINGERPRINT may stand behind it",
  },
  {
    id = "7635-5-04", document = "RFC 7635", section = "5", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-26" },
    text = "The client uses the mac_key itself as HMAC key, without the MD5 hash over the "
      .. "credentials that the long-term mechanism makes.",
    softened = "with a 256-bit mac_key its SHA-1 digest passes too",
  },
  {
    id = "7635-5-05", document = "RFC 7635", section = "5", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-28" },
    text = "The server verifies requests and signs responses with all octets of the mac_key "
      .. "in the token, not with a part of them.",
    softened = "shown once a run: every other requirement is then judged with the form of the key that works",
  },
  {
    id = "7635-5-06", document = "RFC 7635", section = "5", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server makes no MD5 hash over the credentials to obtain the HMAC key of a token session.",
  },

  -- Section 6.1: THIRD-PARTY-AUTHORIZATION
  {
    id = "7635-6.1-01", document = "RFC 7635", section = "6.1", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-35" },
    text = "THIRD-PARTY-AUTHORIZATION has the STUN server name as its value, octet for "
      .. "octet, without terminator or padding in it.",
  },
  {
    id = "7635-6.1-02", document = "RFC 7635", section = "6.1", level = "MUST", role = "client",
    observed = { "fake-server", "fake-AS" }, verdict = "fail",
    reading = { "AMB-35" },
    text = "The client gives the authorization server the STUN server name that it took from "
      .. "THIRD-PARTY-AUTHORIZATION.",
  },
  {
    id = "7635-6.1-03", document = "RFC 7635", section = "6.1", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "Asked for a token for a STUN server that it has no tie with, the authorization "
      .. "server returns an error and no token.",
    softened = "the choice of the error code is free",
  },
  {
    id = "7635-6.1-04", document = "RFC 7635", section = "6.1", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "A client unable to do third-party authorization disregards THIRD-PARTY-AUTHORIZATION and "
      .. "authenticates with its own long-term credentials.",
  },
  {
    id = "7635-6.1-05", document = "RFC 7635", section = "6.1", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "A client that comprehends THIRD-PARTY-AUTHORIZATION gives it precedence: holding a password as well, "
      .. "it still authenticates with a token.",
  },
  {
    id = "7635-6.1-06", document = "RFC 7635", section = "6.1", level = "MAY", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-43" },
    text = "Beside tokens the server may accept first-party long-term credentials, and it "
      .. "answers valid ones with success or 401.",
    softened = "a server that insists on tokens passes as well as one that serves both",
  },
  {
    id = "7635-6.1-07", document = "RFC 7635", section = "6.1", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server seals each token under the keying material of the STUN "
      .. "server the client named.",
  },

  -- Section 6.2: ACCESS-TOKEN
  {
    id = "7635-6.2-01", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    reading = { "AMB-42" },
    text = "The authorization server keeps tokens so short that, with the path MTU unknown, a STUN message over "
      .. "IPv4 holding one is under 548 bytes.",
  },
  {
    id = "7635-6.2-02", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "warn",
    reading = { "AMB-42" },
    text = "With the path MTU unknown the client's token requests over UDP and IPv4 are STUN "
      .. "messages of fewer than 548 bytes.",
    softened = "the client answers for its own attributes: an oversized token is charged to the authorization server",
  },
  {
    id = "7635-6.2-03", document = "RFC 7635", section = "6.2", level = "MUST NOT", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "The client treats the token as opaque: it does not examine it and sends whatever octets it was given.",
    softened = "an inspection that changes nothing outwardly stays unseen",
  },
  {
    id = "7635-6.2-04", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "offline", "as-probe" }, verdict = "fail",
    reading = { "AMB-02", "AMB-29", "AMB-54" },
    text = "A token consists of a 16-bit nonce_length, a nonce of that length and the encrypted block with its "
      .. "authentication tag, and of nothing further.",
    softened = "CBC tokens are recognised by the forms of AMB-29",
  },
  {
    id = "7635-6.2-05", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "offline", "as-probe" }, verdict = "fail",
    reading = { "AMB-54" },
    text = "The encrypted block holds exactly key_length in 16 bits, the mac_key, a 64-bit "
      .. "timestamp and a 32-bit lifetime in seconds.",
    softened = "required of issuers: a server that ignores or refuses extra plaintext is a note",
  },
  {
    id = "7635-6.2-06", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "offline", "as-probe", "probe" }, verdict = "fail",
    reading = { "AMB-06", "AMB-51" },
    text = "Every integer in the token is stored in network byte order.",
    softened = "for a length field of the wrong order 400 is as good an answer as 401",
  },
  {
    id = "7635-6.2-07", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "as-probe", "pcap" }, verdict = "fail",
    reading = { "AMB-53" },
    text = "The nonce is as long as the AEAD algorithm demands, which for AES-GCM means 12 octets.",
  },
  {
    id = "7635-6.2-08", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "as-probe", "pcap" }, verdict = "fail",
    text = "Nonces are formed as RFC 5116 section 3.2 says, and none occurs twice under the same key.",
  },
  {
    id = "7635-6.2-09", document = "RFC 7635", section = "6.2", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-26", "AMB-28" },
    text = "The server supports mac_keys of 160 bits, that is, a key_length of 20.",
    softened = "judged with the form of the HMAC key that 7635-5-05 found to work",
  },
  {
    id = "7635-6.2-10", document = "RFC 7635", section = "6.2", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-26" },
    text = "The authorization server supports session keys of 160 bits and issues them for HMAC-SHA-1.",
    softened = "a mac_key of any length is a note if the request named no alg",
  },
  {
    id = "7635-6.2-11", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-26", "AMB-27" },
    text = "The server takes the length of the mac_key from key_length, which leaves room "
      .. "for other hash functions than SHA-1.",
    softened = "only 160 bits is mandatory, so that refusing another length is never more than warn",
  },
  {
    id = "7635-6.2-12", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "as-probe", "pcap" }, verdict = "fail",
    text = "The first 48 bits of the timestamp count the whole seconds since 1 January 1970, 00:00 UTC.",
  },
  {
    id = "7635-6.2-13", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "as-probe" }, verdict = "warn",
    reading = { "AMB-03" },
    text = "The last 16 bits of the timestamp give the fraction of a second in units of 1/64000.",
    softened = "asked of issuers, and never more than warn: mistaking the unit shifts the time by 24 ms at most",
  },
  {
    id = "7635-6.2-14", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-03" },
    text = "The server reads the timestamp as fixed point, 48 bits of seconds followed by 16 bits of fraction.",
    softened = "what it makes of the fraction is not judged",
  },
  {
    id = "7635-6.2-15", document = "RFC 7635", section = "6.2", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-41" },
    text = "The lifetime in the token is at least the expires_in that the client is given with it.",
    softened = "a smaller number is fail; a token that ends over 1 s before the client expects it to is warn",
  },
  {
    id = "7635-6.2-16", document = "RFC 7635", section = "6.2", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-35" },
    text = "The authorization server seals the token with the STUN server name as associated "
      .. "data, and with nothing added to it.",
  },
  {
    id = "7635-6.2-17", document = "RFC 7635", section = "6.2", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-35" },
    text = "The server refuses with 401 a token sealed for another STUN server name, even "
      .. "under the same K and kid.",
  },
  {
    id = "7635-6.2-18", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "token",
    observed = { "offline", "as-probe", "probe" }, verdict = "fail",
    reading = { "AMB-29", "AMB-30" },
    text = "With AES-CBC and HMAC-SHA the encrypted part is S || T, S being the block under CBC with "
      .. "PKCS7 padding, the AS-RS key and a zero IV, and T the first T_LEN octets of the MAC over A "
      .. "|| S || AL under AUTH.",
    softened = "asked only where the profile claims CBC; of the forms in AMB-29 a server has to take F1, F2 or F3 "
      .. "(warn for F3 alone), and an issuer's F3 or F4 is warn",
  },
  {
    id = "7635-6.2-19", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-01", "AMB-02" },
    text = "What the authorization server issues as access_token is the entire token, nonce_length and nonce "
      .. "included, in the base64 of RFC 4648 section 4.",
    softened = "the URL-safe alphabet or left-out padding is warn",
  },
  {
    id = "7635-6.2-20", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "warn",
    reading = { "AMB-01" },
    text = "The client decodes the base64 text and sends the binary token in ACCESS-TOKEN.",
    softened = "no one is told to decode, so sending the text is never more than warn",
  },
  {
    id = "7635-6.2-21", document = "RFC 7635", section = "6.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-01" },
    text = "The server accepts the token in binary as the value of ACCESS-TOKEN.",
    softened = "what becomes of the base64 text in its place is a note",
  },

  -- Section 7: STUN server behavior
  {
    id = "7635-7-01", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-37" },
    text = "The server selects the keying material for a token by the kid in USERNAME.",
  },
  {
    id = "7635-7-02", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-51" },
    text = "The server answers with 401 when USERNAME holds a kid unknown to it.",
  },
  {
    id = "7635-7-03", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server tries a token with the key of the presented kid only, and answers with 401 if it was "
      .. "sealed under the key of another.",
  },
  {
    id = "7635-7-04", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    text = "The server answers with 401 when the authenticated decryption of the token fails.",
  },
  {
    id = "7635-7-05", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, alone = true, verdict = "fail",
    reading = { "AMB-26", "AMB-51", "AMB-53" },
    text = "A token of impossible structure draws a 401 from the server and leaves the server unharmed.",
    softened = "400 passes with a note, and accepting a mac_key of length 0 is warn; closing the connection is "
      .. "answer enough to that and to an oversized message over TCP",
  },
  {
    id = "7635-7-06", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-29", "AMB-30", "AMB-52" },
    text = "In CBC mode with HMAC the server recomputes the MAC over STUN server name, encrypted part and AL "
      .. "with the AUTH key and answers with 401 if T differs.",
    softened = "asked only where the profile claims CBC",
  },
  {
    id = "7635-7-07", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "A request that presents a token is verified with the mac_key found in that token.",
  },
  {
    id = "7635-7-08", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-06" },
    text = "The server accepts a token as long as lifetime + Delta exceeds the absolute difference between its "
      .. "timestamp and the time of reception.",
  },
  {
    id = "7635-7-09", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-06" },
    text = "The server answers with 401 when the timestamp lies lifetime + Delta or more in the past.",
    softened = "fail only at an age of lifetime + 3600 s, or lifetime + Delta + 10 s where the profile states its "
      .. "Delta; accepting younger ones is left to 7635-7-10",
  },
  {
    id = "7635-7-10", document = "RFC 7635", section = "7", level = "RECOMMENDED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-06" },
    text = "In its check of the token's time the server allows a Delta of 5 seconds.",
    softened = "Delta is only recommended: another value is never more than warn",
  },
  {
    id = "7635-7-11", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-04", "AMB-06" },
    text = "The server answers with 401 when the timestamp lies lifetime + Delta or more in the future.",
    softened = "fail only when it is ahead by lifetime + 3600 s, or by lifetime + Delta + 10 s "
      .. "where the profile states its Delta",
  },
  {
    id = "7635-7-12", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-04" },
    text = "The server accepts a token dated in the future by less than lifetime + Delta, "
      .. "since the formula takes the absolute value.",
    softened = "stricter servers are arguably safer: never more than warn",
  },
  {
    id = "7635-7-13", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-06", "AMB-07" },
    text = "The server accepts a token with a lifetime of 0 only within Delta of its timestamp.",
    softened = "a fresh one may be taken or not; fail only at an age of an hour, or of Delta + "
      .. "10 s where the profile states its Delta",
  },
  {
    id = "7635-7-14", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    text = "The server answers with 401 when MESSAGE-INTEGRITY does not match the value computed with the mac_key.",
  },
  {
    id = "7635-7-15", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-28" },
    text = "A request that passes every check is processed: the server makes the allocation and relays through it.",
    softened = "where the server forbids the peer with 403 the success response alone decides",
  },
  {
    id = "7635-7-16", document = "RFC 7635", section = "7", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-13", "AMB-28" },
    text = "Success responses to requests that present a token have a MESSAGE-INTEGRITY computed with the mac_key.",
  },
  {
    id = "7635-7-17", document = "RFC 7635", section = "7", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-13", "AMB-28" },
    text = "Error responses generated after all checks have passed have a MESSAGE-INTEGRITY "
      .. "computed with the mac_key.",
  },
  {
    id = "7635-7-18", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-13" },
    text = "If a 400, 401 or 438 generated before the checks have passed has a MESSAGE-INTEGRITY at all, it "
      .. "verifies under the key the client used.",
    softened = "RFC 5389 speaks against integrity there: one that does not verify is never more than warn",
  },
  {
    id = "7635-7-19", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "warn",
    reading = { "AMB-19" },
    text = "Without third-party authorization on offer, a server rejects an ACCESS-TOKEN "
      .. "with 420 and lists type 0x001B in UNKNOWN-ATTRIBUTES.",
    softened = "warn where an attribute nobody knows gets 420 and the token is ignored; 5389-7.3.1-01 alone fails "
      .. "where both are ignored; 401 for want of valid credentials passes",
  },
  {
    id = "7635-7-20", document = "RFC 7635", section = "7", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-15", "AMB-51" },
    text = "A valid token exempts a request from none of the long-term checks of RFC 5389 section 10.2.2.",
    softened = "success is what breaks it: which error answers is judged by the requirements of that section",
  },

  -- Section 8: STUN client behavior
  {
    id = "7635-8-01", document = "RFC 7635", section = "8", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-14" },
    text = "The client discards a response to its token request if MESSAGE-INTEGRITY is absent.",
    softened = "401 and 438 are exempt, as is 300 where the client follows ALTERNATE-SERVER; a "
      .. "400 may be discarded or heeded",
  },
  {
    id = "7635-8-02", document = "RFC 7635", section = "8", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-14" },
    text = "The client discards a response whose MESSAGE-INTEGRITY differs from the value "
      .. "computed with the mac_key.",
    softened = "the exemptions of 7635-8-01 hold",
  },
  {
    id = "7635-8-03", document = "RFC 7635", section = "8", level = "MUST", role = "client",
    observed = { "fake-AS", "fake-server" }, verdict = "fail",
    reading = { "AMB-55" },
    text = "When its access token expires the client obtains a new one from the "
      .. "authorization server and uses it in new STUN requests.",
    softened = "judged for the STUN client together with the application that renews tokens for it",
  },

  -- Section 9: TURN client and server behavior
  {
    id = "7635-9-01", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-05" },
    text = "The server accepts the same access token in several Allocate requests.",
  },
  {
    id = "7635-9-02", document = "RFC 7635", section = "9", level = "MUST", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    reading = { "AMB-21" },
    text = "The client puts ACCESS-TOKEN into no TURN message other than Allocate and Refresh requests.",
    softened = "STUN usages outside TURN, such as an authenticated Binding, are not meant",
  },
  {
    id = "7635-9-03", document = "RFC 7635", section = "9", level = "MUST", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    reading = { "AMB-21", "AMB-25" },
    text = "The client puts ACCESS-TOKEN into each Allocate and Refresh request that it "
      .. "authenticates with a token.",
    softened = "an Allocate without it is fail, a Refresh without it warn",
  },
  {
    id = "7635-9-04", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-24" },
    text = "Caching a token spares the server its decryption only: the token in an Allocate or Refresh request "
      .. "is checked for time and integrity each time.",
    softened = "401 and 437 are both accepted as refusals",
  },
  {
    id = "7635-9-05", document = "RFC 7635", section = "9", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-08", "AMB-09", "AMB-10" },
    text = "The LIFETIME in an Allocate success response is no greater than the lifetime of the token.",
    softened = "up to Delta above it is warn, since the recommended formula gives that; more is fail",
  },
  {
    id = "7635-9-06", document = "RFC 7635", section = "9", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-08", "AMB-09", "AMB-10", "AMB-23", "AMB-25" },
    text = "The LIFETIME in a Refresh success response is no greater than the lifetime of "
      .. "the token that was presented.",
    softened = "up to Delta above it is warn, more is fail; deletion (LIFETIME 0) is exempt; without a token the "
      .. "last one presented is the measure",
  },
  {
    id = "7635-9-07", document = "RFC 7635", section = "9", level = "RECOMMENDED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "warn",
    reading = { "AMB-08", "AMB-10", "AMB-25" },
    text = "The server bounds the LIFETIME it grants by lifetime + Delta - abs(reception "
      .. "time - timestamp), with a Delta of 5 seconds.",
    softened = "the formula is only recommended: never more than warn",
  },
  {
    id = "7635-9-08", document = "RFC 7635", section = "9", level = "MUST", role = "client",
    observed = { "fake-AS", "fake-server" }, verdict = "fail",
    text = "When the access token expires the client obtains a new one and makes its new allocations with that.",
  },
  {
    id = "7635-9-09", document = "RFC 7635", section = "9", level = "MUST", role = "client",
    observed = { "fake-AS", "fake-server" }, verdict = "fail",
    text = "When the access token expires the client refreshes the allocations it already has with a new one.",
  },
  {
    id = "7635-9-10", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-18", "AMB-20" },
    text = "An allocation can be refreshed with a new token of the same kid, and the server signs the response "
      .. "with the mac_key of that new token.",
  },
  {
    id = "7635-9-11", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-20" },
    text = "An allocation can also be refreshed with a valid new token of a different kid, "
      .. "as happens when K is replaced.",
    softened = "441 is the letter of RFC 5766 section 4 and only warn, every other refusal fail",
  },
  {
    id = "7635-9-12", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-22" },
    text = "For CreatePermission and ChannelBind a MESSAGE-INTEGRITY under the allocation's session key "
      .. "suffices: the server demands no ACCESS-TOKEN.",
    softened = "after a renewal the newest session key has to work; what an older one gets is a note",
  },
  {
    id = "7635-9-13", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-22", "AMB-25" },
    text = "Without a token, a CreatePermission, ChannelBind or Refresh request is refused unless the "
      .. "allocation's own session key signed it.",
    softened = "400, 401 and 441 are all accepted as refusals, and an older key of the same allocation may work",
  },
  {
    id = "7635-9-14", document = "RFC 7635", section = "9", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-21" },
    text = "An ACCESS-TOKEN in a TURN request that is neither Allocate nor Refresh does no "
      .. "harm to the server or the allocation.",
    softened = "undefined by the text: 400, 420 and success pass, no answer or the loss of the allocation is warn",
  },
  {
    id = "7635-9-15", document = "RFC 7635", section = "9", level = "IMPLIED", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "warn",
    text = "The client maintains one token for each TURN server, which all its allocations there share.",
  },

  -- Section 10: operational considerations
  {
    id = "7635-10-01", document = "RFC 7635", section = "10", level = "IMPLIED", role = "as",
    observed = {}, verdict = "warn",
    text = "The authorization server maintains a list of the STUN servers it grants tokens "
      .. "for and of the secret it shares with each of them.",
    untestable = "the list is kept inside the authorization server; its effect on tokens and errors is judged by "
      .. "7635-6.1-03, -07 and 7635-10-03",
  },
  {
    id = "7635-10-02", document = "RFC 7635", section = "10", level = "IMPLIED", role = "rs-as",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-30" },
    text = "With manual provisioning, STUN server and authorization server have K and its authenticated "
      .. "encryption algorithm configured for each kid.",
    softened = "needs a second algorithm that the profile claims",
  },
  {
    id = "7635-10-03", document = "RFC 7635", section = "10", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-37" },
    text = "The authorization server returns a kid and a token that fit the STUN server the client asked for.",
  },

  -- Section 11: security considerations
  {
    id = "7635-11-01", document = "RFC 7635", section = "11", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-46" },
    text = "The authorization server talks to clients over TLS with cipher suites that offer confidentiality.",
  },
  {
    id = "7635-11-02", document = "RFC 7635", section = "11", level = "MUST NOT", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server does not transmit the session key in the clear.",
  },
  {
    id = "7635-11-03", document = "RFC 7635", section = "11", level = "MUST NOT", role = "client",
    observed = { "pcap", "fake-server" }, verdict = "fail",
    text = "The client does not transmit the mac_key in the clear, in whatever encoding.",
  },
  {
    id = "7635-11-04", document = "RFC 7635", section = "11", level = "IMPLIED", role = "client",
    observed = { "fake-AS" }, verdict = "fail",
    text = "The client takes a token over TLS only, and from no authorization server whose "
      .. "certificate fails verification.",
  },
  {
    id = "7635-11-05", document = "RFC 7635", section = "11", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-05", "AMB-47" },
    text = "The server changes its nonces often enough to keep a captured request with "
      .. "ACCESS-TOKEN from being replayed.",
    softened = "how often is not said, so never more than warn; a replay from the same 5-tuple "
      .. "within 40 s is a lawful retransmission",
  },
  {
    id = "7635-11-06", document = "RFC 7635", section = "11", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    text = "The server offers the token exchange over TLS or DTLS too, where an attacker cannot strip "
      .. "THIRD-PARTY-AUTHORIZATION from its answers.",
    softened = "the text only offers this as a mitigation: asked where the profile lists tls or "
      .. "dtls, and never more than warn",
  },
  {
    id = "7635-11-07", document = "RFC 7635", section = "11", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "warn",
    text = "A client configured for third-party authorization sends no first-party credentials merely for want "
      .. "of THIRD-PARTY-AUTHORIZATION in a 401.",
    softened = "the text tells of the attack and forbids nothing: never more than warn",
  },
  {
    id = "7635-11-08", document = "RFC 7635", section = "11", level = "IMPLIED", role = "as",
    observed = {}, verdict = "warn",
    text = "The authorization server takes account of the threat mitigation in section 5 of the OAuth "
      .. "proof-of-possession architecture.",
    untestable = "the sentence refers to a threat analysis and prescribes no behaviour",
  },
  {
    id = "7635-11-09", document = "RFC 7635", section = "11", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    text = "No message of the server tells a session key, a long-term key or a password, in whatever encoding.",
  },

  -- Section 12: attribute types
  {
    id = "7635-12-01", document = "RFC 7635", section = "12", level = "IMPLIED", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    implied_by = "7635-4-05",
    text = "THIRD-PARTY-AUTHORIZATION is sent with the comprehension-optional type 0x802E.",
  },
  {
    id = "7635-12-02", document = "RFC 7635", section = "12", level = "IMPLIED", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    implied_by = "7635-5-01",
    text = "ACCESS-TOKEN is sent with the comprehension-required type 0x001B.",
  },

  -- Section 12.1: the well-known URI
  {
    id = "7635-12.1-01", document = "RFC 7635", section = "12.1", level = "IMPLIED", role = "rs-as",
    observed = { "as-probe", "fake-AS" }, verdict = "fail",
    text = "The well-known URI for K has the path /.well-known/stun-key directly below its authority.",
  },

  -- Appendix A: sample tokens
  {
    id = "7635-A-01", document = "RFC 7635", section = "A", level = "IMPLIED", role = "token",
    observed = { "offline" }, verdict = "fail",
    reading = { "AMB-45" },
    text = "Sample 1 of appendix A opens with AEAD_AES_256_GCM under its 32-octet key to the given fields, and "
      .. "sealing these yields the same 64 octets.",
    softened = "judges a codec: to a live server the sample is an expired token",
  },
  {
    id = "7635-A-02", document = "RFC 7635", section = "A", level = "IMPLIED", role = "token",
    observed = { "offline" }, verdict = "fail",
    reading = { "AMB-31", "AMB-45" },
    text = "Sample 2 of appendix A opens with AEAD_AES_128_GCM under the same key cut to its first 16 octets.",
    softened = "judges a codec: to a live server the sample is an expired token",
  },
  {
    id = "7635-A-03", document = "RFC 7635", section = "A", level = "IMPLIED", role = "token",
    observed = { "probe", "as-probe" }, verdict = "fail",
    reading = { "AMB-30" },
    text = "In a GCM token the authentication tag has 16 octets and follows the ciphertext.",
  },

  -- Appendix B: client and authorization server
  {
    id = "7635-B-01", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-32" },
    text = "The token response has status 200, content type application/json and a body that is valid JSON.",
    softened = "appendix B is an example, binding on an authorization server that claims it",
  },
  {
    id = "7635-B-02", document = "RFC 7635", section = "B", level = "IMPLIED", role = "client",
    observed = { "fake-AS" }, verdict = "warn",
    reading = { "AMB-27" },
    text = "The client announces its HMAC algorithm in alg, and HMAC-SHA-256-128 if it "
      .. "supports that besides HMAC-SHA-1.",
    softened = "appendix B is an example: never more than warn",
  },
  {
    id = "7635-B-03", document = "RFC 7635", section = "B", level = "IMPLIED", role = "client",
    observed = { "fake-AS" }, verdict = "warn",
    reading = { "AMB-39", "AMB-40" },
    text = "The token request is a form-encoded body with the STUN server name in aud, token_type pop and a "
      .. "grant_type; a timestamp, where sent, counts the seconds since 1970.",
    softened = "obtaining a token is out of scope: other grants pass, and a name that is not "
      .. "conveyed at all breaks 7635-6.1-02",
  },
  {
    id = "7635-B-04", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-38" },
    text = "Asked for HMAC-SHA-256-128, the authorization server issues a session key of 256 bits.",
  },
  {
    id = "7635-B-05", document = "RFC 7635", section = "B", level = "IMPLIED", role = "client",
    observed = { "fake-server" }, verdict = "warn",
    reading = { "AMB-26", "AMB-55" },
    text = "For HMAC-SHA-1 a client that was given a 256-bit key calculates a 160-bit key from it by SHA-1.",
    softened = "the 256-bit key in full passes with a note",
  },
  {
    id = "7635-B-06", document = "RFC 7635", section = "B", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-26", "AMB-55" },
    text = "For HMAC-SHA-1 a server that finds a 256-bit mac_key in a token uses the 160-bit "
      .. "key that SHA-1 makes of it.",
    softened = "the 256-bit key in full passes too, if request and response are keyed alike",
  },
  {
    id = "7635-B-07", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-16", "AMB-37" },
    text = "The token response contains the kid by which the STUN server finds K.",
  },
  {
    id = "7635-B-08", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-38", "AMB-55" },
    text = "The token response contains in key the session key that is sealed in the token.",
    softened = "base64, base64url and JWK forms pass, raw characters are warn, and fail means "
      .. "that no form gives the mac_key",
  },
  {
    id = "7635-B-09", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    text = "The token response says in alg which HMAC algorithm its session key is for.",
    softened = "a narrower alg than the requested one passes if it makes sense",
  },
  {
    id = "7635-B-10", document = "RFC 7635", section = "B", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The authorization server issues tokens to authorized clients only.",
  },
}
