-- SPDX-License-Identifier: BSD-3-Clause
--
-- The form of what clients send, as captures show it. RFC 7635 sections 5 and 6.2, RFC 5389 sections 6 and 15.

local certain = require "support.certain"
local invariant = require "support.invariant"

local function judge_header(facts, check)
  local id = "5389-6-02"
  check(id, facts.class ~= "malformed", {
    label = "well formed", expected = "a well-formed request", got = "lengths that cannot be followed",
  })
  local kind = facts.transaction
  if kind then
    check(id, kind == "new" or kind == "again", {
      label = "transaction ID", expected = "a transaction ID of its own, or the same octets again",
      got = kind == "changed" and "other octets under the ID of a request that waits for its answer"
        or "other octets under the ID of a request that had its answer",
    })
  end
end

-- The key is certain where the server took this very token from this client before.
local function judge_integrity(facts, check)
  local id = "5389-15.4-01"
  if facts.has["MESSAGE-INTEGRITY"] and facts.malformed["MESSAGE-INTEGRITY"] then
    check(id, false, { label = "length", expected = "20 octets", got = "another length" })
  elseif facts.integrity == "invalid" then
    if facts.token == "opened" and facts.token_same and not facts.behind["ACCESS-TOKEN"] then
      check(id, false, { label = "value", expected = "the HMAC-SHA1 under mac_key", got = "another value" })
    end
  elseif facts.integrity ~= "absent" and facts.integrity ~= "unknown" then
    check(id, true, { label = "value" })
  end
end

invariant "client-requests" {
  title = "requests are well formed, signed over what stands before, with an ID of their own",
  covers = { "5389-6-02", "5389-15.4-01", "7635-5-03", "7635-6.2-02" },
  role = "client",
  about = { class = { "request", "malformed" } },
  judge = function(seen, check)
    local facts = seen.facts
    judge_header(facts, check)
    if facts.class == "malformed" then return end
    judge_integrity(facts, check)
    if not facts.has["ACCESS-TOKEN"] then return end
    if certain.has_integrity(facts) then
      check("7635-5-03", not facts.unprotected, {
        expected = "nothing but MESSAGE-INTEGRITY-SHA256 and FINGERPRINT behind MESSAGE-INTEGRITY",
        got = "another attribute behind it",
      })
    end
    if facts.transport == "udp" and facts.family == 4 and not facts.large then check("7635-6.2-02", true) end
  end,
}
