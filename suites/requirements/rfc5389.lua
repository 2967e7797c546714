-- SPDX-License-Identifier: BSD-3-Clause
--
-- What RFC 5389, Session Traversal Utilities for NAT, requires of a session with an access token: header, error
-- responses, the long-term mechanism whose checks RFC 7635 takes over, attribute encoding, MESSAGE-INTEGRITY and
-- FINGERPRINT.
return {
  {
    id = "5389-6-01", document = "RFC 5389", section = "6", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "Each response has a well-formed header: two zero bits, a response class with the method of the "
      .. "request, the magic cookie, the true length in a multiple of 4, and the request's transaction ID.",
  },
  {
    id = "5389-6-02", document = "RFC 5389", section = "6", level = "MUST", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    text = "Each request has a well-formed header and a transaction ID of 96 bits nobody can predict, which is a "
      .. "new one after 401 or 438 and in a retransmission stays as it was, like every other octet.",
  },
  {
    id = "5389-7.2.2-01", document = "RFC 5389", section = "7.2.2", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "Over TLS the client verifies that the certificate belongs to the server it meant "
      .. "to reach, and sends nothing before that.",
    softened = "asked of clients that offer TLS",
  },
  {
    id = "5389-7.3-01", document = "RFC 5389", section = "7.3", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-19" },
    text = "The server authenticates a request before it looks for unknown comprehension-required attributes.",
  },
  {
    id = "5389-7.3.1-01", document = "RFC 5389", section = "7.3.1", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-19" },
    text = "An authenticated request with comprehension-required attributes that the server does not know gets a "
      .. "420 whose UNKNOWN-ATTRIBUTES lists just these.",
  },
  {
    id = "5389-7.3.1-02", document = "RFC 5389", section = "7.3.1", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "A request retransmitted from the same 5-tuple with its transaction ID unchanged "
      .. "gets a response equivalent to the first.",
    softened = "asked over UDP and DTLS, where requests are retransmitted",
  },
  {
    id = "5389-7.3.1.1-01", document = "RFC 5389", section = "7.3.1.1", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-48" },
    text = "Each error response has a correctly encoded ERROR-CODE: class 3 to 6, number 0 to 99, reserved bits "
      .. "zero, and a reason phrase in UTF-8 of fewer than 128 characters.",
    softened = "errors in the reserved bits or in the length of the reason phrase, and NULs in it, are warn",
  },
  {
    id = "5389-10.2.2-01", document = "RFC 5389", section = "10.2.2", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-11", "AMB-51" },
    text = "Whatever else it carries, a request without MESSAGE-INTEGRITY gets a 401 with REALM and NONCE.",
  },
  {
    id = "5389-10.2.2-02", document = "RFC 5389", section = "10.2.2", level = "SHOULD NOT", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-13" },
    text = "A 401 includes neither MESSAGE-INTEGRITY nor USERNAME.",
    softened = "once the token is open, integrity that verifies under its mac_key passes",
  },
  {
    id = "5389-10.2.2-03", document = "RFC 5389", section = "10.2.2", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-11", "AMB-16", "AMB-51" },
    text = "A request with MESSAGE-INTEGRITY that lacks USERNAME, REALM or NONCE gets a 400.",
    softened = "USERHASH is no substitute here: it is not defined for a kid",
  },
  {
    id = "5389-10.2.2-04", document = "RFC 5389", section = "10.2.2", level = "SHOULD NOT", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-13" },
    text = "The 400 to a request that lacks one of these includes none of MESSAGE-INTEGRITY, "
      .. "USERNAME, REALM and NONCE.",
  },
  {
    id = "5389-10.2.2-05", document = "RFC 5389", section = "10.2.2", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-15" },
    text = "A request whose NONCE is no longer valid gets a 438, however good its token.",
    softened = "if its token is bad as well 401 passes; 401 to a nonce that was never issued is warn",
  },
  {
    id = "5389-10.2.2-06", document = "RFC 5389", section = "10.2.2", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "The 438 brings REALM and a fresh NONCE with which the request succeeds at once.",
  },
  {
    id = "5389-10.2.2-07", document = "RFC 5389", section = "10.2.2", level = "SHOULD NOT", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-13" },
    text = "A 438 includes neither MESSAGE-INTEGRITY nor USERNAME.",
    softened = "by RFC 8489 it may be signed: then integrity that verifies under the mac_key passes",
  },
  {
    id = "5389-10.2.2-08", document = "RFC 5389", section = "10.2.2", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    reading = { "AMB-11", "AMB-12" },
    text = "The 401 to an unknown kid, to a token that fails its checks and to a wrong "
      .. "MESSAGE-INTEGRITY brings REALM and NONCE.",
    softened = "THIRD-PARTY-AUTHORIZATION is not demanded there: its absence is a note",
  },
  {
    id = "5389-10.2.2-09", document = "RFC 5389", section = "10.2.2", level = "SHOULD NOT", role = "server",
    observed = { "probe" }, verdict = "warn",
    text = "Responses to authenticated requests leave out USERNAME, REALM and NONCE.",
  },
  {
    id = "5389-10.2.3-01", document = "RFC 5389", section = "10.2.3", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "The client copies REALM and NONCE from the 401 into its next request without changing an octet.",
  },
  {
    id = "5389-10.2.3-02", document = "RFC 5389", section = "10.2.3", level = "MUST NOT", role = "client",
    observed = { "fake-server", "fake-AS" }, verdict = "fail",
    reading = { "AMB-56" },
    text = "After a second 401 the client does not try again with the same credentials.",
    softened = "a new token counts as changed credentials and allows one more try",
  },
  {
    id = "5389-10.2.3-03", document = "RFC 5389", section = "10.2.3", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "After a 438 the client repeats its request with the new NONCE along with USERNAME, REALM, "
      .. "MESSAGE-INTEGRITY and, in Allocate and Refresh, ACCESS-TOKEN.",
  },
  {
    id = "5389-15-01", document = "RFC 5389", section = "15", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    text = "The client encodes attributes as type, length and value on 32-bit boundaries, "
      .. "with a length field that leaves the padding out.",
  },
  {
    id = "5389-15-02", document = "RFC 5389", section = "15", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server delimits the token, like every attribute value, by the length field "
      .. "and disregards what the padding contains.",
  },
  {
    id = "5389-15-03", document = "RFC 5389", section = "15", level = "MAY", role = "server",
    observed = { "probe" }, verdict = "warn",
    text = "Where ACCESS-TOKEN occurs more than once in a request, the server goes by the first occurrence.",
    softened = "a good token with a bad one behind it may be served or answered with 400 or 401",
  },
  {
    id = "5389-15.3-01", document = "RFC 5389", section = "15.3", level = "MUST", role = "client",
    observed = { "fake-server", "fake-AS" }, verdict = "fail",
    reading = { "AMB-16" },
    text = "USERNAME, and hence the kid, is SASLprep-processed UTF-8 of fewer than 513 octets.",
    softened = "lengths from 509 to 512 octets, where RFC 8489 is stricter, are not judged",
  },
  {
    id = "5389-15.4-01", document = "RFC 5389", section = "15.4", level = "MUST", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    reading = { "AMB-17" },
    text = "The client's MESSAGE-INTEGRITY is a 20-octet HMAC-SHA1 over the message before it, with a header "
      .. "length that counts this attribute as the last.",
  },
  {
    id = "5389-15.4-02", document = "RFC 5389", section = "15.4", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-17", "AMB-28" },
    text = "In signing responses and verifying requests the server computes MESSAGE-INTEGRITY over the message "
      .. "before it, with a header length that counts this attribute as the last whatever stands behind it.",
    softened = "judged with the form of the HMAC key that 7635-5-05 found to work",
  },
  {
    id = "5389-15.4-03", document = "RFC 5389", section = "15.4", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, needs_keys = true, verdict = "fail",
    reading = { "AMB-17" },
    text = "The server disregards attributes that follow MESSAGE-INTEGRITY, FINGERPRINT excepted, so that an "
      .. "ACCESS-TOKEN in that place has no effect.",
    softened = "taking the token is fail, an error other than 401 warn; RFC 8489 excepts "
      .. "MESSAGE-INTEGRITY-SHA256 too",
  },
  {
    id = "5389-15.4-04", document = "RFC 5389", section = "15.4", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "fail",
    reading = { "AMB-17" },
    text = "The client disregards attributes that follow MESSAGE-INTEGRITY in a response, FINGERPRINT excepted.",
    softened = "RFC 8489 excepts MESSAGE-INTEGRITY-SHA256 too",
  },
  {
    id = "5389-15.5-01", document = "RFC 5389", section = "15.5", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "fail",
    text = "A FINGERPRINT sent by the server is the last attribute and is the CRC-32 of the "
      .. "message before it, XORed with 0x5354554E.",
  },
  {
    id = "5389-15.5-02", document = "RFC 5389", section = "15.5", level = "MUST", role = "client",
    observed = { "fake-server", "pcap" }, verdict = "fail",
    text = "A FINGERPRINT sent by the client is the last attribute and is right for the message with "
      .. "MESSAGE-INTEGRITY already filled in.",
  },
}
