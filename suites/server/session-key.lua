-- SPDX-License-Identifier: BSD-3-Clause
--
-- The session key: mac_key, all of it and nothing made from it, keys the HMAC of requests and responses.
-- RFC 7635 sections 5 and 7, RFC 5389 section 15.4.

local bytes = require "bytes"
local scenario = require "support.scenario"
local stun = require "stun"

local function complete(token) return token.mac_key end
local function first_16(token) return token.mac_key:sub(1, 16) end

scenario "complete-mac-key" {
  title = "the HMAC is keyed with all octets of mac_key",
  covers = { "7635-5-05" },
  faults = { "truncate-integrity-key", "accept-truncated-key", "sign-with-truncated-key" },
  run = function(t)
    local full = t:allocate { integrity_key = complete, step = "Allocate, HMAC under the complete mac_key" }
    local short = t:allocate { integrity_key = first_16, step = "Allocate, HMAC under the first 16 octets" }
    if not full:is_success().ok and not short:is_success().ok then
      t:inconclusive("a valid token is refused under either form of the key: " .. full:describe())
    end
    t:check("7635-5-05", full:is_success(), { label = "all 20 octets are taken" })
    if full:is_success().ok then
      t:check("7635-5-05", short:is_error(401), { label = "the first 16 octets alone are refused" })
      local cut = full:is_signed(first_16(full.request.token))
      t:check("7635-5-05", cut:negated "no integrity under the first 16 octets in the response",
        { label = "the response" })
    else
      t:note "the first 16 octets of mac_key are what it takes"
    end
  end,
}

scenario "no-md5-key" {
  title = "the long-term MD5 construction is not applied to a token session",
  covers = { "7635-5-06" },
  faults = { "accept-md5-key" },
  run = function(t)
    local control = t:control {}
    t:refused("7635-5-06", control, {
      integrity_key = function(token, client) return stun.long_term_key(token.kid, client.realm, token.mac_key) end,
    }, 401)
  end,
}

scenario "wrong-integrity" {
  title = "integrity that does not verify under mac_key gets 401",
  covers = { "7635-7-14" },
  faults = { "refuse-integrity-by-431" },
  transports = "each",
  run = function(t)
    local control = t:control { lifetime = 600 }
    local zeroes = ("\0"):rep(20)
    t:refused("7635-7-14", control, { integrity_key = function() return bytes.random(20) end }, 401,
      { label = "another key" })
    t:refused("7635-7-14", control, { edits = { { "flip", "MESSAGE-INTEGRITY", 7 } } }, 401, { label = "an early bit" })
    t:refused("7635-7-14", control, { edits = { { "flip", "MESSAGE-INTEGRITY", 159 } } }, 401,
      { label = "the last bit" })
    t:refused("7635-7-14", control, { edits = { { "value", "MESSAGE-INTEGRITY", zeroes } } }, 401, { label = "zeroes" })
    t:refused("7635-7-14", control, { edits = { { "flip", "LIFETIME", 31 } } }, 401,
      { label = "an attribute changed after signing" })
  end,
}

scenario "key-inside-the-token" {
  title = "the key is the one inside the token presented",
  covers = { "7635-7-07" },
  faults = { "ask-about-tokens", "try-last-key-of-kid" },
  alone = true, -- no other token may come between these
  run = function(t)
    local first, second = t:token {}, t:token {}
    t:accepted("7635-7-07", { token = second }, { label = "a token with its own key" })
    local control = t:control { token = first }
    t:control { token = second }
    t:refused("7635-7-07", control, {
      integrity_key = function() return t.bench:integrity_key(second.mac_key) end,
    }, 401, { label = "the key of another valid token" })
  end,
}

scenario "signed-success" {
  title = "success responses carry integrity under mac_key",
  covers = { "7635-7-16" },
  faults = { "leave-allocate-unsigned", "leave-refresh-unsigned" },
  transports = "each",
  run = function(t)
    local client, allocated = t:allocation()
    t:check("7635-7-16", allocated:is_signed(), { label = "Allocate" })
    local refreshed = t:refresh(client, { lifetime = 600 })
    if refreshed:is_success().ok then
      t:check("7635-7-16", refreshed:is_signed(), { label = "Refresh" })
    else
      t:inconclusive("no Refresh success to look at: " .. refreshed:describe())
    end
  end,
}

scenario "attributes-behind-the-integrity" {
  title = "a request with FINGERPRINT or MESSAGE-INTEGRITY-SHA256 behind MESSAGE-INTEGRITY verifies",
  covers = { "5389-15.4-02" },
  faults = { "misjudge-before-fingerprint", "misjudge-before-sha256", "sign-with-final-length" },
  run = function(t)
    local control = t:control {}
    local with_fingerprint = t:with_defect(control, { fingerprint = true })
    t:check("5389-15.4-02", with_fingerprint:is_success(), { label = "FINGERPRINT" })
    if with_fingerprint:is_success().ok then
      t:check("5389-15.4-02", with_fingerprint:is_signed(), { label = "the integrity of the response" })
    end
    local both = t:with_defect(control, { integrity = { "MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256" } })
    t:check("5389-15.4-02", both:is_success(), { label = "MESSAGE-INTEGRITY-SHA256", soften = "AMB-27" })
  end,
}

scenario "token-behind-the-integrity" {
  title = "a token behind MESSAGE-INTEGRITY counts for nothing",
  covers = { "5389-15.4-03" },
  faults = { "find-token-anywhere" },
  run = function(t)
    local control = t:control {}
    local answer = t:with_defect(control, {
      edits = { { "move", "ACCESS-TOKEN", after = "MESSAGE-INTEGRITY" } },
    })
    t:check("5389-15.4-03", answer:is_error(401), { soften = answer:code() and "5389-15.4-03" })
  end,
}
