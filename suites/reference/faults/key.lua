-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in the choice of the long-term key by kid, and in what is made of the session key inside the token.

local bytes = require "bytes"
local change = require "reference.faults.change"
local codec = require "token"
local decryption = require "reference.faults.decryption"
local hmac = require "reference.hmac"
local stun = require "stun"

-- The kid's own key first, then the others in the order of the configuration.
local function try_others(server, kid, octets, opener)
  local entry = server.keys[kid]
  local opened = entry and opener(server, entry, octets)
  if opened then return opened end
  for _, other in ipairs(server.key_order) do
    opened = other ~= entry and opener(server, other, octets)
    if opened then return opened end
  end
end

local function md5_key(server, request, mac_key)
  return stun.long_term_key(request:raw "USERNAME", server.realm, mac_key)
end

local function key_length(name, about, fits, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) b.key_length_is_taken = fits end,
  }
end

local function integrity_keys(name, about, keys, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "integrity_keys", function(original, mac_key, attribute, server, request)
        return keys(original(mac_key, attribute, server, request), mac_key, server, request)
      end)
    end,
  }
end

local function with_key(entry, algorithm, key)
  local length = codec.algorithm(algorithm).key_length
  return #key >= length and { kid = entry.kid, algorithm = algorithm, key = key:sub(1, length) } or nil
end

