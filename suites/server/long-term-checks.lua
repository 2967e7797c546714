-- SPDX-License-Identifier: BSD-3-Clause
--
-- A token excuses none of the checks of the long-term mechanism. RFC 5389 section 10.2.2, RFC 7635 section 7.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

local function without(attribute)
  return { edits = { { "remove", attribute } } }
end

-- As long as the nonces that the server gives out, and none of them.
local function made_up(client_nonce)
  return bytes.hex(bytes.random(64)):sub(1, #client_nonce)
end

local function nonce_of(control)
  return control.answer.request.NONCE
end

-- The control of a refusal on an allocation of its own, since a connection may be closed behind an error. nil where it
-- is not served, which is judged elsewhere, and a peer may be forbidden.
local function on_an_allocation(t, method)
  local client = t:allocation()
  local spec = { on = client }
  if method == "Refresh" then spec.lifetime = 600 else spec.peer = t:peer(client) end
  local answer = t:on(client, method, spec)
  if answer:is_success().ok then return { spec = spec, method = method, answer = answer } end
  t:note("%s is not looked at: %s", method, answer:describe())
end

scenario "no-excuse" {
  title = "a good token does not excuse a missing or wrong NONCE, REALM, USERNAME or integrity",
  covers = { "7635-7-20" },
  faults = {
    "accept-made-up-nonce", "know-no-nonce", "serve-without-nonce", "serve-without-realm", "serve-without-username",
    "take-token-for-integrity",
  },
  transports = "each",
  run = function(t)
    local control = t:control {}
    local function never_served(label, defect)
      t:check("7635-7-20", t:with_defect(control, defect):is_refused(), { label = label })
    end
    never_served("a made-up NONCE", { nonce = made_up(nonce_of(control)) })
    never_served("no NONCE", without "NONCE")
    never_served("no REALM", without "REALM")
    never_served("no USERNAME", without "USERNAME")
    never_served("no integrity", { integrity = false })
  end,
}

scenario "missing-attribute" {
  title = "integrity without USERNAME, REALM or NONCE gets 400",
  covers = { "5389-10.2.2-03" },
  faults = { "serve-without-nonce", "challenge-incomplete", "know-no-nonce", "miss-attributes-in-allocate-only" },
  transports = "each",
  run = function(t)
    local control = t:control {}
    for _, attribute in ipairs { "USERNAME", "REALM", "NONCE" } do
      t:refused("5389-10.2.2-03", control, without(attribute), 400, { label = attribute })
    end
    for _, attribute in ipairs { "USERNAME", "REALM", "NONCE" } do
      local served = on_an_allocation(t, "Refresh")
      if not served then break end
      t:refused("5389-10.2.2-03", served, without(attribute), 400, { label = "Refresh: " .. attribute })
      t:put_down(served.spec.on)
    end
  end,
}

scenario "bare-bad-request" {
  title = "a 400 for a missing attribute contains none of USERNAME, NONCE, REALM and integrity",
  covers = { "5389-10.2.2-04" },
  faults = { "put-nonce-in-400", "put-realm-in-400", "put-username-in-400", "sign-400-wrongly" },
  run = function(t)
    local control = t:control {}
    local looked_at = 0
    for _, missing in ipairs { "USERNAME", "REALM", "NONCE" } do
      local answer = t:with_defect(control, without(missing))
      if answer:code() == 400 then
        looked_at = looked_at + 1
        for _, attribute in ipairs { "USERNAME", "NONCE", "REALM" } do
          if attribute ~= missing then
            t:check("5389-10.2.2-04", answer:lacks(attribute), { label = ("no %s: %s"):format(missing, attribute) })
          end
        end
        -- Integrity that the client can verify passes (AMB-13).
        t:check("5389-10.2.2-04", answer:is_unsigned_or_signed(), { label = ("no %s: integrity"):format(missing) })
      end
    end
    if looked_at == 0 then t:inconclusive "no 400 to look at" end
  end,
}

scenario "unknown-nonce" {
  title = "a nonce that was never given out gets 438",
  covers = { "5389-10.2.2-05" },
  faults = { "accept-made-up-nonce", "know-no-nonce", "judge-nonce-in-allocate-only" },
  transports = "each",
  run = function(t)
    local function judge(control, label)
      local answer = t:with_defect(control, { nonce = made_up(nonce_of(control)) })
      t:check("5389-10.2.2-05", answer:is_error(438), { label = label, soften = answer:code() == 401 and "AMB-15" })
    end
    judge(t:control {})
    for _, method in ipairs { "Refresh", "CreatePermission" } do
      local served = on_an_allocation(t, method)
      if served then
        judge(served, method)
        t:put_down(served.spec.on)
      end
    end
  end,
}

scenario "outlived-nonce" {
  title = "a nonce past its lifetime gets 438",
  covers = { "5389-10.2.2-05" },
  faults = { "accept-outlived-nonce" },
  needs = { "long-nonces" },
  limit = 3700,
  run = function(t)
    t:control {}
    local client = t:client()
    t:challenged(client)
    t:wait(t.profile.nonce_lifetime + 2)
    local answer = t:on(client, "Allocate", { nonce = client.nonce, step = "Allocate with the outlived nonce" })
    t:check("5389-10.2.2-05", answer:is_error(438))
  end,
}

-- A nonce that was never given out may get 401, which unknown-nonce warns of (AMB-15): then there is nothing to look
-- at here.
local function look_for_438(t, answer)
  if answer:code() == 401 then t:skip "it answers a made-up nonce with 401, so there is no 438 to look at" end
  if answer:code() ~= 438 then t:inconclusive("no 438 to look at: " .. answer:describe()) end
end

local AT_ONCE <const> = 1 -- second: no nonce ends as soon

-- Where the network doubles a request its second 438 may have taken the place of the nonce in the first, and what is
-- held up may be too late for it: so a refusal counts only three times in a row.
scenario "stale-nonce-answer" {
  title = "the 438 to a made-up nonce carries REALM and a new NONCE that works at once",
  covers = { "5389-10.2.2-06" },
  faults = { "omit-nonce-from-438", "omit-realm-from-438", "give-dead-nonce" },
  transports = "each",
  run = function(t)
    local again, late
    for attempt = 1, 3 do
      local client = t:client()
      t:challenged(client)
      local answer = t:on(client, "Allocate", { nonce = made_up(client.nonce), step = "Allocate with a made-up nonce" })
      look_for_438(t, answer)
      if attempt == 1 then
        t:check("5389-10.2.2-06", answer:has "REALM", { label = "REALM" })
        t:check("5389-10.2.2-06", answer:has "NONCE", { label = "NONCE" })
      end
      local new = answer:raw "NONCE"
      if not new then return end
      -- The nonce is given by name, so that nothing but this very one can make it work.
      again = t:on(client, "Allocate", {
        nonce = new, realm = answer:raw "REALM", step = "Allocate with the nonce of the 438",
      })
      if again:is_success().ok or not again.message then break end
      late = late or again:code() == 438 and again.info.received - answer.info.received >= AT_ONCE
    end
    if late and again:code() == 438 then
      t:inconclusive "the new nonce may have ended before its request arrived, which took over a second"
    end
    t:check("5389-10.2.2-06", again:is_success(), { label = "it works" })
  end,
}

scenario "bare-stale-nonce" {
  title = "the 438 to a made-up nonce contains neither USERNAME nor integrity",
  covers = { "5389-10.2.2-07" },
  faults = { "put-username-in-438", "sign-438-wrongly" },
  run = function(t)
    local control = t:control {}
    local answer = t:with_defect(control, { nonce = made_up(nonce_of(control)) })
    look_for_438(t, answer)
    t:check("5389-10.2.2-07", answer:lacks "USERNAME", { label = "USERNAME" })
    -- RFC 8489 allows integrity in it, as long as the client can verify it.
    t:check("5389-10.2.2-07", answer:is_unsigned_or_signed(), { label = "integrity" })
  end,
}

-- What makes a 401, by the check that finds it.
local function unauthorized(t)
  return {
    { "an unknown kid", { username = "no-such-kid-" .. bytes.hex(bytes.random(4)) } },
    { "a changed token", { token = { change = function(octets, layout)
      return bytes.flip(octets, (layout.tag.offset + 2) * 8)
    end } } },
    { "an expired token", { token = { lifetime = 600, age = 600 + t.bench:beyond_delta() } } },
    { "a wrong integrity value", { integrity_key = function() return bytes.random(20) end } },
  }
end

scenario "challenge-in-every-401" {
  title = "the 401 for an invalid kid, token or integrity carries REALM and NONCE",
  covers = { "5389-10.2.2-08" },
  faults = { "refuse-without-nonce" },
  transports = "each",
  run = function(t)
    local control = t:control {}
    for _, case in ipairs(unauthorized(t)) do
      local answer = t:with_defect(control, case[2])
      if answer:code() == 401 then
        t:check("5389-10.2.2-08", expect.all { answer:has "REALM", answer:has "NONCE" }, { label = case[1] })
      else
        t:note("%s: no 401 to look at: %s", case[1], answer:describe())
      end
    end
  end,
}

scenario "bare-401" {
  title = "no 401 contains USERNAME, and none that comes before the token is opened contains integrity",
  covers = { "5389-10.2.2-02" },
  faults = { "put-username-in-401", "sign-401-wrongly" },
  run = function(t)
    local control = t:control {}
    for i, case in ipairs(unauthorized(t)) do
      local answer = t:with_defect(control, case[2])
      if answer:code() == 401 then
        t:check("5389-10.2.2-02", answer:lacks "USERNAME", { label = case[1] .. ": USERNAME" })
        -- After the token was opened RFC 7635 wants integrity, RFC 5389 does not (AMB-13).
        if i <= 2 then
          t:check("5389-10.2.2-02", answer:is_unsigned_or_signed(), { label = case[1] .. ": integrity" })
        end
      end
    end
  end,
}

scenario "first-party-credentials" {
  title = "a password beside tokens is served or gets 401, and nothing else",
  covers = { "7635-6.1-06" },
  faults = { "demand-token" },
  needs = { "third-party", "users" },
  run = function(t)
    local answer = t:allocate { user = t.profile.users[1] }
    t:check("7635-6.1-06", expect.any { answer:is_success(), answer:is_error(401) })
  end,
}
