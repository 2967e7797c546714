-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in MESSAGE-INTEGRITY: which answers carry it, under which key, and how it is computed (RFC 7635 section 7,
-- RFC 5389 15.4).

local bytes = require "bytes"
local change = require "reference.faults.change"
local hmac = require "reference.hmac"
local stun = require "stun"

local function nothing() return nil end

local function unsigned_success(method, requirement)
  return {
    name = "leave-" .. method:lower() .. "-unsigned", about = ("the success answer to %s is not signed"):format(method),
    requirements = { requirement },
    apply = function(b)
      change.sign(b, function(request, answer)
        return request.method == method and answer.class == "success"
      end, nothing)
    end,
  }
end

local function unsigned_error(code, about)
  return {
    name = ("leave-%d-unsigned"):format(code), about = about, requirements = { "7635-7-17" },
    apply = function(b) change.sign(b, function(_, answer) return answer.code == code end, nothing) end,
  }
end

-- All answers to token requests under another key; key(server, request).
local function signed_with(name, about, key)
  return {
    name = name, about = about, requirements = { "7635-7-16", "7635-7-17" },
    apply = function(b)
      change.sign(b, function(request) return request.identity ~= nil and request.identity.mac_key ~= nil end, key)
    end,
  }
end

local function offset_of(message, name)
  for _, attribute in ipairs(message:attributes()) do
    if attribute.name == name then return attribute.offset end
  end
end

-- HMAC-SHA1 over a message up to its integrity attribute with the header length left as it stands.
local function hmac_as_it_stands(octets, key)
  local message = stun.parse(octets)
  local offset = message and offset_of(message, "MESSAGE-INTEGRITY")
  return offset and hmac.sha1(key, octets:sub(1, offset))
end

-- The integrity value of a request is computed over the wrong length when `behind` follows it.
local function breaks_integrity(name, about, behind)
  return {
    name = name, about = about, requirements = { "5389-15.4-02" },
    apply = function(b)
      b.judging_attribute = function(request)
        return request:has "MESSAGE-INTEGRITY" and "MESSAGE-INTEGRITY" or "MESSAGE-INTEGRITY-SHA256"
      end
      change.wrap(b, "integrity_is_valid", function(original, request, key, attribute)
        if attribute ~= "MESSAGE-INTEGRITY" or not request:has(behind) then return original(request, key, attribute) end
        return hmac_as_it_stands(request.message:bytes(), key) == request:raw(attribute)
      end)
    end,
  }
end

