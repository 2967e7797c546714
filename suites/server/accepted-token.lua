-- SPDX-License-Identifier: BSD-3-Clause
--
-- Tokens that a server has to take. RFC 7635 sections 4.1.1, 5, 6.2, 7 and 9.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"

scenario "relayed-datagram" {
  title = "a valid token is served, and the allocation relays",
  covers = { "7635-7-15" },
  faults = { "ask-about-tokens" },
  transports = "each",
  allocations = 2,
  run = function(t)
    local first = t:allocate()
    t:check("7635-7-15", first:is_success(), { label = "the allocation" })
    if not first:is_success().ok then return end
    local second = not t.profile.peer and t:allocation() or nil
    local relayed = t:relays(first.client, second)
    if relayed then t:check("7635-7-15", relayed, { label = "a datagram" }) end
  end,
}

scenario "never-seen" {
  title = "a token that nobody has seen before is judged by itself, with no authorization server in reach",
  covers = { "7635-3-02" },
  faults = { "ask-about-tokens" },
  run = function(t)
    t:accepted("7635-3-02", { token = { mac_key = bytes.random(20), lifetime = 1800 + t:random(1):byte() } })
  end,
}

scenario "a256gcm" {
  title = "a token sealed with A256GCM is opened",
  covers = { "7635-4.1.1-12" },
  faults = { "refuse-a256gcm" },
  run = function(t)
    for _, key in ipairs(t.profile.keys) do
      if key.algorithm == "A256GCM" then
        t:accepted("7635-4.1.1-12", { token = { kid = key.kid } })
        return
      end
    end
    t:skip "the profile names no A256GCM key"
  end,
}

scenario "mac-key-of-160-bits" {
  title = "a session key of 160 bits is supported",
  covers = { "7635-6.2-09" },
  faults = { "require-256-bit-key" },
  run = function(t)
    t:accepted("7635-6.2-09", { token = { mac_key = bytes.random(20) } })
  end,
}

scenario "mac-key-of-256-bits" {
  title = "key_length tells the length of the session key: 256 bits work too",
  covers = { "7635-6.2-11" },
  faults = { "cut-long-key" },
  run = function(t)
    t:control {}
    local function long_key(form)
      form.token = { mac_key = bytes.random(32) }
      local answer = t:allocate(form)
      t:put_down(answer.client)
      return answer:is_success()
    end
    t:check("7635-6.2-11", expect.any {
      long_key { integrity_key = function(token) return token.mac_key end, step = "Allocate, 32 octets as they are" },
      long_key {
        integrity_key = function(token) return bytes.sha1(token.mac_key) end, step = "Allocate, SHA1 of 32 octets",
      },
      long_key {
        integrity = "MESSAGE-INTEGRITY-SHA256", integrity_key = function(token) return token.mac_key end,
        step = "Allocate, MESSAGE-INTEGRITY-SHA256",
      },
    })
    if not t.profile.features.sha256 then
      t:note("MESSAGE-INTEGRITY-SHA256 alone, which the profile does not claim: %s", t:outcome_of {
        token = { mac_key = bytes.random(32) }, integrity = "MESSAGE-INTEGRITY-SHA256",
        integrity_key = function(token) return token.mac_key end, step = "Allocate, MESSAGE-INTEGRITY-SHA256",
      })
    end
    for _, length in ipairs { 1, 16, 24, 64 } do -- neither asked for nor forbidden (AMB-26)
      t:note("a mac_key of %d octets: %s", length, t:outcome_of {
        token = { mac_key = bytes.random(length) }, step = ("Allocate, a mac_key of %d octets"):format(length),
      })
    end
  end,
}

scenario "message-integrity-sha256" {
  title = "a request signed with MESSAGE-INTEGRITY-SHA256 alone is served, and answered with the same attribute",
  covers = { "8489-9.2.4-02" },
  needs = { "third-party", "sha256" },
  faults = { "answer-sha256-by-sha1", "refuse-sha256" },
  run = function(t)
    t:control {}
    local answer = t:allocate {
      token = { mac_key = bytes.random(32) }, integrity = "MESSAGE-INTEGRITY-SHA256",
      integrity_key = function(token) return token.mac_key end,
    }
    t:check("8489-9.2.4-02", answer:is_success(), { label = "served" })
    if answer:is_success().ok then
      t:check("8489-9.2.4-02", expect.all { answer:has "MESSAGE-INTEGRITY-SHA256", answer:is_signed() },
        { label = "answered in kind" })
    end
  end,
}

scenario "answer-in-the-same-form" {
  title = "with a 256-bit mac_key the answer is signed with the form of the key that the request used",
  covers = { "7635-B-06" },
  faults = { "answer-in-other-form", "cut-long-key" },
  run = function(t)
    t:control {}
    local forms = {
      { "SHA1 of the key", function(token) return bytes.sha1(token.mac_key) end },
      { "the full key", function(token) return token.mac_key end },
    }
    local taken, outcomes = 0, {}
    for _, form in ipairs(forms) do
      local answer = t:allocate {
        token = { mac_key = bytes.random(32) }, integrity_key = form[2], step = "Allocate, " .. form[1],
      }
      outcomes[#outcomes + 1] = answer:is_success()
      if answer:is_success().ok then
        taken = taken + 1
        t:check("7635-B-06", answer:is_signed(), { label = form[1] })
      end
      t:put_down(answer.client)
    end
    if taken == 0 then t:check("7635-B-06", expect.any(outcomes), { label = "either form" }) end
  end,
}

scenario "binary-token" {
  title = "ACCESS-TOKEN holds the binary token",
  covers = { "7635-6.2-21" },
  faults = { "require-base64", "crash-on-long-nonce" },
  run = function(t)
    t:accepted("7635-6.2-21", {})
    local text = t:token { change = function(octets) return bytes.base64(octets) end }
    t:note("the base64 text of a token in its place: %s", t:outcome_of { token = text })
    -- Nothing says what to do with octets behind the lifetime, inside the block (AMB-54).
    t:note("four octets behind the lifetime: %s",
      t:outcome_of { token = { extra = "more" }, step = "Allocate, octets behind the lifetime" })
  end,
}

scenario "several-allocations" {
  title = "one token serves several Allocate requests",
  covers = { "7635-9-01" },
  faults = { "ask-about-tokens" },
  allocations = 3,
  run = function(t)
    local token = t:token {}
    for _, label in ipairs { "first 5-tuple", "second 5-tuple", "third 5-tuple" } do
      t:check("7635-9-01", t:allocate { token = token }:is_success(), { label = label })
    end
  end,
}
