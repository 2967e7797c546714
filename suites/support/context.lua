-- SPDX-License-Identifier: BSD-3-Clause
--
-- What a message of a run means to somebody who has the long-term keys: the token that its request presents, opened,
-- and the session that a request without one belongs to. The rules for every message (support/invariant.lua) get the
-- same of a capture, where the engine follows the sessions (engine/audit/).

local bytes = require "bytes"
local token = require "token"

local context = {}
context.__index = context

-- One for each 5-tuple. known: { keys = { { kid =, algorithm =, octets = }, … }, users = { { password = }, … },
-- server_name = octets or nil }. It is looked at anew each time, as a server's name is learnt on the way.
function context.new(known)
  return setmetatable({ known = known }, context)
end

-- The token of a request: { mac_key =, lifetime = seconds, presented = true }; nil when it has none, or none that
-- opens.
function context:presented(request)
  local octets, kid = request:raw "ACCESS-TOKEN", request:raw "USERNAME"
  if not octets or not kid or not self.known.server_name then return nil end
  for _, key in ipairs(self.known.keys) do
    if key.kid == kid then
      local opened = token.open {
        algorithm = key.algorithm, key = key.octets, server_name = self.known.server_name, token = octets,
      }
      if opened then return { mac_key = opened.mac_key, lifetime = opened.lifetime, presented = true } end
    end
  end
end

-- The forms in which a mac_key may key an HMAC: whole, as its SHA-1 where it has 32 octets (Appendix B of RFC 7635),
-- and cut to 16 octets, which is a deviation that 7635-5-05 is there to find and that is not to be found again
-- everywhere.
function context.forms(mac_key)
  local list = { mac_key }
  if #mac_key == 32 then list[2] = bytes.sha1(mac_key) end
  if #mac_key > 16 then list[#list + 1] = mac_key:sub(1, 16) end
  return list
end

-- What the rules are told of an answer beside its octets. request: what it answers, a message or nil; answer: likewise.
-- Returns token (nil when none is known), keys (that may sign; nil likewise) and secrets (octets nobody may tell).
function context:of(request, answer)
  local session = request and (request:has "ACCESS-TOKEN" and self:presented(request)
    or not request:has "ACCESS-TOKEN" and self.session) or nil
  if session and session.presented and answer and answer:class() == "success"
    and (request:method() == "Allocate" or request:method() == "Refresh") then
    self.session = { mac_key = session.mac_key, lifetime = session.lifetime }
  end
  local secrets = {}
  for _, key in ipairs(self.known.keys) do secrets[#secrets + 1] = { "a long-term key", key.octets } end
  for _, user in ipairs(self.known.users or {}) do secrets[#secrets + 1] = { "a password", user.password } end
  if session then secrets[#secrets + 1] = { "the mac_key", session.mac_key } end
  return session, session and context.forms(session.mac_key), secrets
end

return context
