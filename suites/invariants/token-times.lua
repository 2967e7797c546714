-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tokens whose time is over or has not come, as captures show them: by an hour at least, since any Delta is lawful
-- (AMB-06), and only where a token that was accepted has shown before that the clocks agree. RFC 7635 section 7.

local certain = require "support.certain"
local invariant = require "support.invariant"

local function requirement_of(request)
  if request.token_time == "far-future" then return not request.token_endless and "7635-7-11" or nil end
  if request.token_time ~= "far-past" then return nil end
  return request.token_endless and "7635-7-13" or "7635-7-09"
end

invariant "token-times" {
  title = "a token that is over by an hour, or lies an hour ahead, is refused",
  covers = { "7635-7-09", "7635-7-11", "7635-7-13" },
  faults = {
    "refuse-expired-by-403", "accept-expired", "accept-future", "ignore-time", "never-expire-zero", "accept-for-a-day",
    "allow-two-hours", "read-lifetime-as-minutes",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check)
    local facts, request = seen.facts, seen.facts.request
    local id, code = requirement_of(request), certain.code(facts)
    if not id or not code or request.method ~= "Allocate" or request.token ~= "opened" or not facts.clock_proven
      or not certain.plain(request) or not certain.signed(request) or code == 437 or code == 438 or code == 441 then
      return
    end
    -- A refusal may be about a nonce that is not right; what is served is served with whatever nonce.
    if code ~= 0 and not certain.complete(request) then return end
    check(id, code == 401, { expected = "a 401", got = certain.describe(facts) })
  end,
}
