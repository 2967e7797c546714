-- SPDX-License-Identifier: BSD-3-Clause
--
-- CreatePermission, ChannelBind and the data that passes: RFC 5766 sections 8 to 11.

local relay = {}

local PERMISSION_SECONDS <const> = 300
local CHANNEL_SECONDS <const> = 600
local MOST_PERMISSIONS <const> = 256
local MOST_CHANNELS <const> = 256

-- Whether data may be exchanged with a peer at all: not with no address, not with many at once.
function relay.peer_is_allowed(_, peer)
  if peer.family == "IPv6" then return not peer.address:lower():match "^ff" and peer.address ~= "::" end
  local first = tonumber(peer.address:match "^%d+") or 0
  return first > 0 and first < 224
end

-- nil, or the error code for a peer that cannot be had.
function relay.peer_problem(server, peer)
  if not peer then return 400 end
  if peer.family ~= server.relay_family then return 443 end
  if not server.behaviour.peer_is_allowed(server, peer) then return 403 end
end

function relay.permission_end(now)
  return now + PERMISSION_SECONDS
end

function relay.channel_end(now)
  return now + CHANNEL_SECONDS
end

local function count(entries, now, expiry)
  local n = 0
  for name, entry in pairs(entries) do
    if expiry(entry) <= now then entries[name] = nil else n = n + 1 end
  end
  return n
end

-- Installs or refreshes permissions for addresses; false when there would be too many of them.
function relay.permit(server, allocation, addresses, now)
  local b = server.behaviour
  if count(allocation.permissions, now, function(expires) return expires end) + #addresses > MOST_PERMISSIONS then
    return false
  end
  for _, address in ipairs(addresses) do allocation.permissions[address] = b.permission_end(now) end
  return true
end

function relay.is_permitted(allocation, address, now)
  local expires = allocation.permissions[address]
  return expires ~= nil and expires > now
end

function relay.serve_permission(server, request)
  local b = server.behaviour
  local allocation, refusal = b.own_allocation(server, request)
  if not allocation then return refusal end
  local addresses = {}
  if not request:has "XOR-PEER-ADDRESS" then return b.failure(400) end
  for nth = 1, request:count "XOR-PEER-ADDRESS" do
    local peer = request:get("XOR-PEER-ADDRESS", nth)
    local code = b.peer_problem(server, peer)
    if code then return b.failure(code) end
    addresses[nth] = peer.address
  end
  if not b.permit(server, allocation, addresses, request.received) then return b.failure(508) end
  return b.success()
end

local function place(peer)
  return peer.address .. " " .. peer.port
end

-- The live channel with this number; the one bound to this peer.
function relay.channel_by_number(allocation, number, now)
  local channel = allocation.channels[number]
  return channel and channel.expires > now and channel or nil
end

function relay.channel_by_peer(allocation, peer, now)
  local channel = allocation.channels_by_peer[place(peer)]
  return channel and channel.expires > now and channel or nil
end

function relay.serve_channel(server, request)
  local b, now = server.behaviour, request.received
  local allocation, refusal = b.own_allocation(server, request)
  if not allocation then return refusal end
  local number, peer = request:get "CHANNEL-NUMBER", request:get "XOR-PEER-ADDRESS"
  if not number or number < 0x4000 or number > 0x7FFE then return b.failure(400) end
  local code = b.peer_problem(server, peer)
  if code then return b.failure(code) end
  local by_number = b.channel_by_number(allocation, number, now)
  local by_peer = b.channel_by_peer(allocation, peer, now)
  if by_number ~= by_peer then return b.failure(400) end
  if not by_number and count(allocation.channels, now, function(one) return one.expires end) >= MOST_CHANNELS then
    return b.failure(508)
  end
  if not b.permit(server, allocation, { peer.address }, now) then return b.failure(508) end
  b.bind_channel(server, allocation, number, peer, now)
  return b.success()
end

function relay.bind_channel(server, allocation, number, peer, now)
  -- What an expired channel left under the same number or peer must not be found again.
  local before = allocation.channels[number]
  if before then allocation.channels_by_peer[place(before.peer)] = nil end
  local channel = { number = number, peer = peer, expires = server.behaviour.channel_end(now) }
  allocation.channels[number], allocation.channels_by_peer[place(peer)] = channel, channel
end

-- A Send indication: never answered; relayed where a permission allows it (RFC 5766 10.2).
function relay.serve_send(server, request)
  local b = server.behaviour
  local allocation = server:allocation_of(request.client)
  if not allocation or b.refuses_indication(server, request) then return end
  local peer, data = request:get "XOR-PEER-ADDRESS", request:raw "DATA"
  if not peer or not data or not b.is_permitted(allocation, peer.address, request.received) then return end
  b.send_to_peer(server, allocation, data, peer)
end

-- An indication with something that is required and not understood is dropped (RFC 5389 7.3.2).
function relay.refuses_indication(server, request)
  return #server.behaviour.unknown_attributes(server, request) > 0
end

-- ChannelData from the client.
function relay.serve_channel_data(server, client, number, data, now)
  local b = server.behaviour
  local allocation = server:allocation_of(client)
  local channel = allocation and b.channel_by_number(allocation, number, now)
  if channel and b.is_permitted(allocation, channel.peer.address, now) then
    b.send_to_peer(server, allocation, data, channel.peer)
  end
end

function relay.send_to_peer(_, allocation, data, peer)
  allocation.relay:send(data, { address = peer.address, port = peer.port })
end

-- A datagram from a peer: by its channel, else as a Data indication, and not at all without a permission.
function relay.serve_peer(server, allocation, data, peer, now)
  local b = server.behaviour
  if allocation.expires <= now or not b.is_permitted(allocation, peer.address, now) then return end
  local channel = b.channel_by_peer(allocation, peer, now)
  if channel then
    server.send_channel_data(allocation.client, channel.number, data)
  else
    server.send_data_indication(allocation.client, peer, data)
  end
end

return relay
