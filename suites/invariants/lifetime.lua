-- SPDX-License-Identifier: BSD-3-Clause
--
-- LIFETIME in every success in a token session: what the token allows. RFC 7635 section 9, AMB-08, AMB-25. A token of
-- lifetime 0 is left to the scenario about it: what a server takes that for is one deviation, not one an answer.

local invariant = require "support.invariant"

local requirement_of = { Allocate = "7635-9-05", Refresh = "7635-9-06" }

invariant "lifetime" {
  title = "LIFETIME is at most that of the token",
  covers = { "7635-9-05", "7635-9-06" },
  faults = { "ignore-token-on-allocate", "keep-ceiling-of-allocate" },
  judge = function(seen, check)
    local m = seen.message
    if not m or m:class() ~= "success" or not seen.token or seen.token.lifetime == 0 then return end
    local id, granted = requirement_of[m:method()], m:get "LIFETIME"
    if not id or math.type(granted) ~= "integer" then return end
    -- Without a token the last one is the measure, Delta included.
    local delta = seen.delta or 5
    local bound = seen.token.lifetime + (seen.token.presented and 0 or delta)
    local excess = granted <= seen.token.lifetime + delta and "AMB-08" or nil
    local words = { label = m:method(), soften = excess }
    if seen.facts then -- one of a kind speaks for all, which have other numbers
      words.expected = "LIFETIME of at most the lifetime of the token"
      words.got = excess and "up to Delta more" or "more than that and Delta"
    else
      words.expected, words.got = ("LIFETIME of at most %d"):format(bound), ("LIFETIME %d"):format(granted)
    end
    check(id, granted <= bound, words)
  end,
}
