-- SPDX-License-Identifier: BSD-3-Clause
--
-- LIFETIME, which a token bounds: its own lifetime by the MUST of RFC 7635 section 9, what is left of it by the formula
-- recommended there.

local bytes = require "bytes"
local scenario = require "support.scenario"

-- The LIFETIME granted is at most that of the token; up to Delta more is what the recommended formula yields (AMB-08).
local function bounded(t, requirement, answer, lifetime, label)
  local granted = answer:get "LIFETIME"
  local delta = t.bench:delta()
  local within_formula = math.type(granted) == "integer" and granted <= lifetime + delta
  t:check(requirement, answer:at_most("LIFETIME", lifetime), { label = label, soften = within_formula and "AMB-08" })
end

scenario "allocate" {
  title = "an Allocate is granted no more than the lifetime of its token",
  covers = { "7635-9-05" },
  faults = { "ignore-token-on-allocate", "cap-only-what-is-asked" },
  run = function(t)
    for _, lifetime in ipairs { 100, 400, 1000 } do
      local answer = t:allocate { lifetime = 3600, token = { lifetime = lifetime } }
      bounded(t, "7635-9-05", answer, lifetime, ("a token of %d s"):format(lifetime))
      t:put_down(answer.client)
    end
    local default = t:allocate { token = { lifetime = 100 }, step = "Allocate without LIFETIME" }
    bounded(t, "7635-9-05", default, 100, "a token of 100 s, no LIFETIME asked for") -- the default is longer (AMB-09)
    t:put_down(default.client)
  end,
}

scenario "refresh" {
  title = "a Refresh is granted no more than the lifetime of the token it presents",
  covers = { "7635-9-06" },
  faults = { "keep-ceiling-of-allocate", "cap-only-what-is-asked" },
  run = function(t)
    local client = t:allocation { token = { lifetime = 7200 } }
    local same = t:refresh(client, {
      lifetime = 3600, token = { lifetime = 120, mac_key = client.token.mac_key },
      step = "Refresh, the same mac_key in a new token",
    })
    bounded(t, "7635-9-06", same, 120, "a new token with the same mac_key")
    local other = t:refresh(client, {
      lifetime = 3600, token = { lifetime = 120, mac_key = bytes.random(20) }, step = "Refresh, a new mac_key",
    })
    bounded(t, "7635-9-06", other, 120, "a new token with a new mac_key")
    local default = t:refresh(client, { token = { lifetime = 120 }, step = "Refresh without LIFETIME" })
    bounded(t, "7635-9-06", default, 120, "a new token, no LIFETIME asked for")
  end,
}

scenario "refresh-without-token" {
  title = "a Refresh without a token does not outbid the token before it",
  covers = { "7635-9-06" },
  faults = { "refresh-session-freely" },
  run = function(t)
    local client = t:allocation { token = { lifetime = 700 } }
    local answer = t:refresh(client, { lifetime = 3600, token = false, step = "Refresh without a token" })
    if answer:is_success().ok then
      t:check("7635-9-06", answer:at_most("LIFETIME", 700 + t.bench:delta()))
    else
      t:check("7635-9-06", answer:is_error(400, 401)) -- AMB-25: both are fine
    end
  end,
}

local GAP <const> = 8 -- seconds, shorter than the first LIFETIME: an allocation left alone for longer ends by itself

-- The answer to a Refresh without a token, past the end of the token before it, on an allocation that was asked for
-- again and again, so that a server which prolongs it for the asking still has it at the end. That has come when the
-- token, taken elsewhere before, is refused there, or after any Delta that anyone would choose. nil where lost packets
-- held up the asking.
local function refreshed_past_the_end(t)
  local client = t:allocation { lifetime = 600, token = { lifetime = 600, age = 595 } }
  local latest, heard, taken, over = client.token.issued + 600 + t.bench:delta(), t:now(), false, false
  while true do
    -- Whole seconds are counted here and there in a target, so the edge itself is left alone.
    t:wait(over and 3 or 2)
    local answer = t:refresh(client, {
      lifetime = 600, token = false,
      step = "Refresh without a token, " .. (over and "past its end" or "its end is near"),
    })
    if t:now() - heard > GAP and not answer.silent then break end
    if over then return answer end
    heard = t:now()
    local elsewhere = t:allocate { token = client.token, step = "Allocate elsewhere with the same token" }
    t:put_down(elsewhere.client)
    taken = taken or elsewhere:is_success().ok
    over = taken and elsewhere:is_error(401).ok or t:now() > latest
  end
  t:put_down(client)
end

scenario "session-past-its-token" {
  title = "a Refresh without a token does not carry an allocation past the end of the token before it",
  covers = { "7635-9-07" },
  faults = { "refresh-session-freely", "outlive-token" },
  allocations = 2,
  limit = 240,
  run = function(t)
    t:timed()
    local half = t:allocation { token = { lifetime = 900, age = 500 } }
    local answer = t:refresh(half, { lifetime = 3600, token = false, step = "Refresh without a token" })
    if answer:is_success().ok then
      t:check("7635-9-07", answer:at_most("LIFETIME", 402 + t.bench:usual_delta()), { label = "before the end" })
    else
      t:check("7635-9-07", answer:is_error(400, 401), { label = "before the end" }) -- AMB-25: both are fine
    end
    t:put_down(half)
    local last = refreshed_past_the_end(t) or refreshed_past_the_end(t) or refreshed_past_the_end(t)
    if not last then t:inconclusive "three times the Refreshes that might prolong it were not answered soon enough" end
    t:check("7635-9-07", last:is_error(401, 437, 400), { label = "past the end" })
  end,
}

scenario "what-is-left" {
  title = "an allocation does not outlive its token by more than Delta",
  covers = { "7635-9-07" },
  faults = { "grant-nominal-lifetime" },
  allocations = 2,
  run = function(t)
    t:timed()
    local answer = t:allocate { lifetime = 3600, token = { lifetime = 900, age = 500 } }
    t:check("7635-9-07", answer:at_most("LIFETIME", 402 + t.bench:usual_delta()), { label = "Allocate" })
    local client = t:allocation { token = { lifetime = 7200 } }
    local same = t:refresh(client, {
      lifetime = 3600, token = { lifetime = 900, age = 500, mac_key = client.token.mac_key },
    })
    t:check("7635-9-07", same:at_most("LIFETIME", 402 + t.bench:usual_delta()), { label = "Refresh, the same mac_key" })
    local other = t:refresh(client, { lifetime = 3600, token = { lifetime = 900, age = 500 } })
    t:check("7635-9-07", other:at_most("LIFETIME", 402 + t.bench:usual_delta()), { label = "Refresh, a new mac_key" })
  end,
}
