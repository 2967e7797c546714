-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in the checks of RFC 5389 10.2.2 and in what their refusals contain.

local bytes = require "bytes"
local change = require "reference.faults.change"
local decryption = require "reference.faults.decryption"

local function code_for(name, cause, code, about, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) change.code_for(b, cause, code) end,
  }
end

local function silence_for(name, cause, about, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) change.silence_for(b, cause) end,
  }
end

-- One attribute more in the 400 about a missing one.
local function in_400(name, about, make)
  return {
    name = name, about = about, requirements = { "5389-10.2.2-04" },
    apply = function(b)
      change.wrap(b, "refuse_incomplete", function(original, server, request, missing)
        local answer = original(server, request, missing)
        answer.attributes[#answer.attributes + 1] = make(server, request, b)
        return answer
      end)
    end,
  }
end

local function wrongly_signed(name, about, pick, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) change.sign(b, pick, function() return bytes.sha1 "a key that nobody holds" end) end,
  }
end

local function username_in(name, about, pick, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.add_to_challenge(b, pick, function(_, request)
        return request:has "USERNAME" and { "USERNAME", request:raw "USERNAME" } or nil
      end)
    end,
  }
end

return {
  -- USERNAME, REALM or NONCE missing
  {
    name = "challenge-incomplete", about = "integrity without USERNAME, REALM or NONCE gets another 401",
    requirements = { "5389-10.2.2-03" },
    apply = function(b)
      b.refuse_incomplete = function(server, request) return b.challenge(server, request, "absent") end
    end,
  },
  {
    name = "miss-attributes-in-allocate-only",
    about = "USERNAME, REALM and NONCE are looked for in Allocate requests only",
    requirements = { "5389-10.2.2-03" },
    apply = function(b)
      change.wrap(b, "missing_attribute", function(original, request)
        return request.method == "Allocate" and original(request) or nil
      end)
      change.wrap(b, "nonce_is_current", function(original, server, client, nonce, now)
        return nonce == nil or original(server, client, nonce, now)
      end)
      change.wrap(b, "session_of", function(original, server, request)
        local allocation = not request:has "USERNAME" and server:allocation_of(request.client)
        return allocation and allocation.session or original(server, request)
      end)
    end,
  },
  {
    name = "serve-without-realm", about = "REALM is not missed, since no token session needs it for its key",
    requirements = { "5389-10.2.2-03", "7635-7-20" },
    apply = function(b)
      b.missing_attribute = function(request)
        return not request:has "USERNAME" and "USERNAME" or not request:has "NONCE" and "NONCE" or nil
      end
    end,
  },
  {
    name = "serve-without-nonce", about = "NONCE is checked only where there is one",
    requirements = { "5389-10.2.2-03" },
    apply = function(b)
      b.missing_attribute = function(request)
        return not request:has "USERNAME" and "USERNAME" or not request:has "REALM" and "REALM" or nil
      end
      change.wrap(b, "nonce_is_current", function(original, server, client, nonce, now)
        return nonce == nil or original(server, client, nonce, now)
      end)
    end,
  },
  {
    name = "serve-without-username", about = "without USERNAME every key is tried on the token",
    requirements = { "5389-10.2.2-03", "7635-7-20" },
    apply = function(b)
      b.missing_attribute = function(request)
        return not request:has "REALM" and "REALM" or not request:has "NONCE" and "NONCE" or nil
      end
      change.wrap(b, "identify_by_token", function(original, server, request)
        if request:has "USERNAME" then return original(server, request) end
        for _, entry in ipairs(server.key_order) do
          local opened = b.open_token(server, entry, b.token_octets(request))
          local key = opened and b.token_is_current(server, opened, request.received)
            and b.verifying_key(server, request, opened.mac_key)
          if key then return b.token_identity(entry.kid, opened, key) end
        end
        return nil, b.challenge(server, request, "kid")
      end)
    end,
  },
  in_400("put-realm-in-400", "the 400 for a missing attribute has a REALM, as a 401 would",
    function(server) return { "REALM", server.realm } end),
  in_400("put-nonce-in-400", "the 400 for a missing attribute has a NONCE, as a 401 would",
    function(server, request, b) return { "NONCE", b.make_nonce(server, request.client, request.received) } end),
  in_400("put-username-in-400", "the 400 for a missing attribute repeats the USERNAME",
    function(_, request) return request:has "USERNAME" and { "USERNAME", request:raw "USERNAME" } or nil end),
  wrongly_signed("sign-400-wrongly", "the 400 for a missing attribute is signed with a key nobody knows",
    function(_, answer) return answer.cause == "incomplete" end, "5389-10.2.2-04", "7635-7-18"),

  -- what a refusal of credentials contains
  {
    name = "refuse-without-realm", about = "the 401 for bad credentials has no REALM",
    requirements = { "5389-10.2.2-08" },
    apply = function(b) change.omit_from_challenge(b, "REALM", change.refused) end,
  },
  {
    name = "refuse-without-nonce", about = "the 401 for bad credentials has no NONCE",
    requirements = { "5389-10.2.2-08" },
    apply = function(b) change.omit_from_challenge(b, "NONCE", change.refused) end,
  },
  username_in("put-username-in-401", "the 401 for bad credentials repeats the USERNAME", change.refused,
    "5389-10.2.2-02"),
  {
    name = "put-username-in-challenge", about = "the first 401 repeats the USERNAME, or has an empty one",
    requirements = { "5389-10.2.2-02" },
    apply = function(b)
      change.add_to_challenge(b, change.absent, function(_, request)
        return { "USERNAME", request:raw "USERNAME" or "" }
      end)
    end,
  },
  wrongly_signed("sign-401-wrongly", "the 401 for bad credentials is signed with a key nobody knows",
    function(_, answer) return answer.cause and change.refused(answer.cause) end, "5389-10.2.2-02", "7635-7-18"),
  wrongly_signed("sign-challenge", "the first 401 is signed, though no key is agreed",
    function(_, answer) return answer.cause == "absent" end, "5389-10.2.2-02", "7635-7-18"),

  -- how a refusal is coded
  code_for("refuse-kid-by-436", "kid", 436, "an unknown kid gets the code of RFC 3489", "7635-7-02"),
  code_for("refuse-token-by-400", "token", 400, "a token that does not open is called malformed", "7635-7-04",
    "7635-7-03", "7635-6.2-17"),
  code_for("refuse-token-by-403", "token", 403, "a token that does not open is called forbidden",
    "7635-7-05", "7635-7-04"),
  code_for("refuse-expired-by-403", "time", 403, "an expired token is called forbidden", "7635-7-09", "7635-7-11"),
  code_for("refuse-integrity-by-431", "integrity", 431, "a wrong integrity value gets the code of RFC 3489",
    "7635-7-14"),
  silence_for("drop-unknown-kid", "kid", "an unknown kid gets no answer", "7635-7-02"),
  silence_for("drop-expired", "time", "an expired token gets no answer", "7635-7-09", "7635-7-11"),
  {
    name = "drop-short-token", about = "a token too short for its nonce_length gets no answer",
    requirements = { "7635-7-05" },
    apply = function(b)
      local drop = change.dropper(b)
      change.wrap(b, "identify_by_token", function(original, server, request)
        if #b.token_octets(request) < 2 then return drop(request) end
        return original(server, request)
      end)
    end,
  },
  {
    name = "tell-failures-apart", about = "a token whose block makes sense gets 403 for its tag, another gets 401",
    requirements = { "7635-7-04", "5116-2.2-01" },
    apply = function(b)
      local sensible = decryption.watch_sense(b)
      change.wrap(b, "challenge_code", function(original, cause)
        return cause == "token" and sensible() and 403 or original(cause)
      end)
    end,
  },

  {
    name = "describe-failures", about = "the 401 for a token whose block makes sense has no SOFTWARE, as others have",
    requirements = { "5116-2.2-01" },
    apply = function(b)
      local sensible = decryption.watch_sense(b)
      change.wrap(b, "common_attributes", function(original, server, request, answer)
        return answer.cause == "token" and sensible() and {} or original(server, request, answer)
      end)
    end,
  },

  -- first-party credentials beside tokens
  {
    name = "demand-token", about = "where tokens are taken, good passwords are called malformed",
    requirements = { "7635-6.1-06" },
    apply = function(b)
      change.wrap(b, "identify_by_password", function(original, server, request)
        if not server.third_party then return original(server, request) end
        return nil, b.failure(400)
      end)
    end,
  },

  -- attributes that are not understood
  {
    name = "ignore-unknown", about = "a required attribute that is not understood is ignored",
    requirements = { "5389-7.3.1-01", "7635-7-19" },
    apply = function(b) b.unknown_attributes = function() return {} end end,
  },
  {
    name = "omit-unknown-list", about = "420 does not say which attributes it is about",
    requirements = { "5389-7.3.1-01", "7635-7-19" },
    apply = function(b) b.refuse_unknown = function() return b.failure(420) end end,
  },
  {
    name = "list-first-unknown", about = "420 lists the first attribute only",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      change.wrap(b, "refuse_unknown", function(original, server, request, unknown)
        return original(server, request, { unknown[1] })
      end)
    end,
  },
  {
    name = "list-optional", about = "420 lists optional attributes too",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      local stun = require "stun"
      change.wrap(b, "unknown_attributes", function(original, server, request)
        local unknown = original(server, request)
        if #unknown == 0 then return unknown end
        for _, attribute in ipairs(request.visible) do
          local type = attribute.type
          if type >= 0x8000 and not stun.attribute(type) then unknown[#unknown + 1] = type end
        end
        return unknown
      end)
    end,
  },
  {
    name = "refuse-optional", about = "optional attributes that are not understood are refused as well",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      local stun = require "stun"
      b.must_be_understood = function(type) return type < 0x8000 or not stun.attribute(type) end
    end,
  },
  {
    name = "refuse-unknown-in-allocate-only",
    about = "in any other request an attribute that is not understood is passed over",
    requirements = { "5389-7.3.1-01" },
    apply = function(b)
      change.wrap(b, "unknown_attributes", function(original, server, request)
        local overlooked = request.class == "request" and request.method ~= "Allocate"
        return overlooked and {} or original(server, request)
      end)
    end,
  },
  {
    name = "refuse-unknown-by-400", about = "an attribute that is not understood is called malformed",
    requirements = { "5389-7.3.1-01", "7635-7-19" },
    apply = function(b) b.refuse_unknown = function() return b.failure(400) end end,
  },
  {
    name = "refuse-unknown-first", about = "unknown attributes are looked for before authentication",
    requirements = { "5389-7.3-01", "7635-7-17" },
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        local unknown = b.unknown_attributes(server, request)
        if #unknown > 0 then return b.refuse_unknown(server, request, unknown) end
        return original(server, request)
      end)
    end,
  },

  {
    name = "ignore-unknown-without-tokens", about = "where no tokens are taken, nothing unknown is refused either",
    requirements = { "5389-7.3.1-01" }, third_party = false,
    apply = function(b) b.unknown_attributes = function() return {} end end,
  },

  -- ACCESS-TOKEN where no tokens are taken
  {
    name = "ignore-unexpected-token", about = "where no tokens are taken, ACCESS-TOKEN is known and ignored",
    requirements = { "7635-7-19" }, third_party = false,
    apply = function(b)
      change.wrap(b, "is_understood", function(original, server, type)
        return type == 0x001B or original(server, type)
      end)
    end,
  },
  {
    name = "omit-token-from-list", about = "420 for an unexpected ACCESS-TOKEN lists something else",
    requirements = { "7635-7-19" }, third_party = false,
    apply = function(b)
      change.wrap(b, "refuse_unknown", function(original, server, request, unknown)
        local listed = {}
        for i, type in ipairs(unknown) do listed[i] = type == 0x001B and 0x802E or type end
        return original(server, request, listed)
      end)
    end,
  },
  {
    name = "drop-unexpected-token", about = "where no tokens are taken, a request with one gets no answer",
    requirements = { "7635-7-19" }, third_party = false,
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        if not server.third_party and request:has "ACCESS-TOKEN" then return nil end
        return original(server, request)
      end)
    end,
  },

  -- what lies behind the integrity value, and which of two counts
  {
    name = "read-behind-integrity", about = "attributes behind MESSAGE-INTEGRITY count like those before it",
    requirements = { "5389-15.4-03" },
    apply = function(b) b.visible_attributes = function(attributes) return attributes end end,
  },
  {
    name = "find-token-anywhere", about = "ACCESS-TOKEN is looked up in the whole message, wherever it stands",
    requirements = { "5389-15.4-03" },
    apply = function(b)
      b.carries_token = function(server, request) return server.third_party and request.message:has "ACCESS-TOKEN" end
      b.token_octets = function(request) return request.message:raw "ACCESS-TOKEN" end
    end,
  },
  {
    name = "take-last-token", about = "of two ACCESS-TOKENs the last one counts",
    requirements = { "5389-15-03" },
    apply = function(b)
      b.token_octets = function(request) return request:raw("ACCESS-TOKEN", request:count "ACCESS-TOKEN") end
    end,
  },
  {
    name = "drop-duplicates", about = "a request in which an attribute comes twice gets no answer",
    requirements = { "5389-15-03" },
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        for name in pairs(request.counts) do
          if name ~= "XOR-PEER-ADDRESS" and request:count(name) > 1 then return nil end
        end
        return original(server, request)
      end)
    end,
  },
  {
    name = "read-token-to-the-nul", about = "a token goes on through its padding up to a NUL",
    requirements = { "5389-15-02" },
    apply = function(b)
      change.wrap(b, "token_octets", function(original, request)
        for _, attribute in ipairs(request.visible) do
          if attribute.name == "ACCESS-TOKEN" then return attribute.value .. attribute.padding:match "^[^\0]*" end
        end
        return original(request)
      end)
    end,
  },
  {
    name = "read-to-the-nul",
    about = "USERNAME, REALM and NONCE are read up to the next NUL, so that padding counts unless it is zero",
    requirements = { "5389-15-02" },
    apply = function(b)
      local text = require("reference.request").raw
      local function read(request, name)
        for _, attribute in ipairs(request.visible) do
          if attribute.name == name then return (attribute.value .. attribute.padding):match "^[^\0]*" end
        end
      end
      change.wrap(b, "identify", function(original, server, request)
        request.raw = function(self, name, nth)
          if name == "USERNAME" or name == "REALM" or name == "NONCE" then return read(self, name) end
          return text(self, name, nth)
        end
        local identity, refusal = original(server, request)
        if identity and request:raw "REALM" ~= server.realm then return nil, b.challenge(server, request, "user") end
        return identity, refusal
      end)
    end,
  },
}
