-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in what follows the first Allocate: renewed tokens, remembered keys, requests without a token (RFC 7635
-- section 9, RFC 5766 section 4).

local bytes = require "bytes"
local change = require "reference.faults.change"

-- Refuses token requests to Refresh that pick(session, identity) picks.
local function refuse_refresh(name, about, pick, code, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "serve_refresh", function(original, server, request)
        local allocation, identity = server:allocation_of(request.client), request.identity
        local session = allocation and allocation.session
        if session and identity.kind == "token" and pick(session, identity) then return b.failure(code) end
        return original(server, request)
      end)
    end,
  }
end

-- Session requests of one method that must bring a token.
local function needs_token(method, name)
  return {
    name = name, about = ("%s is refused when it brings no token"):format(method), requirements = { "7635-9-12" },
    apply = function(b)
      change.wrap(b, "identify_by_session", function(original, server, request, session)
        if request.method == method then return nil, b.challenge(server, request, "absent") end
        return original(server, request, session)
      end)
    end,
  }
end

-- Session requests of one method whose integrity value is not looked at.
local function skips_integrity(method, name)
  return {
    name = name, about = ("%s without a token passes with any integrity value"):format(method),
    requirements = { "7635-9-13" },
    apply = function(b)
      change.wrap(b, "session_verifies", function(original, server, request, session)
        if request.method == method then return session.mac_key end
        return original(server, request, session)
      end)
    end,
  }
end

-- What happens to a CreatePermission or ChannelBind that brings a token.
local function token_elsewhere(name, about, act)
  return {
    name = name, about = about, requirements = { "7635-9-14" },
    apply = function(b)
      change.wrap(b, "answer", function(original, server, request)
        local elsewhere = request.method ~= "Allocate" and request.method ~= "Refresh" and request:has "ACCESS-TOKEN"
        if elsewhere then return act(server, request, original) end
        return original(server, request)
      end)
    end,
  }
end

local function other_key(session, identity) return session.mac_key ~= identity.mac_key end

local function other_kid(session, identity) return session.name ~= identity.name end

local function refuse_owner(name, about, code)
  return {
    name = name, about = about, requirements = { "5766-4-01" },
    apply = function(b)
      change.wrap(b, "own_allocation", function(original, server, request)
        local found, refusal = original(server, request)
        if refusal and refusal.code == 441 then refusal = b.failure(code) end
        return found, refusal
      end)
    end,
  }
end

