-- SPDX-License-Identifier: BSD-3-Clause
--
-- The token exchange where nobody in between can strip THIRD-PARTY-AUTHORIZATION from an answer. RFC 7635 section 11
-- offers TLS and DTLS for that and demands them of nobody, so they are asked where the profile names them.

local scenario = require "support.scenario"

scenario "token-exchange" {
  title = "over TLS and DTLS tokens are announced and taken, and the session goes on",
  covers = { "7635-11-06" },
  faults = { "announce-in-the-clear-only", "take-tokens-in-the-clear-only", "lose-session-under-tls" },
  needs = { "third-party", "secure" },
  transports = "each",
  run = function(t)
    local client = t:client()
    local challenge = t:on(client, "Allocate", { credentials = false, step = "Allocate without credentials" })
    t:check("7635-11-06", challenge:has "THIRD-PARTY-AUTHORIZATION", { label = "the announcement" })
    local made = t:allocate()
    t:check("7635-11-06", made:is_success(), { label = "an allocation with a token" })
    if not made:is_success().ok then return end
    local permission = t:create_permission(made.client, { peer = t:peer(made.client) })
    if permission:code() == 403 then
      return t:note "the peer is forbidden (403), so no request of the session is shown"
    end
    -- What it refuses in the clear as well is no matter of TLS, and judged by 7635-9-12.
    local clear = permission:code() and t:in_the_clear()
    local there = clear and clear:allocation()
    local beside = there and clear:create_permission(there, { peer = clear:peer(there) })
    if beside and beside:code() == permission:code() then
      return t:note("a permission signed with the session key: %s, as in the clear", permission:describe())
    end
    t:check("7635-11-06", permission:is_success(), { label = "a permission signed with the session key" })
  end,
}