return {
  unsigned_success("Allocate", "7635-7-16"),
  unsigned_success("Refresh", "7635-7-16"),
  unsigned_success("CreatePermission", "7635-9-12"),
  unsigned_success("ChannelBind", "7635-9-12"),
  unsigned_error(400, "the 400 of an authenticated request is not signed"),
  unsigned_error(420, "420 is not signed"),
  unsigned_error(437, "437 is given before authentication, and so not signed"),
  unsigned_error(442, "442 is not signed"),
  signed_with("sign-with-long-term-key", "answers are signed with the key that the token was sealed with",
    function(server, request)
      local entry = server.keys[request.identity.name]
      return entry and entry.key or request.identity.key
    end),
  signed_with("sign-with-md5-key", "answers are signed with an MD5 of kid, realm and mac_key",
    function(server, request)
      return stun.long_term_key(request.identity.name, server.realm, request.identity.mac_key)
    end),
  {
    name = "sign-with-truncated-key",
    about = "requests verify under all of mac_key, answers are signed with 16 octets of it",
    requirements = { "7635-7-16", "7635-5-05" },
    apply = function(b)
      change.sign(b, function(request) return request.identity ~= nil and request.identity.mac_key ~= nil end,
        function(_, request) return request.identity.key:sub(1, 16) end)
    end,
  },
  {
    name = "sign-errors-wrongly", about = "errors of authenticated requests are signed with a key nobody knows",
    requirements = { "7635-7-17" },
    apply = function(b)
      change.sign(b, function(request, answer) return request.identity ~= nil and answer.class == "error" end,
        function() return bytes.sha1 "a key that nobody holds" end)
    end,
  },
  {
    name = "sign-before-software", about = "SOFTWARE is changed after the answer was signed",
    requirements = { "7635-7-16", "5389-15.4-02" },
    apply = function(b)
      b.finish = function(_, request, _, octets)
        local offset = request.identity and offset_of(stun.parse(octets), "SOFTWARE")
        return offset and stun.edit(octets, { { "overwrite", offset + 4, "x" } }) or octets
      end
    end,
  },
  {
    name = "sign-with-final-length", about = "the integrity value of an answer covers a length that counts FINGERPRINT",
    requirements = { "5389-15.4-02" },
    apply = function(b)
      change.wrap(b, "response_attributes", function(original, server, request, answer)
        local attributes = original(server, request, answer)
        local key = b.response_key(server, request, answer)
        if not key or not request:has "FINGERPRINT" then return attributes end
        local draft = stun.build {
          class = answer.class, method = request.method, transaction = request.message:transaction(),
          attributes = attributes,
        }
        for i, attribute in ipairs(attributes) do
          if attribute[1] == "MESSAGE-INTEGRITY" then
            attributes[i] = { attribute[1], hmac_as_it_stands(draft, key) }
          end
        end
        return attributes
      end)
    end,
  },
  breaks_integrity("misjudge-before-fingerprint", "the integrity value of a request fails when FINGERPRINT follows it",
    "FINGERPRINT"),
  breaks_integrity("misjudge-before-sha256",
    "the integrity value of a request fails when MESSAGE-INTEGRITY-SHA256 follows it", "MESSAGE-INTEGRITY-SHA256"),

  -- how a request's value is compared
  {
    name = "skip-integrity", about = "the integrity value of a token request is not verified",
    requirements = { "7635-7-14", "7635-7-07", "7635-5-06", "7635-5-05", "8656-7.2-01" },
    apply = function(b)
      b.verifying_key = function(server, request, mac_key)
        return b.integrity_keys(mac_key, b.judging_attribute(request), server, request)[1]
      end
    end,
  },
  {
    name = "compare-four-octets", about = "only the first four octets of the integrity value are compared",
    requirements = { "7635-7-14" },
    apply = function(b)
      change.wrap(b, "integrity_is_valid", function(original, request, key, attribute)
        if attribute ~= "MESSAGE-INTEGRITY" then return original(request, key, attribute) end
        local octets = request.message:bytes()
        local offset = offset_of(request.message, attribute)
        local covered = octets:sub(1, 2) .. string.pack(">I2", offset + 24 - 20) .. octets:sub(5, offset)
        return hmac.sha1(key, covered):sub(1, 4) == request:raw(attribute):sub(1, 4)
      end)
    end,
  },
  {
    name = "accept-zeroed-integrity", about = "an integrity value of zeros passes for one that needs no check",
    requirements = { "7635-7-14" },
    apply = function(b)
      change.wrap(b, "integrity_is_valid", function(original, request, key, attribute)
        return not request:raw(attribute):find "[^\0]" or original(request, key, attribute)
      end)
    end,
  },

  -- MESSAGE-INTEGRITY-SHA256
  {
    name = "refuse-sha256", about = "MESSAGE-INTEGRITY-SHA256 is not understood",
    requirements = { "8489-9.2.4-02" },
    apply = function(b) b.has_integrity = function(request) return request:has "MESSAGE-INTEGRITY" end end,
  },
  {
    name = "answer-sha256-by-sha1", about = "a request signed with SHA-256 only is answered with MESSAGE-INTEGRITY",
    requirements = { "8489-9.2.4-02" },
    apply = function(b) b.signatures = function(_, key) return { { "MESSAGE-INTEGRITY", key = key } } end end,
  },
  {
    name = "judge-by-sha1", about = "with both integrity attributes present MESSAGE-INTEGRITY decides",
    requirements = { "8489-9.2.4-03" },
    apply = function(b)
      b.judging_attribute = function(request)
        return request:has "MESSAGE-INTEGRITY" and "MESSAGE-INTEGRITY" or "MESSAGE-INTEGRITY-SHA256"
      end
    end,
  },
  {
    name = "accept-short-sha256", about = "as many octets of MESSAGE-INTEGRITY-SHA256 are compared as there are",
    requirements = { "8489-14.6-01" },
    apply = function(b)
      change.wrap(b, "integrity_is_valid", function(original, request, key, attribute)
        local value = request:raw(attribute)
        if attribute ~= "MESSAGE-INTEGRITY-SHA256" or #value >= 16 then return original(request, key, attribute) end
        local octets = request.message:bytes()
        local offset = offset_of(request.message, attribute)
        local covered = octets:sub(1, 2) .. string.pack(">I2", offset + 4 + #value - 20) .. octets:sub(5, offset)
        return hmac.sha256(key, covered):sub(1, #value) == value
      end)
    end,
  },
  {
    name = "answer-short-sha256", about = "answers have MESSAGE-INTEGRITY-SHA256 cut to 12 octets",
    requirements = { "8489-14.6-01", "8489-9.2.4-02" },
    apply = function(b)
      change.wrap(b, "signatures", function(original, request, key)
        local signatures = original(request, key)
        for _, one in ipairs(signatures) do
          if one[1] == "MESSAGE-INTEGRITY-SHA256" then one.size = 12 end
        end
        return signatures
      end)
    end,
  },
}
