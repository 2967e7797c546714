-- SPDX-License-Identifier: BSD-3-Clause
--
-- Answers to a retransmitted request, as captures show them: the same class, code and relayed address. RFC 5389 section
-- 7.3.1. Only what was let in has to be remembered, and of that only what cannot be done twice. A second deletion may
-- find that there is nothing any more.

local invariant = require "support.invariant"

-- What a request that is judged anew may get although the first was let in: its nonce or its token was good then and is
-- over, and of a session there may be another key or nothing left. For an Allocate a 437 is what must not come.
local function may_be_over(request, code)
  return code == 401 or code == 438 or code == 437 and request.method ~= "Allocate"
end

invariant "repeated-answers" {
  title = "a retransmitted request gets an equivalent answer",
  covers = { "5389-7.3.1-02" },
  faults = { "forget-transactions", "allocate-again" },
  role = "server",
  about = {
    transport = { "udp", "dtls" }, repeated = { "alike", "soon", "changed" }, request = { transaction = "new" },
  },
  judge = function(seen, check)
    local facts, request = seen.facts, seen.facts.request
    local code = facts.code or 0
    if request.deletes or code == 300 or code == 486 or code >= 500 then return end
    if facts.repeated == "changed" and may_be_over(request, code) then return end
    -- Whoever captures at two places, or on all interfaces, has every packet twice.
    if facts.repeated == "soon" and not seen.complete then return end
    check("5389-7.3.1-02", facts.repeated ~= "changed", {
      expected = "the class, code and relayed address of the first answer",
      got = facts.code and ("error %d in place of it"):format(code) or "another relayed address",
    })
  end,
}
