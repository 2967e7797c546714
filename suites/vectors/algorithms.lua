-- SPDX-License-Identifier: BSD-3-Clause
--
-- The vectors of RFC 7518 Appendix B for the CBC-HMAC algorithms, with the right tag and with one bit changed. Their
-- plaintext is no block of RFC 7635, so an authentic one is told by another reason for not being a token.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"
local token = require "token"
local vectors = require "support.vectors"

local function octets(text)
  return assert(bytes.unbase64(text))
end

scenario "cbc-hmac" {
  title = "the vectors of RFC 7518 Appendix B seal to the ciphertext and tag printed, and no changed bit passes",
  covers = { "7635-4.1.1-14", "7518-5.2.3-01" },
  offline = true,
  run = function(t)
    for _, vector in ipairs(vectors.load "rfc7518-appendix-b".vectors) do
      local requirement = vector.algorithm == "A256CBC-HS512" and "7635-4.1.1-14" or "7518-5.2.3-01"
      local _, _, _, kind = token.open {
        algorithm = vector.algorithm, key = octets(vector.key), server_name = vector.server_name,
        token = octets(vector.token),
      }
      t:check(requirement, (kind ~= "not-authentic") == vector.valid, {
        label = vector.name, expected = vector.shows, got = "opening it ends in: " .. tostring(kind),
      })
      if vector.valid then
        local sealed = token.seal {
          algorithm = vector.algorithm, key = octets(vector.key), server_name = vector.server_name, form = "F3",
          nonce = octets(vector.nonce), plaintext = octets(vector.plaintext),
        }
        t:check(requirement, expect.same(sealed and bytes.base64(sealed), vector.token),
          { label = vector.name .. ", sealed" })
      end
    end
  end,
}
