-- SPDX-License-Identifier: BSD-3-Clause
--
-- What captures show of the answers to requests without integrity. RFC 7635 section 4, RFC 5389 section 10.2.2.

local certain = require "support.certain"
local invariant = require "support.invariant"

-- The 401 of a server that takes tokens to a request with no credentials at all.
local function judge_first(seen, facts, check, note)
  local code = certain.code(facts)
  if not code then return end
  check("7635-4-02", code == 401, { expected = "a 401", got = certain.describe(facts) })
  if code ~= 401 then return end
  check("7635-4-03", facts.has["NONCE"] and not facts.nonce_empty, {
    expected = "NONCE with a value", got = facts.nonce_empty and "an empty one" or "none",
  })
  check("7635-4-04", facts.has["SOFTWARE"], { expected = "SOFTWARE", got = "none" })
  local announced = facts.has["THIRD-PARTY-AUTHORIZATION"]
  -- Behind one address there may be several servers, and not all of them may take tokens.
  if not announced and not (seen.complete or facts.offered_here) then
    note "7635-4-05: a server offers third-party authorization to others, and not here: perhaps it is another server"
    return
  end
  check("7635-4-05", announced, { expected = "THIRD-PARTY-AUTHORIZATION", got = "none" })
  if announced then
    check("7635-4-05", not facts.twice["THIRD-PARTY-AUTHORIZATION"], {
      label = "once", expected = "THIRD-PARTY-AUTHORIZATION once", got = "more than one", soften = "AMB-12",
    })
  end
end

invariant "challenge" {
  title = "a request without integrity gets 401 with REALM and NONCE, and of a server that takes tokens what it needs",
  covers = { "7635-4-02", "7635-4-03", "7635-4-04", "7635-4-05", "5389-10.2.2-01" },
  faults = {
    "challenge-by-400", "challenge-by-438", "omit-nonce", "empty-nonce", "omit-realm", "omit-realm-when-named",
    "omit-software", "omit-announcement", "announce-as-802d", "announce-twice",
    "take-token-for-integrity", "miss-integrity-by-400", "refuse-early-token", "omit-nonce-for-binding",
    "refresh-for-anybody",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    if certain.has_integrity(request) then return end
    local code = certain.code(facts)
    if code == 401 and not certain.short_term(facts, request) then
      for _, name in ipairs { "REALM", "NONCE" } do
        check("5389-10.2.2-01", facts.has[name], { label = name, expected = name, got = "none" })
      end
    end
    if not certain.plain(request) then return end
    -- Of a Refresh only that it is served, since its allocation may be gone.
    if request.method == "Refresh" and code == 0 and certain.challenges(facts) then
      check("5389-10.2.2-01", false, { label = "401 to a Refresh", expected = "a 401", got = certain.describe(facts) })
    end
    if request.method ~= "Allocate" then return end
    -- Two defects may get either code (AMB-15): a nonce that is no longer good is one.
    local one_defect = request.nonce == "absent" or request.nonce == "current"
    -- That the 5-tuple has an allocation already is a defect too, and RFC 5766 6.2 lists both checks.
    if code == 437 and request.allocation ~= "none" and request.allocation ~= "over" then return end
    if code and certain.challenges(facts) and (one_defect or code == 0) and request.allocation ~= "held" then
      check("5389-10.2.2-01", code == 401, { label = "401", expected = "a 401", got = certain.describe(facts) })
    end
    local has = request.has
    if certain.takes_tokens(facts) and not (has["USERNAME"] or has["ACCESS-TOKEN"] or has["NONCE"]) then
      judge_first(seen, facts, check, note)
    end
  end,
}