return {
  -- which long-term key
  {
    name = "ignore-kid", about = "USERNAME is not looked at: the first key opens every token",
    requirements = { "7635-7-01", "7635-7-02" },
    apply = function(b) b.select_key = function(server) return server.key_order[1] end end,
  },
  {
    name = "load-one-key", about = "only the first key of the configuration is loaded",
    requirements = { "7635-7-01" },
    apply = function(b)
      b.select_key = function(server, kid)
        return server.key_order[1] and server.key_order[1].kid == kid and server.key_order[1] or nil
      end
    end,
  },
  {
    name = "use-expired-key", about = "a long-term key is used as long as it is configured, whatever its exp says",
    requirements = { "7519-4.1.4-01" },
    apply = function(b) b.key_is_current = function() return true end end,
  },
  {
    name = "derive-long-term-key", about = "tokens are opened with the SHA-256 of K",
    requirements = { "7635-4.1-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        return original(server, with_key(entry, entry.algorithm, bytes.sha256(entry.key):rep(2)), octets)
      end)
    end,
  },
  {
    name = "accept-derived-key", about = "tokens sealed with the SHA-256 or the HKDF of K are taken as well",
    requirements = { "7635-4.1-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        if opened or not decryption.is_gcm(entry) then return opened end
        local expanded = hmac.sha256(hmac.sha256(("\0"):rep(32), entry.key), "\1")
        return original(server, with_key(entry, entry.algorithm, bytes.sha256(entry.key)), octets)
          or original(server, with_key(entry, entry.algorithm, expanded), octets)
      end)
    end,
  },
  {
    name = "guess-algorithm", about = "a token that does not open by the algorithm of its kid is tried with the others",
    requirements = { "7635-10-02" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local opened = original(server, entry, octets)
        for _, one in ipairs(codec.algorithms()) do
          local other = not opened and with_key(entry, one.name, entry.key)
          opened = opened or (other and original(server, other, octets))
        end
        return opened or nil
      end)
    end,
  },
  {
    name = "refuse-a128gcm", about = "keys of A128GCM are configured and their tokens are not opened",
    requirements = { "7518-5.3-01", "7635-10-02" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        return entry.algorithm ~= "A128GCM" and original(server, entry, octets) or nil
      end)
    end,
  },
  {
    name = "default-unknown-kid", about = "an unknown kid stands for the first key",
    requirements = { "7635-7-02" },
    apply = function(b)
      b.select_key = function(server, kid) return server.keys[kid] or server.key_order[1] end
    end,
  },
  {
    name = "try-all-keys", about = "a token may be sealed under any key of the server, whatever the kid says",
    requirements = { "7635-7-03", "7635-7-02" },
    apply = function(b)
      b.select_key = function(_, kid) return { kid = kid } end
      change.wrap(b, "open_token", function(original, server, entry, octets)
        return try_others(server, entry.kid, octets, original)
      end)
    end,
  },
  {
    name = "try-other-keys", about = "when the kid's key does not open a token, the other keys are tried",
    requirements = { "7635-7-03" },
    apply = function(b)
      change.wrap(b, "open_token", function(original, server, entry, octets)
        return try_others(server, entry.kid, octets, original)
      end)
    end,
  },
  {
    name = "fold-kid", about = "kids are compared without regard to case",
    requirements = { "7515-4.1.4-01" },
    apply = function(b)
      b.select_key = function(server, kid)
        for _, entry in ipairs(server.key_order) do
          if entry.kid:lower() == kid:lower() then return entry end
        end
      end
    end,
  },
  {
    name = "refuse-a256gcm", about = "A256GCM is not built in",
    requirements = { "7635-4.1.1-12", "7635-7-15" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        return entry.algorithm ~= "A256GCM" and original(server, entry, octets) or nil
      end)
    end,
  },

  -- which octets of mac_key
  integrity_keys("truncate-integrity-key",
    "the HMAC is keyed with the first 16 octets of mac_key, the size of an MD5 key",
    function(_, mac_key) return { mac_key:sub(1, 16) } end, "7635-5-05"),
  integrity_keys("accept-truncated-key", "requests keyed with the first 16 octets of mac_key are taken as well",
    function(keys, mac_key) return change.with(keys, mac_key:sub(1, 16)) end, "7635-5-05"),
  integrity_keys("derive-md5-key", "the key is an MD5 of kid, realm and mac_key, as for a password",
    function(_, mac_key, server, request) return { md5_key(server, request, mac_key) } end,
    "7635-7-15", "7635-5-06", "7635-5-05"),
  integrity_keys("accept-md5-key", "an MD5 of kid, realm and mac_key is taken as well, as for a password",
    function(keys, mac_key, server, request) return change.with(keys, md5_key(server, request, mac_key)) end,
    "7635-5-06"),
  integrity_keys("cut-long-key", "of a mac_key longer than 20 octets the first 20 are used",
    function(_, mac_key) return { mac_key:sub(1, 20) } end, "7635-6.2-11", "7635-B-06"),
  {
    name = "answer-in-other-form",
    about = "with a 32-octet mac_key the answer is keyed in the other form than the request",
    requirements = { "7635-B-06" },
    apply = function(b)
      change.sign(b, function(request)
        return request.identity and request.identity.mac_key and #request.identity.mac_key == 32
          and not request:has "MESSAGE-INTEGRITY-SHA256"
      end, function(_, request)
        local identity = request.identity
        return identity.key == identity.mac_key and bytes.sha1(identity.mac_key) or identity.mac_key
      end)
    end,
  },
  key_length("require-160-bit-key", "only session keys of 20 octets are taken",
    function(length) return length == 20 end, "7635-6.2-11", "7635-B-06"),
  key_length("require-256-bit-key", "only session keys of 32 octets are taken",
    function(length) return length == 32 end, "7635-6.2-09", "7635-7-15"),
  {
    name = "accept-empty-key", about = "a session key without octets is taken",
    requirements = { "7635-7-05" },
    apply = function(b)
      b.key_length_is_taken = function() return true end
      decryption.take_verified(b)
    end,
  },
  {
    name = "assume-160-bit-key", about = "20 octets are read as the session key, whatever key_length says",
    requirements = { "7635-6.2-06", "7635-6.2-11", "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local plaintext = decryption.verified(entry, b.associated_data(server), octets)
        if plaintext then return decryption.fields(plaintext, 20) end
        return not decryption.is_gcm(entry) and original(server, entry, octets) or nil
      end)
    end,
  },
  {
    name = "ignore-key-length", about = "the session key is what is left beside timestamp and lifetime",
    requirements = { "7635-6.2-06", "7635-7-05" },
    apply = function(b)
      change.wrap(b, "decrypt", function(original, server, entry, octets)
        local plaintext = decryption.verified(entry, b.associated_data(server), octets)
        if plaintext and #plaintext >= 14 then return decryption.fields(plaintext, #plaintext - 14) end
        return original(server, entry, octets)
      end)
    end,
  },
  {
    name = "try-last-key-of-kid",
    about = "a request may be signed with the session key of the token that last came with its kid",
    requirements = { "7635-7-07" },
    apply = function(b)
      local last = {}
      change.wrap(b, "verifying_key", function(original, server, request, mac_key)
        local kid = request:raw "USERNAME"
        local key = original(server, request, mac_key)
        if key then last[kid] = mac_key end
        return key or last[kid] and original(server, request, last[kid])
      end)
    end,
  },
  {
    name = "accept-any-session-key", about = "a request may be signed with the session key of anyone who is served",
    requirements = { "7635-7-07", "7635-9-13" },
    apply = function(b)
      change.wrap(b, "verifying_key", function(original, server, request, mac_key)
        local key = original(server, request, mac_key)
        if key then return key end
        for _, allocation in pairs(server.allocations) do
          key = allocation.session and original(server, request, allocation.session.mac_key)
          if key then return key end
        end
      end)
    end,
  },
}
