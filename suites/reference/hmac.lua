-- SPDX-License-Identifier: BSD-3-Clause
--
-- HMAC (RFC 2104) with SHA-1 and SHA-256: for nonces, which are no STUN attribute, and for the faults that get
-- MESSAGE-INTEGRITY or a token wrong and so cannot ask the codec, which gets it right.

local bytes = require "bytes"

local hmac = {}

local function pad(key, octet)
  local octets = { (key .. ("\0"):rep(64 - #key)):byte(1, 64) }
  for i = 1, 64 do octets[i] = octets[i] ~ octet end
  return string.char(table.unpack(octets))
end

local function over(hash)
  return function(key, text)
    if #key > 64 then key = hash(key) end
    return hash(pad(key, 0x5c) .. hash(pad(key, 0x36) .. text))
  end
end

hmac.sha1, hmac.sha256 = over(bytes.sha1), over(bytes.sha256)

return hmac
