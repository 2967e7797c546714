-- SPDX-License-Identifier: BSD-3-Clause
--
-- Which of the keys and passwords that were given the server takes, with which octets of mac_key it keys its HMAC, and
-- which integrity attributes.

local bytes = require "bytes"
local context = require "support.context"

local tokens = {}

local LIFETIME <const> = 3600 -- of a token, unless the clocks are far apart
local DECADE <const> = 315360000 -- seconds: a token that is good with a clock years off, and ends before 2^31
local forms <const> = { "full", "first16" }

local function words(form)
  return form == "full" and "the whole mac_key" or "the first 16 octets of mac_key"
end

-- One valid token of a key in one form of the HMAC key. A 400 may ask for the attributes of RFC 8489 to be repeated.
local function try(s, key, form, lifetime)
  s.bench.integrity_form = form
  local spec = {
    token = { kid = key.kid, lifetime = lifetime }, step = ("Allocate, a token of %s, HMAC under %s"):format(
      key.kid, words(form)),
  }
  local outcome = s:allocate(spec)
  if outcome.code == 400 and not s.bench.echo_password_algorithms then
    s.bench.echo_password_algorithms = true
    local again = s:allocate(spec)
    if again.ok then return again end
    s.bench.echo_password_algorithms = nil
  end
  return outcome
end

-- Finds one key and one form of the HMAC key that the server takes; s.good says which. Returns true, or nil and what
-- came of the first key.
function tokens.find(s)
  local got
  for _, lifetime in ipairs { LIFETIME, DECADE } do
    for _, key in ipairs(s.bench.profile.keys) do
      local whole
      for _, form in ipairs(forms) do
        local outcome = try(s, key, form, lifetime)
        got, whole = got or outcome.got, whole or outcome.got
        if outcome.ok then
          s.good = { kid = key.kid, form = form, lifetime = lifetime, got = outcome.got, whole = whole }
          return true
        end
      end
    end
  end
  s.bench.integrity_form = "full"
  return nil, got
end

-- What came of a token of each key, in the form that was found: { key =, ok =, got = } each.
function tokens.each_key(s)
  local list = {}
  for i, key in ipairs(s.bench.profile.keys) do
    local outcome
    if key.kid == s.good.kid then
      outcome = { ok = true, got = s.good.got }
    else
      outcome = s:allocate { token = { kid = key.kid }, step = ("Allocate, a token of %s"):format(key.kid) }
    end
    list[i] = { key = key, ok = outcome.ok, got = outcome.got }
  end
  return list
end

-- What came of each user's password.
function tokens.each_user(s)
  local list = {}
  for i, user in ipairs(s.bench.profile.users) do
    local outcome = s:allocate { user = user }
    list[i] = { user = user, ok = outcome.ok, got = outcome.got }
    if outcome.ok and not s.good then s.good = { user = user } end
  end
  return list
end

local names <const> = { "whole", "as its SHA-1", "cut to 16 octets" } -- the forms of 32 octets (support/context.lua)

-- With which forms of a mac_key of 32 octets a request is taken: { { name, ok, got }, … }.
function tokens.long_keys(s)
  local list, mac_key = {}, bytes.random(32)
  for i, octets in ipairs(context.forms(mac_key)) do
    local outcome = s:allocate {
      token = { kid = s.good.kid, mac_key = mac_key }, integrity_key = function() return octets end,
      step = ("Allocate, a mac_key of 32 octets, %s"):format(names[i]),
    }
    list[i] = { names[i], outcome.ok, outcome.got }
  end
  return list
end

-- What comes of a request that is signed with MESSAGE-INTEGRITY-SHA256, and the attribute that signs the answer.
function tokens.sha256(s)
  local outcome = s:allocate(s:credited { integrity = "MESSAGE-INTEGRITY-SHA256" })
  local signed = {}
  for _, name in ipairs { "MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256" } do
    local message = outcome.answer and outcome.answer.message
    if message and message:has(name) then signed[#signed + 1] = name end
  end
  return outcome, table.concat(signed, " and ")
end

tokens.words = words

return tokens
