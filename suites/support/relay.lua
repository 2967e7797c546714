-- SPDX-License-Identifier: BSD-3-Clause
--
-- Proves that an allocation relays: a datagram goes out through it and arrives. UDP may lose any one datagram, so each
-- is sent again until it arrives or as often as a request would be, and what must not arrive is looked for as long. As
-- silence, that nothing arrives is the target's own only after three such rounds.
--
-- A path is a way through an allocation: from a client, to a peer, to where what was sent is seen again. The peer is
-- that of the profile, which sends each datagram back; else a socket of ours; else another allocation, since a server
-- may not reach us, or not relay to itself.

local bytes = require "bytes"
local expect = require "support.expect"
local net = require "net"
local stun = require "stun"

local relay = {}

local attempts, interval, rounds = 12, 0.25, 3

-- The way may be long, so what was sent last is waited for longer than the interval.
local function last_wait(one)
  return math.max(interval, 4 * one.bench.retransmission.rto)
end

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
  times = times or attempts
  for i = 1, times do
    from:send(octets, "Send indication, to be relayed")
    local seconds = i < times and interval or last_wait(to)
    local arrived = to:await(seconds, function(received) return data_in(received) == payload end)
    if arrived then return true end
  end
  return false
end

local path = {}
path.__index = path

local function is_ipv6(address) return address.address:find(":", 1, true) ~= nil end

-- The address of ours that a peer of the client's allocation has: that by which the client reaches the server, unless
-- the allocation is of the other family (RFC 6156 section 4.2: IPv4 unless it was asked for IPv6). nil, text when this
-- machine has none of it.
function relay.own_address(one)
  local address = one.endpoint:address()
  if not one.relayed or is_ipv6(one.relayed) == is_ipv6(address) then return address.address end
  local endpoint, problem = net.udp { remote = one.relayed }
  if not endpoint then return nil, problem end
  address = endpoint:address()
  endpoint:close()
  return address.address
end

-- A UDP socket of ours that sends every datagram back.
local function own_peer(one)
  local host, none = relay.own_address(one)
  if not host then return nil, none end
  local endpoint, problem = net.udp { address = { address = host, port = 0 } }
  if not endpoint then return nil, problem end
  local task = net.spawn(function()
    while true do
      local octets, from = endpoint:receive()
      if not octets then return end
      endpoint:send(octets, from)
    end
  end)
  local function close()
    endpoint:close()
    task:join(1)
  end
  return endpoint:address(), close
end

