-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in opening a token: its format, its associated data, its tag (RFC 7635 sections 6.2 and 7, RFC 5116 5.2).

local bytes = require "bytes"
local change = require "reference.faults.change"
local codec = require "token"
local decryption = require "reference.faults.decryption"

-- Another associated data than the server's name.
local function associated_data(name, about, value)
  return {
    name = name, about = about, requirements = { "7635-7-15", "7635-6.1-01", "7635-6.2-17" },
    apply = function(b) b.associated_data = value end,
  }
end

-- Another associated data besides the server's name.
local function also(name, about, value)
  return {
    name = name, about = about, requirements = { "7635-6.2-17" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        if opened or not b.nonce_length_is_right(entry.algorithm, octets) then return opened end
        return codec.open { algorithm = entry.algorithm, key = entry.key, server_name = value(server), token = octets }
      end)
    end,
  }
end

-- The octets of the token changed before it is opened.
local function reshape(name, about, shape, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        return original(server, entry, shape(octets, entry))
      end)
    end,
  }
end

-- A field of the opened token read in another way.
local function read(field, name, about, value, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) change.wrap(b, field, value) end,
  }
end

local function swapped(format, number)
  return (string.unpack("<" .. format, string.pack(">" .. format, number)))
end

-- A server that stops working without going away: from now on nothing is answered.
local function hang(b)
  b.is_acceptable = function() return false end
end

