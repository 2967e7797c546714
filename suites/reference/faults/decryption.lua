-- SPDX-License-Identifier: BSD-3-Clause
--
-- AES-GCM without its safety, for faults that look at what was not authenticated. GCM encrypts by adding a key stream:
-- what zeros are sealed to under the same key and nonce is that stream.

local change = require "reference.faults.change"
local codec = require "token"

local decryption = {}

-- nonce, rest; nil when nonce_length runs past the value.
function decryption.split(octets)
  if #octets < 2 then return nil end
  local length = string.unpack(">I2", octets)
  if #octets < 2 + length then return nil end
  return octets:sub(3, 2 + length), octets:sub(3 + length)
end

function decryption.is_gcm(entry)
  return codec.algorithm(entry.algorithm).kind == "gcm"
end

local function sealed(entry, server_name, nonce, plaintext)
  local octets = codec.seal {
    algorithm = entry.algorithm, key = entry.key, server_name = server_name, nonce = nonce, plaintext = plaintext,
    form = "GCM",
  }
  return octets and octets:sub(3 + #nonce)
end

-- The octets a ciphertext stands for, whoever made it; nil for a nonce that cannot be used.
function decryption.plaintext(entry, nonce, ciphertext)
  local stream = sealed(entry, "", nonce, ("\0"):rep(#ciphertext))
  if not stream then return nil end
  local octets = {}
  for i = 1, #ciphertext do octets[i] = string.char(ciphertext:byte(i) ~ stream:byte(i)) end
  return table.concat(octets)
end

-- The 16 octets of tag that belong behind a plaintext.
function decryption.tag(entry, server_name, nonce, plaintext)
  return sealed(entry, server_name, nonce, plaintext):sub(-16)
end

-- { mac_key =, timestamp =, lifetime = } of a block; nil when key_length, or what is given for it, does not fit.
function decryption.fields(plaintext, key_length)
  if #plaintext < 14 then return nil end
  local length = key_length or string.unpack(">I2", plaintext)
  if #plaintext < 14 + length then return nil end
  local timestamp, lifetime = string.unpack(">i8I4", plaintext, 3 + length)
  return { form = "GCM", mac_key = plaintext:sub(3, 2 + length), timestamp = timestamp, lifetime = lifetime }
end

-- The plaintext of a whole token without looking at its tag; nil when there is no room for nonce and tag.
function decryption.unverified(entry, octets)
  local nonce, rest = decryption.split(octets)
  if not nonce or #rest < 16 or not decryption.is_gcm(entry) then return nil end
  return decryption.plaintext(entry, nonce, rest:sub(1, -17)), nonce, rest:sub(-16)
end

-- The plaintext of a whole token whose tag is right, whatever the block says; nil otherwise.
function decryption.verified(entry, server_name, octets)
  local plaintext, nonce, tag = decryption.unverified(entry, octets)
  return plaintext and decryption.tag(entry, server_name, nonce, plaintext) == tag and plaintext or nil
end

-- Takes every token whose tag is right, also where the lengths in it would have it refused.
function decryption.take_verified(behaviour)
  change.wrap(behaviour, "decrypt", function(original, server, entry, octets)
    local opened = original(server, entry, octets)
    local plaintext = not opened and decryption.verified(entry, behaviour.associated_data(server), octets)
    return opened or plaintext and decryption.fields(plaintext) or nil
  end)
end

-- A function that says of the token that came last whether its block makes sense though it does not open.
function decryption.watch_sense(behaviour)
  local sensible
  change.wrap(behaviour, "open_token", function(original, server, entry, octets)
    local opened = original(server, entry, octets)
    local plaintext = not opened and decryption.unverified(entry, octets)
    sensible = plaintext and decryption.fields(plaintext) ~= nil
    return opened
  end)
  return function() return sensible end
end

return decryption
