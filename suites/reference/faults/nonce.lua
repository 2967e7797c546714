-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in nonces: which are good, and what the 438 contains that says one is not.

local bytes = require "bytes"
local change = require "reference.faults.change"

return {
  {
    name = "accept-any-nonce", about = "NONCE is not looked at",
    requirements = { "5389-10.2.2-05", "7635-7-20", "7635-11-05", "8489-9.2.4-01" },
    apply = function(b) b.nonce_is_current = function() return true end end,
  },
  {
    name = "know-no-nonce", about = "no challenge has a NONCE, and none is asked for or looked at",
    requirements = { "7635-4-03", "5389-10.2.2-01", "5389-10.2.2-03", "5389-10.2.2-05", "5389-10.2.2-08", "7635-7-20" },
    apply = function(b)
      change.omit_from_challenge(b, "NONCE", function() return true end)
      b.nonce_is_current = function() return true end
      b.missing_attribute = function(request)
        return not request:has "USERNAME" and "USERNAME" or not request:has "REALM" and "REALM" or nil
      end
    end,
  },
  {
    name = "judge-nonce-in-allocate-only", about = "whoever has an allocation may use any nonce",
    requirements = { "5389-10.2.2-05" },
    apply = function(b)
      change.wrap(b, "nonce_is_current", function(original, server, client, ...)
        return server:allocation_of(client) ~= nil or original(server, client, ...)
      end)
    end,
  },
  {
    name = "accept-made-up-nonce", about = "only nonces of this server that are too old are refused",
    requirements = { "5389-10.2.2-05", "7635-7-20" },
    apply = function(b)
      b.nonce_is_current = function(server, client, nonce, now)
        local made = b.nonce_made(server, client, nonce)
        return made == nil or math.abs(now - made) < server.nonce_lifetime
      end
    end,
  },
  {
    name = "accept-outlived-nonce", about = "a nonce is good for ever",
    requirements = { "5389-10.2.2-05", "7635-11-05" },
    apply = function(b)
      b.nonce_is_current = function(server, client, nonce) return b.nonce_made(server, client, nonce) ~= nil end
    end,
  },
  {
    name = "accept-foreign-nonce", about = "a nonce is good for every client, whoever it was given to",
    requirements = { "7635-11-05", "8489-9.2.4-01" },
    apply = function(b) b.nonce_owner = function() return "" end end,
  },
  {
    name = "share-nonce", about = "all clients get one nonce, drawn when the server starts",
    requirements = { "8489-9.2.4-01", "7635-11-05" },
    apply = function(b)
      local nonce = bytes.hex(bytes.random(16))
      b.make_nonce = function() return nonce end
      b.nonce_is_current = function(_, _, shown) return shown == nonce end
    end,
  },
  {
    name = "refuse-nonce-by-401", about = "a nonce that is no longer good gets 401",
    requirements = { "5389-10.2.2-05" },
    apply = function(b) change.code_for(b, "stale", 401) end,
  },
  {
    name = "refuse-nonce-by-400", about = "a nonce that is no longer good is called malformed",
    requirements = { "5389-10.2.2-05" },
    apply = function(b) change.code_for(b, "stale", 400) end,
  },
  {
    name = "drop-stale", about = "a nonce that is no longer good gets no answer",
    requirements = { "5389-10.2.2-05" },
    apply = function(b) change.silence_for(b, "stale") end,
  },
  {
    name = "omit-nonce-from-438", about = "438 has no NONCE",
    requirements = { "5389-10.2.2-06" },
    apply = function(b) change.omit_from_challenge(b, "NONCE", change.stale) end,
  },
  {
    name = "omit-realm-from-438", about = "438 has no REALM",
    requirements = { "5389-10.2.2-06" },
    apply = function(b) change.omit_from_challenge(b, "REALM", change.stale) end,
  },
  {
    name = "repeat-stale-nonce", about = "438 gives back the nonce that it refuses",
    requirements = { "5389-10.2.2-06" },
    apply = function(b)
      change.wrap(b, "challenge_attributes", function(original, server, request, cause)
        local attributes = original(server, request, cause)
        if cause ~= "stale" then return attributes end
        return change.with(change.without(attributes, "NONCE"), { "NONCE", request:raw "NONCE" })
      end)
    end,
  },
  {
    name = "give-dead-nonce", about = "the nonce of a 438 is not stored, so it is refused as well",
    requirements = { "5389-10.2.2-06" },
    apply = function(b)
      change.wrap(b, "challenge_attributes", function(original, server, request, cause)
        local attributes = original(server, request, cause)
        if cause ~= "stale" then return attributes end
        return change.with(change.without(attributes, "NONCE"), { "NONCE", bytes.hex(bytes.random(20)) })
      end)
    end,
  },
  {
    name = "put-username-in-438", about = "438 repeats the USERNAME",
    requirements = { "5389-10.2.2-07" },
    apply = function(b)
      change.add_to_challenge(b, change.stale, function(_, request) return { "USERNAME", request:raw "USERNAME" } end)
    end,
  },
  {
    name = "sign-438-wrongly", about = "438 is signed with a key nobody knows",
    requirements = { "5389-10.2.2-07", "7635-7-18" },
    apply = function(b)
      change.sign(b, function(_, answer) return answer.cause == "stale" end,
        function() return bytes.sha1 "a key that nobody holds" end)
    end,
  },

  -- RFC 8489
  {
    name = "omit-nonce-cookie", about = "RFC 8489 is claimed, and nonces do not begin with its cookie",
    requirements = { "8489-9.2-01" },
    apply = function(b) b.nonce_cookie = function() return "" end end,
  },
  {
    name = "ignore-password-algorithms",
    about = "PASSWORD-ALGORITHMS in a request is not compared with what was offered",
    requirements = { "8489-9.2.4-04" },
    apply = function(b) b.algorithms_fit = function() return true end end,
  },
}
