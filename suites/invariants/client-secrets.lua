-- SPDX-License-Identifier: BSD-3-Clause
--
-- What clients tell that nobody should learn, and their FINGERPRINT, as captures show it. RFC 7635 section 11,
-- TS 33.203 annex X, RFC 5389 section 15.5.

local invariant = require "support.invariant"

invariant "client-secrets" {
  title = "no client tells its mac_key or the name of its user, and FINGERPRINT is last and right",
  covers = { "7635-11-03", "33203-X.5.3-02", "5389-15.5-02" },
  role = "client",
  about = { class = { "request", "indication" } },
  judge = function(seen, check)
    local facts = seen.facts
    if facts.token == "opened" or facts.token_session then
      check("7635-11-03", facts.tells ~= "mac_key", {
        expected = "no mac_key in any form", got = "the mac_key, as it is, in hex or in base64",
      })
    end
    if #seen.identities > 0 then
      check("33203-X.5.3-02", not facts.identity, {
        expected = "no name that the user is known by", got = "one of those that --identity gives",
      })
    end
    if facts.fingerprint ~= "absent" then
      check("5389-15.5-02", facts.fingerprint == "valid", {
        expected = "FINGERPRINT as the last attribute, with the CRC-32 XOR 0x5354554E",
        got = facts.fingerprint == "wrong" and "another value" or "others behind it",
      })
    end
  end,
}
