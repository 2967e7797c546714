-- SPDX-License-Identifier: BSD-3-Clause
--
-- Who sent a request: the checks of RFC 5389 10.2.2 in their order, then those of RFC 7635 section 7 for a token, of
-- the session for a request that needs none, or of a password.

local stun = require "stun"

local credentials = {}

function credentials.has_integrity(request)
  return request:has "MESSAGE-INTEGRITY" or request:has "MESSAGE-INTEGRITY-SHA256"
end

-- The first of the attributes that must accompany an integrity value and does not; nil when all are there.
function credentials.missing_attribute(request)
  for _, name in ipairs { "USERNAME", "REALM", "NONCE" } do
    if not request:has(name) then return name end
  end
end

-- An identity, or nil and the refusal. An identity is { kind = "token" | "session" | "user", name =, key = } with key
-- the one that verified the request; that of a token or session also has mac_key, timestamp and lifetime (seconds).
function credentials.identify(server, request)
  local b = server.behaviour
  if not b.has_integrity(request) then return nil, b.challenge(server, request, "absent") end
  local missing = b.missing_attribute(request)
  if missing then return nil, b.refuse_incomplete(server, request, missing) end
  if not b.nonce_is_current(server, request.client, request:raw "NONCE", request.received) then
    return nil, b.challenge(server, request, "stale")
  end
  if not b.algorithms_fit(server, request) then
    return nil, b.refuse_incomplete(server, request, "PASSWORD-ALGORITHMS")
  end
  if b.carries_token(server, request) then return b.identify_by_token(server, request) end
  local session = b.session_of(server, request)
  if session then return b.identify_by_session(server, request, session) end
  return b.identify_by_password(server, request)
end

-- Neither attribute, or the algorithms as they were offered and one of them (RFC 8489 9.2.4).
function credentials.algorithms_fit(server, request)
  local echoed, chosen = request:has "PASSWORD-ALGORITHMS", request:has "PASSWORD-ALGORITHM"
  if not echoed and not chosen then return true end
  local list, one = request:get "PASSWORD-ALGORITHMS", request:get "PASSWORD-ALGORITHM"
  local offered = server.behaviour.password_algorithms()
  if not list or not one or #list ~= #offered then return false end
  local known = false
  for i, entry in ipairs(offered) do
    if list[i].algorithm ~= entry.algorithm or list[i].parameters ~= entry.parameters then return false end
    known = known or (one.algorithm == entry.algorithm and one.parameters == entry.parameters)
  end
  return known
end

local hash_of = { "MD5", "SHA-256" } -- by the number of the algorithm

-- The session that a request without a token can belong to: that of its allocation, under the kid it has now.
function credentials.session_of(server, request)
  local allocation = server:allocation_of(request.client)
  local session = allocation and allocation.session
  return session and session.name == request:raw "USERNAME" and session or nil
end

-- CreatePermission, ChannelBind and Refresh signed with the session's key. What a token gave ends with the token, so
-- it cannot be made longer without one.
function credentials.identify_by_session(server, request, session)
  local b = server.behaviour
  local key = b.session_verifies(server, request, session)
  if not key then return nil, b.challenge(server, request, "integrity") end
  if request.method == "Refresh" and not b.token_is_current(server, session, request.received) then
    return nil, b.challenge(server, request, "time")
  end
  return {
    kind = "session", name = session.name, key = key,
    mac_key = session.mac_key, timestamp = session.timestamp, lifetime = session.lifetime,
  }
end

function credentials.session_verifies(server, request, session)
  return server.behaviour.verifying_key(server, request, session.mac_key)
end

-- The long-term credentials of RFC 5389 10.2.2.
function credentials.identify_by_password(server, request)
  local b = server.behaviour
  local name = request:raw "USERNAME"
  local password = server.users[name]
  if not password then return nil, b.challenge(server, request, "user") end
  local attribute = b.judging_attribute(request)
  local chosen = request:get "PASSWORD-ALGORITHM"
  local key = stun.long_term_key(name, server.realm, password, hash_of[chosen and chosen.algorithm or 1])
  if not b.integrity_is_valid(request, key, attribute) then return nil, b.challenge(server, request, "user") end
  return { kind = "user", name = name, key = key }
end

-- The attribute that decides when both are there (RFC 8489 9.2.4).
function credentials.judging_attribute(request)
  return request:has "MESSAGE-INTEGRITY-SHA256" and "MESSAGE-INTEGRITY-SHA256" or "MESSAGE-INTEGRITY"
end

-- The key derived from mac_key under which the request verifies; nil when it does not.
function credentials.verifying_key(server, request, mac_key)
  local b = server.behaviour
  local attribute = b.judging_attribute(request)
  for _, key in ipairs(b.integrity_keys(mac_key, attribute, server, request)) do
    if b.integrity_is_valid(request, key, attribute) then return key end
  end
end

function credentials.integrity_is_valid(request, key, attribute)
  return request.message:integrity(key, attribute) == "valid"
end

return credentials
