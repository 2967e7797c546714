-- SPDX-License-Identifier: BSD-3-Clause
--
-- The cryptography and the names that RFC 7635 takes from elsewhere: AEAD algorithms (RFC 5116), kid (RFC 7515), the
-- algorithms and key formats of JSON Web Algorithms (RFC 7518) and exp (RFC 7519).
return {
  {
    id = "5116-5.2-01", document = "RFC 5116", section = "5.1, 5.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-53" },
    text = "With AES-GCM the server accepts tokens whose nonce has 12 octets, and no others.",
    softened = "other lengths do no shown harm: never more than warn",
  },
  {
    id = "5116-5.2-02", document = "RFC 5116", section = "5.1, 5.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server answers with 401 when the tag of a GCM token is shorter than 16 octets.",
  },
  {
    id = "5116-2.2-01", document = "RFC 5116", section = "2.2", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-48", "AMB-56" },
    text = "A token that does not open is answered in one and the same way, be the tag, the associated data, the "
      .. "key or the ciphertext at fault.",
    softened = "judged by error code and attributes; reason phrases and timing are notes, and a token out of its "
      .. "time may be answered otherwise",
  },
  {
    id = "7515-4.1.4-01", document = "RFC 7515", section = "4.1.4", level = "MUST", role = "server",
    observed = { "probe" }, verdict = "fail",
    text = "The server tells kids apart that differ only in the case of a letter.",
  },
  {
    id = "7518-5.3-01", document = "RFC 7518", section = "5.3", level = "IMPLIED", role = "server",
    observed = { "probe" }, verdict = "warn",
    reading = { "AMB-30" },
    text = "Where A128GCM is offered, tokens use a K of 128 bits, a nonce of 96 bits and a tag of 128 bits.",
    softened = "the algorithm is optional: asked only of targets whose profile claims it",
  },
  {
    id = "7518-5.2.3-01", document = "RFC 7518", section = "5.2.3, 5.2.4", level = "IMPLIED", role = "rs-as",
    observed = { "offline", "probe", "as-probe" }, verdict = "warn",
    reading = { "AMB-29", "AMB-30" },
    text = "A128CBC-HS256 uses a K of 32 octets in halves of 16, HMAC-SHA-256 and a T of 16 octets; "
      .. "A192CBC-HS384 uses a K of 48 octets in halves of 24, HMAC-SHA-384 and a T of 24 octets.",
    softened = "the algorithms are optional: asked only of targets whose profile claims them",
  },
  {
    id = "7518-5.2.2.1-01", document = "RFC 7518", section = "5.2.2.1", level = "IMPLIED", role = "rs-as",
    observed = { "probe" }, verdict = "fail",
    reading = { "AMB-29", "AMB-30" },
    text = "The leading octets of K are the AUTH key and the trailing octets are the AS-RS key.",
    softened = "asked only where the profile claims CBC",
  },
  {
    id = "7518-5.2.2.1-02", document = "RFC 7518", section = "5.2.2.1", level = "IMPLIED", role = "rs-as",
    observed = { "probe", "as-probe" }, verdict = "fail",
    reading = { "AMB-29", "AMB-30" },
    text = "AL, the end of the MAC input, is the bit length of the STUN server name as a 64-bit big-endian "
      .. "integer, and the plaintext has PKCS7 padding.",
    softened = "asked only where the profile claims CBC",
  },
  {
    id = "7518-5.2.2.2-01", document = "RFC 7518", section = "5.2.2.2", level = "IMPLIED", role = "server",
    observed = {}, verdict = "warn",
    text = "The server checks the MAC before it decrypts anything, and the time it takes betrays nothing.",
    untestable = "the order and duration of these steps stay inside the server; wrong padding "
      .. "under a right MAC looks like any other 401",
  },
  {
    id = "7518-6.4.1-01", document = "RFC 7518", section = "6.4.1", level = "MUST", role = "rs-as",
    observed = { "as-probe", "fake-AS" }, verdict = "warn",
    reading = { "AMB-33" },
    text = "The k of the key response is base64url text without padding characters.",
    softened = "the wrong alphabet is never more than warn, since the length of the key is judged by 7635-4.1.1-09",
  },
  {
    id = "7519-4.1.4-01", document = "RFC 7519", section = "4.1.4", level = "MUST NOT", role = "server",
    observed = { "probe" }, alone = true, verdict = "warn",
    reading = { "AMB-36" },
    text = "The server opens no token with a long-term key whose exp has passed.",
    softened = "RFC 7635 takes over the definition of exp and no more: never more than warn",
  },
}
