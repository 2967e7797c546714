-- SPDX-License-Identifier: BSD-3-Clause
--
-- How credentials are refused, as captures show it. RFC 5389 section 10.2.2, RFC 7635 section 7.

local certain = require "support.certain"
local invariant = require "support.invariant"

-- Integrity without one of the attributes that tell its key. A Refresh may have other defects that a capture does not
-- show, so of the refusals of one only the right one counts.
local function judge_incomplete(facts, request, check)
  local code, has = certain.code(facts), request.has
  local shown = request.method == "Allocate" or request.method == "Refresh" and (code == 0 or code == 400)
  if not code or not shown or not certain.challenges(facts) or not certain.plain(request) then return end
  for _, name in ipairs { "USERNAME", "REALM", "NONCE" } do
    -- A stale nonce is another defect, and may be found first.
    local alone = name == "NONCE" or request.nonce == "current" or request.nonce == "absent"
    if not has[name] and (alone or code == 0) then
      check("5389-10.2.2-03", code == 400, {
        label = name, expected = "a 400 for want of " .. name, got = certain.describe(facts),
      })
    end
  end
end

-- A token that does not open.
local function judge_sealed(seen, facts, request, check, note)
  local code = certain.code(facts)
  if not code or request.method ~= "Allocate" or request.token ~= "refused" or not request.kid_proven
    or not certain.complete(request, code) or not certain.plain(request) or code == 437 or code == 438 then
    return
  end
  local got = certain.describe(facts)
  if code == 0 and not (seen.complete and request.token_shaped) then
    note("7635-7-04: a token that does not open under the key given for its kid is let in: perhaps under another key")
  elseif code ~= 400 or request.token_shaped then -- what is no token at all may be called malformed (AMB-51)
    check("7635-7-04", code == 401, { expected = "a 401", got = got })
  end
end

invariant "refusals" {
  title = "what is missing gets 400, what does not verify or open a 401 with REALM and NONCE",
  covers = { "5389-10.2.2-03", "5389-10.2.2-08", "7635-7-04" },
  faults = {
    "challenge-incomplete", "serve-without-realm", "serve-without-nonce", "serve-without-username",
    "refuse-without-realm", "refuse-without-nonce", "refuse-token-by-400", "refuse-token-by-403",
    "tell-failures-apart", "skip-tag", "accept-other-server",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    if not certain.has_integrity(request) then return end
    if facts.code == 401 and not certain.short_term(facts, request) then
      check("5389-10.2.2-08", facts.has["REALM"] and facts.has["NONCE"], {
        expected = "REALM and NONCE",
        got = facts.has["NONCE"] and "no REALM" or facts.has["REALM"] and "no NONCE" or "neither",
      })
    end
    judge_incomplete(facts, request, check)
    judge_sealed(seen, facts, request, check, note)
  end,
}
