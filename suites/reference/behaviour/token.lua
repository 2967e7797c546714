-- SPDX-License-Identifier: BSD-3-Clause
--
-- The checks of RFC 7635 section 7, one function each: which key, which associated data, what the token says, whether
-- its time is now, and which key it yields for the integrity of the request.

local bytes = require "bytes"
local codec = require "token"

local token = {}

-- Of the ways to write a CBC-HMAC token, those taken here (AES-GCM has one way).
local forms <const> = { GCM = true, F1 = true, F2 = true, F3 = true }

function token.carries_token(server, request)
  return server.third_party and request:has "ACCESS-TOKEN"
end

function token.token_octets(request)
  return request:raw "ACCESS-TOKEN"
end

-- The long-term key { kid =, algorithm =, key = } that a kid names; nil when it names none. Compared exactly.
function token.select_key(server, kid)
  return server.keys[kid]
end

-- A long-term key past its expiry opens nothing (RFC 7519 4.1.4).
function token.key_is_current(entry, now)
  return not entry.expires or now < entry.expires
end

-- The server's name as it is announced (RFC 7635 6.2).
function token.associated_data(server)
  return server.server_name
end

-- AES-GCM has nonces of one length only (RFC 5116 5.2); those of CBC-HMAC are for the form to tell.
function token.nonce_length_is_right(algorithm, octets)
  local description = codec.algorithm(algorithm)
  if description.kind ~= "gcm" then return true end
  return #octets >= 2 and string.unpack(">I2", octets) == description.nonce_length
end

function token.form_is_taken(form)
  return forms[form] == true
end

-- What is inside a token: { mac_key =, timestamp = u64, lifetime =, … }; nil when it is not authentic.
function token.decrypt(server, entry, octets)
  local b = server.behaviour
  if not b.nonce_length_is_right(entry.algorithm, octets) then return nil end
  local opened = codec.open {
    algorithm = entry.algorithm, key = entry.key, server_name = b.associated_data(server), token = octets,
  }
  return opened and b.form_is_taken(opened.form) and opened or nil
end

-- A token without a session key proves nothing. All other lengths are taken: key_length tells (RFC 7635 6.2).
function token.key_length_is_taken(length)
  return length > 0
end

-- Seconds since 1970: 48 bits of them, then 16 bits of 1/64000 (RFC 7635 6.2).
function token.read_timestamp(opened)
  return (opened.timestamp >> 16) + (opened.timestamp & 0xFFFF) / 64000
end

-- Seconds.
function token.read_lifetime(opened)
  return opened.lifetime
end

-- The token of a request as { mac_key =, timestamp = seconds, lifetime = seconds }; nil when it is not usable.
function token.open_token(server, entry, octets)
  local b = server.behaviour
  local opened = b.decrypt(server, entry, octets)
  if not opened or not b.key_length_is_taken(#opened.mac_key) then return nil end
  return { mac_key = opened.mac_key, timestamp = b.read_timestamp(opened), lifetime = b.read_lifetime(opened) }
end

-- lifetime + Delta > |now - timestamp|
function token.token_is_current(server, opened, now)
  return opened.lifetime + server.delta > math.abs(now - opened.timestamp)
end

-- The keys under which a request may verify: all of mac_key and, for HMAC-SHA1 and 32 octets, also its SHA-1, since the
-- derivation of RFC 7635 Appendix B is disputed (erratum 5060).
function token.integrity_keys(mac_key, attribute)
  if attribute == "MESSAGE-INTEGRITY" and #mac_key == 32 then return { mac_key, bytes.sha1(mac_key) } end
  return { mac_key }
end

function token.identify_by_token(server, request)
  local b = server.behaviour
  local kid = request:raw "USERNAME"
  local entry = b.select_key(server, kid)
  if not entry or not b.key_is_current(entry, request.received) then
    return nil, b.challenge(server, request, "kid")
  end
  local opened = b.open_token(server, entry, b.token_octets(request))
  if not opened then return nil, b.challenge(server, request, "token") end
  if not b.token_is_current(server, opened, request.received) then return nil, b.challenge(server, request, "time") end
  local key = b.verifying_key(server, request, opened.mac_key)
  if not key then return nil, b.challenge(server, request, "integrity") end
  return b.token_identity(kid, opened, key)
end

function token.token_identity(kid, opened, key)
  return {
    kind = "token", name = kid, key = key,
    mac_key = opened.mac_key, timestamp = opened.timestamp, lifetime = opened.lifetime,
  }
end

return token
