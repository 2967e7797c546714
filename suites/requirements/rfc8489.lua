-- SPDX-License-Identifier: BSD-3-Clause
--
-- What RFC 8489, the later edition of STUN, adds that touches a session with an access token. Most of it binds only
-- targets that claim RFC 8489.
return {
  {
    id = "8489-9.2-01", document = "RFC 8489", section = "9.2", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-50", "AMB-55" },
    text = "Each NONCE of a server that claims RFC 8489 begins with the nonce cookie, that is, obMatJos2 and "
      .. "four base64 characters that encode its security feature bits.",
    softened = "bit 0 is taken as the least significant, as the erratum has it",
  },
  {
    id = "8489-9.2.4-01", document = "RFC 8489", section = "9.2.4", level = "MUST NOT", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server does not choose the same NONCE for requests that differ in source address or port.",
    softened = "RFC 5389 has no such rule: warn unless the target claims RFC 8489",
  },
  {
    id = "8489-9.2.4-02", document = "RFC 8489", section = "9.2.4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-27", "AMB-50" },
    text = "A server that claims RFC 8489 accepts a token request signed by MESSAGE-INTEGRITY-SHA256 alone under "
      .. "the mac_key, and answers in kind.",
    softened = "RFC 7635 names no key for this attribute: never more than warn",
  },
  {
    id = "8489-9.2.4-03", document = "RFC 8489", section = "9.2.4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-27" },
    text = "When a request has both integrity attributes, a server that claims RFC 8489 goes "
      .. "by MESSAGE-INTEGRITY-SHA256.",
    softened = "servers of RFC 5389 have to disregard what stands behind MESSAGE-INTEGRITY and are not asked",
  },
  {
    id = "8489-9.2.4-04", document = "RFC 8489", section = "9.2.4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-50" },
    text = "A server that claims RFC 8489 answers with 400 when the PASSWORD-ALGORITHMS in a "
      .. "request differs from the one it sent.",
    softened = "asked where the 401 has PASSWORD-ALGORITHMS; whether a token request has to echo it is left open",
  },
  {
    id = "8489-9.2.5-01", document = "RFC 8489", section = "9.2.5", level = "MUST NOT", role = "client",
    observed = { "fake-server" }, verdict = "warn",
    reading = { "AMB-50" },
    text = "A client that claims RFC 8489 does not retry when the nonce cookie announces password algorithms and "
      .. "PASSWORD-ALGORITHMS is absent.",
  },
  {
    id = "8489-9.2.5-02", document = "RFC 8489", section = "9.2.5", level = "MUST", role = "client",
    observed = { "fake-server" }, verdict = "warn",
    reading = { "AMB-14" },
    text = "Over a reliable transport the client ends the transaction at once, and reports it, when the "
      .. "integrity of a response fails to verify.",
  },
  {
    id = "8489-14-01", document = "RFC 8489", section = "14", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "warn",
    text = "A server that claims RFC 8489 pads attributes with zeros.",
    softened = "RFC 5389 lets padding have any value",
  },
  {
    id = "8489-14.6-01", document = "RFC 8489", section = "14.6", level = "MUST", role = "server",
    observed = { "probe", "pcap" }, verdict = "warn",
    reading = { "AMB-27" },
    text = "MESSAGE-INTEGRITY-SHA256 has 32 octets, or a multiple of 4 from 16 up where the "
      .. "usage allows truncation.",
    softened = "appendix B of RFC 7635 counts as leave to truncate",
  },
}
