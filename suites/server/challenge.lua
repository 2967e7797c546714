-- SPDX-License-Identifier: BSD-3-Clause
--
-- The challenge: what a server that offers third-party authorization answers to a request without credentials.
-- RFC 7635 sections 4 and 6.1, RFC 5389 section 10.2.2.

local expect = require "support.expect"
local scenario = require "support.scenario"

-- The 401 to a bare request; whether it is one is judged by `unauthorized` alone.
local function challenge(t)
  local answer = t:allocate { credentials = false }
  if answer:code() ~= 401 then t:inconclusive("no 401 to look at: " .. answer:describe()) end
  return answer
end

scenario "unauthorized" {
  title = "an Allocate without credentials gets 401",
  covers = { "7635-4-02" },
  faults = { "challenge-by-400" },
  transports = "each",
  run = function(t)
    t:check("7635-4-02", t:allocate { credentials = false }:is_error(401))
  end,
}

scenario "nonce" {
  title = "the challenge (401) carries NONCE",
  covers = { "7635-4-03" },
  faults = { "omit-nonce" },
  run = function(t)
    t:check("7635-4-03", challenge(t):has "NONCE")
  end,
}

scenario "software" {
  title = "the challenge (401) carries SOFTWARE",
  covers = { "7635-4-04" },
  faults = { "omit-software" },
  run = function(t)
    t:check("7635-4-04", challenge(t):has "SOFTWARE")
  end,
}

scenario "third-party-attribute" {
  title = "the challenge (401) carries THIRD-PARTY-AUTHORIZATION, once",
  covers = { "7635-4-05", "7635-12-01" },
  faults = { "announce-as-802d" },
  transports = "each",
  run = function(t)
    local answer = challenge(t)
    t:check("7635-4-05", answer:has "THIRD-PARTY-AUTHORIZATION")
    t:check("7635-12-01", answer:has "THIRD-PARTY-AUTHORIZATION")
    t:check("7635-4-05", answer:occurs("THIRD-PARTY-AUTHORIZATION", 1), { label = "once", soften = "AMB-12" })
  end,
}

scenario "server-name" {
  title = "THIRD-PARTY-AUTHORIZATION holds the server name, octet for octet",
  covers = { "7635-6.1-01" },
  faults = { "announce-folded-name" },
  run = function(t)
    local answer = challenge(t)
    local announced = answer:raw "THIRD-PARTY-AUTHORIZATION"
    if not announced then t:inconclusive "no THIRD-PARTY-AUTHORIZATION to compare" end
    if not t.profile.server_name then
      t:note("the profile names no server_name, so whether %d octets are the right ones is not judged", #announced)
    else
      t:check("7635-6.1-01", expect.same(announced, t.profile.server_name), { label = "the name of the profile" })
    end
    t:accepted("7635-6.1-01", { token = { server_name = announced } },
      { label = "a token made for that very value is taken" })
  end,
}

scenario "realm-and-nonce" {
  title = "the 401 to a bare request carries REALM and NONCE",
  covers = { "5389-10.2.2-01" },
  faults = { "omit-nonce", "omit-realm" },
  transports = "each",
  run = function(t)
    local answer = challenge(t)
    t:check("5389-10.2.2-01", answer:has "REALM", { label = "REALM" })
    t:check("5389-10.2.2-01", answer:has "NONCE", { label = "NONCE" })
  end,
}

scenario "without-integrity" {
  title = "whatever a request without integrity contains, it gets 401 with REALM and NONCE",
  covers = { "5389-10.2.2-01" },
  faults = { "refuse-early-token", "refresh-for-anybody" },
  transports = "each",
  run = function(t)
    local control = t:control {}
    local kid = control.answer.request.token.kid
    local without_integrity = {
      ["USERNAME and ACCESS-TOKEN"] = { credentials = false, token = {}, attributes = { { "USERNAME", kid } } },
      ["everything but the integrity"] = { integrity = false },
    }
    for _, label in ipairs { "USERNAME and ACCESS-TOKEN", "everything but the integrity" } do
      local answer = t:with_defect(control, without_integrity[label])
      t:check("5389-10.2.2-01", answer:is_error(401), { label = label .. ": 401" })
      if answer:code() == 401 then
        t:check("5389-10.2.2-01", expect.all { answer:has "REALM", answer:has "NONCE" },
          { label = label .. ": REALM and NONCE" })
      end
    end
    -- Each on an allocation of its own, since a connection may be closed behind an error.
    for _, case in ipairs {
      { "a bare Refresh: 401", { lifetime = 600, credentials = false } },
      { "a Refresh with a token and no integrity: 401", { lifetime = 600, integrity = false } },
    } do
      local client = t:allocation()
      t:check("5389-10.2.2-01", t:refresh(client, case[2]):is_error(401), { label = case[1] })
      t:put_down(client)
    end
  end,
}

scenario "bare-challenge" {
  title = "the 401 to a bare request contains neither USERNAME nor integrity",
  covers = { "5389-10.2.2-02" },
  faults = { "put-username-in-challenge", "sign-challenge" },
  run = function(t)
    local answer = challenge(t)
    t:check("5389-10.2.2-02", answer:lacks "USERNAME", { label = "USERNAME" })
    t:check("5389-10.2.2-02", answer:is_unsigned_or_signed(), { label = "integrity" })
  end,
}
