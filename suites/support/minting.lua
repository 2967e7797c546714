-- SPDX-License-Identifier: BSD-3-Clause
--
-- Mints the token that a request presents, from a description in which everything has a right value unless it is said:
--
--     lifetime = 3600, age = 0 (seconds since it was issued; negative: from the future), mac_key = 20 random octets
--     kid = name or number of a key of the profile (1), server_name = the one the target announced
--     key, algorithm           seal under another K, with another algorithm
--     timestamp                the 64 bits as they stand
--     nonce, key_length, nonce_length, extra, plaintext, tag_length, form, padding, al    see token.seal
--     change = function(octets, layout, token) → octets     the sealed octets, changed
--     while_age = { low, high }   the age between which the request must be answered for the check to mean anything
--
-- A minted token is a table { octets, kid, mac_key, lifetime, issued, algorithm, spec } and may be described again as
-- it is, to be presented once more.

local bytes = require "bytes"
local clock = require "clock"
local token = require "token"

local minting = {}

local sealing = { "nonce", "key_length", "nonce_length", "extra", "plaintext", "tag_length", "form", "padding", "al" }

-- Where the parts of a sealed token lie: { nonce_length =, nonce =, ciphertext =, tag = }, each { offset =, length = }.
function minting.layout(minted)
  local layout = {}
  for _, part in ipairs(assert(token.layout { algorithm = minted.algorithm, token = minted.octets })) do
    layout[part.name] = part
  end
  return layout
end

function minting.mint(bench, spec)
  if spec.octets then return spec end
  local long_term = bench:key(spec.kid)
  local issued = clock.now() + bench.clock_offset - (spec.age or 0)
  local minted = {
    spec = spec, kid = long_term.kid, algorithm = spec.algorithm or long_term.algorithm,
    mac_key = spec.mac_key or bytes.random(20), lifetime = spec.lifetime or 3600, issued = issued,
  }
  local fields = {
    algorithm = minted.algorithm, key = spec.key or long_term.octets,
    server_name = spec.server_name or bench.server_name or "", mac_key = minted.mac_key, lifetime = minted.lifetime,
    timestamp = spec.timestamp or token.timestamp(math.max(0, issued)),
  }
  for _, name in ipairs(sealing) do fields[name] = spec[name] end
  if type(fields.plaintext) == "function" then fields.plaintext = fields.plaintext(minted, fields) end
  minted.octets = assert(token.seal(fields))
  if spec.change then minted.octets = spec.change(minted.octets, minting.layout(minted), minted) end
  return minted
end

return minting
