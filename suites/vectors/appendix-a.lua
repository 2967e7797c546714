-- SPDX-License-Identifier: BSD-3-Clause
--
-- The sample tickets of RFC 7635 Appendix A and the tokens made beside them by an independent implementation, run
-- through the codec that all scenarios rely on. They need no target.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"
local token = require "token"
local vectors = require "support.vectors"

local function octets(text)
  return assert(bytes.unbase64(text))
end

local function open(vector)
  return token.open {
    algorithm = vector.algorithm, key = octets(vector.key), server_name = vector.server_name,
    token = octets(vector.token),
  }
end

local function sample(t, requirement, name)
  local vector = vectors.named("rfc7635-appendix-a", name)
  local opened, problem = open(vector)
  t:check(requirement, opened ~= nil, { label = "opens", expected = "the token opens", got = problem or "it does" })
  if not opened then return end
  t:check(requirement, expect.same(bytes.base64(opened.mac_key), vector.mac_key), { label = "mac_key" })
  t:check(requirement, expect.same(opened.timestamp, vector.timestamp), { label = "timestamp" })
  t:check(requirement, expect.same(opened.lifetime, vector.lifetime), { label = "lifetime" })
  local sealed = token.seal {
    algorithm = vector.algorithm, key = octets(vector.key), server_name = vector.server_name,
    nonce = octets(vector.nonce), mac_key = octets(vector.mac_key), timestamp = vector.timestamp,
    lifetime = vector.lifetime,
  }
  t:check(requirement, expect.same(bytes.base64(sealed), vector.token), { label = "seals to the same octets" })
end

scenario "sample-1" {
  title = "sample 1 (A256GCM) opens to the values stated, and seals to the same octets",
  covers = { "7635-A-01" },
  offline = true,
  run = function(t) sample(t, "7635-A-01", "sample-1") end,
}

scenario "sample-2" {
  title = "sample 2 (A128GCM) opens under the first 16 octets of the key",
  covers = { "7635-A-02" },
  offline = true,
  run = function(t) sample(t, "7635-A-02", "sample-2") end,
}

scenario "other-tokens" {
  title = "tokens of an independent implementation open, or are refused, as they should",
  covers = { "7635-6.2-04", "7635-6.2-05" },
  offline = true,
  run = function(t)
    for _, file in ipairs { "rfc7635-appendix-a", "tokens" } do
      for _, vector in ipairs(vectors.load(file).vectors) do
        local opened, problem = open(vector)
        t:check("7635-6.2-04", (opened ~= nil) == vector.valid, {
          label = vector.name, expected = vector.shows, got = opened and "it opens" or problem,
        })
        if opened and vector.valid then
          t:check("7635-6.2-05",
            bytes.base64(opened.mac_key) == vector.mac_key and opened.timestamp == vector.timestamp
              and opened.lifetime == vector.lifetime,
            { label = vector.name, expected = vector.shows, got = "mac_key, timestamp and lifetime compared" })
        end
      end
    end
  end,
}
