-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in opening AES-CBC-HMAC tokens (RFC 7635 sections 6.2 and 7, RFC 7518 5.2). They show on the kids that have
-- such a key.

local aes = require "reference.faults.aes"
local change = require "reference.faults.change"
local codec = require "token"
local decryption = require "reference.faults.decryption"
local hmac = require "reference.hmac"

-- Another way to open the tokens of CBC kids; opens(original, server, entry, octets, description).
local function opening(name, about, opens, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local description = codec.algorithm(entry.algorithm)
        if description.kind == "gcm" then return original(server, entry, octets) end
        return opens(original, server, entry, octets, description)
      end)
    end,
  }
end

return {
  opening("skip-cbc-mac", "the MAC of an AES-CBC-HMAC token is not verified", function(_, _, entry, octets, description)
    local nonce, rest = decryption.split(octets)
    if nonce ~= "" or #rest <= description.tag_length then return nil end
    local plaintext = aes.decrypt_cbc(entry.key:sub(#entry.key // 2 + 1), rest:sub(1, -description.tag_length - 1))
    return plaintext and decryption.fields(plaintext) or nil
  end, "7635-7-06", "7635-6.2-17"),
  opening("overlook-end-of-cbc-mac", "the last octet of the MAC of an AES-CBC-HMAC token is not compared",
    function(original, server, entry, octets)
      for last = 0, 255 do
        local opened = original(server, entry, octets:sub(1, -2) .. string.char(last))
        if opened then return opened end
      end
    end, "7635-7-06"),
  opening("swap-cbc-keys", "the front part of an AES-CBC-HMAC key encrypts and the rear part authenticates",
    function(original, server, entry, octets)
      local half = #entry.key // 2
      local key = entry.key:sub(half + 1) .. entry.key:sub(1, half)
      return original(server, { kid = entry.kid, algorithm = entry.algorithm, key = key }, octets)
    end, "7518-5.2.2.1-01", "7635-6.2-18"),
  opening("refuse-cbc", "AES-CBC-HMAC keys are configured and their tokens are not opened", function() return nil end,
    "7635-6.2-18"),
  -- Of the forms only the one that the text writes, F1, and of the algorithms only that with HMAC-SHA-256.
  opening("ignore-cbc-padding",
    "what pads an AES-CBC-HMAC token is not looked at, since key_length tells where it ends",
    function(original, server, entry, octets, description)
      local opened = original(server, entry, octets)
      local nonce, rest = decryption.split(octets)
      if opened or nonce ~= "" or description.name ~= "A128CBC-HS256" or #rest <= 16 then return opened end
      local name, sealed, tag = server.behaviour.associated_data(server), rest:sub(1, -17), rest:sub(-16)
      local expected = hmac.sha256(entry.key:sub(1, 16), name .. sealed .. string.pack(">I8", #name * 8))
      local plaintext = expected:sub(1, 16) == tag and aes.decrypt_blocks(entry.key:sub(17), sealed)
      return plaintext and decryption.fields(plaintext) or nil
    end, "7518-5.2.2.1-02"),
  {
    name = "demand-cbc-iv", about = "AES-CBC-HMAC tokens are opened only when the nonce is their IV, as in RFC 7518",
    requirements = { "7635-6.2-18" },
    apply = function(b) b.form_is_taken = function(form) return form == "GCM" or form == "F3" end end,
  },
}
