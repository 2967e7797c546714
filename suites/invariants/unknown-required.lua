-- SPDX-License-Identifier: BSD-3-Clause
--
-- Attributes that nobody knows, and a token that is not wanted, as captures show them. RFC 5389 section 7.3.1, RFC 7635
-- section 7, AMB-19. Types that IANA has given to nobody count as unknown to every server.

local certain = require "support.certain"
local invariant = require "support.invariant"

invariant "unknown-required" {
  title = "an authenticated request with an attribute that nobody knows gets 420",
  covers = { "5389-7.3.1-01", "7635-7-19" },
  faults = {
    "ignore-unknown", "refuse-unknown-by-400", "ignore-unknown-without-tokens", "ignore-unexpected-token",
  },
  role = "server",
  about = certain.answer,
  judge = function(seen, check, note)
    local facts, request = seen.facts, seen.facts.request
    local code, got = certain.code(facts), certain.describe(facts)
    if not code then return end
    local open = not certain.has_integrity(request) and request.method == "Binding"
    if request.required_unknown and certain.plain(request, { unknown = true })
      and not (request.has["ACCESS-TOKEN"] and not certain.takes_tokens(facts)) then
      -- What is let in was authenticated, or needed no authentication.
      local let_in = code == 0
      local sound = certain.authenticated(request) and request.form_proven and request.allocation ~= "held"
        or open and not certain.takes_tokens(facts)
      if let_in and not seen.complete then
        note "5389-7.3.1-01: a required attribute of a type that nobody was given is let in: perhaps it is known here"
      elseif let_in or code == 420 or (sound and code == 400 and seen.complete) then
        check("5389-7.3.1-01", code == 420, { label = "420", expected = "a 420", got = got })
      end
    end
    -- A token at a server that never offered to take any.
    if request.has["ACCESS-TOKEN"] and seen.complete and not certain.takes_tokens(facts)
      and not request.required_unknown and (open or request.method == "Allocate") then
      if code == 420 or code == 401 then
        check("7635-7-19", true)
      elseif code == 0 and facts.says_420 then
        check("7635-7-19", false, { label = "420", expected = "a 420", got = got })
      end
    end
  end,
}
