-- SPDX-License-Identifier: BSD-3-Clause
--
-- Binding, Allocate and Refresh: RFC 5766 sections 6 and 7 with the ceiling of RFC 7635 section 9 on lifetimes.

local allocation = {}

local UDP <const> = 17

function allocation.mapped_address(client)
  return { "XOR-MAPPED-ADDRESS", { address = client.address, port = client.port } }
end

function allocation.serve_binding(server, request)
  local b = server.behaviour
  return b.success { b.mapped_address(request.client) }
end

-- nil when REQUESTED-TRANSPORT is there and asks for what is offered, else the error code.
function allocation.transport_problem(request)
  local transport = request:get "REQUESTED-TRANSPORT"
  if transport == nil then return 400 end
  if transport ~= UDP then return 442 end
end

-- nil, or the error code for what else an Allocate may ask of its relayed address.
function allocation.wish_problem(server, request)
  local even, reserved = request:has "EVEN-PORT", request:has "RESERVATION-TOKEN"
  local family, malformed = request:get "REQUESTED-ADDRESS-FAMILY"
  if malformed or (reserved and (even or family)) then return 400 end
  if even and request:get "EVEN-PORT" == nil then return 400 end
  if family and family ~= server.relay_family then return 440 end
  -- Ports are not reserved here, so no reservation can be made and no token of one is known.
  if reserved or (even and request:get "EVEN-PORT") then return 508 end
end

-- The usual rules (RFC 5766 6.2): at least the default, at most the server's maximum.
function allocation.usual_lifetime(server, requested)
  return math.max(server.default_lifetime, math.min(requested or 0, server.max_lifetime))
end

-- The most that a token allows: its own lifetime, and what is left of it, Delta included (RFC 7635 section 9).
function allocation.lifetime_ceiling(server, credit, now)
  local left = credit.lifetime + server.delta - math.abs(now - credit.timestamp)
  return math.max(0, math.min(credit.lifetime, math.floor(left)))
end

-- Seconds granted to a request; the token wins over the default.
function allocation.granted_lifetime(server, request, requested)
  local b = server.behaviour
  local lifetime = b.usual_lifetime(server, requested)
  local credit = request.identity.lifetime and request.identity
  return credit and math.min(lifetime, b.lifetime_ceiling(server, credit, request.received)) or lifetime
end

-- What an Allocate success tells (RFC 5766 6.2).
function allocation.allocate_attributes(server, request, made, lifetime)
  return {
    { "XOR-RELAYED-ADDRESS", made.relay:address() },
    { "LIFETIME", lifetime },
    server.behaviour.mapped_address(request.client),
  }
end

-- Who an allocation belongs to: whoever holds a token, or one user.
function allocation.owner_of(identity)
  return identity.kind == "user" and "user " .. identity.name or "token"
end

-- What later requests without a token are judged by; nil for an allocation made with a password.
function allocation.session_from(identity)
  if identity.kind == "user" then return nil end
  return {
    name = identity.name, mac_key = identity.mac_key, timestamp = identity.timestamp, lifetime = identity.lifetime,
  }
end

function allocation.serve_allocate(server, request)
  local b = server.behaviour
  if server:allocation_of(request.client) then return b.answer_existing(server, request) end
  local requested, malformed = request:get "LIFETIME"
  local code = malformed and 400 or b.transport_problem(request) or b.wish_problem(server, request)
  if code then return b.failure(code) end
  if server:is_full() then return b.failure(508) end
  local made = server:open_allocation(request.client, request:has "EVEN-PORT")
  if not made then return b.failure(508) end
  local lifetime = b.granted_lifetime(server, request, requested)
  made.owner, made.session = b.owner_of(request.identity), b.session_from(request.identity)
  made.expires = b.allocation_end(request.received, lifetime)
  return b.success(b.allocate_attributes(server, request, made, lifetime))
end

function allocation.allocation_end(now, lifetime)
  return now + lifetime
end

-- A second Allocate on one 5-tuple (RFC 5766 6.2).
function allocation.answer_existing(server, _)
  return server.behaviour.failure(437)
end

-- The allocation that a request other than Allocate is about, or nil and the refusal (RFC 5766 section 4).
function allocation.own_allocation(server, request)
  local b = server.behaviour
  local found = server:allocation_of(request.client)
  if not found then return nil, b.failure(437) end
  if not b.is_owner(found, request.identity) then return nil, b.failure(441) end
  return found
end

-- A new token may come with another kid (RFC 7635 section 9), so the holder of a valid token is the owner.
function allocation.is_owner(found, identity)
  return found.owner == (identity.kind == "user" and "user " .. identity.name or "token")
end

function allocation.serve_refresh(server, request)
  local b = server.behaviour
  local found, refusal = b.own_allocation(server, request)
  if not found then return refusal end
  local requested, malformed = request:get "LIFETIME"
  if malformed then return b.failure(400) end
  local family, bad_family = request:get "REQUESTED-ADDRESS-FAMILY"
  if bad_family then return b.failure(400) end
  if family and family ~= server.relay_family then return b.failure(443) end
  if b.asks_deletion(requested) then
    server:close_allocation(found)
    return b.success { { "LIFETIME", 0 } }
  end
  local lifetime = b.refreshed_lifetime(server, request, requested, found)
  found.session = b.session_after_refresh(found, request.identity)
  found.expires = b.allocation_end(request.received, lifetime)
  return b.success(b.refresh_attributes(lifetime))
end

function allocation.asks_deletion(requested)
  return requested == 0
end

function allocation.refreshed_lifetime(server, request, requested, _)
  return server.behaviour.granted_lifetime(server, request, requested)
end

function allocation.refresh_attributes(lifetime)
  return { { "LIFETIME", lifetime } }
end

-- The newest token is the one whose key counts from now on.
function allocation.session_after_refresh(_, identity)
  return allocation.session_from(identity)
end

return allocation
