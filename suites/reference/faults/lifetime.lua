-- SPDX-License-Identifier: BSD-3-Clause
--
-- Faults in the lifetime of allocations: RFC 7635 section 9 and RFC 5766 sections 6.2 and 7.

local change = require "reference.faults.change"

-- granted(server, request, requested) instead of the rules, for the requests of one method.
local function grant(method, name, about, granted, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b)
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        if request.method ~= method then return original(server, request, requested) end
        return granted(b, server, request, requested, original)
      end)
    end,
  }
end

local function ignore_token(b, server, _, requested)
  return b.usual_lifetime(server, requested)
end

local function ceiling(name, about, value, ...)
  return {
    name = name, about = about, requirements = { ... },
    apply = function(b) b.lifetime_ceiling = value end,
  }
end

return {
  grant("Allocate", "ignore-token-on-allocate", "Allocate grants what is asked for, whatever the token's lifetime",
    ignore_token, "7635-9-05", "7635-9-07"),
  grant("Refresh", "ignore-token-on-refresh", "Refresh grants what is asked for, whatever the token's lifetime",
    ignore_token, "7635-9-06"),
  {
    name = "keep-ceiling-of-allocate", about = "Refresh is bounded by the token of the Allocate, not by its own",
    requirements = { "7635-9-06" },
    apply = function(b)
      change.wrap(b, "refreshed_lifetime", function(original, server, request, requested, found)
        found.first_session = found.first_session or found.session
        if not found.first_session then return original(server, request, requested, found) end
        return math.min(b.usual_lifetime(server, requested),
          b.lifetime_ceiling(server, found.first_session, request.received))
      end)
    end,
  },
  {
    name = "refresh-session-freely", about = "a Refresh without a token is not bounded by the token before it",
    requirements = { "7635-9-06" },
    apply = function(b)
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        if request.identity.kind == "session" then return b.usual_lifetime(server, requested) end
        return original(server, request, requested)
      end)
    end,
  },
  {
    name = "outlive-token", about = "a Refresh without a token is served however long ago its token ended",
    requirements = { "7635-9-07", "7635-9-06" },
    apply = function(b)
      change.wrap(b, "identify_by_session", function(original, server, request, session)
        local check = b.token_is_current
        b.token_is_current = function() return true end
        local identity, refusal = original(server, request, session)
        b.token_is_current = check
        return identity, refusal
      end)
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        if request.identity.kind == "session" then return b.usual_lifetime(server, requested) end
        return original(server, request, requested)
      end)
    end,
  },
  ceiling("grant-nominal-lifetime", "the ceiling is the lifetime in the token, however old the token is",
    function(_, credit) return credit.lifetime end, "7635-9-07"),
  ceiling("grant-delta-too", "the ceiling counts Delta, so a fresh token buys more than its lifetime",
    function(server, credit, now)
      return math.floor(credit.lifetime + server.delta - math.abs(now - credit.timestamp))
    end, "7635-9-05", "7635-9-06"),
  {
    name = "grant-default-at-least", about = "the default lifetime is granted even where the token is shorter",
    requirements = { "7635-9-05", "7635-9-06" },
    apply = function(b)
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        return math.max(server.default_lifetime, original(server, request, requested))
      end)
    end,
  },
  {
    name = "cap-only-what-is-asked", about = "without LIFETIME the default is granted, whatever the token's lifetime",
    requirements = { "7635-9-05", "7635-9-06" },
    apply = function(b)
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        return requested and original(server, request, requested) or b.usual_lifetime(server)
      end)
    end,
  },
  {
    name = "grant-any-lifetime", about = "there is no maximum for LIFETIME",
    requirements = { "5766-6.2-04" },
    apply = function(b)
      b.usual_lifetime = function(server, requested) return math.max(server.default_lifetime, requested or 0) end
    end,
  },
  {
    name = "grant-a-minute",
    about = "without LIFETIME a minute is granted, and less than the default where less is asked",
    requirements = { "5766-6.2-04" },
    apply = function(b)
      b.usual_lifetime = function(server, requested) return math.min(requested or 60, server.max_lifetime) end
    end,
  },
  {
    name = "omit-lifetime-on-refresh", about = "the success answer to Refresh has no LIFETIME",
    requirements = { "5766-7.2-01" },
    apply = function(b) b.refresh_attributes = function() return {} end end,
  },
  {
    name = "keep-deleted-allocation", about = "LIFETIME 0 is answered and the allocation lives on",
    requirements = { "5766-7.2-01" },
    apply = function(b)
      b.asks_deletion = function() return false end
      change.wrap(b, "granted_lifetime", function(original, server, request, requested)
        return request.method == "Refresh" and requested == 0 and 0 or original(server, request, requested)
      end)
      b.allocation_end = function(now, lifetime) return now + math.max(lifetime, 60) end
    end,
  },
  {
    name = "take-zero-for-default", about = "LIFETIME 0 in a Refresh asks for the default lifetime",
    requirements = { "5766-7.2-01" },
    apply = function(b) b.asks_deletion = function() return false end end,
  },
  {
    name = "refuse-deletion", about = "LIFETIME 0 in a Refresh is called malformed",
    requirements = { "5766-7.2-01" },
    apply = function(b)
      change.wrap(b, "serve_refresh", function(original, server, request)
        if request:get "LIFETIME" == 0 then return b.failure(400) end
        return original(server, request)
      end)
    end,
  },
}
