-- SPDX-License-Identifier: BSD-3-Clause
--
-- A request that is transmitted again. RFC 5389 section 7.3.1.

local expect = require "support.expect"
local scenario = require "support.scenario"

scenario "equivalent-answer" {
  title = "a retransmitted Allocate gets an equivalent answer",
  covers = { "5389-7.3.1-02" },
  faults = { "forget-transactions", "allocate-again" },
  needs = { "third-party", "datagram" },
  transports = "each",
  run = function(t)
    local client, first = t:allocation()
    client.step = "the same Allocate once more"
    local again = client:transact(first.octets, first.request)
    t:check("5389-7.3.1-02", again:is_success(), { label = "no 437" })
    if not again:is_success().ok then return end
    local before, after = first:get "XOR-RELAYED-ADDRESS", again:get "XOR-RELAYED-ADDRESS"
    t:check("5389-7.3.1-02", expect.same(after and after.address .. ":" .. after.port,
      before and before.address .. ":" .. before.port), { label = "the same relayed transport address" })
  end,
}
