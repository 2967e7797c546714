-- SPDX-License-Identifier: BSD-3-Clause
--
-- Proves that an allocation relays: a datagram goes out through it and arrives. UDP may lose any one datagram, so each is sent again
-- until it arrives or as often as a request would be.

local bytes = require "bytes"
local expect = require "support.expect"
local net = require "net"
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

-- A UDP socket of ours on the address by which the client reaches the server, as a peer that sends every datagram back.
-- Returns { address =, close = }, or nil, text.
local function own_peer(one)
  local endpoint, problem = net.udp { address = { address = one.endpoint:address().address, port = 0 } }
  if not endpoint then return nil, problem end
  local task = net.spawn(function()
    while true do
      local octets, from = endpoint:receive()
      if not octets then return end
      endpoint:send(octets, from)
    end
  end)
  return {
    address = endpoint:address(),
    close = function()
      endpoint:close()
      task:join(1)
    end,
  }
end

-- Sends through the allocation of `first` to `peer`, and looks for it at the allocation of `to`.
-- Returns "relayed", "lost", or "forbidden"; or nil and an expectation that did not hold.
local function try(first, to, peer)
  local allowed, forbidden = permit(first, peer)
  if forbidden then return "forbidden" end
  if not allowed.ok then return nil, allowed end
  if to ~= first then
    allowed, forbidden = permit(to, first.relayed)
    if forbidden then return "forbidden" end
    if not allowed.ok then return nil, allowed end
  end
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local octets = assert(relay.indication(peer, payload))
  return relay.passes(first, to, octets, payload) and "relayed" or "lost"
end

-- Does a datagram pass through the allocation of `first`? Its peer is the profile's, which sends each datagram back; else a
-- socket of ours; else the allocation of `second`, since a server may not reach us, or not relay to itself.
-- Returns an expectation, or nil and why there is nothing to judge.
function relay.datagram(bench, first, second)
  if not first.relayed then return nil, "the allocation has no XOR-RELAYED-ADDRESS" end
  local outcomes, peers = {}, {}
  local function attempt(to, peer, name)
    local outcome, broken = try(first, to, peer)
    outcomes[#outcomes + 1] = ("%s: %s"):format(name, outcome or broken.got)
    peers[outcome or "broken"] = broken or true
    return outcome == "relayed"
  end
  local passed
  if bench.profile.peer then
    passed = attempt(first, bench.profile.peer, "the peer of the profile")
  else
    local own = own_peer(first)
    if own then
      passed = attempt(first, own.address, "a socket of ours")
      own.close()
    end
    if not passed and second and second.relayed then passed = attempt(second, second.relayed, "another allocation") end
  end
  local got = table.concat(outcomes, "; ")
  if passed then return expect.new(true, "a datagram sent through the allocation arrives", got) end
  if peers.broken then return peers.broken end
  if not peers.lost then return nil, "the server forbids the peer (403): " .. got end
  -- Behind a NAT, or with peers that it may not reach, a server can be right and our datagram lost.
  local direct = bench.profile.peer or bench.profile.launch
  return expect.new(false, "a datagram sent through the allocation arrives", got,
    { unclear = not direct and got .. "; name a `peer` in the profile that sends datagrams back" or nil })
end

-- Without a permission nothing gets from the allocation of `first` to that of `second`. What must not come is asked for
-- as often as what must come, so a lost datagram decides nothing; the caller shows that with a permission it does pass.
function relay.stays_closed(first, second)
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local passed = relay.passes(first, second, assert(relay.indication(second.relayed, payload)), payload)
  return expect.new(not passed, "nothing is relayed without a permission", passed and "a datagram arrived" or "nothing arrived")
end

-- An indication with an unknown comprehension-required attribute is dropped (RFC 5389 section 7.3.2), on a way that was
-- shown to be open.
function relay.drops_unknown(bench, first, second)
  local payload = "assay " .. bytes.hex(bytes.random(8))
  local peer = bench.profile.peer or second.relayed
  local octets = assert(relay.indication(peer, payload, { { 0x7F00, "unknown" } }))
  local passed = relay.passes(first, bench.profile.peer and first or second, octets, payload)
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
