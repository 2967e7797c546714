-- SPDX-License-Identifier: BSD-3-Clause
--
-- Proves that an allocation relays: a datagram goes out through it and arrives. Its peer is the profile's, which sends
-- each datagram back, or a second allocation of the same run. UDP may lose any one datagram, so each is sent again
-- until it arrives or as often as a request would be.

local bytes = require "bytes"
local expect = require "support.expect"
local stun = require "stun"

local relay = {}

local attempts, interval = 12, 0.25

-- The payload of a Data indication or of ChannelData, and the peer or channel it names.
local function data_in(octets)
  local message = stun.parse(octets)
  if message then
    if message:method() == "Data" and message:class() == "indication" then
      return message:raw "DATA", message:get "XOR-PEER-ADDRESS"
    end
    return nil
  end
  local channel, data = stun.parse_channel_data(octets)
  return data, channel
end

-- A Send indication to a peer, without credentials as RFC 5766 section 10 has it.
function relay.indication(peer, payload, more)
  local attributes = { { "XOR-PEER-ADDRESS", peer }, { "DATA", payload } }
  for _, attribute in ipairs(more or {}) do table.insert(attributes, 1, attribute) end
  return stun.build { class = "indication", method = "Send", transaction = bytes.random(12), attributes = attributes }
end

-- Sends `octets` from `from` until `payload` arrives at `to`, at most `times` times. true, or false.
function relay.passes(from, to, octets, payload, times)
  for _ = 1, times or attempts do
    from:send(octets, "Send indication, to be relayed")
    local arrived = to:await(interval, function(received) return data_in(received) == payload end)
    if arrived then return true end
  end
  return false
end

-- Permissions for `peer` on the allocation of `client`: an expectation, and true when the server forbids that peer.
local function permit(client, peer)
  local answer, problem = client:request("CreatePermission", { peer = peer })
  if not answer then return expect.new(false, "a permission", problem, { unclear = problem }) end
  return answer:is_success(), answer:code() == 403
end

-- Does a datagram pass through the allocation of `first`, to the peer of the profile or to the allocation of `second`?
-- Returns an expectation, or nil and why there is nothing to judge.
function relay.datagram(bench, first, second)
  local echo = bench.profile.peer
  local peer = echo or second.relayed
  if not peer or not first.relayed then return nil, "an allocation has no XOR-RELAYED-ADDRESS to relay to" end
  local allowed, forbidden = permit(first, peer)
  if forbidden then return nil, ("the server forbids the peer %s (403)"):format(peer.address) end
  if not allowed.ok then return allowed end
  if not echo then
    allowed, forbidden = permit(second, first.relayed)
    if forbidden then return nil, ("the server forbids the peer %s (403)"):format(first.relayed.address) end
    if not allowed.ok then return allowed end
  end
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local passed = relay.passes(first, echo and first or second, assert(relay.indication(peer, payload)), payload)
  return expect.new(passed, "a datagram sent through the allocation arrives at " .. peer.address .. ":" .. peer.port,
    passed and "it arrived" or ("none of %d arrived"):format(attempts), { silent = not passed })
end

-- Without a permission nothing gets from the allocation of `first` to that of `second`. What must not come is asked for
-- as often as what must come, so a lost datagram decides nothing; the caller shows that with a permission it does pass.
function relay.stays_closed(first, second)
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local passed = relay.passes(first, second, assert(relay.indication(second.relayed, payload)), payload, 4)
  return expect.new(not passed, "nothing is relayed without a permission", passed and "a datagram arrived" or "nothing arrived")
end

-- An indication with an unknown comprehension-required attribute is dropped (RFC 5389 section 7.3.2), on a way that was
-- shown to be open.
function relay.drops_unknown(bench, first, second)
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local peer = bench.profile.peer or second.relayed
  local octets = assert(relay.indication(peer, payload, { { 0x7F00, "unknown" } }))
  local passed = relay.passes(first, bench.profile.peer and first or second, octets, payload, 4)
  return expect.new(not passed, "a Send indication with an unknown attribute is dropped",
    passed and "it was relayed" or "nothing arrived")
end

-- No message of any class comes back with the transaction ID of a Send indication.
function relay.unanswered(one)
  local octets = assert(relay.indication({ address = one.endpoint:address().address, port = 50001 }, "assay"))
  local transaction = octets:sub(9, 20)
  local answered
  for _ = 1, 3 do
    one:send(octets, "Send indication to a peer without permission")
    answered = answered or one:await(interval, function(received)
      return #received >= 20 and received:sub(9, 20) == transaction
    end)
  end
  return expect.new(not answered, "no answer to a Send indication", answered and "an answer came" or "none came")
end

return relay
