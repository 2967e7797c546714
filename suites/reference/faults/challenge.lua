-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in the answer to a client that shows nothing: RFC 7635 sections 4 and 6.1, RFC 5389 10.2.2.

local change = require "reference.faults.change"

-- A fault that announces something else than the server's name.
local function announce(name, about, value)
  return {
    name = name, about = about, requirements = { "7635-6.1-01" },
    apply = function(b)
      b.announcement = function(server) return { "THIRD-PARTY-AUTHORIZATION", value(server) } end
    end,
  }
end

local function challenge_by(code, about)
  return {
    name = "challenge-by-" .. code, about = about, requirements = { "7635-4-02", "5389-10.2.2-01", "5389-7.3-01" },
    apply = function(b) change.code_for(b, "absent", code) end,
  }
end

local function binding_challenge_without(attribute, name, about, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      b.needs_authentication = function() return true end
      change.wrap(b, "challenge_attributes", function(original, server, request, cause)
        local attributes = original(server, request, cause)
        return request.method == "Binding" and change.without(attributes, attribute) or attributes
      end)
    end,
  }
end

return {
  challenge_by(400, "a request without credentials is called malformed"),
  challenge_by(438, "a request without credentials is told that its nonce is stale"),
  {
    name = "omit-nonce", about = "the first 401 has no NONCE",
    requirements = { "7635-4-03", "5389-10.2.2-01" },
    apply = function(b) change.omit_from_challenge(b, "NONCE", change.absent) end,
  },
  {
    name = "empty-nonce", about = "NONCE is there and has no octets",
    requirements = { "7635-4-03" },
    apply = function(b)
      b.make_nonce = function() return "" end
      b.nonce_is_current = function() return true end
    end,
  },
  {
    name = "omit-realm", about = "the first 401 has no REALM, since RFC 7635 section 4 does not list it",
    requirements = { "5389-10.2.2-01" },
    apply = function(b) change.omit_from_challenge(b, "REALM", change.absent) end,
  },
  {
    name = "omit-realm-when-named", about = "the 401 to a request with USERNAME and no integrity has no REALM",
    requirements = { "5389-10.2.2-01" },
    apply = function(b)
      change.wrap(b, "challenge_attributes", function(original, server, request, cause)
        local attributes = original(server, request, cause)
        local named = change.absent(cause) and request:has "USERNAME"
        return named and change.without(attributes, "REALM") or attributes
      end)
    end,
  },
  {
    name = "omit-software", about = "no answer says what software made it",
    requirements = { "7635-4-04" },
    apply = function(b) b.software = function() return nil end end,
  },
  {
    name = "omit-announcement", about = "the 401 does not say that tokens are taken",
    requirements = { "7635-4-05" },
    apply = function(b)
      change.omit_from_challenge(b, "THIRD-PARTY-AUTHORIZATION", function() return true end)
    end,
  },
  {
    name = "announce-as-802d", about = "THIRD-PARTY-AUTHORIZATION is sent under a number of its drafts",
    requirements = { "7635-4-05", "7635-12-01" },
    apply = function(b) b.announcement = function(server) return { 0x802D, server.server_name } end end,
  },
  {
    name = "announce-twice", about = "THIRD-PARTY-AUTHORIZATION is added by two parts of the program",
    requirements = { "7635-4-05" },
    apply = function(b)
      change.add_to_challenge(b, function() return true end, function(server)
        return server.third_party and b.announcement(server) or nil
      end)
    end,
  },
  announce("announce-terminator", "the NUL behind the name is sent with it",
    function(server) return server.server_name .. "\0" end),
  announce("announce-padded-name", "the name is padded to a multiple of four octets inside its length",
    function(server) return server.server_name .. ("\0"):rep(-#server.server_name % 4) end),
  announce("announce-realm", "the realm is announced in place of the server's name",
    function(server) return server.realm end),
  announce("announce-folded-name", "the name is announced in lower case",
    function(server) return server.server_name:lower() end),
  {
    name = "challenge-udp-only", about = "over TCP a request without credentials gets no answer",
    requirements = { "7635-4-02" },
    apply = function(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        if cause == "absent" and request.client.transport == "tcp" then return nil end
        return original(server, request, cause)
      end)
    end,
  },
  {
    name = "relay-for-everyone", about = "a request without integrity is served as if it needed none",
    requirements = { "7635-4-02", "8656-7.2-01", "5389-10.2.2-01" },
    apply = function(b)
      change.wrap(b, "identify", function(original, server, request)
        if b.has_integrity(request) then return original(server, request) end
        return { kind = "user", name = "" }
      end)
    end,
  },
  {
    name = "take-token-for-integrity", about = "a token that opens is proof enough; the integrity value may be absent",
    requirements = { "5389-10.2.2-01", "7635-7-20", "8656-7.2-01" },
    apply = function(b)
      change.wrap(b, "identify", function(original, server, request)
        local entry = not b.has_integrity(request) and b.carries_token(server, request)
          and b.select_key(server, request:raw "USERNAME")
        local opened = entry and b.open_token(server, entry, b.token_octets(request))
        if opened and b.token_is_current(server, opened, request.received) then
          return b.token_identity(entry.kid, opened, opened.mac_key)
        end
        return original(server, request)
      end)
    end,
  },
  {
    name = "miss-integrity-by-400", about = "a request that names a user and has no integrity is called malformed",
    requirements = { "5389-10.2.2-01", "7635-7-20" },
    apply = function(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        if cause == "absent" and request:has "USERNAME" then return b.failure(400) end
        return original(server, request, cause)
      end)
    end,
  },
  {
    name = "refuse-early-token", about = "a token that comes before the challenge gets 420, though tokens are taken",
    requirements = { "5389-10.2.2-01", "7635-7-19" },
    apply = function(b)
      change.wrap(b, "challenge", function(original, server, request, cause)
        if cause ~= "absent" or not request:has "ACCESS-TOKEN" then return original(server, request, cause) end
        return b.refuse_unknown(server, request, { 0x001B })
      end)
    end,
  },

  -- a server that authenticates Binding too, and does it badly
  binding_challenge_without("NONCE", "omit-nonce-for-binding",
    "Binding is authenticated too, and its 401 has no NONCE", "5389-10.2.2-01"),
  binding_challenge_without("THIRD-PARTY-AUTHORIZATION", "announce-nothing-for-binding",
    "Binding is authenticated too, and its 401 does not announce that tokens are taken", "7635-4-05"),
  {
    name = "forbid-bare-binding", about = "Binding is authenticated too, and without credentials it gets 403",
    requirements = { "7635-4-02", "5389-10.2.2-01" },
    apply = function(b)
      b.needs_authentication = function() return true end
      change.wrap(b, "challenge", function(original, server, request, cause)
        if request.method == "Binding" and cause == "absent" then return b.failure(403) end
        return original(server, request, cause)
      end)
    end,
  },
  {
    name = "take-no-token-in-binding", about = "Binding is authenticated too, and by passwords alone",
    requirements = { "7635-7-15" },
    apply = function(b)
      b.needs_authentication = function() return true end
      change.wrap(b, "carries_token", function(original, server, request)
        return request.method ~= "Binding" and original(server, request)
      end)
    end,
  },
  {
    name = "leave-binding-unsigned", about = "Binding is authenticated too, and its success answer is not signed",
    requirements = { "7635-7-16" },
    apply = function(b)
      b.needs_authentication = function() return true end
      change.sign(b, function(request) return request.method == "Binding" end, function() return nil end)
    end,
  },
  {
    name = "ignore-integrity-of-binding", about = "Binding is authenticated by its token alone",
    requirements = { "7635-7-14" },
    apply = function(b)
      b.needs_authentication = function() return true end
      change.wrap(b, "verifying_key", function(original, server, request, mac_key)
        return original(server, request, mac_key) or request.method == "Binding" and mac_key or nil
      end)
    end,
  },
}
