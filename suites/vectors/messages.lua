-- SPDX-License-Identifier: BSD-3-Clause
--
-- The messages of RFC 5769 and RFC 8489 Appendix B.1, as printed and with one thing changed: integrity and FINGERPRINT
-- are found right or wrong, and what is no message is refused.

local bytes = require "bytes"
local expect = require "support.expect"
local scenario = require "support.scenario"
local stun = require "stun"
local vectors = require "support.vectors"

local function key_of(vector)
  if vector.password then return vector.password end
  return stun.long_term_key(vector.username, vector.realm, vector.long_term_password,
    vector.password_algorithm == 2 and "SHA-256" or nil)
end

scenario "integrity" {
  title = "the messages of RFC 5769 verify, and no changed one does",
  covers = { "5389-6-01", "5389-15.4-02", "5389-15.5-01" },
  offline = true,
  run = function(t)
    for _, vector in ipairs(vectors.load "rfc5769".vectors) do
      local message, problem = stun.parse(bytes.unhex(vector.message))
      local wanted = vector.expected
      t:check("5389-6-01", (message == nil) == (wanted.malformed == true), {
        label = vector.name, expected = vector.shows, got = problem or "it is well formed",
      })
      if message and not wanted.malformed then
        local key = key_of(vector)
        t:check("5389-15.4-02", expect.same(message:integrity(key), wanted.integrity), { label = vector.name })
        if wanted.integrity_sha256 then
          t:check("5389-15.4-02",
            expect.same(message:integrity(key, "MESSAGE-INTEGRITY-SHA256"), wanted.integrity_sha256),
            { label = vector.name .. ", SHA-256" })
        end
        t:check("5389-15.5-01", expect.same(message:fingerprint(), wanted.fingerprint), { label = vector.name })
      end
    end
  end,
}
