-- SPDX-License-Identifier: BSD-3-Clause
--
-- HMAC-SHA-256 (RFC 2104) and HKDF (RFC 5869) over it, for keys that a mistaken implementation would derive. Nothing
-- that is right is computed with it: MESSAGE-INTEGRITY-SHA256 is the engine's.

local bytes = require "bytes"

local hkdf = {}

local BLOCK <const> = 64

local function pad(key, octet)
  local octets = { (key .. ("\0"):rep(BLOCK - #key)):byte(1, BLOCK) }
  for i = 1, BLOCK do octets[i] = octets[i] ~ octet end
  return string.char(table.unpack(octets))
end

function hkdf.hmac(key, text)
  if #key > BLOCK then key = bytes.sha256(key) end
  return bytes.sha256(pad(key, 0x5c) .. bytes.sha256(pad(key, 0x36) .. text))
end

-- `length` octets from a key, without salt, for the purpose `info`.
function hkdf.derive(key, info, length)
  local secret = hkdf.hmac(("\0"):rep(32), key)
  local out, last = "", ""
  for i = 1, (length + 31) // 32 do
    last = hkdf.hmac(secret, last .. info .. string.char(i))
    out = out .. last
  end
  return out:sub(1, length)
end

return hkdf