return {
  -- associated data
  associated_data("omit-associated-data", "tokens are opened without associated data", function() return "" end),
  associated_data("use-terminated-associated-data", "the associated data counts the NUL behind the server's name",
    function(server) return server.server_name .. "\0" end),
  also("accept-no-associated-data", "tokens for no server in particular are taken as well", function() return "" end),
  also("accept-realm-as-associated-data", "tokens for the realm are taken as well",
    function(server) return server.realm end),
  also("accept-terminated-associated-data", "tokens for the name with a NUL behind it are taken as well",
    function(server) return server.server_name .. "\0" end),
  {
    name = "accept-other-server",
    about = "a token whose associated data does not fit is taken if its block makes sense",
    requirements = { "7635-6.2-17", "7635-7-04" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        local plaintext = not opened and decryption.unverified(entry, octets)
        local fields = plaintext and b.nonce_length_is_right(entry.algorithm, octets) and decryption.fields(plaintext)
        return opened or fields and #plaintext == 14 + #fields.mac_key and fields or nil
      end)
    end,
  },

  -- the tag
  {
    name = "skip-tag", about = "the tag is not verified: EVP_DecryptFinal is never called",
    requirements = { "7635-7-04", "7635-6.2-17", "5116-5.2-02" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        if not decryption.is_gcm(entry) then return original(server, entry, octets) end
        local plaintext = b.nonce_length_is_right(entry.algorithm, octets) and decryption.unverified(entry, octets)
        return plaintext and decryption.fields(plaintext) or nil
      end)
    end,
  },
  {
    name = "accept-short-tag", about = "as much of the tag is compared as the token has behind its block",
    requirements = { "5116-5.2-02", "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        local nonce, rest = decryption.split(octets)
        if opened or not nonce or #nonce ~= 12 or not decryption.is_gcm(entry) or #rest < 14 then return opened end
        local length = 14 + string.unpack(">I2", decryption.plaintext(entry, nonce, rest:sub(1, 2)))
        if #rest < length or #rest > length + 16 then return nil end
        local plaintext = decryption.plaintext(entry, nonce, rest:sub(1, length))
        local tag = decryption.tag(entry, b.associated_data(server), nonce, plaintext)
        return tag:sub(1, #rest - length) == rest:sub(length + 1) and decryption.fields(plaintext) or nil
      end)
    end,
  },
  {
    name = "expect-leading-tag", about = "the tag is looked for in front of the ciphertext",
    requirements = { "7635-7-15", "7635-A-03" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local nonce, rest = decryption.split(octets)
        if not nonce or #rest < 16 then return nil end
        return original(server, entry, octets:sub(1, 2 + #nonce) .. rest:sub(17) .. rest:sub(1, 16))
      end)
    end,
  },
  {
    name = "accept-leading-tag", about = "the tag may stand in front of the ciphertext as well",
    requirements = { "7635-A-03" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        local nonce, rest = decryption.split(octets)
        if opened or not nonce or #rest < 16 then return opened end
        return original(server, entry, octets:sub(1, 2 + #nonce) .. rest:sub(17) .. rest:sub(1, 16))
      end)
    end,
  },

  -- lengths and the order of octets
  {
    name = "accept-any-nonce-length", about = "AES-GCM nonces of any length are taken",
    requirements = { "5116-5.2-01" },
    apply = function(b)
      b.nonce_length_is_right = function() return true end
      decryption.take_verified(b)
    end,
  },
  reshape("assume-nonce-length", "12 octets are read as the nonce, whatever nonce_length says",
    function(octets, entry)
      return #octets >= 2 and decryption.is_gcm(entry) and "\0\12" .. octets:sub(3) or octets
    end, "7635-6.2-06", "7635-7-05", "5116-5.2-01"),
  {
    name = "guess-key-length-order", about = "a key_length that is too large is read in the other order of octets",
    requirements = { "7635-6.2-06" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local plaintext = decryption.verified(entry, b.associated_data(server), octets)
        local turned = plaintext and #plaintext >= 2 and not decryption.fields(plaintext)
        if not turned then return original(server, entry, octets) end
        return decryption.fields(plaintext, (string.unpack("<I2", plaintext)))
      end)
    end,
  },
  {
    name = "guess-nonce-length-order", about = "a nonce_length that is too large is read in the other order of octets",
    requirements = { "7635-6.2-06" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        if #octets >= 2 and string.unpack(">I2", octets) > #octets then
          octets = octets:sub(2, 2) .. octets:sub(1, 1) .. octets:sub(3)
        end
        return original(server, entry, octets)
      end)
    end,
  },
  read("read_lifetime", "read-lifetime-backwards", "lifetime is not converted from network order",
    function(original, opened) return swapped("I4", original(opened)) end, "7635-6.2-06", "7635-7-09"),
  read("read_timestamp", "guess-timestamp-order", "a timestamp far from now is read in the other order of octets",
    function(original, opened)
      local seconds = original(opened)
      if seconds > 1e9 and seconds < 1e10 then return seconds end
      return original { timestamp = swapped("i8", opened.timestamp) }
    end, "7635-6.2-06"),
  read("read_timestamp", "read-plain-seconds", "timestamp is read as whole seconds in 64 bits",
    function(_, opened) return opened.timestamp + 0.0 end, "7635-7-15", "7635-7-08", "7635-6.2-14"),
  read("read_timestamp", "accept-plain-seconds", "a small timestamp is read as whole seconds in 64 bits",
    function(original, opened)
      local small = opened.timestamp >= 0 and opened.timestamp < 1 << 33
      return small and opened.timestamp + 0.0 or original(opened)
    end, "7635-6.2-14"),
  read("read_timestamp", "accept-milliseconds", "a timestamp that fits is read as milliseconds",
    function(original, opened)
      local fits = opened.timestamp >= 1 << 39 and opened.timestamp < 1 << 42
      return fits and opened.timestamp / 1000 or original(opened)
    end, "7635-6.2-14"),

  -- the way it is written in the attribute
  {
    name = "require-base64", about = "ACCESS-TOKEN is expected to hold base64 text",
    requirements = { "7635-6.2-21", "7635-7-15" },
    apply = function(b)
      change.wrap(b, "token_octets", function(original, request) return bytes.unbase64(original(request)) or "" end)
    end,
  },
  {
    name = "ask-about-tokens",
    about = "each token is looked up at an authorization server, which is out of reach",
    requirements = { "7635-7-15", "7635-3-02" },
    apply = function(b)
      b.identify_by_token = function(server, request) return nil, b.challenge(server, request, "token") end
    end,
  },

  -- what harms
  {
    name = "crash-on-long-key", about = "a key_length beyond the block is copied, and the process dies of it",
    requirements = { "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local plaintext = decryption.verified(entry, b.associated_data(server), octets)
        if plaintext and not decryption.fields(plaintext) then server:crash "read past the end of a token's block" end
        return original(server, entry, octets)
      end)
    end,
  },
  {
    name = "crash-on-long-nonce", about = "a nonce_length beyond the value is copied, and the process dies of it",
    requirements = { "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        if #octets >= 2 and string.unpack(">I2", octets) > #octets - 2 then
          server:crash "read past the end of a token"
        end
        return original(server, entry, octets)
      end)
    end,
  },
  {
    name = "hang-on-empty-token",
    about = "an empty token is waited for to become longer, and nothing is served meanwhile",
    requirements = { "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        if octets == "" then hang(b) end
        return original(server, entry, octets)
      end)
    end,
  },
  {
    name = "hang-on-missing-tag", about = "a token too short for its tag makes a length negative, and a loop endless",
    requirements = { "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local nonce, rest = decryption.split(octets)
        if nonce and #rest < 16 then hang(b) end
        return original(server, entry, octets)
      end)
    end,
  },
  {
    name = "hang-on-large-message", about = "a message over TCP that does not fit the buffer stops the server",
    requirements = { "7635-7-05" },
    apply = function(b)
      change.wrap(b, "is_acceptable", function(original, parsed)
        if #parsed:bytes() > 2048 then
          hang(b)
          return false
        end
        return original(parsed)
      end)
    end,
  },
}
