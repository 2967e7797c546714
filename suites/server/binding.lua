-- SPDX-License-Identifier: BSD-3-Clause
--
-- A server that authenticates Binding requests too, as plain STUN servers with mandatory authentication do: there the
-- token stands in each request. RFC 7635 sections 4, 5 and 7, AMB-21.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

scenario "with-a-token" {
  title = "where Binding is authenticated it is challenged like any request, and served with a token",
  covers = { "7635-4-02", "7635-4-05", "5389-10.2.2-01", "7635-7-15", "7635-7-16", "7635-7-14" },
  transports = "each",
  faults = {
    "announce-nothing-for-binding", "forbid-bare-binding", "ignore-integrity-of-binding", "leave-binding-unsigned",
    "omit-nonce-for-binding", "take-no-token-in-binding",
  },
  run = function(t)
    local bare = t:binding { credentials = false }
    local open = bare:is_success().ok
    if open and not t.profile.authenticates_binding then t:skip "it answers Binding to everybody, which it may" end
    if t.profile.authenticates_binding == false then
      t:note("Binding is authenticated, though the profile says otherwise")
    end
    t:check("7635-4-02", bare:is_error(401))
    if bare:code() ~= 401 then return end
    t:check("7635-4-05", bare:has "THIRD-PARTY-AUTHORIZATION")
    t:check("5389-10.2.2-01", expect.all { bare:has "REALM", bare:has "NONCE" })
    local served = t:binding { token = {} }
    t:check("7635-7-15", expect.all { served:is_success(), served:has "XOR-MAPPED-ADDRESS" })
    if not served:is_success().ok then return end
    t:check("7635-7-16", served:is_signed())
    local control = t:control({ token = {} }, "Binding")
    t:refused("7635-7-14", control, { integrity_key = function() return bytes.random(20) end }, 401)
  end,
}
