-- SPDX-License-Identifier: BSD-3-Clause
--
-- Allocations and the tokens that they rest on, as captures show them. RFC 7635 section 9, AMB-08, AMB-24, AMB-25.

local certain = require "support.certain"
local invariant = require "support.invariant"

-- How a Refresh of a token session presents what must not be let in; nil when it does not. Which refusals are right.
local function defect_of(facts, request)
  local token = request.token
  if token == "refused" and request.kid_proven and certain.signed(request) then
    return "a token that does not open", { [400] = true, [401] = true, [437] = true }
  elseif token == "opened" and certain.wrongly_signed(request) and request.form_proven then
    return "a token under whose mac_key it is not signed", { [401] = true, [437] = true }
  elseif token == "opened" and certain.signed(request) and not request.token_endless then
    local over = request.token_time == "far-past" and facts.clock_proven
      or request.token_over and (request.token_time == "beyond-past" or request.token_time == "far-past")
    if over then return "a token whose time is over", { [401] = true, [437] = true } end
  end
end

-- A Refresh that presents a token is judged by it, whatever key the server still has.
local function judge_refresh(seen, facts, request, check, note)
  local code = certain.code(facts)
  if not code or request.method ~= "Refresh" or request.deletes or not request.token_session or code == 438
    or not certain.complete(request, code) or not certain.plain(request) then
    return
  end
  local defect, right = defect_of(facts, request)
  if defect and code == 0 and request.token == "refused" and not seen.complete then
    note("7635-9-04: a Refresh with a token that does not open under the key given for its kid is let in: perhaps "
      .. "under another key")
  elseif defect then
    check("7635-9-04", right[code], {
      label = defect, expected = "a 401 to " .. defect, got = certain.describe(facts),
    })
  end
end

-- Minutes are what the clocks of a capture and of a server may differ by and nobody notices: that they agree to the
-- second is known only of a capture made beside the server.
local function judge_ceiling(facts, check, note, certain_clock)
  if facts.class ~= "success" or not facts.clock_proven or facts.repeated or facts.request.token_endless then return end
  local ceiling = facts.ceiling
  if ceiling == "edge" then
    note "7635-9-07: LIFETIME is above what is left of the token by less than a minute, which clocks may differ by"
  elseif ceiling == "broken" and not certain_clock then
    note("7635-9-07: LIFETIME is more than a minute above what is left of the token, "
      .. "if the clock of the capture is that of the server")
  elseif ceiling then
    check("7635-9-07", ceiling == "kept", {
      expected = "LIFETIME of at most lifetime + 5 s - age of the token", got = "more than a minute above",
    })
  end
end

invariant "session-time" {
  title = "a token that is presented is judged, and an allocation does not outlive its token",
  covers = { "7635-9-04", "7635-9-07" },
  faults = {
    "refresh-by-cached-key", "refresh-with-expired-token", "refresh-with-garbled-token", "grant-nominal-lifetime",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    judge_refresh(seen, facts, request, check, note)
    judge_ceiling(facts, check, note, seen.complete)
  end,
}
