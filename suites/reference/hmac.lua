-- SPDX-License-Identifier: BSD-3-Clause
--
-- HMAC-SHA1 (RFC 2104) over bytes.sha1: for nonces, which are no STUN attribute, and for the faults that get
-- MESSAGE-INTEGRITY wrong and so cannot ask the codec, which gets it right.

local bytes = require "bytes"

local hmac = {}

local function pad(key, octet)
  local octets = { (key .. ("\0"):rep(64 - #key)):byte(1, 64) }
  for i = 1, 64 do octets[i] = octets[i] ~ octet end
  return string.char(table.unpack(octets))
end

function hmac.sha1(key, text)
  if #key > 64 then key = bytes.sha1(key) end
  local inner, outer = pad(key, 0x36), pad(key, 0x5c)
  return bytes.sha1(outer .. bytes.sha1(inner .. text))
end

return hmac
