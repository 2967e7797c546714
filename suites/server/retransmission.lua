-- SPDX-License-Identifier: BSD-3-Clause
--
-- A request that is transmitted again. RFC 5389 section 7.3.1.

local expect = require "support.expect"
local scenario = require "support.scenario"

local REMEMBERED <const> = 40 -- seconds for which a server has to know a request again
local AT_ONCE <const> = 1 -- second: no nonce ends as soon

-- Why the answer to a retransmission tells nothing, where something held it up; nil where it does.
local function too_late(first, again)
  if not again.message then return nil end
  local seconds = again.info.received - first.info.sent
  if seconds > REMEMBERED then
    return ("answered %.0f s after the first Allocate was sent, which may be forgotten by then"):format(seconds)
  elseif again:code() == 438 and seconds > AT_ONCE then
    return ("a 438 %.0f s after the first Allocate was sent, whose nonce may be over by then"):format(seconds)
  end
end

scenario "equivalent-answer" {
  title = "a retransmitted Allocate gets an equivalent answer",
  covers = { "5389-7.3.1-02" },
  faults = { "forget-transactions", "allocate-again" },
  needs = { "third-party", "datagram" },
  transports = "each",
  run = function(t)
    local again, client, first
    for _ = 1, 3 do
      again, client, first = t:again_as_sent(function()
        t:put_down(client)
        client, first = t:allocation()
        return client, first
      end, "the same Allocate once more")
      again.unclear = again.unclear or too_late(first, again)
      if not again.unclear or again.remembered then break end
    end
    t:check("5389-7.3.1-02", again:is_success(), { label = "no 437" })
    if not again:is_success().ok then return end
    local before, after = first:get "XOR-RELAYED-ADDRESS", again:get "XOR-RELAYED-ADDRESS"
    t:check("5389-7.3.1-02", expect.same(after and after.address .. ":" .. after.port,
      before and before.address .. ":" .. before.port), { label = "the same relayed transport address" })
  end,
}
