-- SPDX-License-Identifier: BSD-3-Clause
--
-- A token behind MESSAGE-INTEGRITY, as captures show it: it counts for nothing. RFC 5389 section 15.4.

local certain = require "support.certain"
local invariant = require "support.invariant"

local id <const> = "5389-15.4-03"

invariant "token-behind" {
  title = "a token behind MESSAGE-INTEGRITY counts for nothing",
  covers = { id },
  faults = { "read-behind-integrity", "find-token-anywhere" },
  role = "server",
  about = certain.answer,
  judge = function(seen, check)
    local facts, request = seen.facts, seen.facts.request
    local code = certain.code(facts)
    -- That it opens, and that its mac_key signed the request, shows that no password was meant.
    if not code or not request.behind["ACCESS-TOKEN"] or request.method ~= "Allocate" or request.token ~= "opened"
      or not certain.signed(request) or not certain.complete(request, code) or code == 437 or code == 438 then
      return
    end
    check(id, code == 401, { expected = "a 401", got = certain.describe(facts), soften = code ~= 0 and id or nil })
  end,
}
