-- SPDX-License-Identifier: BSD-3-Clause
--
-- Nonces that are not good any more, as captures show them. RFC 5389 section 10.2.2, AMB-15.

local certain = require "support.certain"
local invariant = require "support.invariant"

-- A request whose nonce has had its 438, or was never given out by the server.
local function judge_stale(seen, check)
  local facts, request = seen.facts, seen.facts.request
  local code = certain.code(facts)
  local has = request.has
  if not code or not certain.has_integrity(request) or not (has["USERNAME"] and has["REALM"] and has["NONCE"]) then
    return
  end
  local known = request.nonce == "refused" or (request.nonce == "unseen" and seen.complete)
  if not known then return end
  -- With a defect more, either of the two codes is right; so only what has no other is held to one.
  local sound = request.token == "opened" and request.token_time == "good" and certain.signed(request)
    and request.form_proven and certain.plain(request)
  -- What seems to come right behind the 438 may have been on its way before.
  local behind = seen.complete or request.nonce_long
  if code == 438 or (behind and (code == 0 or sound)) then
    check("5389-10.2.2-05", code == 438, {
      expected = "a 438", got = certain.describe(facts), soften = code == 401 and "AMB-15" or nil,
    })
  end
end

invariant "nonces" {
  title = "a nonce that is not good gets 438, with REALM and a nonce that is",
  covers = { "5389-10.2.2-05", "5389-10.2.2-06" },
  faults = {
    "accept-any-nonce", "accept-made-up-nonce", "refuse-nonce-by-400", "omit-nonce-from-438",
    "omit-realm-from-438", "repeat-stale-nonce", "give-dead-nonce",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check)
    local facts, request = seen.facts, seen.facts.request
    judge_stale(seen, check)
    local stale, id = facts.code == 438, "5389-10.2.2-06"
    if stale then
      check(id, facts.has["REALM"], { label = "REALM", expected = "REALM", got = "none" })
      check(id, facts.has["NONCE"] and not facts.nonce_empty, {
        label = "NONCE", expected = "NONCE with a value", got = facts.nonce_empty and "an empty one" or "none",
      })
      if facts.has["NONCE"] then
        check(id, not facts.nonce_same, {
          label = "another NONCE", expected = "another nonce than the one refused", got = "the same again",
        })
      end
    end
    if request.nonce_fresh and certain.code(facts) then
      check(id, not stale, { label = "it works", expected = "no 438 to the nonce of a 438", got = "a 438" })
    end
  end,
}
