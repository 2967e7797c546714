-- SPDX-License-Identifier: BSD-3-Clause
--
-- What clause X.5.3 of 3GPP TS 33.203 requires of WebRTC access to IMS with tokens of RFC 7635. WAF is the WebRTC
-- authorization function (the authorization server), WWSF the web server function, WIC the client in the browser.
return {
  {
    id = "33203-X.5.3-01", document = "3GPP TS 33.203", section = "X.5.3.1", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-44" },
    text = "The WAF issues access token, TURN session key and kid in the form of RFC 7635.",
  },
  {
    id = "33203-X.5.3-02", document = "3GPP TS 33.203", section = "X.5.3.1", level = "IMPLIED", role = "client",
    observed = { "pcap", "fake-server" }, verdict = "fail",
    reading = { "AMB-44" },
    text = "TURN messages have the kid as USERNAME and reveal no identity of the real user.",
  },
  {
    id = "33203-X.5.3-03", document = "3GPP TS 33.203", section = "X.5.3.2", level = "IMPLIED", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    reading = { "AMB-44" },
    text = "The WAF authenticates the WWSF by its registered client id and password (client credentials grant) "
      .. "before it issues a token, and asks for no user identity.",
    softened = "the clause calls itself non-normative: never more than warn",
  },
  {
    id = "33203-X.5.3-04", document = "3GPP TS 33.203", section = "X.5.3.2", level = "IMPLIED", role = "client",
    observed = { "fake-AS", "fake-server" }, verdict = "warn",
    reading = { "AMB-44" },
    text = "The WWSF passes access token, session key and kid as they are to the WIC, which sends the kid as "
      .. "USERNAME and signs with the session key.",
    softened = "the clause calls itself non-normative: never more than warn",
  },
}
