-- SPDX-License-Identifier: BSD-3-Clause
--
-- What OAuth 2.0 (RFC 6749) and the guidance on TLS (RFC 7525) require of the exchange in which a client obtains its
-- access token.
return {
  {
    id = "6749-2.3.1-01", document = "RFC 6749", section = "2.3.1", level = "MUST NOT", role = "client",
    observed = { "fake-AS" }, verdict = "fail",
    reading = { "AMB-44" },
    text = "The client keeps its client credentials out of the request URI.",
    softened = "warn for a target that claims 3GPP, whose procedure has them in a GET",
  },
  {
    id = "6749-2.3.1-02", document = "RFC 6749", section = "2.3.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "An authorization server that issued passwords to clients accepts them by HTTP Basic authentication.",
  },
  {
    id = "6749-3.2-01", document = "RFC 6749", section = "3.2", level = "MUST", role = "client",
    observed = { "fake-AS" }, verdict = "fail",
    reading = { "AMB-39", "AMB-40", "AMB-44" },
    text = "The client sends its access token request to the token endpoint by POST.",
    softened = "GET is warn for a target that claims 3GPP, and the redirect of an implicit grant is no such request",
  },
  {
    id = "6749-4.2.2-01", document = "RFC 6749", section = "4.2.2", level = "MUST NOT", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-39" },
    text = "The authorization server returns no refresh token with an implicit grant.",
    softened = "with client_credentials, where RFC 6749 says SHOULD NOT, a refresh token is warn",
  },
  {
    id = "6749-5.1-01", document = "RFC 6749", section = "5.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "A successful token response names token_type beside access_token and gives "
      .. "expires_in as a JSON number.",
    softened = "expires_in may be missing or a string, at the price of a warn",
  },
  {
    id = "6749-5.1-02", document = "RFC 6749", section = "5.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "The token response is marked Cache-Control: no-store.",
  },
  {
    id = "6749-5.1-03", document = "RFC 6749", section = "5.1", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "warn",
    text = "The token response is marked Pragma: no-cache as well.",
    softened = "figure 8 of RFC 7635 does without it: never more than warn",
  },
  {
    id = "6749-5.1-04", document = "RFC 6749", section = "5.1", level = "MUST", role = "client",
    observed = { "fake-AS" }, verdict = "fail",
    text = "The client disregards members of the token response that are unknown to it.",
  },
  {
    id = "6749-5.2-01", document = "RFC 6749", section = "5.2", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "A refused token request gets status 400 and a JSON object whose member error is one of the codes of "
      .. "RFC 6749, with no token in it.",
    softened = "another code than the expected one is warn; to an unsupported alg or token_type any 4xx passes",
  },
  {
    id = "6749-5.2-02", document = "RFC 6749", section = "5.2", level = "MUST", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    text = "A client whose HTTP Basic authentication fails gets status 401 with "
      .. "WWW-Authenticate and the error invalid_client.",
  },
  {
    id = "7525-3.1.1-01", document = "RFC 7525", section = "3.1.1", level = "MUST NOT", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-46" },
    text = "The authorization server negotiates neither SSL 2 nor SSL 3, offers TLS 1.2 or "
      .. "later, and avoids TLS 1.0 and 1.1.",
    softened = "TLS 1.0 and 1.1 are warn",
  },
  {
    id = "7525-4.1-01", document = "RFC 7525", section = "4.1", level = "MUST NOT", role = "as",
    observed = { "as-probe" }, verdict = "fail",
    reading = { "AMB-46" },
    text = "The authorization server negotiates no cipher suite that is NULL, RC4, "
      .. "export-grade or weaker than 112 bits.",
    softened = "skipped where the TLS library at hand cannot offer such suites",
  },
}