-- The paths there are through the allocation of `first`, best first; second: a client with another allocation, or nil.
-- Each is to be closed.
function relay.paths(bench, first, second)
  local list = {}
  local function add(name, to, peer, close)
    if not peer then return end
    list[#list + 1] = setmetatable({ name = name, from = first, to = to, peer = peer, finish = close }, path)
  end
  if bench.profile.peer then
    add("the peer of the profile", first, bench.profile.peer)
  else
    add("a socket of ours", first, own_peer(first))
    add("another allocation", second, second and second.relayed)
  end
  return list
end

function path:close()
  if self.finish then self.finish() end
  self.finish = nil
end

-- A server that wants the token for a permission too is told so by 7635-9-12; what becomes of datagrams is another
-- question, so it is shown the token then.
local function permission(one, peer)
  local answer, problem = one:request("CreatePermission", { peer = peer })
  if answer and answer:code() == 401 and one.token then
    local shown = one:request("CreatePermission", { peer = peer, token = one.token,
      step = "CreatePermission with the token" })
    if shown and shown:is_success().ok then answer = shown end
  end
  if not answer then return expect.new(false, "a permission", problem, { unclear = problem }) end
  return answer:is_success(), answer:code() == 403
end

-- The permission that the other end needs in order to be heard: nothing where the peer is no allocation.
function path:permit_back()
  if self.to == self.from then return expect.new(true) end
  return permission(self.to, self.from.relayed)
end

-- Permissions on both ends: an expectation, and true where the server forbids one of them (403).
function path:permit()
  local allowed, forbidden = permission(self.from, self.peer)
  if not allowed.ok then return allowed, forbidden end
  return self:permit_back()
end

-- Does a datagram get through? more: further attributes of the Send indication.
function path:passes(more)
  local payload = "assay " .. bytes.hex(bytes.random(8))
  return relay.passes(self.from, self.to, assert(relay.indication(self.peer, payload, more)), payload)
end

-- One round over all paths: that by which a datagram was seen to pass, for the caller to close; else nil, what came of
-- each, the permission that was refused, and whether a datagram was sent and did not arrive.
local function look_for_path(bench, first, second)
  local outcomes, broken, lost = {}, nil, false
  for _, one in ipairs(relay.paths(bench, first, second)) do
    local allowed, forbidden = one:permit()
    if allowed.ok and one:passes() then return one end
    one:close()
    broken = broken or not allowed.ok and not forbidden and allowed
    lost = lost or allowed.ok
    outcomes[#outcomes + 1] = ("%s: %s"):format(one.name, allowed.ok and "nothing arrived" or allowed.got)
  end
  return nil, table.concat(outcomes, "; "), broken, lost
end

-- The first path by which a datagram was seen to pass, for the caller to close; else nil and an expectation, or nil,
-- nil and why there is nothing to judge.
function relay.open_path(bench, first, second)
  if not first.relayed then return nil, nil, "the allocation has no XOR-RELAYED-ADDRESS" end
  local open, got, broken, lost
  for _ = 1, rounds do
    open, got, broken, lost = look_for_path(bench, first, second)
    if open then return open end
    if broken or not lost then break end
  end
  if broken then
    broken.unpermitted = true
    return nil, broken
  end
  if not lost then return nil, nil, "the server forbids the peer (403): " .. got end
  -- Behind a NAT, or with peers that it may not reach, a server can be right and our datagram lost.
  local direct = bench.profile.peer or bench.profile.launch
  return nil, expect.new(false, "a datagram sent through the allocation arrives", got,
    { unclear = not direct and got .. "; name a `peer` in the profile that sends datagrams back" or nil })
end

-- Does a datagram pass through the allocation of `first`? An expectation, or nil and why there is nothing to judge;
-- with `unpermitted` where it is about the permission, which was refused, and no datagram was sent.
function relay.datagram(bench, first, second)
  local open, outcome, reason = relay.open_path(bench, first, second)
  if not open then return outcome, reason end
  open:close()
  return expect.new(true, "a datagram sent through the allocation arrives", "it arrived by " .. open.name)
end

-- An indication with an unknown comprehension-required attribute is dropped (RFC 5389 section 7.3.2), on a way that is
-- open before and after. nil and why where there is none.
function relay.drops_unknown(bench, first, second)
  local open, _, reason = relay.open_path(bench, first, second)
  if not open then return nil, reason or "no datagram passes" end
  local passed = open:passes { { 0x7F00, "unknown" } }
  local closed = not passed and not open:passes()
  open:close()
  return expect.new(not passed, "a Send indication with an unknown attribute is dropped",
    passed and "it was relayed" or "nothing arrived",
    { unclear = closed and "nothing arrives any more, with or without an unknown attribute" or nil })
end

-- No message of any class comes back with the transaction ID of a Send indication.
function relay.unanswered(one)
  local address = relay.own_address(one) or one.endpoint:address().address
  local octets = assert(relay.indication({ address = address, port = 50001 }, "assay"))
  local transaction = octets:sub(9, 20)
  local answered
  for i = 1, attempts do
    one:send(octets, "Send indication to a peer without permission")
    answered = answered or one:await(i < attempts and interval or last_wait(one), function(received)
      return #received >= 20 and received:sub(9, 20) == transaction
    end)
  end
  return expect.new(not answered, "no answer to a Send indication", answered and "an answer came" or "none came")
end

return relay
