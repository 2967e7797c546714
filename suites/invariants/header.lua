-- SPDX-License-Identifier: BSD-3-Clause
--
-- The header of responses, and where they come from. RFC 5389 section 6.

local invariant = require "support.invariant"

local COOKIE <const> = 0x2112A442

invariant "header" {
  title = "every response has a well-formed header and comes from the address that was asked",
  covers = { "5389-6-01" },
  faults = {
    "answer-from-other-port", "clear-cookie", "answer-as-binding", "change-transaction-id",
    "forget-padding",
  },
  judge = function(seen, check)
    local id = "5389-6-01"
    -- The first two bits tell STUN from ChannelData (01), which is no matter of this rule.
    if #seen.octets > 0 and seen.octets:byte(1) >> 6 == 1 then return end
    check(id, seen.message ~= nil, {
      label = "well formed", expected = "a well-formed STUN message", got = seen.problem,
    })
    local m = seen.message
    if not m then return end
    -- In a capture what has another cookie and answers no request is no STUN: other octets, or a stream out of step.
    if seen.facts and not seen.request and m:cookie() ~= COOKIE then return end
    -- A request without the cookie is one of RFC 3489; its answer repeats these octets (RFC 5389 12.2).
    if not seen.request or seen.request:cookie() == COOKIE then
      check(id, m:cookie() == COOKIE, {
        label = "magic cookie", expected = "the cookie 0x2112A442", got = ("0x%08X"):format(m:cookie()),
      })
    end
    local class = m:class()
    if class ~= "success" and class ~= "error" then return end
    -- In a capture an answer may come again or long after, and its request may be missing or have come before the
    -- capture began.
    if seen.facts and not seen.request and (seen.facts.asked ~= "unseen" or not seen.complete) then return end
    -- Where CHANGE-REQUEST asks for it an answer comes from another address (RFC 5780), and says from which.
    if seen.facts and not seen.request and m:method() == "Binding" and m:has "RESPONSE-ORIGIN" then return end
    check(id, seen.request ~= nil, {
      label = "transaction ID", expected = "the transaction ID of a request",
      got = "one that no request to that address has",
    })
    if not seen.request then return end
    check(id, m:method() == seen.request:method(), {
      label = "method", expected = seen.request:method(), got = m:method(),
    })
    check(id, seen.from == seen.asked, {
      label = "address", expected = "an answer from " .. seen.asked, got = seen.from,
    })
  end,
}