return {
  -- one token, several allocations
  {
    name = "spend-tokens", about = "a token is good for one Allocate: a second use is taken for a replay",
    requirements = { "7635-9-01" },
    apply = function(b)
      local spent = {}
      change.wrap(b, "serve_allocate", function(original, server, request)
        local name = bytes.sha1(b.token_octets(request) or request.client.key)
        if spent[name] and request.identity.kind == "token" then
          return b.challenge(server, request, "token")
        end
        local answer = original(server, request)
        spent[name] = answer.class == "success" or nil
        return answer
      end)
    end,
  },

  -- tokens that were seen before
  {
    name = "refresh-by-cached-key",
    about = "a Refresh that verifies under the remembered key is served; its token is not looked at",
    requirements = { "7635-9-04" },
    apply = function(b)
      change.wrap(b, "identify_by_token", function(original, server, request)
        local allocation = request.method == "Refresh" and server:allocation_of(request.client)
        local session = allocation and allocation.session
        local key = session and b.verifying_key(server, request, session.mac_key)
        if not key then return original(server, request) end
        return b.token_identity(session.name, session, key)
      end)
      -- Such a server looks after its allocations once in a while, not by the second.
      b.allocation_end = function(now, lifetime) return now + math.max(lifetime, 60) end
    end,
  },
  {
    name = "refresh-with-expired-token", about = "the time of a token is checked on Allocate and never again",
    requirements = { "7635-9-04" },
    apply = function(b)
      change.wrap(b, "identify_by_token", function(original, server, request)
        if request.method ~= "Refresh" or not server:allocation_of(request.client) then
          return original(server, request)
        end
        local check = b.token_is_current
        b.token_is_current = function() return true end
        local identity, refusal = original(server, request)
        b.token_is_current = check
        return identity, refusal
      end)
      b.allocation_end = function(now, lifetime) return now + math.max(lifetime, 60) end
    end,
  },
  {
    name = "refresh-with-garbled-token", about = "a Refresh whose token does not open is judged as if it had none",
    requirements = { "7635-9-04" },
    apply = function(b)
      change.wrap(b, "carries_token", function(original, server, request)
        if not original(server, request) then return false end
        local allocation = request.method == "Refresh" and server:allocation_of(request.client)
        local entry = b.select_key(server, request:raw "USERNAME")
        if not allocation or not allocation.session or not entry then return true end
        return b.open_token(server, entry, b.token_octets(request)) ~= nil
      end)
    end,
  },

  -- renewal
  refuse_refresh("refuse-new-key", "a Refresh with a new token is refused as unauthorized", other_key, 401,
    "7635-9-10"),
  refuse_refresh("refuse-new-key-by-441", "a Refresh with a new token is taken for another user's", other_key, 441,
    "7635-9-10"),
  refuse_refresh("refuse-new-kid-by-441", "a Refresh with a token of another kid is taken for another user's",
    other_kid, 441, "7635-9-11"),
  refuse_refresh("refuse-new-kid", "a Refresh with a token of another kid is refused as unauthorized", other_kid, 401,
    "7635-9-11"),
  {
    name = "sign-refresh-with-old-key", about = "the answer to a Refresh with a new token is signed with the old key",
    requirements = { "7635-9-10" },
    apply = function(b)
      change.wrap(b, "serve_refresh", function(original, server, request)
        local allocation = server:allocation_of(request.client)
        local session = allocation and allocation.session
        request.old_key = session and request.identity.kind == "token" and session.mac_key or nil
        return original(server, request)
      end)
      change.sign(b, function(request) return request.old_key ~= nil end,
        function(_, request) return request.old_key end)
    end,
  },
  {
    name = "keep-old-session-key",
    about = "after a renewal only the first token's key is good for requests without a token",
    requirements = { "7635-9-12", "7635-9-10" },
    apply = function(b) b.session_after_refresh = function(found) return found.session end end,
  },
  {
    name = "keep-old-session-kid", about = "after a renewal the kid of the first token still names the session",
    requirements = { "7635-9-12" },
    apply = function(b)
      change.wrap(b, "session_after_refresh", function(original, found, identity)
        local session = original(found, identity)
        if session and found.session then session.name = found.session.name end
        return session
      end)
    end,
  },
  {
    name = "verify-refresh-with-old-key", about = "a Refresh with a new token is verified under the old key",
    requirements = { "7635-9-10" },
    apply = function(b)
      change.wrap(b, "verifying_key", function(original, server, request, mac_key)
        local allocation = request.method == "Refresh" and server:allocation_of(request.client)
        return original(server, request, allocation and allocation.session and allocation.session.mac_key or mac_key)
      end)
    end,
  },

  -- requests without a token
  needs_token("CreatePermission", "demand-token-for-permission"),
  needs_token("ChannelBind", "demand-token-for-channel"),
  skips_integrity("CreatePermission", "skip-permission-integrity"),
  skips_integrity("ChannelBind", "skip-channel-integrity"),
  skips_integrity("Refresh", "skip-refresh-integrity"),
  {
    name = "refresh-for-anybody", about = "a Refresh without integrity is served for whoever made the allocation",
    requirements = { "5389-10.2.2-01", "7635-7-20" },
    apply = function(b)
      change.wrap(b, "identify", function(original, server, request)
        local found = request.method == "Refresh" and not b.has_integrity(request)
          and server:allocation_of(request.client)
        local session = found and found.session
        if not session then return original(server, request) end
        return {
          kind = "session", name = session.name, mac_key = session.mac_key, timestamp = session.timestamp,
          lifetime = session.lifetime,
        }
      end)
    end,
  },
  token_elsewhere("drop-token-in-permission", "CreatePermission with a token gets no answer",
    function() return nil end),
  token_elsewhere("delete-on-token-in-permission", "CreatePermission with a token is answered, and ends the allocation",
    function(server, request, original)
      local answer = original(server, request)
      local allocation = server:allocation_of(request.client)
      if allocation then server:close_allocation(allocation) end
      return answer
    end),
  token_elsewhere("refuse-token-in-permission", "CreatePermission with a token is refused as unauthorized",
    function(server, request) return server.behaviour.challenge(server, request, "token") end),

  -- whose allocation it is
  {
    name = "ignore-owner", about = "whoever proves to be somebody may use the allocation of somebody else",
    requirements = { "5766-4-01" },
    apply = function(b) b.is_owner = function() return true end end,
  },
  refuse_owner("refuse-owner-by-401", "another user's request gets 401", 401),
  refuse_owner("refuse-owner-by-403", "another user's request gets 403", 403),
}
