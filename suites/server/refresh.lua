-- SPDX-License-Identifier: BSD-3-Clause
--
-- Refreshing an allocation with a token. RFC 7635 section 9.

local bytes = require "bytes"
local scenario = require "support.scenario"

scenario "new-token" {
  title = "a Refresh with a new token of the same kid is accepted and signed with the new key",
  covers = { "7635-9-10" },
  faults = {
    "leave-refresh-unsigned", "sign-refresh-with-old-key", "refuse-new-key",
    "refuse-new-key-by-441", "verify-refresh-with-old-key",
  },
  transports = "each",
  run = function(t)
    local client = t:allocation()
    local answer = t:refresh(client, { lifetime = 600, token = {}, step = "Refresh with a new token" })
    t:check("7635-9-10", answer:is_success(), { label = "accepted" })
    if answer:is_success().ok then t:check("7635-9-10", answer:is_signed(), { label = "signed with the new key" }) end
  end,
}

scenario "other-kid" {
  title = "a Refresh with a valid token of another kid is accepted",
  covers = { "7635-9-11" },
  faults = { "refuse-new-kid", "refuse-new-kid-by-441" },
  needs = { "two-kids" },
  run = function(t)
    local first, second = t.bench:two_kids()
    t:control { token = { kid = second } }
    local client = t:allocation { token = { kid = first } }
    local answer = t:refresh(client, { lifetime = 600, token = { kid = second } })
    t:check("7635-9-11", answer:is_success(), { soften = answer:code() == 441 and "AMB-20" })
  end,
}

local EDGE <const> = 10.5 -- seconds behind its end, when a token is over for an audit of the capture too

-- The allocation is kept alive by a longer token with the same mac_key, so that nothing but the judgement of the token
-- that is presented can make the difference.
scenario "presented-token-is-judged" {
  title = "a Refresh is judged by the token it presents, cached or not",
  covers = { "7635-9-04" },
  faults = { "refresh-by-cached-key", "refresh-with-expired-token", "refresh-with-garbled-token" },
  allocations = 2,
  limit = 240,
  run = function(t)
    t:timed()
    local short = t:token { lifetime = 600, age = 595 }
    local client = t:allocation { token = short }
    local long = t:token { lifetime = 7200, mac_key = short.mac_key }
    t:control({ on = client, lifetime = 1200, token = long, step = "Refresh with a longer token of the same mac_key" },
      "Refresh")

    local broken = t:altered(long, function(octets, layout) return bytes.flip(octets, layout.tag.offset * 8 + 3) end)
    local garbled = t:refresh(client, { lifetime = 600, token = broken, step = "Refresh with a changed token" })
    t:check("7635-9-04", garbled:is_error(401, 400, 437), { label = "a changed token" })

    local old_key = client.session_key
    local crossed = t:refresh(client, {
      lifetime = 600, token = {}, integrity_key = function() return old_key end,
      step = "Refresh with a new token under the old key",
    })
    t:check("7635-9-04", crossed:is_error(401), { label = "a new token under the key of the old one" })

    -- Its five seconds and any Delta that anyone would choose.
    local patience = 5 + t.bench:delta() + 5
    local refused
    for _ = 1, patience // 3 do
      t:wait(3)
      local elsewhere = t:allocate { token = short, step = "Allocate elsewhere with the old token" }
      refused = elsewhere:is_error(401).ok
      t:put_down(elsewhere.client)
      if refused then break end
    end
    if not refused then
      t:inconclusive(("the old token is still accepted on a fresh 5-tuple after %.0f s"):format(patience))
    end
    -- Whole seconds are counted here and there in a target, so the edge itself is left alone.
    t:wait(math.max(3, short.issued + short.lifetime + EDGE - t:now()))
    local expired = t:refresh(client, { lifetime = 600, token = short, step = "Refresh with the old token" })
    t:check("7635-9-04", expired:is_error(401, 437), { label = "an expired token" })
    t:control({
      on = client, lifetime = 600, token = long, step = "Refresh, to see that the allocation lives",
    }, "Refresh")
  end,
}
