-- SPDX-License-Identifier: BSD-3-Clause
--
-- A request that is transmitted again. RFC 5389 section 7.3.1.

local expect = require "support.expect"
local scenario = require "support.scenario"

local REMEMBERED <const> = 40 -- seconds for which a server has to know a request again

scenario "equivalent-answer" {
  title = "a retransmitted Allocate gets an equivalent answer",
  covers = { "5389-7.3.1-02" },
  faults = { "forget-transactions", "allocate-again" },
  needs = { "third-party", "datagram" },
  transports = "each",
  run = function(t)
    local again, client, first
    again, client, first = t:again_as_sent(function()
      if client then t:put_down(client) end
      client, first = t:allocation()
      return client, first
    end, "the same Allocate once more")
    if again.message and again.info.received - first.info.sent > REMEMBERED then
      again.unclear = ("answered %.0f s after the first Allocate was sent, which may be forgotten by then"):format(
        again.info.received - first.info.sent)
    end
    t:check("5389-7.3.1-02", again:is_success(), { label = "no 437" })
    if not again:is_success().ok then return end
    local before, after = first:get "XOR-RELAYED-ADDRESS", again:get "XOR-RELAYED-ADDRESS"
    t:check("5389-7.3.1-02", expect.same(after and after.address .. ":" .. after.port,
      before and before.address .. ":" .. before.port), { label = "the same relayed transport address" })
  end,
}
