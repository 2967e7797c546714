-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a profile says that its target can do, in the words that a scenario's `needs` may use. What they mean is told in
-- support/scenario.lua.

local transports = require "support.transports"

local features = {}

-- p: a whole profile. Returns them as a set.
function features.of(p)
  local found = {}
  found["third-party"] = p.third_party
  found["no-third-party"] = not p.third_party
  found.credentials = p.third_party or #p.users > 0
  found.users = #p.users > 0
  found["long-nonces"] = p.nonce_lifetime ~= nil
  found["expiring-key"] = p.expiring_key ~= nil
  found.rfc8489 = p.rfc8489 == true
  found.sha256 = found.rfc8489 and not p.hash_functions
  for _, name in ipairs(p.hash_functions or {}) do found.sha256 = found.sha256 or name == "SHA-256" end
  for _, a in ipairs(p.keys) do
    if a.algorithm:find("CBC", 1, true) then found.cbc = true end
    if a.algorithm:find("GCM", 1, true) then found.gcm = true end
    if a.algorithm:find "^A1%d%dGCM$" then found["short-gcm"] = true end
    if a.algorithm ~= p.keys[1].algorithm then found["two-algorithms"] = true end
    for _, b in ipairs(p.keys) do
      if a.kid ~= b.kid and a.algorithm == b.algorithm and a.octets ~= b.octets then found["two-kids"] = true end
    end
  end
  for _, one in ipairs(p.transports) do
    found[one] = true
    found.datagram = found.datagram or transports.is_datagram(one)
    found.secure = found.secure or transports.is_secure(one)
  end
  return found
end

return features
